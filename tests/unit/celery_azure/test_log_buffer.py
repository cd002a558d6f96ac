from celery_azure.log_buffer import Budget, LogBuffer


class Made:
    def __init__(self, limit: int = 100, budget: int = 1000) -> None:
        self.woken = 0
        self.budget = Budget(budget)
        self.buffer = LogBuffer("1", self.budget, limit, self._wake)

    def _wake(self, _: LogBuffer) -> None:
        self.woken += 1


def test_lines_are_taken_in_order_and_once() -> None:
    buffer = Made().buffer
    buffer.add("one\n")
    buffer.add("zwei é\n")
    assert buffer
    assert buffer.take() == "one\nzwei é\n".encode()
    assert not buffer
    assert buffer.take() == b""


def test_the_writer_is_woken_when_something_begins_to_wait() -> None:
    made = Made()
    made.buffer.add("a\n")
    made.buffer.add("b\n")
    assert made.woken == 1
    made.buffer.take()
    made.buffer.add("c\n")
    assert made.woken == 2


def test_what_has_no_room_is_counted_where_it_is_missing() -> None:
    buffer = Made(limit=4).buffer
    for text in ("aaa\n", "bbb\n", "ccc\n"):
        buffer.add(text)
    note = b"[2 records dropped: they could not be written in time]\n"
    assert buffer.take() == b"aaa\n" + note
    buffer.add("ddd\n")
    assert buffer.take() == b"ddd\n"


def test_all_buffers_share_a_budget() -> None:
    budget = Budget(6)
    one, other = (LogBuffer(name, budget, 100, lambda _: None) for name in "ab")
    one.add("aaaa\n")
    other.add("bbbb\n")
    assert b"dropped" in other.take()
    one.take()
    other.add("bbbb\n")
    assert other.take() == b"bbbb\n"


def test_what_could_not_be_written_waits_in_front() -> None:
    buffer = Made().buffer
    buffer.add("one\n")
    data = buffer.take()
    buffer.add("two\n")
    buffer.put_back(data)
    assert buffer.take() == b"one\ntwo\n"


def test_what_cannot_wait_again_is_counted() -> None:
    buffer = Made(limit=8).buffer
    buffer.add("one\n")
    buffer.add("two\n")
    data = buffer.take()
    buffer.add("three\n")
    buffer.put_back(data)
    assert buffer.take() == b"[2 records dropped: they could not be written in time]\nthree\n"


def test_text_that_utf8_cannot_carry_is_escaped() -> None:
    buffer = Made().buffer
    buffer.add("\ud800\n")
    assert buffer.take() == b"\\ud800\n"

from servicebus_emulator.broker.message import Message, MessageState
from servicebus_emulator.broker.store import MessageStore


def message(number: int, size: int = 1) -> Message:
    return Message(message_id=str(number), content=b"", size=size, sequence_number=number)


def test_messages_stand_in_the_order_of_their_numbers_however_they_came() -> None:
    store = MessageStore()
    for number in (2, 5, 1, 4):
        store.add(message(number))

    assert [found.sequence_number for found in store.starting_at(2)] == [2, 4, 5]


def test_a_removed_message_is_gone_from_number_order_and_size() -> None:
    store = MessageStore()
    first, second = message(1, 10), message(2, 20)
    store.add(first)
    store.add(second)

    store.remove(first)

    assert store.get(1) is None
    assert store.size_in_bytes == 20
    assert list(store.starting_at(0)) == list(store) == [second]
    assert len(store) == 1


def test_numbers_of_removed_messages_do_not_pile_up() -> None:
    store = MessageStore()
    for number in range(1, 10_001):
        store.add(message(number))
        store.remove(store.get(number) or message(0))

    assert len(store._order) < 200


def test_messages_are_counted_by_state_without_looking_at_them() -> None:
    store = MessageStore()
    messages = [message(number) for number in (1, 2, 3)]
    messages[0].state = MessageState.SCHEDULED
    for each in messages:
        store.add(each)
    store.set_state(messages[1], MessageState.DEFERRED)
    store.remove(messages[2])

    assert [store.count(state) for state in MessageState] == [0, 1, 1]


def test_looking_at_the_first_messages_does_not_pass_by_all_that_were_removed_before() -> None:
    store = MessageStore()
    for number in range(1, 1001):
        store.add(message(number))
    for number in range(1, 401):
        store.remove(store.get(number) or message(0))
    store.add(message(7))  # one that comes back, as dead letters do
    store.remove(store.get(7) or message(0))

    assert store._first == store._order.index(401)
    assert next(store.starting_at(0)).sequence_number == 401

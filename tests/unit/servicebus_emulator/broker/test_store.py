from servicebus_emulator.broker.message import Message
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

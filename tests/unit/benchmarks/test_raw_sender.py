import uuid

from benchmarks.raw_sender import BATCH, batch_of
from servicebus_emulator.nodes.message_mapping import batch_to_broker


def test_a_batch_holds_a_hundred_messages_of_the_wanted_size() -> None:
    messages = batch_to_broker(batch_of(300), uuid.uuid4)
    assert len(messages) == BATCH == 100
    assert all(message.content.endswith(b"x" * 300) for message in messages)

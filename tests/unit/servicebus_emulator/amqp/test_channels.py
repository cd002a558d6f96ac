import pytest

from servicebus_emulator.amqp.channels import Channels
from servicebus_emulator.amqp.errors import ProtocolError
from servicebus_emulator.amqp.outlet import Outlet
from servicebus_emulator.amqp.performatives import Begin


def begin(remote_channel: int | None = None) -> Begin:
    return Begin(remote_channel, next_outgoing_id=0, incoming_window=1, outgoing_window=1)


def test_a_session_is_found_by_the_peers_channel_and_has_one_of_ours() -> None:
    channels = Channels(1, Outlet())
    channels.on_begin(1, begin())

    session = channels.find(1)

    assert session is not None
    assert session.channel == 0


def test_an_ended_session_is_deaf_and_one_that_never_began_a_fault() -> None:
    channels = Channels(1, Outlet())
    channels.on_begin(1, begin())
    channels.retire(1)

    assert channels.find(1) is None
    with pytest.raises(ProtocolError, match="no session on channel 0"):
        channels.find(0)


def test_the_channel_of_an_ended_session_is_free_again_at_both_ends() -> None:
    channels = Channels(0, Outlet())
    channels.on_begin(0, begin())
    assert channels.new_session() is None

    channels.retire(0)
    channels.on_begin(0, begin())

    assert channels.find(0) is channels.sessions[0]


def test_no_end_takes_more_sessions_than_both_allow() -> None:
    channels = Channels(5, Outlet())
    channels.remote_channel_max = 0
    channels.on_begin(3, begin())

    with pytest.raises(ProtocolError, match="more sessions"):
        channels.on_begin(4, begin())

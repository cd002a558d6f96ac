from benchmarks.handshake import opening
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.connection import Connection


def test_an_engine_takes_the_bytes_for_an_open() -> None:
    server = Connection("server", "server", now=0.0)
    server.receive_data(opening(), 0.0)
    seen = []
    while server.events:
        event = server.events.popleft()
        seen.append(event)
        if isinstance(event, events.AuthenticationRequested):
            server.authenticate(accepted=True)
    assert isinstance(seen[-1], events.ConnectionOpened)

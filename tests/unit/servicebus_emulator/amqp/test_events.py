from __future__ import annotations

from servicebus_emulator.amqp.events import AuthenticationRequested


def test_a_password_is_not_shown() -> None:
    assert "hidden" not in repr(AuthenticationRequested("PLAIN", "me", "hidden"))

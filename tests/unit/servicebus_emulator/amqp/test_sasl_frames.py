from __future__ import annotations

from servicebus_emulator.amqp.sasl_frames import SaslInit, SaslResponse


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(SaslInit("PLAIN", b"\0me\0hidden"))
    assert "hidden" not in repr(SaslResponse(b"hidden"))

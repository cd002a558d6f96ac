"""One end of a session (AMQP 1.0 transport 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.performatives import Source, Target
    from servicebus_emulator.amqp.states import SessionState
    from servicebus_emulator.amqp.types import Described


class Session:
    """One end of a session; made by `Connection.begin` or by the peer's begin.

    Attributes:
        channel: our channel number.
        state: see `states.py`.
        links: all links by (name, our role), attached or waiting for an answer.
        context: free for the owner.
    """

    channel: int
    state: SessionState
    links: dict[tuple[str, bool], Link]
    context: Any

    def attach(
        self,
        name: str,
        role: bool,
        *,
        source: Source | None,
        target: Target | Described | None,
        snd_settle_mode: int = 2,
        rcv_settle_mode: int = 0,
        max_message_size: int = 0,
        properties: dict[Any, Any] | None = None,
    ) -> Link:
        """Begin a link with our `role`; `LinkAttached` follows.

        Raises:
            StateError: the session is not begun, or has a link of this name and role.
        """
        raise NotImplementedError

    def end(self, error: AmqpError | None = None) -> None:
        """End the session; `SessionEnded` follows when the peer agrees. Harmless twice."""
        raise NotImplementedError

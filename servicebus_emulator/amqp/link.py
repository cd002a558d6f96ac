"""One end of a link (AMQP 1.0 transport 2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.amqp.performatives import Attach, Source, Target
    from servicebus_emulator.amqp.session import Session
    from servicebus_emulator.amqp.states import LinkState
    from servicebus_emulator.amqp.types import Described


class Link:
    """One end of a link; made by `Session.attach` or by the peer's attach, never directly.

    Attributes:
        session: the session that carries it.
        name: chosen by the end that began the link.
        role: ours: `performatives.SENDER` (False) or `RECEIVER` (True).
        state: see `states.py`.
        remote: the peer's attach, None until it came.
        max_message_size: our limit for one delivery in bytes, 0 for none.
        context: free for the owner of the link, e.g. the node that serves it.
    """

    session: Session
    name: str
    role: bool
    state: LinkState
    remote: Attach | None
    max_message_size: int
    context: Any

    @property
    def credit(self) -> int:
        """Deliveries that may be sent now (sender), or that the peer may still send (receiver).

        0 for a sender while the peer's session window is closed.
        """
        raise NotImplementedError

    def accept(
        self,
        *,
        source: Source | None = None,
        target: Target | Described | None = None,
        max_message_size: int = 0,
        properties: dict[Any, Any] | None = None,
        credit_window: int = 0,
    ) -> None:
        """Answer the peer's attach.

        Source and target of the peer are echoed unless given (an empty terminus where the peer
        sent null, since clients read null as refusal); settle modes are echoed;
        initial-delivery-count is 0; `properties` is always a map.

        Args:
            source: instead of the peer's, e.g. with the filter that was applied.
            target: instead of the peer's.
            max_message_size: bytes, announced and enforced (see `DeliveryReceived.oversized`).
            properties: link properties.
            credit_window: see `replenish`; receivers only.

        Raises:
            StateError: the link is not waiting for an answer.
        """
        raise NotImplementedError

    def refuse(self, error: AmqpError) -> None:
        """Answer the peer's attach with null source and target, then detach closed with `error`.

        Raises:
            StateError: the link is not waiting for an answer.
        """
        raise NotImplementedError

    def grant(self, credit: int) -> None:
        """Set the credit of the peer, our sender, to `credit` deliveries (absolute) and tell it.

        Raises:
            StateError: not an attached receiver.
        """
        raise NotImplementedError

    def replenish(self, credit_window: int) -> None:
        """Grant `credit_window` now, and again whenever less than half of it is left.

        Raises:
            StateError: not an attached receiver.
        """
        raise NotImplementedError

    def send(
        self,
        payload: bytes,
        *,
        delivery_tag: bytes,
        settled: bool = False,
        message_format: int = 0,
        ignore_credit: bool = False,
    ) -> int:
        """Send one delivery, split into frames; frames beyond the peer's window wait inside.

        Args:
            payload: the encoded message.
            delivery_tag: at most 32 bytes, unique among the link's unsettled deliveries.
            settled: send it settled; no disposition will come.
            message_format: 0 for a plain message.
            ignore_credit: for request/response links, whose client never renews its credit.

        Returns:
            The delivery-id.

        Raises:
            StateError: not an attached sender, or no credit.
        """
        raise NotImplementedError

    def drained(self) -> None:
        """Nothing is left to send: use up the credit and tell so, if the peer asked for drain."""
        raise NotImplementedError

    def settle(
        self, first: int, last: int | None = None, *, outcome: DeliveryState, settled: bool = True
    ) -> None:
        """Send a disposition for the deliveries `first` to `last` (default: `first` alone).

        As receiver: our decision. As sender: confirm the decision that the peer told with
        settled=False. Neighbouring accepted ones leave as one frame. With `settled` the link
        forgets them.
        """
        raise NotImplementedError

    def detach(self, error: AmqpError | None = None, *, closed: bool = True) -> None:
        """Detach. Deliveries that still wait for the peer's window are dropped. Harmless twice."""
        raise NotImplementedError

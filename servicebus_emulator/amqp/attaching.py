"""How a link that the peer began is answered (AMQP 1.0 transport 2.6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.performatives import SENDER, Attach, Source, Target

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.types import Described


def acceptance(
    link: Link,
    remote: Attach,
    *,
    termini: tuple[Source | None, Target | Described | None],
    max_message_size: int,
    properties: dict[Any, Any] | None,
) -> Attach:
    """Return the attach that accepts the peer's.

    Source and target are the peer's unless given, settle modes are echoed, initial-delivery-count
    is 0, and properties are always a map: clients read them without looking.
    """
    source, target = termini
    return Attach(
        name=link.name,
        handle=link.handle,
        role=link.role,
        snd_settle_mode=remote.snd_settle_mode,
        rcv_settle_mode=remote.rcv_settle_mode,
        source=source or remote.source or Source(),
        target=target or remote.target or Target(),
        initial_delivery_count=0 if link.role is SENDER else None,
        max_message_size=max_message_size,
        properties=properties or {},
    )


def refusal(link: Link) -> Attach:
    """Return the attach that refuses the peer's: without source and target; detach follows."""
    return Attach(
        name=link.name,
        handle=link.handle,
        role=link.role,
        initial_delivery_count=0 if link.role is SENDER else None,
        properties={},
    )

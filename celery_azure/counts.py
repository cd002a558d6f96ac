"""What has happened between this process and Service Bus, counted."""

from __future__ import annotations

from collections import Counter

LOST_LOCKS = "lost locks"
"""Locks that were lost while their messages were held."""

DUPLICATES = "duplicates"
"""Tasks that were done although their lock was lost: somebody else does, or did, them as well."""

FAILED_SETTLEMENTS = "failed settlements"
"""Settlements that the broker did not take, for whatever reason."""

UNCONFIRMED_SETTLEMENTS = "unconfirmed settlements"
"""Settlements whose answer got lost, and that could not be made once more."""

LOST_EVENTS = "lost events"
"""Events that the broker did not take in time."""

counts: Counter[str] = Counter(
    dict.fromkeys(
        (LOST_LOCKS, DUPLICATES, FAILED_SETTLEMENTS, UNCONFIRMED_SETTLEMENTS, LOST_EVENTS), 0
    )
)
"""How often, by name."""

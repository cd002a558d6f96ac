"""ISO 8601 durations as the management API and `Config.json` write them, in seconds."""

from __future__ import annotations

import re

from servicebus_emulator.broker.entities import FOREVER

_FOREVER_TEXT = "P10675199DT2H48M5.4775807S"
_PATTERN = re.compile(
    r"P(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
_SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def parse_duration(text: str) -> float:
    """Read a duration such as `PT1M30S`; the longest one becomes `FOREVER`.

    Raises:
        ValueError: It is none, or counts in years, months or weeks.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or not any(match.groupdict().values()):
        raise ValueError(f"'{text[:40]}' is no ISO 8601 duration such as PT1M or P1DT12H")
    parts = match.groupdict(default="0")
    return min(sum(float(parts[name]) * unit for name, unit in _SECONDS.items()), FOREVER)


def format_duration(seconds: float) -> str:
    """Write a duration that `parse_duration` reads back."""
    if seconds >= FOREVER:
        return _FOREVER_TEXT
    days, rest = divmod(round(seconds, 7), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    date = f"{days:.0f}D" if days else ""
    time = "".join(f"{value:.0f}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value)
    if rest or not (date or time):
        time += f"{rest:.7f}".rstrip("0").rstrip(".") + "S"
    return f"P{date}T{time}" if time else f"P{date}"

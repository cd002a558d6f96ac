"""The table of a run: text for a terminal, Markdown for a page, JSON for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Row, number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADERS = ("what", "who", "median", "lowest – highest (rounds)", "ratio (lowest – highest)")


def lines_of(row: Row) -> list[tuple[str, ...]]:
    """The cells of a row: one line for each contender, then those that were left out."""
    lines: list[tuple[str, ...]] = []
    for contender in row.samples:
        spread = row.spread(contender)
        ratio = row.ratio(contender)
        compared = ""
        if ratio is not None:
            compared = (
                f"{number(ratio.median)} × {row.reference} "
                f"({number(ratio.lowest)} – {number(ratio.highest)})"
            )
        lines.append(
            (
                row.title,
                contender,
                f"{number(spread.median)} {row.unit}",
                f"{number(spread.lowest)} – {number(spread.highest)} ({spread.count})",
                compared,
            )
        )
    lines += [(row.title, contender, "–", why, "") for contender, why in row.left_out.items()]
    return lines


def text(rows: Sequence[Row], preface: Sequence[str]) -> str:
    """The table for a terminal: a title is written once, its target and note under it."""
    cells = [lines_of(row) for row in rows]
    widths = [
        max([len(HEADERS[column]), *(len(line[column]) for lines in cells for line in lines)])
        for column in range(1, len(HEADERS))
    ]
    out = [*preface, ""]
    for row, lines in zip(rows, cells, strict=True):
        out.append(row.title)
        for line in lines:
            parts = (cell.ljust(width) for cell, width in zip(line[1:], widths, strict=True))
            out.append(f"    {'  '.join(parts)}".rstrip())
        if row.target:
            out.append(f"    target: {row.target}")
        if row.note:
            out.append(f"    note: {row.note}")
    return "\n".join(out) + "\n"


def markdown(rows: Sequence[Row], preface: Sequence[str]) -> str:
    """The table as Markdown: one line for each contender."""
    out = [*(f"- {line}" for line in preface), ""]
    out.append("| " + " | ".join(HEADERS) + " | target |")
    out.append("|---" * (len(HEADERS) + 1) + "|")
    for row in rows:
        for index, line in enumerate(lines_of(row)):
            cells = (line[0] if not index else "", *line[1:], row.target if not index else "")
            out.append("| " + " | ".join(cells) + " |")
    notes = [f"- {row.title}: {row.note}" for row in rows if row.note]
    return "\n".join([*out, "", *notes]).rstrip() + "\n"


def write(folder: Path, rows: Sequence[Row], preface: Sequence[str], **facts: Any) -> None:
    """Write `bench.txt`, `bench.md` and `bench.json` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.txt").write_text(text(rows, preface), encoding="utf-8")
    (folder / "bench.md").write_text(markdown(rows, preface), encoding="utf-8")
    content = {"about": list(preface), **facts, "rows": [row.as_json() for row in rows]}
    (folder / "bench.json").write_text(
        json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )

"""Tables of measured figures in Markdown; imports nothing that a machine for measuring may lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A table of all names in the rows; numbers to three places."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_shown(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

"""Where two states of the same declarations differ: each place by name, as it was and as it is."""

from __future__ import annotations

from typing import Any

LONGEST = 80


def differing(was: Any, now: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Dotted place, old value and new one of everything that differs; a list is one value."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [
            found
            for key in dict.fromkeys([*was, *now])
            for found in differing(was.get(key), now.get(key), f"{place}.{key}".lstrip("."))
        ]
    return [] if was == now else [(place, was, now)]


def short(value: Any) -> str:
    """A value as it is quoted in a sentence."""
    text = "not stated" if value in (None, "", [], {}) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."

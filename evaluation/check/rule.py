"""Rule: one thing that can be wrong in a return, why it matters and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "confirm", "note"]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong in a return.

    Severity: an ``error`` refuses the return, a ``confirm`` asks for a written reason, a ``note``
    only tells.
    """

    code: str
    title: str
    why: str
    mend: str
    severity: Severity = "error"

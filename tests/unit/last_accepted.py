"""What a single earlier return leaves to compare with."""

from __future__ import annotations

from evaluation.check.before import Before, Held
from evaluation.returns.form import Figures


def before_of(last: Figures | None) -> Before:
    """The last accepted figures alone, as those of one earlier period."""
    figures = (last or {}).items()
    return Before(earlier={key: (Held(0, above, below),) for key, (above, below) in figures})

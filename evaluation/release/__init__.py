"""The one door: a study's results in, released results out, and the line of each in the register.

Estimation sees full counts. Whatever leaves is made of what `release` gives: book, charts,
downloads, letters, claims, editions and their differences.
"""

from evaluation.release.attacked import audited, inside_of
from evaluation.release.change import (
    headline_step,
    released_change,
    stepped_figures,
    steps_of,
    with_steps,
)
from evaluation.release.recomputed import recomputed
from evaluation.release.released_lives import PracticePrinted
from evaluation.release.released_results import Released, release
from evaluation.release.rounding import Terms, public_key, terms_of

__all__ = [
    "PracticePrinted",
    "Released",
    "Terms",
    "audited",
    "headline_step",
    "inside_of",
    "public_key",
    "recomputed",
    "release",
    "released_change",
    "stepped_figures",
    "steps_of",
    "terms_of",
    "with_steps",
]

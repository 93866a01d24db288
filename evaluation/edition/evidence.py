"""How strong the evidence on each main outcome is: from 0 to 5, each loss and its mend.

The level is the study's own grade on the Maryland scale, where difference-in-differences and
synthetic control reach 3 at most (see ``evaluation.finding.grade``). Nothing is graded here: a
point that is not there has its reason from the grade's conditions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.edition.edition import StudyResults
from evaluation.edition.records import Record
from evaluation.edition.tables import table

MOST = 5
"""The top of the scale."""
DESIGN = 3
"""What a comparison without lots can reach."""
NO_LOTS = "which areas started, and when, was not drawn by lot"
LOTS = "new areas that start in an order drawn by lot"
EVERY = "every main outcome"
# What a check could have seen is for the table; a loss is said without it.
_POWER = re.compile(r" \([^()]*would be seen[^()]*\)")
_COUNTED = {1: ("comparison", "before"), 2: ("path", "argued")}
_MARKS = {"met": "✓ met", "unmet": "× not met", "cannot tell": "? cannot tell"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One outcome's evidence. ``losses``: points and reason; ``mends``: what earns the next."""

    outcome: Record
    level: int
    losses: tuple[tuple[int, str], ...]
    mends: tuple[str, ...]
    open: tuple[Record, ...]

    @property
    def title(self) -> str:
        return words.within(str(self.outcome["plain_title"]))

    @property
    def scored(self) -> str:
        """``3 of 5``."""
        return f"{self.level} of {MOST}"

    @property
    def dots(self) -> str:
        """``●●●○○``: for the eye, beside the words."""
        return "●" * self.level + "○" * (MOST - self.level)


def standings(study: StudyResults) -> tuple[Standing, ...]:
    """The evidence on each main outcome; none where the study is not graded."""
    grades = study.raw.get("grades") or {}
    return tuple(
        _standing(outcome, grades[outcome["code"]])
        for outcome in study.with_role("primary")
        if outcome["code"] in grades
    )


def _standing(outcome: Record, grade: Record) -> Standing:
    level = int(grade["level"])
    open_ones = tuple(c for c in grade["conditions"] if c["met"] != "met")
    losses = [(MOST - DESIGN, words.sentence(NO_LOTS))]
    blocking = [c for c in open_ones if c["code"] in _COUNTED.get(level, ())]
    if level < DESIGN:
        why = " ".join(_POWER.sub("", words.sentence(c["reason"])) for c in blocking)
        losses.append((DESIGN - level, why or words.sentence(grade["sentence"])))
    mends = tuple(words.sentence(c["mend"]) for c in blocking if c["mend"])
    return Standing(
        outcome=outcome,
        level=level,
        losses=tuple(losses),
        open=open_ones,
        mends=mends or (words.sentence(LOTS),),
    )


def answer(study: StudyResults) -> str:
    """As in ``Evidence 3 of 5 for A&E attendances; 2 of 5 for benefit claims``."""
    found = standings(study)
    if not found:
        return "The evidence has not been graded."
    by_level: dict[int, list[str]] = {}
    for one in sorted(found, key=lambda s: -s.level):
        by_level.setdefault(one.level, []).append(one.title)
    if len(by_level) == 1:
        return f"Evidence {found[0].level} of {MOST} for every main outcome."
    said = [f"{level} of {MOST} for {words.listed(names)}" for level, names in by_level.items()]
    return f"Evidence {'; '.join(said)}."


def losses(study: StudyResults) -> list[str]:
    """Each point that is missing, for which outcomes and why, in a sentence."""
    said = _together(
        study,
        [
            (f"lost {words.counted(points, 'point')}", reason, one.title)
            for one in standings(study)
            for points, reason in one.losses
        ],
    )
    return [f"{words.capital(titles)} {head}: {text}" for head, titles, text in said]


def earns(study: StudyResults) -> list[str]:
    """What would earn the next point, for which outcomes."""
    said = _together(
        study, [("next point", mend, one.title) for one in standings(study) for mend in one.mends]
    )
    return [f"The {head} for {titles} takes {text}" for head, titles, text in said]


def _together(
    study: StudyResults, said: Sequence[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """What several outcomes share, said once: the head, their names, the text."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for head, text, title in said:
        grouped.setdefault((head, text), []).append(title)
    every = len(standings(study))
    return [
        (head, EVERY if len(titles) == every else words.listed(titles), text[:1].lower() + text[1:])
        for (head, text), titles in grouped.items()
    ]


def view(study: StudyResults) -> dict[str, Any]:
    """Everything that the page on the evidence asks for."""
    found = standings(study)
    signed = next(
        (g["judgement"].get("signed") for g in (study.raw.get("grades") or {}).values()), None
    )
    return {
        "study": study,
        "standings": found,
        "signed": signed,
        "conditions": _conditions(study),
        "losses": losses(study),
        "earns": earns(study),
    }


def _conditions(study: StudyResults) -> Markup:
    """Conditions: met or not in a word, and why; said once where it holds for every outcome."""
    found, grades = standings(study), study.raw.get("grades") or {}
    rows: list[list[str]] = []
    for place, first in enumerate(grades[found[0].outcome["code"]]["conditions"] if found else ()):
        same: dict[tuple[str, str], list[str]] = {}
        for one in found:
            held = grades[one.outcome["code"]]["conditions"][place]
            same.setdefault((held["met"], held["reason"]), []).append(one.title)
        for (met, reason), titles in same.items():
            whose = EVERY if len(titles) == len(found) else words.listed(titles)
            rows.append([first["title"], whose, _MARKS[met], words.sentence(reason)])
    heads = ["Condition", "For", "Met?", "Why"]
    return table("What the evidence rests on", heads, rows) if rows else Markup("")

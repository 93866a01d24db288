"""How strong the evidence is, the case for a causal reading, and the attacks on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.drawing.maps import rows_of
from evaluation.edition import words
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.finding.theory import Theory
from evaluation.study.challenge import RECORD
from evaluation.study.record import (
    ChallengeResult,
    ConditionResult,
    GradeResult,
    OutcomeResult,
    Results,
)
from evaluation.study.written import read_written

MOST = 5
"""The top of the scale."""
DESIGN = 3
"""What a comparison without lots can reach."""
NO_LOTS = "which areas started, and when, was not drawn by lot"
LOTS = "new areas that start in an order drawn by lot"
EVERY = "every main outcome"
# What a check could have seen is for the table; a loss is said without it.
_COUNTED = {1: ("comparison", "before"), 2: ("path", "argued")}
_MARKS = {"met": "✓ met", "unmet": "× not met", "cannot tell": "? cannot tell"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One outcome's evidence. ``losses``: points and reason; ``mends``: what earns the next."""

    outcome: OutcomeResult
    level: int
    losses: tuple[tuple[int, str], ...]
    mends: tuple[str, ...]
    open: tuple[ConditionResult, ...]

    @property
    def title(self) -> str:
        return words.within(str(self.outcome.plain_title))

    @property
    def scored(self) -> str:
        """``3 of 5``."""
        return f"{self.level} of {MOST}"

    @property
    def dots(self) -> str:
        """``■■■□□``: for the eye, beside the words."""
        return "■" * self.level + "□" * (MOST - self.level)


def standings(study: Results) -> tuple[Standing, ...]:
    """The evidence on each main outcome; none where the study is not graded."""
    grades = study.grades or {}
    return tuple(
        _standing(outcome, grades[outcome.code])
        for outcome in study.with_role("primary")
        if outcome.code in grades
    )


def _standing(outcome: OutcomeResult, grade: GradeResult) -> Standing:
    level = int(grade.level)
    open_ones = tuple(c for c in grade.conditions if c.met != "met")
    losses = [(MOST - DESIGN, words.whole(NO_LOTS))]
    blocking = [c for c in open_ones if c.code in _COUNTED.get(level, ())]
    if level < DESIGN:
        brief = {d.sentence: d.brief or d.sentence for d in outcome.diagnostics}
        why = " ".join(words.sentence(brief.get(c.reason, c.reason)) for c in blocking)
        losses.append((DESIGN - level, why or grade.sentence))
    mends = tuple(c.mend for c in blocking if c.mend)
    return Standing(
        outcome=outcome,
        level=level,
        losses=tuple(losses),
        open=open_ones,
        mends=mends or (words.whole(LOTS),),
    )


def answer(study: Results) -> str:
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


def losses(study: Results) -> list[str]:
    """Each point that is missing, for which outcomes and why, in a sentence."""
    said = _together(
        study,
        [
            _Said(f"lost {words.counted(points, 'point')}", one.title, reason)
            for one in standings(study)
            for points, reason in one.losses
        ],
    )
    return [f"{words.capital(titles)} {head}: {text}" for head, titles, text in said]


def earns(study: Results) -> list[str]:
    """What would earn the next point, for which outcomes."""
    said = _together(
        study,
        [_Said("next point", one.title, mend) for one in standings(study) for mend in one.mends],
    )
    return [f"The {head} for {titles} takes {text}" for head, titles, text in said]


class _Said(NamedTuple):
    """A point that was lost, or the next one: which, for whom, and why or by what."""

    head: str
    titles: str
    text: str


def _together(study: Results, said: Sequence[_Said]) -> list[_Said]:
    """What several outcomes share, said once."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for head, title, text in said:
        grouped.setdefault((head, text), []).append(title)
    every = len(standings(study))
    return [
        _Said(
            head,
            EVERY if len(titles) == every else words.listed(titles),
            text[:1].lower() + text[1:],
        )
        for (head, text), titles in grouped.items()
    ]


def view(study: Results) -> dict[str, Any]:
    """Everything that the page on the evidence asks for."""
    found = standings(study)
    signed = next((g.judgement.signed for g in (study.grades or {}).values()), None)
    return {
        "study": study,
        "standings": found,
        "signed": signed,
        "conditions": _conditions(study),
        "losses": losses(study),
        "earns": earns(study),
    }


def _conditions(study: Results) -> Markup:
    """Conditions: met or not in a word, and why; said once where it holds for every outcome."""
    found, grades = standings(study), study.grades or {}
    rows: list[list[str]] = []
    for place, first in enumerate(grades[found[0].outcome.code].conditions if found else ()):
        same: dict[tuple[str, str], list[str]] = {}
        for one in found:
            held = grades[one.outcome.code].conditions[place]
            same.setdefault((held.met, held.reason), []).append(one.title)
        for (met, reason), titles in same.items():
            whose = EVERY if len(titles) == len(found) else words.listed(titles)
            rows.append([first.title, whose, _MARKS[met], words.sentence(reason)])
    heads = ["Condition", "For", "Met?", "Why"]
    return table("What the evidence rests on", heads, rows) if rows else Markup("")


KINDS = {
    "programme": "the programme",
    "way": "on the way",
    "outcome": "outcome",
    "control": "negative control",
    "other": "another cause",
}


def case_made_view(folder: Path, study: Results, out: Generated) -> dict[str, Any]:
    """What the page asks for; ``theory`` is None where none is drawn.

    Parameters
    ----------
    folder : the study's, which holds its theory and the record of attacks.

    Raises
    ------
    BookError : the record of attacks cannot be read.
    """
    theory, path = Theory.load(folder), folder / RECORD
    names = {o.code: words.within(o.plain_title) for o in study.outcomes}
    names[study.programme] = "the programme"
    record = words.spelled(read_written(ChallengeResult, path), names) if path.is_file() else None
    fresh = record is not None and record.panel == study.panel_fingerprint
    return {
        "study": study,
        "theory": theory,
        "theory_chart": _chart(theory, study, out) if theory else "",
        "theory_table": _table(theory) if theory else "",
        "held": _held(theory, study) if theory else [],
        "attacks": record if fresh else None,
        "stale": record is not None and not fresh,
        "attack_tables": _attacks(record, study) if record and fresh else [],
        "implied": [words.capital(said) for said in record.implications]
        if record and fresh
        else [],
    }


def kinds(theory: Theory) -> dict[str, str]:
    """Each node's part in the story: a key of `KINDS`."""
    moved = theory.descendants(theory.treatment)
    found = {name: "way" if name in moved else "other" for name in theory.causes}
    found |= dict.fromkeys(theory.negative_controls, "control")
    found |= dict.fromkeys(theory.outcomes, "outcome")
    return found | {theory.treatment: "programme"}


def steps(theory: Theory) -> dict[str, int]:
    """Longest number of arrows from the programme to each node that it moves."""
    moved = theory.descendants(theory.treatment)

    @cache
    def longest(name: str) -> int:
        if name == theory.treatment:
            return 0
        return 1 + max(longest(c) for c in theory.parents(name) & (moved | {theory.treatment}))

    return {name: longest(name) for name in theory.causes if name in moved}


def _chart(theory: Theory, study: Results, out: Generated) -> Markup:
    part, said = kinds(theory), theory.said
    way = {n: k for n, k in steps(theory).items() if part[n] == "way"}
    last = [n for n in theory.causes if part[n] in ("outcome", "control")]
    others = [n for n in theory.causes if part[n] == "other"]
    graph = {
        "rows": rows_of(theory.treatment, way, last, others),
        "nodes": {
            n: {"says": said[n], "kind": part[n], "seen": cause.measured}
            for n, cause in theory.causes.items()
        },
        "arrows": [list(arrow) for arrow in theory.arrows],
    }
    outcomes = words.listed([said[n] for n in theory.outcomes])
    alt = (
        f"Theory of change: {said[theory.treatment]}, which by "
        f"{words.counted(len(way), 'step')} on the way moves {outcomes}; "
        f"{words.listed([said[n] for n in others]) or 'nothing else'} may move them too."
    )
    return out.plate(
        f"{study.study}/theory",
        "../../",
        alt,
        figures.causes,
        graph,
        caption="Solid boxes are measured, dashed ones are not. Grey arrows come from causes that "
        "the programme does not move.",
    )


def _table(theory: Theory) -> Markup:
    part, said = kinds(theory), theory.said
    rows = [
        [
            said[n],
            KINDS[part[n]],
            _seen(theory, n),
            words.listed(sorted(said[c] for c in theory.parents(n))) or "nothing drawn",
        ]
        for n in theory.causes
    ]
    return table("The theory of change", ["Cause", "Part", "Known by", "Moved by"], rows)


def _seen(theory: Theory, name: str) -> str:
    cause = theory.causes[name]
    if cause.held_by:
        return f"not measured; held fixed by comparing within each {cause.held_by}"
    return "measured" if cause.measured else "not measured"


def _held(theory: Theory, study: Results) -> list[str]:
    """For each primary outcome, what has to be held fixed by the theory."""
    titles = {o.code: o.plain_title for o in study.outcomes}
    found = []
    for outcome in study.with_role("primary"):
        code = outcome.code
        if code not in theory.outcomes:
            found.append(f"{titles[code]}: the theory does not lead to it.")
            continue
        needed = theory.adjustment_set(code)
        if needed is None:
            found.append(f"{titles[code]}: nothing that can be held fixed closes every back door.")
        elif not needed:
            found.append(f"{titles[code]}: nothing has to be held fixed.")
        else:
            found.append(
                f"{titles[code]}: what has to be held fixed is "
                f"{words.listed([theory.said[name] for name in needed])}."
            )
    return found


def _attacks(record: ChallengeResult, study: Results) -> list[Markup]:
    titles = {o.code: o.plain_title for o in study.outcomes}
    return [
        table(
            f"Attacks on the finding: {titles[code]}",
            ["Attack", "What it can show", "Result", "What was found"],
            [[one.title, one.kind, one.result, words.capital(one.sentence)] for one in attacks],
        )
        for code, attacks in record.refuted.items()
    ]

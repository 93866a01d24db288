"""The case for a causal reading, and the attacks on it: the theory of change drawn, and tested.

The theory is read from ``theory.yaml`` beside the protocol. What attacks found is read from
``challenge.json`` there, which ``newstart study challenge`` writes; a record of other figures than
the edition's is not shown.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.edition import figures, words
from evaluation.edition.edition import StudyResults
from evaluation.edition.figures.theory import rows_of
from evaluation.edition.files import Generated
from evaluation.edition.records import Record, record_if_there
from evaluation.edition.tables import table
from evaluation.finding.theory import Theory
from evaluation.study.challenge import RECORD

KINDS = {
    "programme": "the programme",
    "way": "on the way",
    "outcome": "outcome",
    "control": "negative control",
    "other": "another cause",
}


def view(folder: Path, study: StudyResults, out: Generated) -> dict[str, Any]:
    """What the page asks for; ``theory`` is None where none is drawn.

    Parameters
    ----------
    folder : the study's, which holds its theory and the record of attacks.

    Raises
    ------
    BookError : the record of attacks is no valid JSON.
    """
    theory, record = Theory.load(folder), record_if_there(folder / RECORD)
    fresh = record is not None and record["panel"] == study.raw["panel_fingerprint"]
    return {
        "study": study,
        "theory": theory,
        "theory_chart": _chart(theory, study, out) if theory else "",
        "theory_table": _table(theory) if theory else "",
        "held": _held(theory, study) if theory else [],
        "attacks": record if fresh else None,
        "stale": record is not None and not fresh,
        "attack_tables": _attacks(record, study) if record and fresh else [],
        "implied": [_in_words(said, study) for said in record["implications"]]
        if record and fresh
        else [],
    }


def kinds(theory: Theory) -> dict[str, str]:
    """Each node's part in the story: a key of `KINDS`."""
    moved = theory.descendants(theory.treatment)
    found = {}
    for name in theory.causes:
        if name == theory.treatment:
            found[name] = "programme"
        elif name in theory.outcomes:
            found[name] = "outcome"
        elif name in theory.negative_controls:
            found[name] = "control"
        else:
            found[name] = "way" if name in moved else "other"
    return found


def steps(theory: Theory) -> dict[str, int]:
    """Longest number of arrows from the programme to each node that it moves."""
    moved = theory.descendants(theory.treatment)

    @cache
    def longest(name: str) -> int:
        if name == theory.treatment:
            return 0
        return 1 + max(longest(c) for c in theory.parents(name) & (moved | {theory.treatment}))

    return {name: longest(name) for name in theory.causes if name in moved}


def _chart(theory: Theory, study: StudyResults, out: Generated) -> Markup:
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


def _held(theory: Theory, study: StudyResults) -> list[str]:
    """For each primary outcome, what has to be held fixed by the theory."""
    titles = {o["code"]: o["plain_title"] for o in study.outcomes}
    found = []
    for outcome in study.with_role("primary"):
        code = outcome["code"]
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


def _attacks(record: Record, study: StudyResults) -> list[Markup]:
    titles = {o["code"]: o["plain_title"] for o in study.outcomes}
    return [
        table(
            f"Attacks on the finding: {titles[code]}",
            ["Attack", "What it can show", "Result", "What was found"],
            [
                [one["title"], one["kind"], one["result"], _in_words(one["sentence"], study)]
                for one in attacks
            ],
        )
        for code, attacks in record["refuted"].items()
    ]


def _in_words(said: str, study: StudyResults) -> str:
    """A recorded sentence with outcomes and the programme by their names, not their codes."""
    names = {o["code"]: words.within(o["plain_title"]) for o in study.outcomes}
    names[study.programme] = "the programme"
    codes = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    text = re.sub(rf"\b({codes})\b", lambda found: names[found.group()], said)
    return words.sentence(re.sub(r"\((?=[-+]\d)-", f"({words.MINUS}", text))

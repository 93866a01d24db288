"""Editions of figures alone for quarters that are past: for a demonstration, and nothing else.

A real edition is published when its quarter is due. A demonstration invents all its quarters at
once; so that it shows how headlines move, the figures of the quarters before the last are computed
as they were known then, and frozen with a note that says so.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.edition.past import History
from evaluation.errors import EditionRefused
from evaluation.publish import draft
from evaluation.publish.difference import learned_between
from evaluation.publish.draft import Draft
from evaluation.publish.freeze import freeze
from evaluation.publish.ground import Ground, gather, write_state
from evaluation.publish.headline import figures, of_results
from evaluation.publish.publish import changed_since
from evaluation.quarters import Period, format_instant
from evaluation.study.calendar import due
from evaluation.study.results import read_results

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

HOW_MANY = 6
NOTE = (
    "Synthetic: made by the demonstration from what its ledger knew then; figures alone, no pages."
)


def backdate(
    workspace: Workspace,
    name: str,
    *,
    count: int = HOW_MANY,
    progress: Callable[[str], None] = print,
) -> None:
    """Freeze the headline figures of up to ``count`` quarters before the last of a study.

    Nothing is done where any edition was published.

    Raises
    ------
    EditionRefused : the programme is not declared synthetic.
    """
    if History.read(workspace).editions:
        return
    results = read_results(workspace, name)
    if not results["synthetic"]:
        raise EditionRefused(f"{name} is real: an edition of a past quarter cannot be made up.")
    last = Period.parse(results["sample"]["last"])
    first = min(Period.parse(site["start"]) for site in results["sites"])
    quarters = [last + -back for back in range(count, 0, -1) if last + -back >= first]
    for quarter in quarters:
        progress(f"Edition {quarter} of figures alone, as known then (synthetic)")
        with tempfile.TemporaryDirectory(prefix="newstart-past-") as scratch:
            _freeze(workspace, name, quarter, results, Path(scratch))


def _freeze(
    workspace: Workspace, name: str, quarter: Period, results: Mapping[str, Any], scratch: Path
) -> None:
    programme_name = name.partition("/")[0]
    limit = due(quarter, gather(workspace, name, "", scratch / "now").programme)
    vintage = draft.vintage_of(workspace, programme_name, format_instant(limit))
    ground = gather(workspace, name, vintage, scratch / "ground")
    learned = learned_between(workspace, ground, ground)
    found = figures(write_state(scratch / "state", (ground, ground), learned, ()))
    history = History.read(workspace)
    known = draft.name_for(history, quarter.label, "")
    headline = _headline(found, results, quarter)
    made = Draft(
        name=known,
        published=format_instant(limit + timedelta(days=1)),
        reason="",
        programme=programme_name,
        study=ground.study,
        vintage=vintage,
        synthetic=True,
        next_due=draft.next_due(ground.programme, quarter.label),
        ground=ground.folder,
        headline=headline,
        stands_on=draft.stands_on(workspace, programme_name, vintage),
        change=_change(workspace, history, ground, known.address, headline),
        note=NOTE,
    )
    freeze(workspace, made, json.dumps(asdict(known)))


def _change(
    workspace: Workspace, history: History, ground: Ground, name: str, headline: Mapping[str, Any]
) -> dict[str, Any] | None:
    if history.current is None:
        return None
    return changed_since(workspace, history.current, ground, name, headline)


def _headline(
    found: Mapping[str, float], results: Mapping[str, Any], quarter: Period
) -> dict[str, dict[str, Any]]:
    """The figures with titles; effects in logs with the interval of the look of that quarter."""
    told = of_results(results)
    headline = {
        key: {
            "title": told[key]["title"],
            "unit": told[key]["unit"],
            "effect": value,
            "low": None,
            "high": None,
        }
        for key, value in found.items()
    }
    for one in results["outcomes"]:
        looks = [row for row in one["looks"] if row["quarter"] == quarter.label]
        if looks and one["estimates"][0]["scale"] == "log":
            ends = {end: looks[0][end] for end in ("low", "high")}
            headline[f"{one['code']}.percent"] |= {
                end: None if value is None else float(100 * np.expm1(value))
                for end, value in ends.items()
            }
    return headline

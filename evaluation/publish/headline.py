"""The headline figures of a study in one state of everything that they rest on, in about a second.

A state is a folder: declarations, protocol, observations, assignments, parameters. It is read by
the code of any edition, old or new, which is how a change of code gets an amount of its own:
``python -m evaluation.publish.headline STATE ...`` prints one line of JSON a folder. The estimators
are the study's own; only placebo assignments are left out, on which no point figure rests.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.estimate.assignments import Assignments
from evaluation.study.record import Results
from evaluation.study.run import estimate_by, point_findings
from evaluation.study.stored_assignments import Store, by_plan
from evaluation.study.study import Study
from evaluation.value import worth
from evaluation.value.lives import in_one_total, is_wellbeing
from evaluation.value.parameters import Parameters
from evaluation.workspace import Workspace

if TYPE_CHECKING:
    from evaluation.estimate.estimate import Estimate

OBSERVATIONS, PARAMETERS, ASSIGNMENTS, STATE = (
    "observations.parquet",
    "parameters",
    "assignments.npz",
    "state.json",
)
MONEY = {
    "gross_fiscal": "Public spending released to date",
    "cashable": "Of it, what could leave a budget",
    "cost": "Cost of the programme to date",
    "net_fiscal": "Public spending released less cost to date",
    "npsv": "Net present social value to date",
}
PLACEBOS = 99
"""Placebo assignments that are kept, since money and people ask for some draws; any will do."""


def figures(folder: Path) -> dict[str, float]:
    """Id -> figure of a state; none before anything has started.

    ``<outcome>.percent`` is the effect in per cent of what would have been, ``<outcome>.people``
    the change in people or events a period, ``money.<total>`` pounds to date, of the outcomes whose
    checks hold.
    """
    import pandas as pd

    asked = json.loads((folder / STATE).read_text(encoding="utf-8"))
    workspace = Workspace(root=folder)
    study = replace(
        Study.load(workspace, f"{asked['programme']}/{asked['study']}"),
        # The assignments lie in the state's own folder and not where a workspace has them.
        store=Store(folder=folder),
        given=pd.read_parquet(folder / OBSERVATIONS),
    )
    if not study.panel.treated.any():
        return {}
    prices = Parameters.load(folder=folder / PARAMETERS).of(study.programme)
    # A state carries what its checks object to: they need thousands of assignments, and a state
    # takes a second. One of an edition before this was kept says nothing, and counts everything.
    return _point_figures(study, prices, frozenset(asked.get("objected", ())))


def _point_figures(
    study: Study, parameters: Parameters, objected: frozenset[str]
) -> dict[str, float]:
    programme, protocol, panel = study.programme, study.protocol, study.panel
    valued = [
        c for c in protocol.secondary if in_one_total(programme.outcome_by_code[c], parameters)
    ]
    # Only what a headline rests on is estimated, which is why a state takes a second.
    wanted = protocol.model_copy(
        update={
            "secondary": tuple(valued) if protocol.value else (),
            "negative_control": (),
            "lives": None,
            "estimators": protocol.estimators[:1],
        }
    )
    assignments = _assignments(study)
    few = replace(assignments, pseudo_treated=assignments.pseudo_treated[: PLACEBOS + 1])
    estimates: dict[str, tuple[Estimate, ...]] = {
        code: (estimate_by(wanted.estimators[0], panel, code, wanted, few),)
        for code in wanted.outcomes
    }
    found: dict[str, float] = {}
    for code, finding in point_findings(study, wanted, estimates).items():
        if code in wanted.primary:
            found[f"{code}.percent"] = finding.percent.effect
            if finding.per_quarter is not None:
                found[f"{code}.people"] = finding.per_quarter.effect
    if wanted.value:
        value = worth(
            [
                group[0]
                for code, group in estimates.items()
                if not is_wellbeing(programme.outcome_by_code[code], parameters)
            ],
            programme,
            parameters=parameters,
            price_base=wanted.price_base,
            draws=PLACEBOS,
            seed=wanted.assignments.seed,
            counted=[code for code in estimates if code not in objected],
        )
        # The estimate: ranges over so few draws would mean nothing and are not read.
        totals = value.totals()["mean"].to_dict()
        found |= {f"money.{key}": float(totals[key]) for key in MONEY}
    return found


def objected_of(results: Results) -> tuple[str, ...]:
    """The outcomes with a price that a check objects to: the headline of money leaves them out."""
    return tuple(row.outcome for row in results.value.not_standing) if results.value else ()


def of_results(results: Results) -> dict[str, dict[str, Any]]:
    """Id -> ``title, unit, effect, low, high`` of a study's written results."""
    found: dict[str, dict[str, Any]] = {}
    for one in results.outcomes:
        if one.role != "primary":
            continue
        title, finding = one.plain_title, one.finding
        shown = [("percent", title, "%", finding.effect_percent)]
        if finding.people:
            when = f"a {results.period_word}" if one.kind == "flow" else "at any one time"
            shown.append(("people", f"{title} {when}", one.people, finding.people.per_quarter))
        for kind, heading, unit, row in shown:
            found[f"{one.code}.{kind}"] = {"title": heading, "unit": unit, **row.plain()}
    totals = results.value.totals.plain() if results.value else {}
    for key, title in MONEY.items():
        if key in totals:
            row = totals[key]
            found[f"money.{key}"] = {
                "title": title,
                "unit": "£",
                "effect": row["mean"],
                "low": row["low"],
                "high": row["high"],
            }
    return found


def _assignments(study: Study) -> Assignments:
    """Those that the study keeps; drawn for the panel where it keeps none."""
    if study.store.kept is not None:
        return study.assignments
    return by_plan(study.panel, study.protocol.assignments, most=PLACEBOS)


def main(folders: Sequence[str]) -> None:
    """Print the figures of each folder, one line of JSON each."""
    for folder in folders:
        # A line as soon as it is known: the process may fail at a later folder.
        print(json.dumps(figures(Path(folder))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

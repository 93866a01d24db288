"""The map: the nouns in the order in which data pass through them, and the steps between them.

::

    return -> check -> ledger -> panel -> protocol -> estimate -> finding -> value -> edition

`Programme`
    the reform under evaluation: sites, areas, outcomes, calendar.
`Return`, `Problem`, `Receipt`
    one submitter's file for one quarter; what is wrong in it; what comes back once it is accepted.
`Ledger`
    every accepted return for ever; what was known at any instant can be read back.
`Panel`
    areas x quarters x outcomes as known at an instant, with start quarters.
`Protocol`
    the analysis, fixed before the figures are looked at.
`Assignments`
    which areas start when: the real assignment first, then the ones it is compared with.
`Estimate`
    effects, and the same effects under every assignment; made by `did`, `imputation`,
    `synthetic_control`, `augmented_synthetic_control`, `pooled_synthetic_control`,
    `synthetic_did`, `triple_difference` and `two_way_fixed_effects`; `honest_bounds` says what
    trends that break would leave of it.
`between_sites`
    what the sites of an estimate say together: how far they differ, and the range for the next.
`Finding`
    an estimate and what stands against it, as a verdict with its reasons; made by `judge`.
`Value`
    what effects are worth in pounds, by agency, from the same draws; made by `worth`.
`Edition`
    one published state of the book.

Before a protocol is fixed, `power` says from a panel's past what its looks could find, and
`calibrate` how often an estimator errs on it. Their settings and those of the estimators are found
here too: `DidSettings`, `SyntheticSettings` with `Predictor`, `SdidSettings`, `Plan`, `Simulation`,
`Runs`. `forest` draws several estimates, `plot_bounds` what `honest_bounds` gives.

Importing the package costs next to nothing: each name is loaded when it is first used. The rooms
that these names live in are drawn in ``book/decisions/the-house.md``; ``CONTRIBUTING.md`` says
where to change what.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.check.report import Problem
    from evaluation.design.calibrate import calibrate
    from evaluation.design.many import Runs as Runs
    from evaluation.design.power import Plan as Plan
    from evaluation.design.power import power
    from evaluation.design.simulation import Simulation as Simulation
    from evaluation.diagnose.honest import honest_bounds, plot_bounds
    from evaluation.edition.edition import Edition
    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.between_sites import between_sites
    from evaluation.estimate.did import DidSettings as DidSettings
    from evaluation.estimate.did import did, triple_difference
    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.imputation import ImputationSettings as ImputationSettings
    from evaluation.estimate.imputation import imputation
    from evaluation.estimate.plots import forest
    from evaluation.estimate.pooled import pooled_synthetic_control
    from evaluation.estimate.predictors import Predictor as Predictor
    from evaluation.estimate.synthetic import AugmentedSettings as AugmentedSettings
    from evaluation.estimate.synthetic import SdidSettings as SdidSettings
    from evaluation.estimate.synthetic import SyntheticSettings as SyntheticSettings
    from evaluation.estimate.synthetic import (
        augmented_synthetic_control,
        synthetic_control,
        synthetic_did,
    )
    from evaluation.estimate.two_way import TwoWaySettings as TwoWaySettings
    from evaluation.estimate.two_way import two_way_fixed_effects
    from evaluation.finding.judge import Finding, judge
    from evaluation.ledger.ledger import Ledger
    from evaluation.ledger.receipt import Receipt
    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.returns.form import Return
    from evaluation.value.accounts import Value
    from evaluation.value.worth import worth

__all__ = [
    "Assignments",
    "Edition",
    "Estimate",
    "Finding",
    "Ledger",
    "Panel",
    "Problem",
    "Programme",
    "Protocol",
    "Receipt",
    "Return",
    "Value",
    "augmented_synthetic_control",
    "between_sites",
    "calibrate",
    "did",
    "forest",
    "honest_bounds",
    "imputation",
    "judge",
    "plot_bounds",
    "pooled_synthetic_control",
    "power",
    "synthetic_control",
    "synthetic_did",
    "triple_difference",
    "two_way_fixed_effects",
    "worth",
]

_HOME = {
    "Assignments": "estimate.assignments",
    "AugmentedSettings": "estimate.synthetic",
    "DidSettings": "estimate.did",
    "Edition": "edition.edition",
    "Estimate": "estimate.estimate",
    "Finding": "finding.judge",
    "ImputationSettings": "estimate.imputation",
    "Ledger": "ledger.ledger",
    "Panel": "panel",
    "Plan": "design.power",
    "Predictor": "estimate.predictors",
    "Problem": "check.report",
    "Programme": "programme",
    "Protocol": "protocol",
    "Receipt": "ledger.receipt",
    "Return": "returns.form",
    "Runs": "design.many",
    "SdidSettings": "estimate.synthetic",
    "Simulation": "design.simulation",
    "SyntheticSettings": "estimate.synthetic",
    "TwoWaySettings": "estimate.two_way",
    "Value": "value.accounts",
    "augmented_synthetic_control": "estimate.synthetic",
    "between_sites": "estimate.between_sites",
    "calibrate": "design.calibrate",
    "did": "estimate.did",
    "forest": "estimate.plots",
    "honest_bounds": "diagnose.honest",
    "imputation": "estimate.imputation",
    "judge": "finding.judge",
    "plot_bounds": "diagnose.honest",
    "pooled_synthetic_control": "estimate.pooled",
    "power": "design.power",
    "synthetic_control": "estimate.synthetic",
    "synthetic_did": "estimate.synthetic",
    "triple_difference": "estimate.did",
    "two_way_fixed_effects": "estimate.two_way",
    "worth": "value.worth",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_HOME})

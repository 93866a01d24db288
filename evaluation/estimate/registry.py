"""Estimators by the names that protocols and commands use, with one set of choices for all.

A study's fallbacks, calibration and power run the same estimators; what they share stands here, so
that what is calibrated is what is run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import samples
from evaluation.estimate.assignments import variance_by_population
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import ImputationSettings, imputation
from evaluation.estimate.synthetic import (
    AugmentedSettings,
    SdidSettings,
    Settings,
    SyntheticSettings,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
    tested,
)
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.protocol import DidPlan, EstimatorName, Gaps, Protocol

if TYPE_CHECKING:
    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.interim import Tested
    from evaluation.panel import Panel


ESTIMATED_ONCE: tuple[EstimatorName, ...] = (
    "did",
    "synthetic_control",
    "augmented_synthetic_control",
)
"""Estimators whose weights use only periods before the start: later periods change no earlier gap,
so one fit on the whole panel holds the figures of every earlier look (see `estimated_once`)."""

SUMS_OF_GAPS: tuple[EstimatorName, ...] = (*ESTIMATED_ONCE, "synthetic_did")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a protocol fixes for every estimator of its fallbacks.

    gaps : placebo gaps ``as_they_are``, or studentised ``by_population`` (Ferman and Pinto 2019);
        that takes populations, and estimators whose effects are sums of gaps. Where the panel knows
        sampling errors, gaps are brought to scale by these, whatever is chosen.
    """

    scale: Literal["log", "level"] = "level"
    level: float = 0.95
    did: DidPlan = field(default_factory=DidPlan)
    synthetic_control: Literal["simplex", "demeaned"] = "demeaned"
    gaps: Gaps = "as_they_are"

    @classmethod
    def of(cls, protocol: Protocol, outcome: str) -> Choices:
        """What a protocol chooses for one outcome."""
        return cls(
            scale=protocol.scale_of(outcome),
            level=protocol.level,
            did=protocol.did,
            synthetic_control=protocol.synthetic_control,
            gaps=protocol.assignments.gaps,
        )


def fit(
    name: EstimatorName, panel: Panel, outcome: str, choices: Choices, assignments: Assignments
) -> Estimate:
    """One estimate by re-assignment, by the estimator of that name.

    Raises
    ------
    EstimateError : no estimator has that name, or the panel cannot bear it.
    """
    samples.one_of("estimator", name, EstimatorName)
    scale, level = choices.scale, choices.level
    assignments = to_scale(name, panel, outcome, choices, assignments)
    if name == "did":
        plan = choices.did
        settings = DidSettings(
            comparison=plan.comparison, base=plan.base, anticipation=plan.anticipation, scale=scale
        )
        return did(panel, outcome, settings=settings, assignments=assignments, level=level)
    if name == "imputation":
        imputed = ImputationSettings(scale=scale, anticipation=choices.did.anticipation)
        return imputation(panel, outcome, settings=imputed, assignments=assignments, level=level)
    synthetic_unit = _synthetic_settings(name, choices)
    if isinstance(synthetic_unit, SdidSettings):
        return synthetic_did(
            panel, outcome, settings=synthetic_unit, assignments=assignments, level=level
        )
    if isinstance(synthetic_unit, SyntheticSettings):
        return synthetic_control(
            panel, outcome, settings=synthetic_unit, assignments=assignments, level=level
        )
    if isinstance(synthetic_unit, AugmentedSettings):
        return augmented_synthetic_control(
            panel, outcome, settings=synthetic_unit, assignments=assignments, level=level
        )
    method: Literal["fixed_effects", "first_differences"] = (
        "fixed_effects" if name == "fixed_effects" else "first_differences"
    )
    return two_way_fixed_effects(
        panel,
        outcome,
        settings=TwoWaySettings(method=method, scale=scale),
        assignments=assignments,
        level=level,
    )


def to_test(
    name: EstimatorName, panel: Panel, outcome: str, choices: Choices, assignments: Assignments
) -> Estimate | Tested:
    """What a look tests of the estimator of that name: as `fit`, without what only a reader needs.

    Raises
    ------
    EstimateError : as `fit` does.
    """
    synthetic_unit = _synthetic_settings(name, choices)
    if synthetic_unit is None:
        return fit(name, panel, outcome, choices, assignments)
    studentised = to_scale(name, panel, outcome, choices, assignments)
    return tested(panel, outcome, synthetic_unit, studentised)


def estimated_once(name: EstimatorName, panel: Panel, outcome: str) -> bool:
    """Whether one fit on the whole panel holds the figures of every earlier look.

    Not where donors change from look to look, because a comparison area lacks a later figure.
    """
    # How far areas vary beside their sampling errors is learnt anew at every look.
    if name not in ESTIMATED_ONCE or outcome in panel.sampling_error:
        return False
    controls = panel.array(outcome)[~panel.treated]
    return name == "did" or bool(np.isfinite(controls).all())


def to_scale(
    name: EstimatorName, panel: Panel, outcome: str, choices: Choices, assignments: Assignments
) -> Assignments:
    """The assignments, studentised where that is chosen.

    Raises
    ------
    EstimateError : an estimator without gaps to bring to scale, or figures that do not tell how.
    """
    if choices.gaps == "as_they_are":
        return assignments
    if name not in SUMS_OF_GAPS:
        raise EstimateError(
            f"{name} is refitted under every assignment and has no gaps to bring to scale.",
            expected=f"one of {', '.join(SUMS_OF_GAPS)}",
            mend="re-draw within bands of population instead: strata: [population]",
        )
    sample = samples.take(panel, outcome, choices.scale)
    if sample.sampling_error is not None:
        return samples.to_scale(assignments, sample)
    variance_model = variance_by_population(
        sample.panel, sample.figures, int(sample.treated.starts.min())
    )
    return assignments.studentised(variance_model, sample.panel)


def _synthetic_settings(name: EstimatorName, choices: Choices) -> Settings | None:
    """The settings of a synthetic estimator; None for another one."""
    if name == "synthetic_did":
        return SdidSettings(scale=choices.scale)
    if name == "synthetic_control":
        return SyntheticSettings(variant=choices.synthetic_control, scale=choices.scale)
    if name == "augmented_synthetic_control":
        return AugmentedSettings(scale=choices.scale)
    return None

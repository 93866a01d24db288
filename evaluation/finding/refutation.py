"""Attack an estimate with dowhy (its only door)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.diagnose.diagnostic import FIRES_BELOW, Result
from evaluation.errors import EstimateError, ProtocolError
from evaluation.estimate.samples import masked_mean
from evaluation.estimate.sensitivity import in_time_placebo
from evaluation.wording import Name, Sentence, signed

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel


Fit = Callable[["Panel", str, tuple[str, ...]], "Estimate"]
"""Our estimator: a panel, an outcome, and the area attributes to adjust for, if it can."""
Kind = Literal["validity", "stability"]
RANDOM = "w_random"
FEWEST_BEFORE = 4


@dataclass(frozen=True, kw_only=True)
class Refutation:
    """One attack: what it tests, what was found under it, and what that says.

    effect : the estimate. under : the mean estimate under the attack. p_value : of its null.
    """

    code: str
    kind: Kind
    title: str
    result: Result
    effect: float
    under: float
    p_value: float | None
    sentence: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Attack:
    """What is attacked.

    window : event times of the estimand. controls : outcomes that the programme cannot move.
    adjusts : whether the estimator can adjust for area attributes.
    """

    panel: Panel
    outcome: str
    fit: Fit
    window: tuple[int, int]
    controls: tuple[str, ...] = ()
    adjusts: bool = False
    simulations: int = 50
    seed: int = 0

    def effect(
        self, panel: Panel, outcome: str = "", covariates: tuple[str, ...] = ()
    ) -> tuple[float, float]:
        """Overall effect on a panel, and its p-value by re-assignment."""
        estimate = self.fit(panel, outcome or self.outcome, covariates)
        row = estimate.overall(window=self.window).iloc[0]
        return float(row["effect"]), float(row["p_value"])


def available() -> bool:
    """Whether dowhy is installed (the extra ``causal``)."""
    from importlib.util import find_spec

    return find_spec("dowhy") is not None


def refute(attack: Attack) -> tuple[Refutation, ...]:
    """Every attack on an estimate, those on its validity first.

    Raises
    ------
    ProtocolError : dowhy is not installed.
    EstimateError : the panel cannot bear the estimate itself.
    """
    if not available():
        raise ProtocolError(
            "the refuters need dowhy, which is not installed.",
            mend="install the extra: pip install 'newstart-evaluation[causal]'",
        )
    effect, _ = attack.effect(attack.panel)
    return (
        _placebo_start(attack, effect),
        *(_negative_control(attack, effect, code) for code in attack.controls),
        *_by_dowhy(attack, effect),
    )


def _placebo_start(attack: Attack, effect: float) -> Refutation:
    """The same pilots, as if they had started in the middle of their past."""
    told = _Told("placebo_start", "validity", "Is there an effect before the start?", effect)
    panel = attack.panel
    first = int(panel.start_index[panel.treated].min())
    if first < FEWEST_BEFORE:
        return told.unknown(f"There are {first} periods before the first start: too few to try.")
    # Half of the past stays before the moved start, half after it.
    back = first // 2
    earlier = panel.periods[first - back].label
    under, p = attack.effect(in_time_placebo(panel, back))
    said = (
        "found an effect before anything had started",
        "found nothing before the start, as it should",
    )
    return told.by(under, p, f"With the start moved back to {earlier} the estimator", said)


def _negative_control(attack: Attack, effect: float, code: str) -> Refutation:
    """Dowhy gives 0 for a negative-control outcome without estimating, so it is swapped in here."""
    told = _Told("negative_control", "validity", "Does anything move that should not?", effect)
    under, p = attack.effect(attack.panel, code)
    said = (
        "moved, which the programme cannot explain",
        "did not move by more than chance could explain",
    )
    return told.by(under, p, Name(code), said)


def _by_dowhy(attack: Attack, effect: float) -> Iterator[Refutation]:
    with _quiet():
        from dowhy.causal_refuters import (
            refute_data_subset,
            refute_placebo_treatment,
            refute_random_common_cause,
        )
        from dowhy.causal_refuters.placebo_treatment_refuter import PlaceboType

        table, estimand, estimate = _handed_over(attack)
        common = {
            "data": table,
            "target_estimand": estimand,
            "estimate": estimate,
            "num_simulations": attack.simulations,
            "show_progress_bar": False,
        }
        # An integer would draw the same sample each time; dowhy takes numpy's older generator.
        state = np.random.RandomState(attack.seed)
        placebo = refute_placebo_treatment(
            **common,
            treatment_names=["treated"],
            placebo_type=PlaceboType.PERMUTE,
            random_state=state,
        )
        subset = refute_data_subset(**common, subset_fraction=0.8, random_state=state)
        cause = refute_random_common_cause(**common, random_state=state) if attack.adjusts else None
    yield _Told(
        "placebo_treatment", "validity", "Does the estimator see effects everywhere?", effect
    ).by(
        float(placebo.new_effect),
        _p(placebo),
        "With other areas taken for pilots the estimator",
        (
            "finds an effect where there is none",
            "finds nothing, as it should (this cannot see that pilots differed to begin with)",
        ),
    )
    stays = Sentence.of("it stays near {effect}", effect=signed(effect, 3))
    moved = ("it is another", stays)
    told = _Told("random_common_cause", "stability", "Does a made-up cause change it?", effect)
    if cause is None:
        yield told.unknown("The estimator takes no attributes of areas, so nothing can be tried.")
    else:
        how = "With a random attribute of the areas adjusted for"
        yield told.by(float(cause.new_effect), _p(cause), how, moved)
    yield _Told("data_subset", "stability", "Does it rest on a few areas?", effect).by(
        float(subset.new_effect), _p(subset), "On random subsets of four fifths of the areas", moved
    )


@dataclass(frozen=True)
class _Told:
    """An attack before its outcome is known."""

    code: str
    kind: Kind
    title: str
    effect: float

    def by(
        self, under: float, p: float | None, how: str | Name, said: tuple[str, str]
    ) -> Refutation:
        """``said`` : the words if it fails, and if it holds."""
        fails = p is not None and p < FIRES_BELOW
        return Refutation(
            code=self.code,
            kind=self.kind,
            title=self.title,
            result="fails" if fails else "holds",
            effect=self.effect,
            under=under,
            p_value=p,
            sentence=Sentence.of(
                "{how} {said} ({under}).",
                how=how,
                said=said[0] if fails else said[1],
                under=signed(under, 3),
            ),
        )

    def unknown(self, why: str) -> Refutation:
        return Refutation(
            code=self.code,
            kind=self.kind,
            title=self.title,
            result="cannot tell",
            effect=self.effect,
            under=float("nan"),
            p_value=None,
            sentence=why,
        )


def _p(found: Any) -> float | None:
    p = found.refutation_result["p_value"]
    return float(np.mean(p)) if isinstance(p, tuple) else float(p)


@contextmanager
def _quiet() -> Iterator[None]:
    """Dowhy's libraries warn of their own future; that is no news to our user."""
    import logging

    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            # As it was, and not switched on: our caller may have silenced it himself.
            logging.disable(before)


def _handed_over(attack: Attack) -> tuple[pd.DataFrame, Any, Any]:
    """What dowhy's refuters need: a table, an identified estimand, an estimate by our estimator."""
    import networkx as nx
    import pandas as pd
    from dowhy import CausalModel

    panel = attack.panel
    # dowhy wants one row a unit: the mean stands in, and no figure is taken from it, since our
    # estimator reads the panel.
    mean = masked_mean(panel.array(attack.outcome).T)
    table = pd.DataFrame(
        {"treated": panel.treated.astype(int), "outcome": mean}, index=panel.areas.index
    )
    graph = nx.DiGraph([("treated", "outcome")])
    model = CausalModel(data=table, treatment="treated", outcome="outcome", graph=graph)
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    estimand.set_identifier_method("backdoor")
    ours = _our_estimator(attack)(estimand).fit(table)
    return table, estimand, ours.estimate_effect(table)


def _our_estimator(attack: Attack) -> Any:
    """Our estimator as the class that dowhy calls."""
    from dowhy.causal_estimator import CausalEstimate, CausalEstimator

    class OnThePanel(CausalEstimator):  # type: ignore[misc]  # dowhy ships no types
        def fit(self, _: pd.DataFrame, effect_modifier_names: object = None, **__: object) -> Any:
            self._effect_modifier_names = effect_modifier_names
            return self

        def get_new_estimator_object(self, identified_estimand: Any, *_: object) -> Any:
            new = OnThePanel(identified_estimand)
            new.update_input(1, 0, "att")
            return new

        def estimate_effect(
            self,
            data: pd.DataFrame,
            treatment_value: int = 1,
            control_value: int = 0,
            target_units: str = "att",
            **_: object,
        ) -> Any:
            self.update_input(treatment_value, control_value, target_units)
            # The placebo refuter puts a column of its own in place of the treatment.
            column = self._target_estimand.treatment_variable[0]
            given = CausalEstimate(
                data=data,
                treatment_name=[column],
                outcome_name=["outcome"],
                estimate=_on_rows(attack, data, column),
                target_estimand=self._target_estimand,
                realized_estimand_expr=None,
                control_value=control_value,
                treatment_value=treatment_value,
            )
            given.add_estimator(self)
            return given

    return OnThePanel


def _on_rows(attack: Attack, rows: pd.DataFrame, column: str) -> float:
    """The effect with the areas of ``rows``, those marked in ``column`` taken for pilots.

    A marked area that really started keeps its site and start; the others take those of the pilots
    that are not marked, in order, so that as many start in each period as really did.
    """
    panel = attack.panel
    held = np.isin(panel.areas.index, rows.index)
    chosen = panel.select(held)
    marked = rows[column].reindex(chosen.areas.index).to_numpy() == 1
    site, start = (
        chosen.areas[name].to_numpy(dtype=object, copy=True) for name in ("site", "start")
    )
    own = chosen.treated
    free = [(s, g) for s, g, o, m in zip(site, start, own, marked, strict=True) if o and not m]
    for turn, place in enumerate(np.flatnonzero(marked & ~own)):
        # A subset may hold no unmarked pilot to take the place of: then any real start serves.
        taken = free or [("drawn", start[own][0])]
        site[place], start[place] = taken[turn % len(taken)]
    site[~marked], start[~marked] = None, None
    role = np.where(marked, "pilot", "comparison").astype(object)
    areas = chosen.areas.assign(site=site, start=start, role=role)
    covariates: tuple[str, ...] = ()
    if RANDOM in rows.columns:
        areas[RANDOM] = rows[RANDOM].reindex(areas.index)
        covariates = (RANDOM,)
    try:
        return attack.effect(replace(chosen, areas=areas), covariates=covariates)[0]
    except EstimateError:  # a subset in which nothing, or everything, started
        return float("nan")

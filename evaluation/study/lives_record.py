"""What a run says of people's lives, as it stands in ``results.json``: survey, worth, own words.

All of it is as it is known inside; at which step each figure leaves, `evaluation.release` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from evaluation.study.accounts_record import Mean
from evaluation.study.written import Figure, Written, read_written

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.panel import Panel
    from evaluation.programme import Outcome, Programme
    from evaluation.protocol import Protocol
    from evaluation.value import Wellbeing

FILE = "voices.json"
"""In a study's folder: what ``newstart voices --json`` printed of its coded file."""
LARGEST_WEIGHT = 3.0
"""Times the mean weight: where weights are trimmed."""
NORMAL = 1.96


class ArmWave(Written):
    """One arm in one wave: the mean of its areas with its range, and how many answered.

    respondents : None in released results where too few did.
    """

    quarter: str
    arm: Literal["pilot", "comparison"]
    mean: Figure
    low: Figure
    high: Figure
    respondents: int | None
    areas: int


class Item(Written):
    """One item of the survey: what was asked, and what either arm said.

    span : from the lowest answer to the highest, in the outcome's unit: with his weight, what one
    respondent can move.
    """

    outcome: str
    question: str
    waves: tuple[ArmWave, ...]
    # In results of before it was kept there was none: the widest scale of any item.
    span: float = 100.0


class Worth(Written):
    """What better lives are worth; ``label`` is ``sensitivity`` where the finding does not stand.

    prices : pounds of ``price_base`` for one WELLBY. pounds_low ... : at each of them.
    """

    outcome: str
    label: Literal["stands", "sensitivity"]
    wellbys: Mean
    pounds: Mean
    pounds_low: Mean
    pounds_central: Mean
    pounds_high: Mean
    prices: Mapping[str, float]
    price_base: int
    first: str
    last: str
    adults: float
    source: str


class CodeSaid(Written):
    """A code that two coders gave: how well they agree, and its share in either arm."""

    code: str
    alpha: Figure
    grade: Literal["publish", "tentative", "recode"]
    pilot: Figure
    comparison: Figure
    difference: Figure
    p_value: Figure


class Quoted(Written):
    """Somebody's words, with consent, redacted and read by two."""

    text: str
    codes: tuple[str, ...]
    read_by: tuple[str, ...]
    changes: str


class VoicesSaid(Written):
    """What ``newstart voices --json`` prints."""

    people: Mapping[str, int]
    agreement: Figure
    codes: tuple[CodeSaid, ...]
    quotations: tuple[Quoted, ...]
    withheld: int
    problems: tuple[Mapping[str, Any], ...] = Field(default=())


class Lives(Written):
    """The survey of a study: who was asked and when, each item, its worth, own words.

    answers : how many, of the first item, over all waves. last_day : when fieldwork of the
    last wave had ended.
    """

    answers: int
    areas: int
    waves: tuple[str, ...]
    last_day: str
    items: tuple[Item, ...]
    worth: Worth | None
    voices: VoicesSaid | None


def read_voices_of(folder: Path) -> VoicesSaid | None:
    """What people wrote, as it was coded; None where the study has no such file.

    Raises
    ------
    BookError : it cannot be read, or is none.
    """
    path = folder / FILE
    return read_written(VoicesSaid, path) if path.is_file() else None


def lives_of(
    protocol: Protocol,
    programme: Programme,
    panel: Panel,
    observations: pd.DataFrame,
    worth: Wellbeing | None,
    voices: VoicesSaid | None,
) -> Lives | None:
    """The survey of a run; None where nobody was asked.

    Parameters
    ----------
    observations : the ledger's, which say how many answered.
    """
    codes = [c for c in protocol.outcomes if programme.outcome_by_code[c].sampled]
    items = [_item(programme.outcome_by_code[code], panel, observations) for code in codes]
    items = [one for one in items if one.waves]
    if not items:
        return None
    order = {c: one.order for c in codes if (one := programme.outcome_by_code[c].survey)}
    # Of those that were asked: what stands first in the questionnaire may have no wave yet.
    first = min(items, key=lambda one: order.get(one.outcome, math.inf))
    waves = tuple(dict.fromkeys(one.quarter for one in first.waves))
    held = np.isfinite(panel.figures[first.outcome]).any(axis=1)
    last = max((p for p in panel.periods if p.label in waves), key=lambda p: p.ordinal)
    return Lives(
        answers=sum(one.respondents or 0 for one in first.waves),
        areas=int(held.sum()),
        waves=waves,
        last_day=last.last_day.isoformat(),
        items=tuple(items),
        worth=None if worth is None else _worth(worth),
        voices=voices,
    )


def _item(outcome: Outcome, panel: Panel, observations: pd.DataFrame) -> Item:
    figures, errors = panel.array(outcome.code), panel.sampling_error[outcome.code]
    pilot = (panel.areas["role"] == "pilot").to_numpy()
    compared = (panel.areas["role"] == "comparison").to_numpy()
    told = observations[observations["outcome"] == outcome.code]
    heads = told.set_index(["area_code", "quarter"])["respondents"]
    waves = []
    arms: tuple[tuple[Literal["pilot", "comparison"], Any], ...]
    arms = (("pilot", pilot), ("comparison", compared))
    for t, period in enumerate(panel.periods):
        for arm, inside in arms:
            own = inside & np.isfinite(figures[:, t])
            if own.any():
                asked = [(code, period.label) for code in panel.areas.index[own]]
                people = float(heads.reindex(asked).to_numpy(dtype=float).sum())
                found = (figures[own, t], errors[own, t])
                waves.append(_wave(period.label, arm, *found, people=people))
    said = outcome.survey.wording if outcome.survey and outcome.survey.printed else ()
    span = (outcome.bounds.high or 1.0) - (outcome.bounds.low or 0.0)
    return Item(outcome=outcome.code, question=" ".join(said), waves=tuple(waves), span=span)


def _wave(
    quarter: str, arm: Literal["pilot", "comparison"], figures: Any, errors: Any, *, people: float
) -> ArmWave:
    """Areas count alike, as they do in the estimate."""
    n = len(figures)
    mean, error = float(figures.mean()), float(np.sqrt(np.square(errors).sum()) / n)
    return ArmWave(
        quarter=quarter,
        arm=arm,
        mean=mean,
        low=mean - NORMAL * error,
        high=mean + NORMAL * error,
        respondents=round(people),
        areas=n,
    )


def _worth(found: Wellbeing) -> Worth:
    totals = found.totals()

    def row(name: str) -> Mean:
        mean, low, high = (float(one) for one in totals.T[name].tolist())
        return Mean(mean=mean, low=low, high=high)

    first, last = found.quarters
    # Areas of one site that start at different times are different areas.
    starts = [one for one in ("site", "cohort") if one in found.index]
    people = found.index.assign(adults=found.adults).groupby(starts, dropna=False)["adults"].last()
    return Worth(
        outcome=found.outcome,
        label=found.label,
        wellbys=row("wellbys"),
        pounds=row("pounds"),
        pounds_low=row("pounds_low"),
        pounds_central=row("pounds_central"),
        pounds_high=row("pounds_high"),
        prices=found.prices,
        price_base=found.price_base,
        first=first,
        last=last,
        adults=float(people.sum()),
        source=found.source,
    )

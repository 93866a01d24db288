"""Invented returns of any synthetic programme, so that its way can be tried before a real one.

Nothing happens in these figures: areas keep their level, the seasons go round, and no programme has
an effect. What is to be found is the way, and the truth of every effect is zero.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import WorkspaceError
from evaluation.finance import money_owed
from evaluation.returns.form import form
from evaluation.returns.template import write_return
from evaluation.returns.workbook import csv_name
from evaluation.simulate.payments import money_rows, paid_in_trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.programme import Area, Outcome, Programme
    from evaluation.quarters import Period

    Floats = NDArray[np.float64]

# Events a period in an area of average size: enough that few are withheld as small.
EVENTS = 60.0
PEOPLE = 6_000
# Log points: of areas among each other, of the season, and of one figure from period to period.
BETWEEN, SEASON, NOISE = 0.15, 0.05, 0.04
# How far below an outcome's own limit its usual figure lies.
BELOW_LIMIT = 0.3
# People who answer a survey in an area.
ASKED = 120


A_YEAR: dict[str, int] = {"Q": 4, "M": 12}
"""Periods in which the seasons go round."""


def trial_returns(
    programme: Programme, folder: Path, *, until: Period | None = None, seed: int = 1
) -> list[Path]:
    """Write one CSV a submitter and period to a folder; returns the files, in order of time.

    Parameters
    ----------
    until : the last period; that of the programme where none is named.

    Raises
    ------
    WorkspaceError : the programme is not declared synthetic, or the period is not its own.
    """
    if not programme.synthetic:
        raise WorkspaceError(
            f"{programme.name} collects real returns, and no figure is invented for it.",
            where=f"studies/{programme.name}/programme.yaml",
            mend="try the way in a programme that says synthetic: true",
        )
    last = until or programme.last
    if last not in programme.periods:
        raise WorkspaceError(
            f"{last} is no period of {programme.name}.",
            expected=f"{programme.first} to {programme.last}",
        )
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    levels = {
        outcome.code: rng.normal(0, BETWEEN, len(programme.areas)) for outcome in programme.outcomes
    }
    # A stream of its own: that costs are declared moves no other figure.
    written, money = [], np.random.default_rng([seed, 1])
    for period in programme.periods[: last - programme.first + 1]:
        for site, agency in programme.submitters:
            rows = _rows(programme, (site, agency), period, levels, rng)
            if rows:
                path = folder / csv_name(site, agency, period)
                guide = [form().template_version, programme.name, site, agency, str(period)]
                write_return(path, guide, rows)
                written.append(path)
        for site, _, sender in money_owed(programme, period):
            path = folder / csv_name(site, sender, period)
            guide = [form().template_version, programme.name, site, sender, str(period)]
            paid = paid_in_trial(programme, site, period, money)
            write_return(path, guide, money_rows(programme, site, sender, period, paid))
            written.append(path)
    return written


def _rows(
    programme: Programme,
    submitter: tuple[str, str],
    period: Period,
    levels: dict[str, Floats],
    rng: np.random.Generator,
) -> list[list[str | float | None]]:
    rows = []
    for outcome in programme.asked_in(*submitter, period):
        asked = programme.areas_of(*submitter, outcome.code)
        for place, area in enumerate(programme.areas):
            if area.code in asked:
                moved = levels[outcome.code][place] + rng.normal(0, NOISE)
                turn = period.ordinal / A_YEAR.get(period.frequency, 1)
                moved += SEASON * np.sin(2 * np.pi * turn)
                rows.append(_row(programme, outcome, area, period, float(np.exp(moved))))
    return rows


def _row(
    programme: Programme, outcome: Outcome, area: Area, period: Period, factor: float
) -> list[str | float | None]:
    people = area.population or PEOPLE
    below = programme.fixed_denominators.get((area.code, outcome.code), float(people))
    head = [area.code, area.name, period.label, outcome.code]
    limits = [one for one in (outcome.soft_limits.high, outcome.bounds.high) if one is not None]
    if outcome.form == "value":
        usual = BELOW_LIMIT * min(limits) if limits else EVENTS
        if outcome.sampled and None not in (outcome.soft_limits.low, outcome.soft_limits.high):
            usual = ((outcome.soft_limits.low or 0.0) + (outcome.soft_limits.high or 0.0)) / 2
        # Answers on a closed scale move far less than counts do.
        figure = usual * (factor**0.1 if outcome.sampled else factor)
        row = [*head, round(figure) if outcome.whole else round(figure, 2), None, None, None, None]
        spread = outcome.survey.person_sd if outcome.survey else usual / 4
        answered = [round(spread / ASKED**0.5, 3), ASKED] if outcome.sampled else []
        return [*row, *answered]
    usual = EVENTS * below / PEOPLE
    if limits:
        usual = min(usual, BELOW_LIMIT * min(limits) * below / outcome.per)
    count = usual * factor
    shown = round(count) if outcome.whole else round(count, 1)
    if shown < outcome.disclosure.threshold:
        return [*head, None, below, "[c]", None, None]
    return [*head, shown, int(below) if below == int(below) else below, None, None, None]

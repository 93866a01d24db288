"""What the questions of a check catch and what they cost, where it is known what was planted.

Synthetic returns with a full history are checked as they are, and again with one slip planted in
each. The thresholds of ``checks.yaml`` are made stricter and laxer by a factor, so that the
trade-off can be seen. ``python -m benchmarks.questions`` writes ``book/questions.json``.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluation import quarters
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before, QuestionParameters, parameters
from evaluation.check.history import check_quarters
from evaluation.check.read import read_cells, read_header
from evaluation.check.report import Problem
from evaluation.check.stages import check_return
from evaluation.programme import OPEN_SITE, Programme
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return, form
from evaluation.returns.workbook import RawReturn, RawRow, csv_name
from evaluation.simulate import Figures, Scenario, draw_figures, invent_programme, rows_of
from evaluation.simulate.figures import Row
from evaluation.workspace import Workspace

COMMAND = "python -m benchmarks.questions"
SEEDS = 4
QUARTERS = 6
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
AREA, NUMERATOR, DENOMINATOR, STATUS = 0, 4, 5, 6
Injected = tuple[list[Row], set[int]]
"""The spoilt rows, and the rows (from 0) in any of which a question finds the slip."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A return of the synthetic programme, and what had been accepted before it."""

    site: str
    agency: str
    period: Period
    rows: list[Row]
    last: list[Row]
    before: Before


def ten_times(sent: Sent, rng: np.random.Generator) -> Injected | None:
    """A digit too many in one figure."""
    return _changed(sent, rng, lambda figure: figure * 10)


def a_tenth(sent: Sent, rng: np.random.Generator) -> Injected | None:
    """The last digit of one figure lost."""
    return _changed(sent, rng, lambda figure: figure // 10)


def _changed(sent: Sent, rng: np.random.Generator, change: Callable[[int], int]) -> Injected | None:
    able = [n for n, row in enumerate(sent.rows) if isinstance(row[NUMERATOR], int)]
    rows, place = [list(row) for row in sent.rows], int(rng.choice(able))
    rows[place][NUMERATOR] = change(int(str(rows[place][NUMERATOR])))
    return rows, {place}


def rows_exchanged(sent: Sent, rng: np.random.Generator) -> Injected | None:
    """Two areas of one outcome hold each other's figure and denominator."""
    return _exchanged(sent, rng, (NUMERATOR, DENOMINATOR, STATUS))


def figures_exchanged(sent: Sent, rng: np.random.Generator) -> Injected | None:
    """Two areas of one outcome hold each other's figure, each with its own denominator."""
    return _exchanged(sent, rng, (NUMERATOR, STATUS))


def _exchanged(sent: Sent, rng: np.random.Generator, columns: Sequence[int]) -> Injected | None:
    rows = [list(row) for row in sent.rows]
    able = [
        n
        for n in range(len(rows) - 1)
        if rows[n][3] == rows[n + 1][3] and rows[n][NUMERATOR] != rows[n + 1][NUMERATOR]
    ]
    place = int(rng.choice(able))
    for column in columns:
        one, other = rows[place][column], rows[place + 1][column]
        rows[place][column], rows[place + 1][column] = other, one
    return rows, {place, place + 1}


def one_row_down(sent: Sent, rng: np.random.Generator) -> Injected | None:
    """From some row on, every figure stands one row too low."""
    rows = [list(row) for row in sent.rows]
    start = int(rng.integers(0, len(rows) // 2))
    for place in range(len(rows) - 1, start, -1):
        for column in (NUMERATOR, STATUS):
            rows[place][column] = rows[place - 1][column]
    return rows, set(range(start, len(rows)))


def last_quarter_again(sent: Sent, _rng: np.random.Generator) -> Injected | None:
    """The figures of the quarter before, under this quarter's name."""
    rows = [list(row) for row in sent.rows]
    for row, old in zip(rows, sent.last, strict=True):
        row[NUMERATOR], row[STATUS] = old[NUMERATOR], old[STATUS]
    return rows, set(range(len(rows)))


SLIPS: dict[str, Callable[[Sent, np.random.Generator], Injected | None]] = {
    "a digit too many": ten_times,
    "a digit lost": a_tenth,
    "two rows exchanged": rows_exchanged,
    "two figures exchanged, denominators in place": figures_exchanged,
    "figures one row down": one_row_down,
    "a copy of last quarter": last_quarter_again,
}


def scaled(ask: QuestionParameters, factor: float) -> QuestionParameters:
    """The declared thresholds, ``factor`` times as many standard deviations away."""
    return ask.model_copy(
        update={
            "jump": ask.jump * factor,
            "column": ask.column * factor,
            "exchange": ask.exchange * factor**2,
            "shift": ask.shift * factor**2,
            "shift_row": ask.shift_row * factor**2,
            "copy_chance": ask.copy_chance ** (factor**2),
        }
    )


def sent_returns(programme: Programme, figures: Figures, n_quarters: int) -> Iterator[Sent]:
    """Every return of the last quarters, each with the history that it would have met."""
    history = AcceptedFigures(programme)
    for period in programme.periods:
        for site, agency in programme.submitters:
            rows = rows_of(programme, figures, site, agency, period)
            if programme.last - period < n_quarters:
                last = rows_of(programme, figures, site, agency, period + -1)
                before = history.before((site, agency), period)
                yield Sent(
                    site=site, agency=agency, period=period, rows=rows, last=last, before=before
                )
            history.add(_returned(programme, site, agency, period, rows))


def _returned(
    programme: Programme, site: str, agency: str, period: Period, rows: list[Row]
) -> Return:
    def number(value: object) -> float | None:
        return None if value is None else float(str(value))

    observed = tuple(
        Observation(
            str(row[AREA]),
            period,
            str(row[3]),
            number(row[NUMERATOR]),
            number(row[DENOMINATOR]),
            str(row[STATUS] or ""),
            "",
        )
        for row in rows
    )
    return Return(
        programme=programme.name, site=site, agency=agency, period=period, rows=observed, sha256=""
    )


def as_file(sent: Sent, rows: list[Row]) -> RawReturn:
    """The rows as they are read from a CSV."""
    guide = dict.fromkeys(form().guide, "")
    guide |= {"site": sent.site, "agency": sent.agency, "quarter": str(sent.period)}
    return RawReturn(
        path_name=csv_name(sent.site, sent.agency, sent.period),
        content=b"",
        sha256="",
        sheet=None,
        guide=guide,
        header=RawRow(1, (*form().names, *form().ignored)),
        rows=tuple(RawRow(number, tuple(row)) for number, row in enumerate(rows, start=2)),
    )


def asked(programme: Programme, sent: Sent, rows: list[Row]) -> list[list[Problem]]:
    """Errors and questions at each factor, on these rows in place of the return's own."""
    raw = as_file(sent, rows)
    checked = check_return(raw, programme, before=replace(sent.before, earlier={}))
    fixed = [p for p in checked.problems if p.severity != "note"]
    cells = read_cells(read_header(raw).value, None, sent.period)
    found = []
    for factor in FACTORS:
        before = replace(sent.before, ask=scaled(sent.before.ask, factor))
        found.append([*fixed, *check_quarters(cells, programme, before, sent.period)])
    return found


def measure(seeds: int = SEEDS, n_quarters: int = QUARTERS) -> dict[str, Any]:
    """Questions a clean return and shares of slips caught, at each factor, over some seeds."""
    workspace = Workspace.find()
    scenario = Scenario.load(workspace.schemas)
    preset = scenario.presets["full"]
    programme = invent_programme(scenario, preset, workspace.schemas)
    clean: list[list[int]] = []
    caught: dict[str, list[list[bool]]] = defaultdict(list)
    for seed in range(seeds):
        rng = np.random.default_rng([scenario.seed, seed])
        figures = draw_figures(programme, scenario, preset, seed=scenario.seed + 1 + seed)
        for sent in sent_returns(programme, figures, n_quarters):
            clean.append([len(found) for found in asked(programme, sent, sent.rows)])
            if sent.site == OPEN_SITE:
                continue
            for name, plant in SLIPS.items():
                if (spoilt := plant(sent, rng)) is not None:
                    rows, places = spoilt
                    caught[name].append(
                        [_noticed(found, places) for found in asked(programme, sent, rows)]
                    )
    return _record(seeds, clean, caught)


def _noticed(found: Sequence[Problem], places: set[int]) -> bool:
    rows = {int("".join(sign for sign in p.cell if sign.isdigit())) - 2 for p in found if p.cell}
    return bool(rows & places)


def _record(
    seeds: int, clean: list[list[int]], caught: dict[str, list[list[bool]]]
) -> dict[str, Any]:
    ask = parameters().questions
    rows = [
        {
            "factor": factor,
            "jump": scaled(ask, factor).jump,
            "questions": float(np.mean([counts[place] for counts in clean])),
            "caught": {
                name: float(np.mean([one[place] for one in each])) for name, each in caught.items()
            },
        }
        for place, factor in enumerate(FACTORS)
    ]
    return {
        "command": f"{COMMAND} {seeds}",
        "recorded": quarters.now().date().isoformat(),
        "seeds": seeds,
        "clean_returns": len(clean),
        "planted": {name: len(each) for name, each in caught.items()},
        "rows": rows,
    }


if __name__ == "__main__":
    given = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    text = json.dumps(measure(given), indent=1)
    (Workspace.find().book / "questions.json").write_text(text + "\n", encoding="utf-8")

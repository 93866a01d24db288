"""The stages of a check, in order, from the file to other sites' figures.

Every stage that can run runs, so that all faults are told in one pass; one that cannot says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluation.check import figures, history, keys, layout
from evaluation.check.before import Before, Key
from evaluation.check.keys import Submitter, read_guide
from evaluation.check.read import Cells, read_cells, read_header, right_headings
from evaluation.check.report import Checked, Problem, Stage
from evaluation.programme import Programme
from evaluation.returns.form import Figures, Observation, Return
from evaluation.returns.workbook import RawReturn

_COLUMN = "a column that it needs is missing"
_NOTHING_BEFORE = "there is no earlier accepted return to compare with"
_NO_OTHERS = "no figure of another area or source is known"
_NOBODY = "it is not known whose return it is, so its own areas and quarter are not checked"


def check_return(
    raw: RawReturn,
    programme: Programme,
    *,
    before: Before | None = None,
    last_accepted: Figures | None = None,
) -> Checked:
    """Everything that is wrong in a return, in one pass; its content if nothing is.

    Parameters
    ----------
    before : what had been accepted before; without it nothing is compared with earlier figures.
    last_accepted : in its place, the submitter's last accepted figures alone.
    """
    before = before or Before.of_last(last_accepted or {})
    submitter, problems = read_guide(raw, programme, today=before.today)
    headed, faults = read_header(raw)
    problems += faults
    headed, faults = right_headings(headed, raw.sheet, programme, _fixed(before))
    problems += faults
    cells, faults = read_cells(headed, raw.sheet, submitter.period)
    faults = figures.mend_types(cells, faults, _fixed(before))
    problems += faults + layout.check_layout(raw, headed)
    stages = [
        Stage("file", True),
        Stage("guide", True),
        Stage("header", True),
        Stage("types", True),
    ]
    for step in _steps(cells, programme, submitter, before):
        ready = not step.missing
        stages.append(Stage(step.name, ready, step.missing or step.reason))
        if ready:
            problems += step.run()
    problems += cells.tally.rest(cells.columns, raw.sheet)
    problems = layout.without_echoes(problems, raw)
    refused = {(problem.sheet, problem.cell) for problem in problems if problem.severity == "error"}
    # A cell that must be mended anyway is not also questioned: its value will change.
    problems = [p for p in problems if p.severity == "error" or (p.sheet, p.cell) not in refused]
    return Checked(
        file=raw.path_name,
        sha256=raw.sha256,
        site=submitter.site,
        agency=submitter.agency,
        quarter=str(submitter.period or raw.guide["quarter"]),
        problems=tuple(sorted(problems, key=_order)),
        stages=tuple(stages),
        returned=None if refused else _content(raw, programme, submitter, cells),
    )


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A stage after the types: what it does, and why it cannot if it cannot.

    ``reason`` tells of a part that is left out although the stage runs.
    """

    name: str
    run: Callable[[], list[Problem]]
    missing: str = ""
    reason: str = ""


def _steps(
    cells: Cells, programme: Programme, submitter: Submitter, before: Before
) -> tuple[_Step, ...]:
    def lacks(*needed: str) -> str:
        return "" if set(needed) <= cells.columns.keys() else _COLUMN

    measured = ("outcome", "numerator", "denominator")
    compared = lacks("area_code", *measured)
    nobody = submitter.areas is None or submitter.period is None
    alone = not before.others and not before.elsewhere
    return (
        _Step(
            name="keys",
            missing=lacks("area_code", "outcome"),
            reason=_NOBODY if nobody else "",
            run=lambda: _keys(cells, submitter, programme),
        ),
        _Step(
            name="columns",
            missing=lacks(*measured),
            run=lambda: figures.check_columns(cells, programme, _fixed(before)),
        ),
        _Step(
            name="across",
            missing=lacks(*measured, "status"),
            run=lambda: figures.check_across(cells, programme, _fixed(before)),
        ),
        _Step(
            name="notes", missing=lacks("note"), run=lambda: layout.check_notes(cells, programme)
        ),
        _Step(
            name="quarters",
            missing=compared or ("" if before.earlier else _NOTHING_BEFORE),
            run=lambda: history.check_quarters(cells, programme, before, submitter.period),
        ),
        _Step(
            name="last accepted",
            missing=lacks("area_code", *measured, "status")
            or ("" if before.earlier or before.accepted else _NOTHING_BEFORE),
            run=lambda: history.check_accepted(cells, programme, before),
        ),
        _Step(
            name="others",
            missing=compared or (_NO_OTHERS if alone else ""),
            run=lambda: history.check_others(cells, programme, before),
        ),
    )


def _keys(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    problems = keys.check_keys(cells, submitter, programme)
    return problems + (keys.check_missing(cells, submitter) if cells.rows else [])


def _fixed(before: Before) -> dict[Key, float]:
    """The last accepted denominators."""
    return {
        key: held.denominator
        for key, earlier in before.earlier.items()
        for held in earlier[-1:]
        if held.denominator is not None
    }


def _order(problem: Problem) -> tuple[int, int, str, str]:
    return problem.order


def _content(
    raw: RawReturn, programme: Programme, submitter: Submitter, cells: Cells
) -> Return | None:
    if submitter.period is None:
        return None
    rows = []
    for area, quarter, outcome, numerator, denominator, status, note in zip(
        cells.area_code,
        cells.quarter,
        cells.outcome,
        cells.numerator,
        cells.denominator,
        cells.status,
        cells.note,
        strict=True,
    ):
        if area is None or quarter is None or outcome is None:
            return None  # told as an error already; the types need it said
        rows.append(
            Observation(area, quarter, outcome, numerator, denominator, status or "", note or "")
        )
    return Return(
        programme=programme.name,
        site=submitter.site,
        agency=submitter.agency,
        period=submitter.period,
        rows=tuple(rows),
        sha256=raw.sha256,
    )

"""The stages of a check, in order: header, guide, types, keys, columns, across, last accepted.

Every stage that can run runs, so that all faults are told in one pass; one that cannot says why.
"""

from __future__ import annotations

from evaluation.check import figures, keys
from evaluation.check.cells import Cells, read_cells
from evaluation.check.guide import Submitter, read_guide
from evaluation.check.header import read_header
from evaluation.check.problems import Checked, Problem, Stage
from evaluation.programme import Programme
from evaluation.returns.content import Figures, Observation, Return
from evaluation.returns.workbook import RawReturn


def check_return(
    raw: RawReturn, programme: Programme, *, last_accepted: Figures | None = None
) -> Checked:
    """Everything that is wrong in a return, in one pass; its content if nothing is.

    Parameters
    ----------
    last_accepted : the submitter's last accepted figures, numerator and denominator by area and
        outcome; without them no jump is questioned.
    """
    headed, problems = read_header(raw)
    submitter, faults = read_guide(raw, programme)
    problems += faults
    cells, faults = read_cells(headed, raw.sheet, submitter.period)
    problems += faults
    stages = [Stage("header", True), Stage("guide", True), Stage("types", True)]
    keyed = {"area_code", "outcome"} <= headed.columns.keys()
    measured = {"outcome", "numerator", "denominator"} <= headed.columns.keys()
    jumps = keyed and measured and last_accepted is not None
    if keyed:
        problems += keys.check_keys(cells, submitter, programme)
        if cells.rows:
            problems += keys.check_missing(cells, submitter)
    if measured:
        problems += figures.check_columns(cells, programme)
    if measured and "status" in headed.columns:
        problems += figures.check_across(cells, programme)
    if jumps and last_accepted is not None:
        problems += figures.check_jumps(cells, programme, last_accepted)
    stages += _later(keyed, measured, "status" in headed.columns, submitter)
    reason = "" if jumps else "there is no earlier accepted return to compare with"
    stages.append(Stage("last accepted", jumps, reason))
    refused = {(problem.sheet, problem.cell) for problem in problems if problem.severity == "error"}
    # A cell that must be mended anyway is not also questioned: its value will change.
    problems = [p for p in problems if p.severity != "confirm" or (p.sheet, p.cell) not in refused]
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


def _later(keyed: bool, measured: bool, symbols: bool, submitter: Submitter) -> list[Stage]:
    column = "a column that it needs is missing"
    stages = [
        Stage("keys", keyed, "" if keyed else column),
        Stage("columns", measured, "" if measured else column),
        Stage("across", measured and symbols, "" if measured and symbols else column),
    ]
    if keyed and (submitter.areas is None or submitter.period is None):
        unknown = "it is not known whose return it is, so its own areas and quarter are not checked"
        stages[0] = Stage("keys", True, unknown)
    return stages


def _order(problem: Problem) -> tuple[int, int, str, str]:
    return problem.order


def _content(
    raw: RawReturn, programme: Programme, submitter: Submitter, cells: Cells
) -> Return | None:
    if submitter.period is None:
        return None
    rows = []
    for area, quarter, outcome, numerator, denominator, status, note in zip(
        cells.area_code, cells.quarter, cells.outcome, cells.numerator,
        cells.denominator, cells.status, cells.note, strict=True,
    ):  # fmt: skip
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

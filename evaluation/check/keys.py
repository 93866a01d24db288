"""Keys: each row's area, outcome and quarter are the submitter's own, once, and all are there."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from functools import partial

from evaluation.check.cells import Cells
from evaluation.check.guide import Submitter
from evaluation.check.problems import Problem, problem
from evaluation.programme import Programme

_LISTED = 8


def check_keys(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    """Every row whose key is unknown, somebody else's, of another quarter, or there twice."""
    problems = _check_areas(cells, submitter, programme)
    problems += _check_outcomes(cells, submitter, programme)
    problems += _check_quarters(cells, submitter)
    problems += _check_names(cells, programme)
    return problems + _check_twice(cells)


def _check_areas(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    known, own = programme.area_by_code, submitter.areas
    present = set(zip(cells.area_code, cells.outcome, strict=True))
    problems: list[Problem] = []
    for entry, code in enumerate(cells.area_code):
        if code is None or (code in known if own is None else code in own):
            continue
        if code in known:
            message = f"{code} ({known[code].name}) is not an area of this submitter."
            problems += cells.told("R031", entry, "area_code", message, value=code)
        else:
            message = "The programme has no area with this code."
            mend = partial(_nearest_free, code, cells.outcome[entry], own or known, present)
            problems += cells.told("R030", entry, "area_code", message, value=code, mend=mend)
    return problems


def _nearest_free(
    code: str, outcome: str | None, areas: Iterable[str], present: Container[object]
) -> str:
    return _did_you_mean(code, [area for area in areas if (area, outcome) not in present])


def _check_outcomes(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    known, own = programme.outcome_by_code, submitter.outcomes
    problems: list[Problem] = []
    for entry, code in enumerate(cells.outcome):
        if code is None or (code in known if own is None else code in own):
            continue
        if code in known:
            message = f"{known[code].title} is not asked from this submitter."
            if own is not None and known[code].frequency == "year" and submitter.period:
                message = f"{known[code].title} is not asked from this submitter for this period."
            problems += cells.told("R033", entry, "outcome", message, value=code)
        else:
            mend = partial(_did_you_mean, code, own or known)
            message = "The programme has no outcome with this code."
            problems += cells.told("R032", entry, "outcome", message, value=code, mend=mend)
    return problems


def _did_you_mean(code: str, among: Iterable[str]) -> str:
    near = difflib.get_close_matches(code, among, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""


def _check_quarters(cells: Cells, submitter: Submitter) -> list[Problem]:
    period = submitter.period
    if period is None:
        return []
    message, mend = f"This return is for {period}.", f"Write {period}, or delete the row."
    return [
        told
        for entry, quarter in enumerate(cells.quarter)
        if quarter is not None and quarter != period
        for told in cells.told("R034", entry, "quarter", message, value=str(quarter), mend=mend)
    ]


def _check_names(cells: Cells, programme: Programme) -> list[Problem]:
    """Names that belong to another area; a name that is merely spelt otherwise is not looked at."""
    codes = {area.name.casefold(): area.code for area in programme.areas}
    problems: list[Problem] = []
    for entry, (code, name) in enumerate(zip(cells.area_code, cells.area_name, strict=True)):
        named = codes.get((name or "").casefold())
        area = programme.area_by_code.get(code or "")
        if named is None or area is None or area.name.casefold() == (name or "").casefold():
            continue
        message = f"{name} is {named}; {code} is {area.name}."
        problems += cells.told("R037", entry, "area_name", message, value=name)
    return problems


def _check_twice(cells: Cells) -> list[Problem]:
    first: dict[tuple[object, ...], int] = {}
    problems: list[Problem] = []
    keys = zip(cells.area_code, cells.quarter, cells.outcome, strict=True)
    for entry, key in enumerate(keys):
        if None in key:
            continue
        if key in first:
            row = cells.rows[first[key]]
            message = f"This area, quarter and outcome already stand in row {row}."
            problems += cells.told("R035", entry, "area_code", message, value=key[0])
        else:
            first[key] = entry
    return problems


def check_missing(cells: Cells, submitter: Submitter) -> list[Problem]:
    """Expected rows that are not there, one problem an outcome.

    A row whose key cannot be read or is unknown may be the one that is missed: it is told already,
    so as many missing rows are not told again.
    """
    if submitter.areas is None or submitter.outcomes is None:
        return []
    present: dict[str, set[str]] = defaultdict(set)
    strange: Counter[str] = Counter()
    of_any = 0  # rows that may be of any outcome
    for area, outcome in zip(cells.area_code, cells.outcome, strict=True):
        if outcome is None or outcome not in submitter.outcomes:
            of_any += 1
        elif area is None or area not in submitter.areas:
            strange[outcome] += 1
        else:
            present[outcome].add(area)
    problems = []
    for code, expected in submitter.outcomes.items():
        missing = [area for area in submitter.areas if area not in present[code]]
        if len(missing) > strange[code] + of_any:
            listed = ", ".join(missing[:_LISTED]) + (" ..." if len(missing) > _LISTED else "")
            rows = "1 row is" if len(missing) == 1 else f"{len(missing)} rows are"
            message = f"{rows} missing for {expected.title}: {listed}."
            problems.append(problem("R036", message, sheet=cells.sheet))
    return problems

"""Confirmations: the written reasons for what is unusual but right."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.check.problems import Checked, Problem
from evaluation.errors import UserError

_COLUMNS = ("rule", "cell", "reason")


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Why a value that was questioned is right; kept with the return for ever."""

    rule: str
    cell: str
    reason: str
    value: str = ""


def read_confirmations(path: Path) -> tuple[Confirmation, ...]:
    """Read a CSV with the columns rule, cell and reason.

    Raises
    ------
    UserError : if it cannot be read, a column is missing, or a row gives no reason.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise UserError(
            f"the confirmations cannot be opened ({error.strerror}).", where=str(path)
        ) from None
    except UnicodeDecodeError:
        raise UserError(
            "the confirmations are not UTF-8 text.", where=str(path), mend="save them as CSV UTF-8."
        ) from None
    except csv.Error as error:
        raise UserError(f"the confirmations are no sound CSV ({error}).", where=str(path)) from None
    confirmations = []
    for number, row in enumerate(rows, start=2):
        rule, cell, reason = ((row.get(name) or "").strip() for name in _COLUMNS)
        if not reason or not rule:
            raise UserError(
                "a confirmation needs a rule and a reason.",
                where=f"{path}, row {number}",
                expected="columns rule, cell, reason; like R060,E41,a new ward opened in July",
            )
        confirmations.append(Confirmation(rule=rule, cell=cell.upper(), reason=reason))
    return tuple(confirmations)


def confirmed(
    checked: Checked, given: Sequence[Confirmation]
) -> tuple[tuple[Confirmation, ...], tuple[Problem, ...]]:
    """The confirmations with the values that they confirm, and the problems still without one."""
    by_place = {(one.rule, one.cell): one for one in given}
    kept, open_ = [], []
    for problem in checked.of("confirm"):
        one = by_place.get((problem.rule, problem.cell or ""))
        if one is None:
            open_.append(problem)
        else:
            value = "" if problem.value is None else str(problem.value)
            value = value if problem.cells == 1 else f"{problem.cells:,} cells"
            kept.append(Confirmation(rule=one.rule, cell=one.cell, reason=one.reason, value=value))
    return tuple(kept), tuple(open_)

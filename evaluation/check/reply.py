"""The reply to an officer: the words of the report, put to the cells of their own workbook."""

from __future__ import annotations

from pathlib import Path

from evaluation.check.problems import CONFIRM, Checked, Problem, report, shown
from evaluation.returns.form import form
from evaluation.returns.reply import Mark, write_reply
from evaluation.returns.workbook import RawReturn


def reply(raw: RawReturn, checked: Checked, path: Path) -> None:
    """Write the marked copy of a checked return, in the words and the order of the report.

    Raises
    ------
    ReplyTooLong : if the return is too long to mark.
    UserError : if ``path`` is no .xlsx or cannot be written.
    """
    headline = report(checked).splitlines()[0]
    write_reply(raw, headline, [_mark(problem) for problem in checked.problems], path)


def _mark(problem: Problem) -> Mark:
    elsewhere = problem.sheet not in (None, form().return_sheet)
    return Mark(
        severity=problem.severity,
        rule=problem.rule,
        sheet=problem.sheet,
        cell=problem.cell,
        place=f"{problem.sheet}!{problem.cell}" if elsewhere else problem.cell or "-",
        value=shown(problem.value),
        message=problem.message,
        mend=CONFIRM if problem.severity == "confirm" else problem.mend,
    )

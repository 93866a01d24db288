"""History in one go: many returns checked in their order, questioned together, accepted singly.

Each return passes the same check and is appended by the same way as one that is submitted alone.
What differs is who answers a question. A reason may be given for all that a rule asks, by a named
person; it answers no figure of a pilot area from its start on, none that is nearer to ten times
what is usual than to it, and none of the fifty most surprising of the whole load: those are
answered one by one.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before
from evaluation.check.history import Surprise, surprises
from evaluation.check.read import read_cells, read_header
from evaluation.check.report import Checked, Confirmation, Problem
from evaluation.check.report import problem as found
from evaluation.check.rules import rules
from evaluation.check.stages import check_return, day_of_check
from evaluation.declared import read_table
from evaluation.errors import PeriodError, ReturnFileError, UserError, WorkspaceError
from evaluation.finance import of_money, paying_agency
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.submission import accept_into, may_repeat, permit
from evaluation.programme import Programme
from evaluation.progress import Progress
from evaluation.quarters import Period
from evaluation.returns.form import Return, corners, form
from evaluation.returns.monthly import frequency_of, in_months, monthly_outcomes, sent_by_month
from evaluation.returns.tidy import (
    AS_RETURNED,
    ENDINGS,
    Place,
    TableColumns,
    is_table,
    split_tables,
)
from evaluation.returns.workbook import (
    RawReturn,
    counted_in,
    guide_from_name,
    read_return,
    read_sheets,
)
from evaluation.workspace import Workspace, sync_all, write_whole

MOST_EXTREME = 50
"""Questions of one load that are always answered one by one."""
_SLIP = math.sqrt(10)
"""Beyond this factor a figure is nearer to a digit too many or lost than to what is usual."""
_OF_MANY = ("R057", "R061", "R062", "R063")
"""Rules whose one question is about many rows."""
QUESTIONS = "questions.csv"
_COLUMNS = ("rule", "area_code", "quarter", "outcome", "value", "asked", "alone", "reason", "by")

Alone = Literal[
    "",
    "a pilot area after its start",
    "about ten times more or less than usual",
    "among the fifty most surprising figures",
    "more figures of one return than are told one by one",
]
"""Why a question takes an answer of its own."""


class Asked(NamedTuple):
    """What a question is about: its rule, and the figure by area, period and outcome."""

    rule: str
    area_code: str
    quarter: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why what was asked is right, and who says so."""

    reason: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """The reasons for a load: by rule, and for single figures."""

    rules: Mapping[str, Reason] = field(default_factory=dict)
    figures: Mapping[Asked, Reason] = field(default_factory=dict)


def read_reasons(path: Path) -> Reasons:
    """A CSV with the columns rule, reason and by; for one figure also area_code, quarter, outcome.

    Raises
    ------
    UserError : it cannot be read, names no rule, or a row lacks its reason or who gives it.
    """
    try:
        # As a spreadsheet saves the list of questions, with semicolons too.
        rows = list(read_table(path))
    except WorkspaceError as error:
        raise UserError(
            f"the reasons cannot be read: {error.what}",
            where=error.where,
            expected="a CSV (UTF-8) with the columns rule, reason, by",
            mend=error.mend,
        ) from None
    by_rule: dict[str, Reason] = {}
    figures: dict[Asked, Reason] = {}
    for row in rows:
        rule, reason, by = (row.get(name, "") for name in ("rule", "reason", "by"))
        # A list of questions comes with empty reasons: those that are left so are open still.
        if rule and not reason and row.get("area_code"):
            continue
        if rule not in rules() or not reason or not by:
            known = rule in rules()
            raise UserError(
                "a reason needs its text and who gives it." if known else f"no rule is {rule!r}.",
                where=f"{path}, row {row.line}",
                expected="columns rule, reason, by; like R060,full service began,Ada Byron",
            )
        given = Reason(reason=reason, by=by)
        if row.get("area_code"):
            quarter = _label(row.get("quarter", ""))
            figures[Asked(rule, row["area_code"], quarter, row.get("outcome", ""))] = given
        else:
            by_rule[rule] = given
    return Reasons(rules=by_rule, figures=figures)


def _label(text: str) -> str:
    try:
        return Period.parse(text).label
    except PeriodError:
        return text


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A return to be loaded. ``file`` is where it came from; ``places`` where it is of a table."""

    file: str
    raw: RawReturn
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """A problem of a load, with the file it stands in and where it came from.

    ``alone`` says why a question takes an answer of its own.
    """

    file: str
    problem: Problem
    asked: Asked | None = None
    place: Place | None = None
    alone: Alone = ""

    def as_dict(self) -> dict[str, Any]:
        """As ``load --json`` prints it: the problem, its file and what figure it is about."""
        content: dict[str, Any] = {"file": self.file, **self.problem.as_dict()}
        if self.asked is not None:
            content |= {
                "area_code": self.asked.area_code,
                "quarter": self.asked.quarter,
                "outcome": self.asked.outcome,
                "alone": self.alone,
            }
        if self.place is not None:
            content["source"] = self.place._asdict()
        return content


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a load left: how many returns were accepted, held already or refused, and why.

    ``rows`` counts the figures of the returns that were accepted; ``questions`` is the file in
    which what is open can be answered.
    """

    accepted: int
    already_held: int
    refused: int
    rows: int
    problems: tuple[Told, ...]
    questions: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As ``load --json`` prints it."""
        return {
            "accepted": self.accepted,
            "already_held": self.already_held,
            "refused": self.refused,
            "rows": self.rows,
            "problems": [one.as_dict() for one in self.problems],
            "questions": str(self.questions) if self.questions else None,
        }


@dataclass(frozen=True, kw_only=True)
class _Question:
    asked: Asked
    problem: Problem
    surprise: Surprise
    pilot: bool


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """A return as it was checked: whether its file is held already, and what it is asked."""

    incoming: Incoming
    held: bool
    checked: Checked | None = None
    questions: tuple[_Question, ...] = ()

    @property
    def returned(self) -> Return | None:
        return self.checked.returned if self.checked else None


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What lies in a file or folder: returns, files that cannot be read, rows that are left out."""

    returns: tuple[Incoming, ...]
    unreadable: tuple[Told, ...] = ()
    left_out: tuple[str, ...] = ()


def gather(path: Path, columns: TableColumns | None, programme: Programme) -> Gathered:
    """Every return in a file, or in the files of a folder and those below it.

    A file whose name or guide says whose return it is, is one. Any other is a table with the
    headings of a return; with a mapping, every file is a table.

    Parameters
    ----------
    columns : the mapping; None where there is none.

    Raises
    ------
    UserError : there is no such file, or nothing in the folder can be loaded.
    """
    if not path.exists():
        raise UserError("there is no such file or folder.", where=str(path))
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if is_table(p))
    if not files:
        raise UserError("nothing here can be loaded.", where=str(path), expected=", ".join(ENDINGS))
    tables = files if columns else [file for file in files if not _is_return(file)]
    whole, unreadable, left_out = list[Incoming](), list[Told](), tuple[str, ...]()
    for file in files:
        if file in tables:
            continue
        try:
            raw = read_return(file)
            raw = counted_in(raw, frequency_of(raw, programme))
            whole.append(Incoming(file=str(file), raw=raw))
        except ReturnFileError as error:
            unreadable.append(_unreadable(file, error))
    if tables:
        split = split_tables(tables, columns or AS_RETURNED, programme)
        left_out = split.left_out
        whole += [
            Incoming(file=one.raw.path_name, raw=one.raw, places=one.places)
            for one in split.returns
        ]
    return Gathered(returns=tuple(whole), unreadable=tuple(unreadable), left_out=left_out)


def _is_return(file: Path) -> bool:
    name = file.name.lower()
    if name.endswith(".xlsx"):
        # A workbook that cannot be opened is told of as a return.
        try:
            return form().return_sheet in read_sheets(file)
        except ReturnFileError:
            return True
    return name.endswith(".csv") and bool(guide_from_name(file.name)["site"])


def _unreadable(file: Path, error: ReturnFileError) -> Told:
    message = f"{error.what[:1].upper()}{error.what[1:]}"
    return Told(file=str(file), problem=found("R001", message, sheet=None, mend=error.mend))


def load_returns(
    workspace: Workspace,
    programme: Programme,
    incoming: Sequence[Incoming],
    reasons: Reasons,
    *,
    by: str = "",
    progress: Progress = print,
) -> Loaded:
    """Check returns in their order, and accept each whose questions are all answered.

    A load that was interrupted goes on when it is asked for again: what is in the ledger is
    counted as held, and a file that was corrected or withdrawn since is not brought back.

    Parameters
    ----------
    by : the person or service that sends them.

    Raises
    ------
    NotPermitted : ``by`` may not send one of the returns; nothing is accepted.
    WorkspaceError : the list of questions of the load before cannot be read; it stays as it is, and
        nothing is accepted.
    LedgerError : the ledger cannot be written; what was accepted before that stays accepted.
    """
    ordered = sorted(incoming, key=lambda one: _order(one.raw))
    senders = {(one.raw.guide["site"], one.raw.guide["agency"]) for one in ordered}
    money = of_money(programme)
    for submitter in sorted(senders & {*programme.submitters, *money.submitters}):
        permit(programme, by, *submitter)
    intake = _Intake(workspace=workspace, programme=programme, reasons=reasons, progress=progress)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        looked = intake.look(ledger, ordered)
        try:
            return intake.accept(ledger, looked, by)
        finally:
            # Records and raw files are on the disk one by one; the receipts, which the ledger can
            # give again, together.
            sync_all()


def _order(raw: RawReturn) -> tuple[date, str]:
    """By period, whatever the order of files; those that do not say come first, to be refused."""
    try:
        return Period.parse(raw.guide["quarter"]).last_day, raw.path_name
    except PeriodError:
        return date.min, raw.path_name


def _pilot(programme: Programme, returned: Return, outcome: str, area: str) -> bool:
    """Whether an area is a pilot that has started; with no area, whether any of the outcome."""
    return any(
        start is not None and (start + -1).last_day < returned.period.last_day
        for row in returned.rows
        if row.outcome == outcome and (not area or row.area_code == area)
        for start in [programme.start_of(programme.area_by_code[row.area_code])]
    )


class _Intake:
    """One load on its way: the accepted figures that grow with it, and what is still open."""

    def __init__(
        self, *, workspace: Workspace, programme: Programme, reasons: Reasons, progress: Progress
    ) -> None:
        self.workspace, self.programme, self.money = workspace, programme, of_money(programme)
        self.months = in_months(programme) if monthly_outcomes(programme) else programme
        self.reasons, self.progress = reasons, progress
        self.today = day_of_check(workspace, programme)

    def look(self, ledger: Ledger, incoming: Sequence[Incoming]) -> list[_Looked]:
        """Check every return as if those before it were accepted.

        One that is refused in the end, for a question that is open, has been compared with all the
        same: without its quarter every later figure would seem to jump. Single figures that the
        next return contradicts are left out of that, or each slip would make the four right figures
        after it seem wrong.
        """
        files = ledger.files(self.programme.name)
        new = sum(one.raw.sha256 not in files for one in incoming)
        history = ledger.accepted(self.programme)
        looked = []
        for number, one in enumerate(incoming):
            held = one.raw.sha256 in files
            if held and not files[one.raw.sha256]:
                self.progress(
                    f"{one.file} was withdrawn and is not brought back; newstart submit does that"
                )
            if number % 100 == 0 or len(one.raw.rows) > 1_000:
                self.progress(f"Checking returns: {number + 1} of {len(incoming)}")
            # What is held is looked at only to know which figures of the whole load surprise most.
            if held and not (new and self.reasons.rules):
                looked.append(_Looked(incoming=one, held=True))
                continue
            checked = self._check(history, one, held)
            looked.append(checked)
            if not held and checked.returned is not None:
                odd = self._contradicted(checked, incoming[number + 1 :])
                rows = tuple(
                    r for r in checked.returned.rows if (r.area_code, r.outcome) not in odd
                )
                history.add(replace(checked.returned, rows=rows))
        return looked

    def _contradicted(
        self, looked: _Looked, later: Sequence[Incoming]
    ) -> frozenset[tuple[str, str]]:
        """(area, outcome) of questioned figures after which the old level is there again."""
        jumps = {
            (one.asked.area_code, one.asked.outcome): one
            for one in looked.questions
            if one.asked.rule not in _OF_MANY and isinstance(one.problem.value, float | int)
        }
        mine = (looked.incoming.raw.guide["site"], looked.incoming.raw.guide["agency"])
        follows = (o.raw for o in later if (o.raw.guide["site"], o.raw.guide["agency"]) == mine)
        following = next(follows, None) if jumps else None
        if following is None:
            return frozenset()
        cells = read_cells(read_header(following).value, following.sheet, None)
        found = set()
        for area, outcome, figure in zip(
            cells.area_code, cells.outcome, cells.numerator, strict=True
        ):
            jump = jumps.get((area or "", outcome or ""))
            if jump is not None and figure is not None:
                # Half a case more, so that there is a logarithm of none.
                was, level = float(jump.problem.value or 0) + 0.5, jump.surprise.level + 0.5
                then = figure + 0.5
                if min(was, level, then) > 0 and _apart(then, level) < _apart(then, was):
                    found.add((jump.asked.area_code, jump.asked.outcome))
        return frozenset(found)

    def _check(self, history: AcceptedFigures, one: Incoming, held: bool) -> _Looked:
        pays = paying_agency(self.programme, one.raw.guide["agency"])
        programme = self.programme if pays is None else self.money
        if pays is None and sent_by_month(one.raw, self.programme):
            programme = self.months
        before = self._before(history.asked_by(programme), one.raw)
        if held:
            before = replace(before, accepted={})
        checked = check_return(one.raw, programme, before=before)
        return _Looked(
            incoming=one,
            checked=checked,
            held=held,
            questions=tuple(self._questions(programme, checked, before)),
        )

    def _before(self, history: AcceptedFigures, raw: RawReturn) -> Before:
        try:
            period = Period.parse(raw.guide["quarter"])
            return history.before(
                (raw.guide["site"], raw.guide["agency"]), period, today=self.today
            )
        except (PeriodError, WorkspaceError):  # the check names it
            return Before(today=self.today)

    def _questions(
        self, programme: Programme, checked: Checked, before: Before
    ) -> Iterator[_Question]:
        returned, open_ = checked.returned, checked.of("confirm")
        if returned is None or not open_:
            return
        known: dict[str, dict[str, Surprise]] = {}
        for one in open_:
            row = returned.rows[_row(one)] if one.cell else returned.rows[0]
            if row.outcome not in known:
                outcome = programme.outcome_by_code[row.outcome]
                known[row.outcome] = surprises(returned.rows, outcome, before)
            of_many = one.rule in _OF_MANY or one.cells > 1
            yield _Question(
                asked=Asked(one.rule, row.area_code, returned.period.label, row.outcome),
                problem=one,
                surprise=known[row.outcome].get(row.area_code, Surprise(0.0, 1.0, 0.0)),
                pilot=_pilot(programme, returned, row.outcome, "" if of_many else row.area_code),
            )

    def accept(self, ledger: Ledger, looked: Sequence[_Looked], by: str) -> Loaded:
        """Append every return whose questions are answered; the others are refused, with why."""
        written = _written(self._questions_file)
        extreme = most_extreme([q for one in looked for q in one.questions])
        accepted = held = refused = rows = 0
        told: list[Told] = []
        open_: list[Told] = []
        for number, one in enumerate(looked):
            if one.held:
                held += 1
                continue
            answers, unanswered = self._answered(one, extreme)
            told += unanswered
            if one.checked is None or one.checked.returned is None or unanswered:
                refused += 1
                open_ += [t for t in unanswered if t.asked is not None]
                self._keep_apart(one)
                continue
            for question in one.questions:
                written.pop(question.asked, None)
            receipt = accept_into(
                ledger,
                self.workspace,
                one.incoming.raw,
                one.checked,
                answers,
                by=by,
                history=True,
                repeatable=may_repeat(self.workspace, self.programme),
            )
            # The same figures in another file are no second return.
            accepted, held = accepted + (not receipt.already_held), held + receipt.already_held
            rows += 0 if receipt.already_held else receipt.rows
            if number % 100 == 99 or receipt.rows > 1_000:
                self.progress(f"Accepted {accepted} of {len(looked)} returns")
        return Loaded(
            accepted=accepted,
            already_held=held,
            refused=refused,
            rows=rows,
            problems=tuple(told),
            questions=self._write_questions(open_, written if refused else {}),
        )

    def _answered(
        self, one: _Looked, extreme: frozenset[Asked]
    ) -> tuple[tuple[Confirmation, ...], list[Told]]:
        """The reasons for what a return is asked, and what stands against it without one."""
        errors = one.checked.of("error") if one.checked else ()
        told = [self._told(one, error) for error in errors]
        answers = []
        for question in one.questions:
            alone = why_alone(question, extreme)
            given = self.reasons.figures.get(question.asked)
            blanket = None if alone else self.reasons.rules.get(question.asked.rule)
            reason = given or blanket
            if reason is None:
                told.append(self._told(one, question.problem, question.asked, alone))
                continue
            value = question.problem.value
            answers.append(
                Confirmation(
                    rule=question.asked.rule,
                    cell=question.problem.cell or "",
                    reason=reason.reason,
                    value="" if value is None else str(value),
                    scope="" if given else "rule",
                    by=reason.by,
                    area_code=question.asked.area_code,
                    outcome=question.asked.outcome,
                )
            )
        return tuple(answers), told

    def _told(
        self, one: _Looked, problem: Problem, asked: Asked | None = None, alone: Alone = ""
    ) -> Told:
        places = one.incoming.places
        row = _row(problem) if problem.cell else -1
        place = places[row] if places and 0 <= row < len(places) else None
        file = one.incoming.raw.path_name if places else one.incoming.file
        return Told(file=file, problem=problem, asked=asked, place=place, alone=alone)

    def _keep_apart(self, one: _Looked) -> None:
        """A refused return of a table is laid down as a file, to be looked at cell by cell."""
        if one.incoming.places:
            raw = one.incoming.raw
            folder = self.workspace.incoming(self.programme.name) / "refused"
            write_whole(folder / raw.path_name, raw.content.decode())

    @property
    def _questions_file(self) -> Path:
        return self.workspace.incoming(self.programme.name) / QUESTIONS

    def _write_questions(
        self, open_: Sequence[Told], written: dict[Asked, dict[str, str]]
    ) -> Path | None:
        """What is open as a list to be filled in, the most surprising of each return first.

        What somebody wrote into the list (``written``) stays there while it is needed: a return of
        which one question is open is refused with the others answered.
        """
        lines = []
        for one in open_:
            asked = one.asked or Asked("", "", "", "")
            line = written.pop(asked, dict.fromkeys(_COLUMNS, "")) | asked._asdict()
            line |= {"value": str(one.problem.value), "asked": one.problem.message}
            lines.append(line | {"alone": one.alone})
        lines += written.values()
        if not lines:
            self._questions_file.unlink(missing_ok=True)
            return None
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        write_whole(self._questions_file, out.getvalue())
        return self._questions_file if open_ else None


def _written(path: Path) -> dict[Asked, dict[str, str]]:
    """The lines of a list of questions into which somebody wrote, by what each is about."""
    if not path.is_file():
        return {}
    found = {}
    for row in read_table(path):
        line = {name: row.get(name, "") for name in _COLUMNS}
        if line["reason"] or line["by"]:
            period = _label(line["quarter"])
            found[Asked(line["rule"], line["area_code"], period, line["outcome"])] = line
    return found


def _apart(one: float, other: float) -> float:
    return abs(math.log(one / other))


def _row(problem: Problem) -> int:
    """The row of a return, from 0, in which a problem's cell lies."""
    place = corners(problem.cell or "")
    # Row 1 of the file is its heading.
    return place.first_row - 2 if place else 0


def most_extreme(questions: Sequence[_Question]) -> frozenset[Asked]:
    """The questions of a load about the figures that lie farthest from what is usual."""
    # By the figure where two surprise alike, so that the same fifty are asked on every run.
    ranked = sorted(questions, key=lambda one: (-one.surprise.size, one.asked))
    return frozenset(one.asked for one in ranked[:MOST_EXTREME])


def why_alone(question: _Question, extreme: frozenset[Asked]) -> Alone:
    """Why no reason for a whole rule answers a question; "" where one may."""
    if question.pilot:
        return "a pilot area after its start"
    if question.problem.cells > 1:
        return "more figures of one return than are told one by one"
    if question.surprise.factor > _SLIP:
        return "about ten times more or less than usual"
    return "among the fifty most surprising figures" if question.asked in extreme else ""

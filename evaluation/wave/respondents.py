"""Respondents and targets as they come from fieldwork: every fault told at its row.

A file of respondents is about persons. It is read here, never kept: what leaves is figures of
areas. So a fault names its cell and what a coded answer may be, and quotes no free text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.check.read import Fault, read_number
from evaluation.check.report import Problem, Tally, problem
from evaluation.errors import ReturnFileError, UserError
from evaluation.instrument import Instrument
from evaluation.programme import Outcome, Programme
from evaluation.returns.form import INVISIBLE, address
from evaluation.returns.workbook import RawRow, heading, text_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ADULT = 16
"""Years: the survey population is everybody of this age or more who lives in an area."""
OLDEST = 120
PERSON = ("area_code", "weight", "household", "age", "mode", "respondent")
"""Columns about a respondent that are neither answers nor variables of the targets."""
NEEDED = ("area_code", "weight")
WAVE = ("wave", "quarter", "fieldwork")
"""Columns that may say of which wave a respondent is."""
LEADS = re.compile(r"name|mail|phone|mobile|address|postcode|nhs_number|national_insurance|birth")
WHOLE_PROGRAMME = ("", "all", "programme")
"""What stands as the area of targets that hold for the programme as a whole."""
UNANSWERED = frozenset(
    {"", "don't know", "dont know", "dk", "prefer not to say", "refused", "not stated", "no answer"}
)
ONLINE = frozenset({"web", "online", "internet", "cawi", "push-to-web"})
_SPAN = re.compile(r"([0-9]+)\s*(?:-|–|to)\s*([0-9]+)")
_FROM = re.compile(r"([0-9]+)\s*(?:\+|and over|or over|or more|plus)")
_BELOW = re.compile(r"(?:under|below|<)\s*([0-9]+)")


def _plain(category: str) -> str:
    return re.sub(r"\s*[-\u2010-\u2015\u2212]\s*", "-", " ".join(category.casefold().split()))


@dataclass(frozen=True, kw_only=True)
class Targets:
    """How many adults live in an area, by each category of some variables.

    ``people`` : area ("" for the programme as a whole) -> variable -> category -> adults.
    """

    people: Mapping[str, Mapping[str, Mapping[str, float]]]

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Every variable that is named, in order of first mention."""
        return tuple(dict.fromkeys(name for held in self.people.values() for name in held))

    def of(self, area: str) -> Mapping[str, Mapping[str, float]] | None:
        """An area's own targets, else those of the programme; None where there are neither."""
        return self.people.get(area, self.people.get(""))

    @cached_property
    def _known(self) -> Mapping[str, Mapping[str, str]]:
        """Variable -> category, however it is spelt -> as the targets spell it."""
        found: dict[str, dict[str, str]] = {}
        for held in self.people.values():
            for variable, categories in held.items():
                own = found.setdefault(variable, {})
                for name in categories:
                    own.setdefault(_plain(name), name)
        return found

    def spelled(self, variable: str, said: str) -> str:
        """A category as the targets spell it; as it stands where they know none like it.

        Capitals and the kind of dash make no other category.
        """
        return self._known.get(variable, {}).get(_plain(said), said)

    def area_of(self, area: str) -> str:
        """Whose targets an area's respondents are weighted to: its own, or "" for all."""
        return area if area in self.people else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Respondents:
    """Answers of one wave, one row a respondent, in the order of the file.

    area, weight, household : (n). variables : variable of the targets -> (n) categories. answers :
    column -> (n) codes, NaN where nothing was answered. online : (n) whether by web, or None where
    the file does not say how.
    """

    area: NDArray[np.object_]
    weight: Floats
    household: NDArray[np.int64]
    variables: Mapping[str, NDArray[np.object_]]
    answers: Mapping[str, Floats]
    online: NDArray[np.bool_] | None


@dataclass(frozen=True, kw_only=True)
class ReadWave:
    """A wave as it was understood; ``respondents`` is None where an error stands in its way."""

    respondents: Respondents | None
    targets: Targets
    problems: tuple[Problem, ...]


def read_wave(
    file: Path, targets_file: Path, programme: Programme, outcomes: Sequence[Outcome]
) -> ReadWave:
    """Read respondents and targets, and name everything that is wrong with either.

    Raises
    ------
    ReturnFileError, UserError : if a file is not there or is no table at all.
    """
    targets, problems = _read_targets(targets_file, programme)
    sheet = Table.read(file, (*NEEDED, *targets.variables))
    reading = _Reading(
        sheet=sheet,
        programme=programme,
        outcomes=outcomes,
        targets=targets,
        # Targets that have to be mended anyway are held against nobody.
        sound=not any(one.severity == "error" for one in problems),
    )
    found, faults = reading.run()
    problems += faults
    wrong = any(one.severity == "error" for one in problems)
    ordered = sorted(problems, key=lambda one: one.order)
    return ReadWave(respondents=None if wrong else found, targets=targets, problems=tuple(ordered))


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text: where each heading stands, in which row all do, and the rows below."""

    name: str
    columns: dict[str, int]
    twice: dict[str, int]
    header: int
    rows: tuple[RawRow, ...]

    @classmethod
    def read(cls, file: Path, names: Sequence[str]) -> Table:
        """Raises ReturnFileError or UserError where there is no such table."""
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UserError(
                f"the file cannot be opened ({error.strerror}).", where=str(file)
            ) from None
        rows = [row for row in text_rows(content, file.name, names) if not row.blank]
        if not rows:
            raise ReturnFileError(
                "the file is empty.", where=file.name, expected=f"columns {', '.join(names)}"
            )
        heads = [heading(value) for value in rows[0].values]
        columns: dict[str, int] = {}
        twice: dict[str, int] = {}
        for position, name in enumerate(heads):
            if name and name in columns:
                twice[name] = position
            elif name:
                columns[name] = position
        header, *below = rows
        return cls(
            name=file.name, columns=columns, twice=twice, header=header.number, rows=tuple(below)
        )

    def text(self, row: RawRow, column: str) -> str:
        """A cell's text, without blanks around it; empty where there is none."""
        at = self.columns.get(column)
        value = row.values[at] if at is not None and at < len(row.values) else None
        return "" if value is None else str(value).strip(INVISIBLE)

    def cell(self, row: RawRow | None, column: str) -> str | None:
        """The A1 name of a cell; of the heading where no row is meant."""
        if column not in self.columns:
            return None
        return address(self.header if row is None else row.number, self.columns[column])


def _read_targets(file: Path, programme: Programme) -> tuple[Targets, list[Problem]]:
    names = ("area_code", "variable", "category", "people")
    sheet, problems = Table.read(file, names), []
    if absent := [name for name in names if name not in sheet.columns]:
        raise ReturnFileError(
            f"the targets have no column {', '.join(absent)}.",
            where=file.name,
            expected=", ".join(names),
        )
    people: dict[str, dict[str, dict[str, float]]] = {}
    for row in sheet.rows:
        area, variable, category = (sheet.text(row, name) for name in names[:3])
        area = "" if area.casefold() in (*WHOLE_PROGRAMME, programme.name.casefold()) else area
        number = read_number(sheet.text(row, "people") or None)
        message, column = "", "people"
        if area and area not in programme.area_by_code:
            message, column = f"{area} is no area of {programme.name}.", "area_code"
        elif not variable or not category:
            column = "category" if variable else "variable"
            message = f"The {column} is missing."
        elif isinstance(number, Fault) or number is None or not 0 <= number < math.inf:
            message = "How many adults live there is a number in digits, 0 or more."
        held = people.setdefault(area, {}).setdefault(heading(variable), {})
        if not message and category in held:
            message, column = f"{variable} {category} stands twice for this area.", "category"
        if message:
            problems.append(_of_targets(sheet, row, column, message))
        elif isinstance(number, float):
            held[category] = number
    targets = Targets(people=people)
    # What cannot be read is told at its cell; sums without it would be told as well.
    return targets, problems or list(_odd_totals(targets, file.name))


def _of_targets(sheet: Table, row: RawRow, column: str, message: str) -> Problem:
    return problem(
        "R118",
        message,
        sheet=sheet.name,
        cell=sheet.cell(row, column),
        value=sheet.text(row, column),
    )


# Populations by age and households by tenure come from different counts.
_TOTALS = 0.02


def _odd_totals(targets: Targets, file: str) -> Iterator[Problem]:
    """Variables whose people do not sum to the same number, and those that sum to nobody."""
    for area, variables in targets.people.items():
        totals = {variable: sum(held.values()) for variable, held in variables.items()}
        where = area or "the programme"
        if lacking := [name for name in targets.variables if name not in variables]:
            message = (
                f"The targets say nothing of {', '.join(lacking)} in {where}: weighted without."
            )
            yield problem("R126", message, sheet=file)
        if nobody := [variable for variable, total in totals.items() if total <= 0]:
            message = f"The targets of {nobody[0]} in {where} sum to nobody."
            yield problem("R118", message, sheet=file)
        elif max(totals.values()) > (1 + _TOTALS) * min(totals.values()):
            said = ", ".join(f"{variable} {total:,.0f}" for variable, total in totals.items())
            message = f"The variables' totals differ in {where}: {said}. The first is kept."
            yield problem("R126", message, sheet=file)


@dataclass(kw_only=True)
class _Reading:
    """One pass over the respondents: what was understood, and what stands against it."""

    sheet: Table
    programme: Programme
    outcomes: Sequence[Outcome]
    targets: Targets
    sound: bool
    problems: list[Problem] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def run(self) -> tuple[Respondents | None, list[Problem]]:
        sheet = self.sheet
        self._columns()
        if any(one.severity == "error" for one in self.problems):
            return None, self.problems
        self._areas()
        self._twice()
        self._ages()
        self._categories()
        weight = self._weights()
        answers = {
            column: self._answers(column, outcome.survey)
            for outcome in self.outcomes
            if outcome.survey
            for column in outcome.respondent_columns
            if column in sheet.columns
        }
        self.problems += self.tally.rest(sheet.columns, None)
        area = np.array([sheet.text(row, "area_code") for row in sheet.rows], dtype=object)
        return (
            Respondents(
                area=area,
                weight=weight,
                household=self._households(),
                variables={
                    name: np.array(
                        [self.targets.spelled(name, sheet.text(row, name)) for row in sheet.rows],
                        dtype=object,
                    )
                    for name in self.targets.variables
                },
                answers=answers,
                online=self._online(),
            ),
            self.problems,
        )

    def _tell(
        self,
        rule: str,
        row: RawRow | None,
        column: str,
        message: str,
        *,
        mend: str = "",
        cells: int = 1,
    ) -> None:
        number = 1 if row is None else row.number
        if row is None or self.tally.room(rule, column, number):
            value = self.sheet.text(row, column) if row is not None else None
            self.problems.append(
                problem(
                    rule,
                    message,
                    sheet=None,
                    cell=self.sheet.cell(row, column),
                    value=value or None,
                    mend=mend,
                    cells=cells,
                )
            )

    def _columns(self) -> None:
        sheet = self.sheet
        for name, position in sheet.twice.items():
            message = f"The column {name} stands twice."
            where = address(sheet.header, position)
            mend = "Keep one of them, or rename the other."
            found = problem("R110", message, sheet=None, cell=where, value=name, mend=mend)
            self.problems.append(found)
        for name in (*NEEDED, *self.targets.variables):
            if name not in sheet.columns:
                self._tell("R110", None, name, f"The column {name} is missing.")
        asked = {c for outcome in self.outcomes for c in outcome.respondent_columns}
        if not asked & sheet.columns.keys():
            message = (
                f"No column holds an answer: none is called {', '.join(sorted(asked)[:4])} ..."
            )
            self.problems.append(problem("R110", message, sheet=None))
        if not sheet.rows:
            message, mend = "There is no row of respondents.", "Send the file with its rows."
            self.problems.append(problem("R110", message, sheet=None, mend=mend))
        for outcome in self.outcomes:
            lacking = [c for c in outcome.respondent_columns if c not in sheet.columns]
            if lacking and len(lacking) < len(outcome.respondent_columns):
                message = f"{outcome.title} needs all of {', '.join(outcome.respondent_columns)};"
                message += f" {', '.join(lacking)} is missing."
                self.problems.append(problem("R110", message, sheet=None))
        if not any(sheet.text(row, "household") for row in sheet.rows):
            message = "Nobody's household is known: each is taken for a household of its own."
            self.problems.append(problem("R129", message, sheet=None))
        self._one_wave()
        known = {*PERSON, *self.targets.variables, *asked, *WAVE}
        usual = {"age_band", "sex", "tenure"}
        for name in sheet.columns.keys() - known - usual:
            message = f"The column {name} is not read."
            if self._wordy(name):
                message += " It seems to hold people's own words: they stay with you."
            elif LEADS.search(name):
                message += " It may lead to a person: take it out before the file goes anywhere."
            self._tell("R121", None, name, message)

    def _one_wave(self) -> None:
        """A file is of one wave: two of them in one would be weighted as one."""
        for name in WAVE:
            values = {self.sheet.text(row, name) for row in self.sheet.rows} - {""}
            if name in self.sheet.columns and len(values) > 1:
                said = ", ".join(sorted(values)[:4])
                self._tell("R138", None, name, f"{name} says {said}: a file is of one wave.")

    def _wordy(self, column: str) -> bool:
        return any(len(self.sheet.text(row, column).split()) > 4 for row in self.sheet.rows[:200])

    def _areas(self) -> None:
        """Areas that are unknown, set aside, or without targets: the first row of each."""
        sheet, areas = self.sheet, self.programme.area_by_code
        first: dict[str, RawRow] = {}
        count = Counter(sheet.text(row, "area_code") for row in sheet.rows)
        for row in sheet.rows:
            first.setdefault(sheet.text(row, "area_code"), row)
        for code, row in first.items():
            more = f" ({count[code]} rows)" if count[code] > 1 else ""
            area = areas.get(code)
            if area is None:
                message = f"This is no area of {self.programme.name}{more}.{self._meant(code)}"
                message = message if code else f"The area is missing{more}."
                self._tell("R111", row, "area_code", message)
            elif area.role == "excluded":
                message = f"{area.name} is set aside ({area.reason or 'excluded'}){more}."
                self._tell("R111", row, "area_code", message)
            elif self.sound and self.targets.of(code) is None:
                message = f"The targets say nothing of who lives in {code}{more}."
                self._tell("R112", row, "area_code", message)

    def _meant(self, code: str) -> str:
        """The area that a code in other letters, or a name, may stand for."""
        for area in self.programme.areas:
            if code.casefold() in (area.code.casefold(), area.name.casefold()):
                return f" Did you mean {area.code}?"
        return ""

    def _twice(self) -> None:
        """The same number twice, or two rows that agree in every cell."""
        sheet = self.sheet
        seen: dict[tuple[str, ...], int] = {}
        ids: dict[str, int] = {}
        for row in sheet.rows:
            number = sheet.text(row, "respondent")
            if number and number in ids:
                message = f"The same respondent stands in row {ids[number]}."
                self._tell("R114", row, "respondent", message)
                continue
            ids[number] = row.number
            key = tuple(sheet.text(row, name) for name in sheet.columns)
            if key in seen:
                message = f"Row {seen[key]} says the same in every column."
                self._tell("R114", row, "area_code", message)
            seen.setdefault(key, row.number)

    def _ages(self) -> None:
        sheet = self.sheet
        for row in sheet.rows:
            said, band = sheet.text(row, "age"), sheet.text(row, "age_band")
            age = read_number(said or None)
            if said and (isinstance(age, Fault) or age is None or not _is_age(age)):
                self._tell("R128", row, "age", f"An age is whole years, 0 to {OLDEST}.")
                age = None
            low, high = span_of(band)
            if isinstance(age, float) and age < ADULT:
                self._tell("R115", row, "age", f"Only people of {ADULT} or more are asked.")
            elif high < ADULT:
                self._tell("R115", row, "age_band", f"Only people of {ADULT} or more are asked.")
            elif isinstance(age, float) and not low <= age <= high:
                self._tell("R128", row, "age", f"{age:.0f} does not lie in the band {band}.")

    def _categories(self) -> None:
        sheet = self.sheet
        told: dict[tuple[str, str], tuple[RawRow, str]] = {}
        count: Counter[tuple[str, str]] = Counter()
        for row in sheet.rows if self.sound else ():
            wanted = self.targets.of(sheet.text(row, "area_code")) or {}
            for variable, people in wanted.items():
                said = self.targets.spelled(variable, sheet.text(row, variable))
                # One fault is told once: of a child it is the age.
                child = variable == "age_band" and span_of(said)[1] < ADULT
                if child or (said in people and people[said] > 0):
                    continue
                if not said:
                    message = f"{variable} is empty, and the targets need it."
                elif said in people:
                    message = f"By the targets nobody of {variable} {said} lives there."
                else:
                    message = f"The targets know no such {variable}: {', '.join(people)}."
                count[variable, said] += 1
                told.setdefault((variable, said), (row, message))
        # The first row of each: a category that is spelt otherwise is so in every row.
        for key, (row, message) in told.items():
            more = f" ({count[key]} rows)" if count[key] > 1 else ""
            self._tell("R117", row, key[0], message[:-1] + more + ".")

    def _weights(self) -> Floats:
        sheet = self.sheet
        found = np.ones(len(sheet.rows))
        for place, row in enumerate(sheet.rows):
            number = read_number(sheet.text(row, "weight") or None)
            if number is None:
                message = "The weight is missing: adults in the household over those asked."
            elif isinstance(number, Fault):
                message = "A weight is a number in digits, with a decimal point and no other sign."
            elif not 0 < number < math.inf:
                message = "A weight is more than 0 and finite."
            else:
                found[place] = number
                continue
            self._tell("R113", row, "weight", message)
        return found

    def _answers(self, column: str, asked: Instrument) -> Floats:
        sheet = self.sheet
        labels = {one.label.casefold(): float(one.code) for one in asked.answers}
        found = np.full(len(sheet.rows), np.nan)
        for place, row in enumerate(sheet.rows):
            said = sheet.text(row, column)
            if said.casefold() in UNANSWERED:
                continue
            number = labels.get(said.casefold())
            if number is None:
                read = read_number(said)
                number = read if isinstance(read, float) else None
            if number is not None and math.isfinite(number) and asked.holds(number):
                found[place] = number
                continue
            words = ", ".join(one.label for one in asked.answers)
            among = f"{asked.lowest} to {asked.highest}" + (f", or {words}" if words else "")
            self._tell("R116", row, column, f"An answer here is a whole number, {among}.")
        return found

    def _households(self) -> NDArray[np.int64]:
        """(n) number of the household; one without a name is a household of its own."""
        sheet = self.sheet
        names: dict[tuple[str, str], int] = {}
        found = np.empty(len(sheet.rows), dtype=np.int64)
        for place, row in enumerate(sheet.rows):
            name = sheet.text(row, "household")
            # Numbered within areas: two contractors may both begin at 1.
            key = (sheet.text(row, "area_code"), name) if name else ("", f"row {place}")
            found[place] = names.setdefault(key, len(names))
        return found

    def _online(self) -> NDArray[np.bool_] | None:
        if "mode" not in self.sheet.columns:
            return None
        said = [self.sheet.text(row, "mode").casefold() for row in self.sheet.rows]
        return np.array([one in ONLINE for one in said], dtype=bool)


def _is_age(age: float) -> bool:
    return float(age).is_integer() and 0 <= age <= OLDEST


def span_of(band: str) -> tuple[float, float]:
    """Lowest and highest age of a band like 25-34, 65+ or under 16; all where none is said."""
    text = band.casefold()
    if found := _SPAN.search(text):
        return float(found[1]), float(found[2])
    if found := _FROM.search(text):
        return float(found[1]), math.inf
    if found := _BELOW.search(text):
        return 0.0, float(found[1]) - 1
    return 0.0, math.inf


def read_issued(file: Path) -> dict[str, int]:
    """Addresses written to, by area.

    Raises
    ------
    ReturnFileError, UserError : if it is not there, is no such table, or holds no whole number.
    """
    table = Table.read(file, ("area_code", "issued"))
    if not {"area_code", "issued"} <= table.columns.keys():
        raise ReturnFileError(
            "addresses written to need two columns.", where=file.name, expected="area_code, issued"
        )
    found = {}
    for row in table.rows:
        number = read_number(table.text(row, "issued") or None)
        if not isinstance(number, float) or not number.is_integer() or number < 0:
            raise ReturnFileError(
                "how many were written to is a whole number.",
                where=f"{file.name} {table.cell(row, 'issued')}",
            )
        found[table.text(row, "area_code")] = int(number)
    return found


def described(problems: Sequence[Problem]) -> Iterator[str]:
    """What an officer reads of a wave's problems, a line each."""
    for one in problems:
        where = f"{one.sheet} {one.cell or ''}".strip() if one.sheet else (one.cell or "")
        kind = {"error": "to mend", "confirm": "to confirm", "note": "note"}[one.severity]
        yield f"{where or 'the file':<12} {kind}: {one.message} {_mend(one)}".rstrip()


def _mend(one: Problem) -> str:
    return one.mend if one.severity != "note" else ""

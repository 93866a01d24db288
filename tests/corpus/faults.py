"""The faults that officers make, each planted by a few lines, with what should be said of it.

They are written from what goes wrong in spreadsheets, not from the rules: each names the codes
under which it may be reported and the cell in which an officer would look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple

from openpyxl.comments import Comment
from openpyxl.styles import Font

from tests.corpus.draft import Draft, NoRoom, Row
from tests.corpus.world import VALUE

BOTH = ("xlsx", "csv")
MOMENT = datetime.fromisoformat("2026-09-30")
XLSX = ("xlsx",)
CSV = ("csv",)
WHOLE_ROW = ("area_code", "quarter", "outcome", "numerator", "denominator", "status")
FIGURE = ("outcome", "numerator", "denominator", "status")


class Sought(NamedTuple):
    """What a check should say: one of these codes, in this cell.

    "" stands for no cell, "E7|E8" for either.
    """

    rules: frozenset[str]
    at: Callable[[], str]


@dataclass(frozen=True)
class Fault:
    """One mistake: its name, how it is planted, and in which kinds of file it can be made."""

    name: str
    plant: Callable[[Draft], list[Sought]]
    kinds: tuple[str, ...] = BOTH
    alone: bool = False
    """It changes so much that it is not combined with others."""


FAULTS: list[Fault] = []


def sought(rules: str, at: Callable[[], str]) -> Sought:
    return Sought(frozenset(rules.split()), at)


def fault(
    name: str, kinds: tuple[str, ...] = BOTH, *, alone: bool = False
) -> Callable[[Callable[[Draft], list[Sought]]], None]:
    def add(plant: Callable[[Draft], list[Sought]]) -> None:
        FAULTS.append(Fault(name, plant, kinds, alone))

    return add


def large(denominator: object) -> bool:
    """Whether it is a number, which another fault may have made a text of, and no small one."""
    return isinstance(denominator, int | float) and denominator >= 2_000


def counted(row: Row) -> bool:
    return isinstance(row.get("numerator"), int) and row.get("outcome") != VALUE


def in_cell(
    name: str,
    column: str,
    value: Any,
    rules: str,
    kinds: tuple[str, ...] = BOTH,
    *,
    touches: tuple[str, ...] = (),
    where: Callable[[Row], bool] = counted,
    shown: str = "",
) -> None:
    """A value that does not belong stands in one cell; it is told there, or in ``shown``."""

    def plant(draft: Draft) -> list[Sought]:
        row = draft.pick(*(touches or (column,)), where=where)
        row[column] = value(row) if callable(value) else value
        return [sought(rules, lambda: draft.cell(row, shown or column))]

    FAULTS.append(Fault(f"{name} in {column}", plant, kinds))


# What people write where a number belongs.
for text in ("<5", "< 10", "*", "**", "[c]", "s", "supp", "suppressed", "≤3", "c"):
    in_cell(f"withheld as {text}", "numerator", text, "R021")
in_cell("withheld as <5", "denominator", "<5", "R021")
for text in (
    "N/A",
    "n/a",
    "none",
    "-",
    "–",
    "...",
    "tbc",
    "?",
    "unknown",
    "two hundred",
    "~215",
    "215?",
    "12-15",
    "1/2",
    "215 people",
    "inf",
    "nan",
    "see note",
    "0x1F",
    "1 234",
    "12.3.4",
    "x",
    "nil",
):
    in_cell(f"the text {text}", "numerator", text, "R020")
for text in ("N/A", "about 5000", "-"):
    in_cell(f"the text {text}", "denominator", text, "R020")
# Among people enough to hold so many: written as a number it is to be right.
in_cell(
    "the signs of 1,234",
    "numerator",
    "1,234",
    "R022",
    where=lambda row: counted(row) and large(row["denominator"]),
)
for text in ("12,345,678", "12%", "£12", "£1,234.50", "$7", "€9", "12.5%"):
    in_cell(f"the signs of {text}", "numerator", text, "R022")
for text in ("5,000", "£5000"):
    in_cell(f"the signs of {text}", "denominator", text, "R022")
for text in ("#DIV/0!", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"):
    in_cell(f"the Excel error {text}", "numerator", text, "R023")
in_cell("the Excel error #REF!", "denominator", "#REF!", "R023")
for text in ("२१५", "٢١٥", "\uff12\uff11\uff15", "২১৫", "2٣5"):
    in_cell(f"the digits {text}", "numerator", text, "R024")
in_cell("the digits \uff15\uff10\uff10\uff10", "denominator", "\uff15\uff10\uff10\uff10", "R024")
for value in (MOMENT, date(2026, 3, 2), time(12, 30), True, False):
    in_cell(f"a cell of kind {type(value).__name__} {value}", "numerator", value, "R020", XLSX)
in_cell("a date", "denominator", date(2026, 3, 2), "R020", XLSX)
in_cell("the text of a date", "numerator", "30/09/2026", "R020")
in_cell("a trailing line break", "numerator", "215\n", "R020")
in_cell("a space inside that is none", "numerator", "2\u00a0150", "R020")
for name, text in (
    ("a space that is none", "\u00a0{}"),
    ("a thin space behind", "{}\u2009"),
    ("a sign without width", "\u200b{}"),
    ("a mark of the byte order", "\ufeff{}"),
):
    in_cell(
        f"{name} around a figure",
        "numerator",
        lambda row, text=text: text.format(row["numerator"]),
        "R019",
    )
in_cell(
    "digits that a sum left",
    "numerator",
    lambda row: row["numerator"] - 5.7e-14,
    "R019",
    where=lambda row: counted(row) and 128 <= row["numerator"] < 1024,
)
for text in ("3E+02", "2.9E+02", "1e+03", "2E2"):
    in_cell(f"the shortened number {text}", "numerator", text, "R029")
in_cell("a decimal comma", "numerator", "215,5", "R022")

# Numbers that cannot be.
# Below the smallest denominator that there is: more than all of it would be another fault too.
for value in (3.7, 0.5, 21.25):
    in_cell(f"the fraction {value}", "numerator", value, "R040", touches=FIGURE)
for value in (-3, -215):
    in_cell(f"the number {value}", "numerator", value, "R041", touches=FIGURE)
in_cell("a number beyond all bounds", "numerator", "1e999", "R042", touches=FIGURE)
in_cell("a number beyond all bounds", "denominator", "1e999", "R042", touches=FIGURE)
for value in (0, -5000):
    in_cell(f"the number {value}", "denominator", value, "R043", touches=FIGURE)
in_cell("nothing", "denominator", None, "R047", touches=FIGURE)
in_cell(
    "more than there are",
    "numerator",
    lambda row: row["denominator"] + 7,
    "R044 R045",
    touches=FIGURE,
)
in_cell(
    "more than can be",
    "numerator",
    10.5,
    "R045",
    touches=FIGURE,
    where=lambda row: row.get("outcome") == VALUE,
)
in_cell(
    "less than can be",
    "numerator",
    -0.5,
    "R045",
    touches=FIGURE,
    where=lambda row: row.get("outcome") == VALUE,
)
in_cell(
    "more than is usual",
    "numerator",
    9.8,
    "R046 R060",
    touches=FIGURE,
    where=lambda row: row.get("outcome") == VALUE,
)
in_cell(
    "a denominator of a mean",
    "denominator",
    512,
    "R048",
    touches=FIGURE,
    where=lambda row: row.get("outcome") == VALUE,
)

# Symbols.
in_cell("nothing", "numerator", None, "R050", touches=FIGURE)
for text in ("[C]", "c", "(c)", "provisional", "[q]", "confidential", "revised", "[p] [r]", 7):
    in_cell(f"the symbol {text}", "status", text, "R026", touches=("numerator", "status"))
for text in ("[c]", "[z]", "[x]"):
    in_cell(f"a figure beside {text}", "status", text, "R051", touches=FIGURE, shown="numerator")
in_cell(
    "[low] beside a large figure",
    "status",
    "[low]",
    "R054",
    touches=FIGURE,
    where=lambda row: counted(row) and row["numerator"] > 20,
)


def symbol_alone(symbol: str) -> None:
    @fault(f"{symbol} beside no figure")
    def _(draft: Draft) -> list[Sought]:
        row = draft.pick(*FIGURE, where=counted)
        row["numerator"], row["status"] = None, symbol
        return [sought("R050", lambda: draft.cell(row, "numerator"))]


symbol_alone("[p]")
symbol_alone("[r]")

# Quarters.
for text in (
    "2026 Q5",
    "Q3",
    "Q9 2026",
    "Sept 2026",
    "2026/3",
    "3",
    "26 Q3",
    "2026 Q\uff13",
    "2026 Q0",
    "2026-08",
    "Aug-Oct 2026",
    "2026/27",
    "FY27 Q9",
    "the third one",
):
    in_cell(f"the quarter {text}", "quarter", text, "R025")
for text in (
    "2026-09-30",
    "Jul-Sep 2026",
    "July to September 2026",
    "Q2 2026/27",
    "2026-27 Q2",
    "FY2026/27 Q2",
    "Q3 2026",
    "2026 q3",
    "2026-07-01",
    "30/09/2026",
    "01/07/2026 - 30/09/2026",
    "quarter ending September 2026",
    "third quarter of 2026",
):
    in_cell(f"the other notation {text}", "quarter", text, "R028")
for text in ("01/07/2026", "FY27 Q2", "2026 Q2 (July to September 2026)"):
    in_cell(f"the notation of two meanings {text}", "quarter", text, "R039")
in_cell("no quarter", "quarter", None, "R025")
in_cell("a date", "quarter", MOMENT, "R028", XLSX)
in_cell("a quarter as a number", "quarter", 20263, "R025")
for text in ("2026 Q2", "2025 Q3", "2027 Q1", "2026", "2026Q1"):
    in_cell(
        f"the other quarter {text}",
        "quarter",
        text,
        "R034",
        where=lambda row: row.get("quarter") == "2026 Q3",
    )

# Codes.
KEY = ("area_code", "area_name", "outcome", "numerator", "denominator")
for name, spoil in (
    ("a letter for a digit", lambda code: code[:-1] + "I"),
    ("lower case", str.lower),
    ("a digit too many", lambda code: code + "1"),
    ("a letter of another script", lambda code: "\u0425" + code[1:]),
    ("a space inside", lambda code: code[:3] + "\u00a0" + code[3:]),
    ("another programme's code", lambda code: "E99999999"),
):
    in_cell(
        f"an area with {name}",
        "area_code",
        lambda row, spoil=spoil: spoil(row["area_code"]),
        "R030",
        touches=KEY,
    )
in_cell("no area", "area_code", None, "R027", touches=KEY)
in_cell("a date for an area", "area_code", date(2026, 1, 2), "R027", XLSX, touches=KEY)
for name, spoil in (
    ("a letter missing", lambda code: code[:-1]),
    ("upper case", str.upper),
    ("a space", lambda code: code[:2] + " " + code[2:]),
    ("its title", lambda code: "A title of " + code),
):
    in_cell(
        f"an outcome with {name}",
        "outcome",
        lambda row, spoil=spoil: spoil(row["outcome"]),
        "R032",
        touches=WHOLE_ROW,
    )
in_cell("no outcome", "outcome", None, "R027", touches=WHOLE_ROW)
in_cell("another agency's outcome", "outcome", "claimant_count", "R033", touches=WHOLE_ROW)


@fault("another site's area")
def _(draft: Draft) -> list[Sought]:
    other = next(a for a in draft.world.programme.areas if a.site and a.site != draft.site)
    row = draft.pick(*KEY)
    row["area_code"] = other.code
    return [sought("R031", lambda: draft.cell(row, "area_code"))]


@fault("a comparison area")
def _(draft: Draft) -> list[Sought]:
    other = next(a for a in draft.world.programme.areas if a.role == "comparison")
    row = draft.pick(*KEY)
    row["area_code"] = other.code
    return [sought("R031", lambda: draft.cell(row, "area_code"))]


@fault("the name of another area")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick("area_code", "area_name")
    row["area_name"] = next(
        a.name for a in draft.world.programme.areas if a.code != row["area_code"]
    )
    return [sought("R037", lambda: draft.cell(row, "area_name"))]


# Rows.
@fault("a row twice, the second at the end")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*WHOLE_ROW)
    again = dict(row)
    draft.rows.append(again)
    draft.taken |= {(id(again), column) for column in (*WHOLE_ROW, "note", "area_name")}
    return [sought("R035", lambda: draft.cell(again, "area_code"))]


@fault("a row twice with another figure")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*WHOLE_ROW, where=counted)
    again = {**row, "numerator": row["numerator"] + 1}
    draft.rows.insert(next(i for i, one in enumerate(draft.rows) if one is row) + 1, again)
    draft.taken |= {(id(again), column) for column in (*WHOLE_ROW, "note", "area_name")}
    return [sought("R035", lambda: draft.cell(again, "area_code"))]


@fault("a row left out")
def _(draft: Draft) -> list[Sought]:
    touched = {key for key, _ in draft.taken}
    draft.take_all("area_code", "outcome")
    free = [row for row in draft.rows if id(row) not in touched]
    if not free:
        raise NoRoom
    gone = draft.rng.choice(free)
    draft.rows = [row for row in draft.rows if row is not gone]
    return [sought("R036", lambda: "")]


@fault("an outcome left out", alone=True)
def _(draft: Draft) -> list[Sought]:
    gone = draft.rows[0]["outcome"]
    draft.rows = [row for row in draft.rows if row["outcome"] != gone]
    return [sought("R036", lambda: "")]


@fault("an area left out", alone=True)
def _(draft: Draft) -> list[Sought]:
    gone = draft.rows[0]["area_code"]
    draft.rows = [row for row in draft.rows if row["area_code"] != gone]
    return [sought("R036", lambda: "")]


@fault("a blank row inside")
def _(draft: Draft) -> list[Sought]:
    blank: Row = {}
    draft.rows.insert(draft.rng.randrange(1, len(draft.rows) - 1), blank)
    return [sought("R015", lambda: draft.cell(blank, draft.columns[0]))]


@fault("no rows", alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.rows = []
    return [sought("R016", lambda: "")]


# Columns.
def above(lines: int) -> None:
    @fault(f"{lines} lines above the header")
    def _(draft: Draft) -> list[Sought]:
        draft.above += [[f"Quarterly return, line {n}"] for n in range(lines)]
        return [sought("R010", lambda: f"A{1 + len(draft.above)}")]


above(1)
above(3)


def without(column: str) -> None:
    @fault(f"no column {column}", alone=True)
    def _(draft: Draft) -> list[Sought]:
        draft.columns.remove(column)
        return [sought("R011", lambda: "")]


for _name in ("area_code", "quarter", "outcome", "numerator", "denominator", "status"):
    without(_name)


def renamed(column: str, heading: str) -> None:
    @fault(f"{column} headed {heading}")
    def _(draft: Draft) -> list[Sought]:
        if draft.headings[column] != column:
            raise NoRoom
        draft.headings[column] = heading
        return [sought("R012", lambda: draft.heading(column))]


renamed("numerator", "numeratr")
renamed("numerator", "count")
renamed("denominator", "Denominators")
renamed("area_code", "Areacode")
renamed("outcome", "measure")
renamed("status", "Status symbol")


def exchanged(one: str, other: str) -> None:
    @fault(f"{one} and {other} headed as each other", alone=True)
    def _(draft: Draft) -> list[Sought]:
        draft.headings[one], draft.headings[other] = other, one
        first = min(one, other, key=draft.columns.index)
        return [sought("R017", lambda: draft.heading(first))]


exchanged("numerator", "denominator")
exchanged("area_code", "outcome")
exchanged("area_code", "area_name")
exchanged("quarter", "outcome")
exchanged("quarter", "numerator")


@fault("a column that is not asked for")
def _(draft: Draft) -> list[Sought]:
    if "comments" in draft.columns:
        draft.columns.remove("comments")
    draft.columns.append("comments")
    draft.headings["comments"] = "comments"
    draft.rows[0]["comments"] = "checked"
    return [sought("R012", lambda: draft.heading("comments"))]


@fault("the numerator twice", alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.columns.append("again")
    draft.headings["again"] = "numerator"
    for row in draft.rows:
        row["again"] = row.get("numerator")
    return [sought("R013", lambda: draft.heading("again"))]


@fault("a value beside the table")
def _(draft: Draft) -> list[Sought]:
    column = f"beside {len(draft.columns)}"
    draft.columns.append(column)
    row = draft.pick(column)
    row[column] = "ask Jo"
    return [sought("R014", lambda: draft.cell(row, column))]


@fault("columns in another order", alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.rng.shuffle(draft.columns)
    row = draft.pick("numerator", where=counted)
    row["numerator"] = "<5"
    return [sought("R021", lambda: draft.cell(row, "numerator"))]


# Whose return it is.
def in_guide(name: str, line: str, value: str, rules: str, cell: str) -> None:
    @fault(name, XLSX, alone=True)
    def _(draft: Draft) -> list[Sought]:
        draft.guide[line] = value
        return [sought(rules, lambda: cell)]


in_guide("an old template", "template_version", "0", "R003", "Guide!B1")
in_guide("no version", "template_version", "", "R003", "Guide!B1")
in_guide("another programme", "programme", "other", "R004", "Guide!B2")
in_guide("an unknown site", "site", "S99", "R005", "Guide!B3")
in_guide("an unknown agency", "agency", "fire", "R005", "Guide!B4")
in_guide("no quarter", "quarter", "soon", "R006", "Guide!B5")
in_guide("a quarter of the last century", "quarter", "1926 Q3", "R006", "Guide!B5")
in_guide("another quarter than the file's name", "quarter", "2026 Q2", "R007", "Guide!B5")
in_guide("another site than the file's name", "site", "S02", "R007", "Guide!B3")


@fault("another quarter in the file's name", CSV, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.name = f"{draft.site}_{draft.agency}_2026-Q2"
    return [sought("R007 R038", lambda: "")]


@fault("another site in the file's name", CSV, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.name = f"S02_{draft.agency}_2026-Q3"
    return [sought("R007 R038", lambda: "")]


@fault("another agency in the file's name", CSV, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.name = f"{draft.site}_nhs_2026-Q3"
    return [sought("R007 R038", lambda: "")]


@fault("another quarter in every row", alone=True)
def _(draft: Draft) -> list[Sought]:
    for row in draft.rows:
        row["quarter"] = "2026 Q2"
    return [sought("R007 R038", lambda: "|" + draft.cell(draft.rows[0], "quarter"))]


@fault("a file's name that says nothing", CSV, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.name = "final final 2"
    return [sought("R002", lambda: "")]


@fault("no guide sheet", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.name = "return"
    draft.book.append(lambda book, _: book.remove(book["Guide"]))
    return [sought("R002", lambda: "Guide!B1")]


# Notes.
for text in (
    "Spoke to Mrs Patel about this",
    "John Smith moved away",
    "see Cllr Okafor",
    "Dr. Amina Yusuf checked",
    "one case is Sarah O'Neill",
):
    in_cell(f"the name in “{text}”", "note", text, "R055")
for text in (
    "ring 01632 960123",
    "mobile 07700 900 123",
    "jo@example.org knows",
    "all at BX1 4ZZ",
    "NHS 943 476 5919",
    "QQ 12 34 56 C",
    "born 3/4/1961",
):
    in_cell(f"the lead in “{text}”", "note", text, "R056")


# What a workbook hides.
@fault("a formula", XLSX)
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=counted)
    row["numerator"] = "=100+15"
    return [sought("R070", lambda: draft.cell(row, "numerator"))]


@fault("a hidden row", XLSX)
def _(draft: Draft) -> list[Sought]:
    row = draft.pick("hidden")
    number = lambda: int("".join(s for s in draft.cell(row, "area_code") if s.isdigit()))  # noqa: E731
    draft.book.append(
        lambda book, _: setattr(book["Return"].row_dimensions[number()], "hidden", True)
    )
    return [sought("R071", lambda: f"A{number()}")]


@fault("a hidden column", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    draft.book.append(
        lambda book, d: setattr(
            book["Return"].column_dimensions[d.letter("denominator")], "hidden", True
        )
    )
    return [sought("R072", lambda: draft.heading("denominator"))]


@fault("a hidden sheet", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    def add(book: Any, _: Draft) -> None:
        sheet = book.create_sheet("people")
        sheet["B2"], sheet.sheet_state = "a list", "hidden"

    draft.book.append(add)
    return [sought("R073", lambda: "people!B2")]


@fault("a sheet more", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    def add(book: Any, _: Draft) -> None:
        book.create_sheet("Working")["C3"] = 12
        book["Working"]["C3"].font = Font(bold=True)

    draft.book.append(add)
    return [sought("R075", lambda: "Working!C3")]


@fault("merged cells", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    top, below = draft.rows[3], draft.rows[4]
    first = lambda: draft.cell(top, "numerator")  # noqa: E731
    draft.book.append(
        lambda book, _: book["Return"].merge_cells(f"{first()}:{draft.cell(below, 'numerator')}")
    )
    return [sought("R074", first)]


def remarked(name: str, rules: str, say: Callable[[Any, str], None]) -> None:
    @fault(name, XLSX)
    def _(draft: Draft) -> list[Sought]:
        row = draft.pick(*FIGURE, where=counted)
        at = lambda: draft.cell(row, "numerator")  # noqa: E731
        draft.book.append(lambda book, _: say(book["Return"][at()], at()))
        return [sought(rules, at)]


for words in ("June missing", "est.", "excludes the new ward - ask Jo"):
    remarked(
        f"the comment {words}",
        "R076",
        lambda cell, _, words=words: setattr(cell, "comment", Comment(words, "An officer")),
    )
remarked("struck through", "R077", lambda cell, _: setattr(cell, "font", Font(strike=True)))


@fault("a sheet of other figures", XLSX, alone=True)
def _(draft: Draft) -> list[Sought]:
    def add(book: Any, draft: Draft) -> None:
        sheet = book.create_sheet("corrected")
        for row in draft.rows[:6]:
            sheet.append([row["area_name"], row["numerator"]])

    draft.book.append(add)
    return [sought("R078", lambda: "corrected!A1")]


def below(name: str, rules: str, texts: tuple[Any, ...]) -> None:
    @fault(name, alone=True)
    def _(draft: Draft) -> list[Sought]:
        last: Row = dict(zip(draft.columns, texts, strict=False))
        draft.rows.append(last)
        return [sought(rules, lambda: draft.cell(last, "area_code"))]


below("words under the table", "R079", ("Source: our own system, June missing",))
below("a row of totals", "R018", ("Total", None, None, None, 12_345))
below("a grand total", "R018", ("Grand total", None, "2026 Q3", None, None))

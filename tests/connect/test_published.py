"""Files that somebody dropped in: names that change, totals, renamed sheets, two editions."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from evaluation.connect.fetch import Fetched, replay
from evaluation.connect.pulls import Unusable
from evaluation.connect.readings import number
from evaluation.errors import SourceError, WorkspaceError
from tests.connect.conftest import CODES, SOURCES, Fetching
from tests.connect.test_nomis import lineage, rows

RECIPES = """
  - name: duties
    kind: ods
    source: dwp_uc
    outcome: claims
    files: "hclic/*"
    sheet: A1
    heading_rows: 3
    area_column: Code
    numerator: Total owed a duty
    out_of: Households
    period: "(?P<quarter_month>[A-Z][a-z]+) to [A-Z][a-z]+ (?P<year>[0-9]{4})"
    codes: "[EW][0-9]{8}"
    symbols: {"..": "[x]", "-": "[low]"}
  - name: attendances
    kind: csv
    source: dwp_uc
    outcome: claims
    files: "ae/*.csv"
    area_column: Org Code
    period_column: Period
    numerator: A&E attendances Type 1
    period: "MSitAE-(?P<month>[A-Z]+)-(?P<year>[0-9]{4})"
    month_to_quarter: sum
    only: {Category: ""}
"""


@pytest.fixture(autouse=True)
def _recipes(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES + RECIPES, "utf-8")


def ods(path: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> Path:
    """A spreadsheet of plain cells, as LibreOffice writes it, without what nobody reads."""

    def cell(value: object) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, int | float):
            return (
                f'<table:table-cell office:value-type="float" office:value="{value}">'
                f"<text:p>{value}</text:p></table:table-cell>"
            )
        text = escape(str(value))
        return (
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p>'
            "</table:table-cell>"
        )

    tables = "".join(
        f'<table:table table:name="{name}">'
        + "".join(
            f"<table:table-row>{''.join(cell(value) for value in row)}</table:table-row>"
            for row in held
        )
        + "</table:table>"
        for name, held in sheets.items()
    )
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        f'xmlns:office="{urn}:office:1.0" xmlns:table="{urn}:table:1.0" '
        f'xmlns:text="{urn}:text:1.0" office:version="1.3"><office:body><office:spreadsheet>'
        f"{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("mimetype", kind)
        made.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:'
            f'opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="{kind}"/></manifest:manifest>',
        )
        made.writestr("content.xml", content)
    return path


def sheet(period: str = "January to March 2026") -> list[list[object]]:
    """Three rows of heading with merged cells above, totals, a symbol, a note below."""
    body = [[code, f"Place {n}", 10 * n, 5, 1_000] for n, code in enumerate(CODES, start=1)]
    body[2][2] = ".."
    return [
        [f"A1 - Initial assessments, {period}"],
        [],
        [None, None, "Owed a duty", None, None],
        [None, None, "Prevention or relief", "Of which", None],
        ["Code", "Authority", "Total owed a duty", "Relief", "Households"],
        ["E92000001", "ENGLAND", 210, 30, 6_000],
        ["-", "Rest of England", None, None, None],
        *body,
        ["1 Figures are not rounded."],
    ]


def dropped(fetching: Fetching, recipe: str) -> Fetched:
    return fetching(recipe, "http://127.0.0.1:1", source="nomis")


def test_a_spreadsheet_whatever_it_is_called(fetching: Fetching) -> None:
    folder = fetching.workspace.var / "dropped" / "hclic"
    ods(folder / "Detailed_LA_202603_Revised_No_Dropdowns.ods", {"Cover": [["x"]], "A1": sheet()})
    done = dropped(fetching, "duties")
    held = rows(done.written[0])
    assert [held[code]["numerator"] for code in CODES] == ["10", "20", "", "40", "50", "60"]
    assert held[CODES[2]]["status"] == "[x]" and held[CODES[0]]["denominator"] == "1000"
    said = lineage(done.written[0])
    assert said["source"] == "file" and "Revised_No_Dropdowns" in str(said["remarks"])


def test_a_dropped_file_is_kept_and_replayed(fetching: Fetching) -> None:
    root = fetching.workspace.root
    path = ods(fetching.workspace.var / "dropped" / "hclic" / "x.ods", {"A1": sheet()})
    (written,) = dropped(fetching, "duties").written
    path.unlink()
    again = replay(fetching.workspace, fetching.programme, root / "out", root / "again")
    assert again.differing == [] and again.written[0].read_bytes() == written.read_bytes()


def test_two_editions_of_one_quarter_are_a_question(fetching: Fetching) -> None:
    folder = fetching.workspace.var / "dropped" / "hclic"
    ods(folder / "DetailedLA_202603.ods", {"A1": sheet()})
    ods(folder / "DetailedLA_202603_revised.ods", {"A1": sheet()})
    ods(folder / "DetailedLA_202512.ods", {"A1": sheet("January to March 2025")})
    with pytest.raises(SourceError, match="both hold 2026 Q1") as raised:
        dropped(fetching, "duties")
    assert "revised edition" in str(raised.value)


@pytest.mark.parametrize(
    ("sheets", "sentence"),
    [
        ({"A1_": sheet()}, "it has no sheet 'A1'"),
        ({"A1": [["Code", "Sum"], [CODES[0], 4]]}, "no row of A1 has the headings"),
        ({"A1": sheet("spring 2026")}, "does not read as a period"),
    ],
    ids=["a renamed sheet", "renamed headings", "a period in other words"],
)
def test_a_spreadsheet_that_changed(
    fetching: Fetching, sheets: dict[str, Sequence[Sequence[object]]], sentence: str
) -> None:
    ods(fetching.workspace.var / "dropped" / "hclic" / "x.ods", sheets)
    with pytest.raises(SourceError) as raised:
        dropped(fetching, "duties")
    assert sentence in str(raised.value)


def test_what_is_no_spreadsheet(fetching: Fetching) -> None:
    path = fetching.workspace.var / "dropped" / "hclic" / "x.ods"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>Sign in</html>")
    with pytest.raises(SourceError, match="no sound spreadsheet"):
        dropped(fetching, "duties")


def test_nothing_dropped_in(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="no file among hclic") as raised:
        dropped(fetching, "duties")
    assert "put it there" in str(raised.value)


def monthly(month: str, *, more: str = "") -> str:
    lines = ["Period,Org Code,Parent Org,A&E attendances Type 1,Category,"]
    lines += [f"MSitAE-{month}-2026,{code},x,{10 * n},," for n, code in enumerate(CODES, start=1)]
    lines += [f"MSitAE-{month}-2026,{CODES[0]},x,999,most deprived,"]
    return "\r\n".join([*lines, f"TOTAL,TOTAL,,210,,{more}"]) + "\r\n"


def attendances(fetching: Fetching, months: Sequence[str]) -> Fetched:
    folder = fetching.workspace.var / "dropped" / "ae"
    folder.mkdir(parents=True, exist_ok=True)
    for n, month in enumerate(months):
        # Windows saves it with a mark, or in its own letters.
        encoding = "utf-8-sig" if n else "cp1252"
        (folder / f"{month}-2026-CSV-hg{n}dl.csv").write_text(monthly(month), encoding)
    return dropped(fetching, "attendances")


def test_monthly_files_with_names_at_random_make_a_quarter(fetching: Fetching) -> None:
    held = rows(attendances(fetching, ("JANUARY", "FEBRUARY", "MARCH")).written[0])
    assert [held[code]["numerator"] for code in CODES] == ["30", "60", "90", "120", "150", "180"]


def test_a_month_that_nobody_dropped_in(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="2026-03 is not there yet"):
        attendances(fetching, ("JANUARY", "FEBRUARY"))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('codes: "[EW][0-9]{8}"', 'codes: "[EW"', "is no regular expression"),
        ('(?P<year>[0-9]{4})"\n    codes', '[0-9]{4}"\n    codes', "has no group year"),
    ],
)
def test_an_expression_that_finds_nothing_is_refused_with_the_recipe(
    fetching: Fetching, was: str, now: str, said: str
) -> None:
    assert was in RECIPES
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES + RECIPES.replace(was, now), "utf-8")
    with pytest.raises(WorkspaceError, match=said):
        dropped(fetching, "duties")


def test_a_csv_without_a_column_of_its_period_is_told(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES + RECIPES.replace("    period_column: Period\n", ""), "utf-8")
    with pytest.raises(SourceError, match="does not read as a period"):
        attendances(fetching, ["JANUARY"])


def test_a_figure_of_more_digits_than_a_number_holds_is_none(fetching: Fetching) -> None:
    with pytest.raises(Unusable, match="where a figure should be"):
        number("9" * 400, {})

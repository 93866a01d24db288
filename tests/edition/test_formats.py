"""Tables, spreadsheet, briefing, citation and the printed book: what each holds, and its rules."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml

from evaluation.edition import answers, words
from evaluation.edition.edition import Edition
from evaluation.edition.formats import briefing, export, whole
from evaluation.edition.formats import tables as spreadsheet
from evaluation.edition.formats import tables as tidy
from evaluation.edition.formats.export import write_downloads
from evaluation.edition.pages import learning, money_charts, questions
from evaluation.edition.pages.claims import Claims, of_study
from evaluation.errors import BookError
from evaluation.study.accounts_record import Mean
from evaluation.workspace import Workspace

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@pytest.fixture(scope="module")
def held(edition: Edition, claims: Claims) -> tuple[tidy.Table, ...]:
    return tidy.tables(edition, claims)


@pytest.fixture(scope="module")
def folder(
    workspace: Workspace, edition: Edition, claims: Claims, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("downloads")
    found = write_downloads(workspace, edition, claims, place)
    assert {one.name for one in found} == {path.name for path in place.iterdir()}
    assert all(one.size == (place / one.name).stat().st_size > 0 and one.says for one in found)
    return place


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_each_table_has_a_key_that_tells_its_rows_apart(held: tuple[tidy.Table, ...]) -> None:
    for table in held:
        keys = [tuple(row[name] for name in table.key) for row in table.rows]
        assert len(set(keys)) == len(keys) > 0, table.name
        names = [column.name for column in table.columns]
        assert all(set(row) <= set(names) and len(set(names)) == len(names) for row in table.rows)


def test_csv_and_parquet_hold_the_same(folder: Path, held: tuple[tidy.Table, ...]) -> None:
    for table in held:
        rows = read(folder / f"{table.name}.csv")
        parquet = pq.read_table(folder / f"{table.name}.parquet").to_pylist()
        assert len(rows) == len(parquet) == len(table.rows)
        for column in table.columns:
            told = [row[column.name] for row in rows]
            kept = [row[column.name] for row in parquet]
            assert told == ["" if value is None else str(value) for value in kept]


def test_the_headline_table_is_the_claims_in_full_digits(folder: Path, claims: Claims) -> None:
    rows = {row["id"]: row for row in read(folder / "headline.csv")}
    assert set(rows) == set(claims.headline())
    assert float(rows["money.npsv"]["low"]) == claims.claim("money.npsv").low


def test_the_data_package_names_every_file_with_its_hash(folder: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert re.fullmatch(r"[a-z0-9-]+", package["name"])
    assert "Synthetic" in package["description"]
    tables = {p.name for p in folder.iterdir() if p.suffix == ".parquet"}
    tables |= {Path(name).with_suffix(".csv").name for name in tables}
    assert {resource["path"] for resource in package["resources"]} == tables
    for resource in package["resources"]:
        content = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert all(field["description"] for field in resource["schema"]["fields"])
        names = {field["name"] for field in resource["schema"]["fields"]}
        assert set(resource["schema"]["primaryKey"]) <= names


def test_csv_on_the_web_describes_the_columns_that_are_there(folder: Path) -> None:
    for path in folder.glob("*.csv-metadata.json"):
        said = json.loads(path.read_text("utf-8"))
        header = (folder / said["url"]).read_text("utf-8").splitlines()[0].split(",")
        assert [column["name"] for column in said["tableSchema"]["columns"]] == header
        assert said["@context"][0] == "http://www.w3.org/ns/csvw"


def test_figures_that_may_not_be_passed_on_are_in_no_table(folder: Path) -> None:
    studies = {row["study"] for row in read(folder / "paths.csv")}
    assert studies == {"new_start/first_look"}


# The Analysis Function's rules that a script can check ("Releasing statistics in spreadsheets").


@pytest.fixture(scope="module")
def book(folder: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(folder / "results.xlsx")


def test_a_cover_comes_first_then_contents_and_notes(book: openpyxl.Workbook) -> None:
    assert book.sheetnames[:3] == ["Cover", "Contents", "Notes"]
    assert all(sheet.sheet_state == "visible" for sheet in book)
    assert book.properties.title and "results" in book.properties.title


def test_nothing_is_merged_frozen_or_hidden(book: openpyxl.Workbook) -> None:
    for sheet in book:
        assert not sheet.merged_cells.ranges and sheet.freeze_panes is None
        assert not any(row.hidden for row in sheet.row_dimensions.values())
        assert not any(column.hidden for column in sheet.column_dimensions.values())


def test_every_sheet_is_titled_in_its_first_cell(book: openpyxl.Workbook) -> None:
    assert all(isinstance(sheet["A1"].value, str) and sheet["A1"].value for sheet in book)
    titles = [sheet["A1"].value for sheet in book]
    assert len(set(titles)) == len(titles)


def test_each_sheet_of_figures_has_one_marked_up_table_without_gaps(
    book: openpyxl.Workbook,
) -> None:
    names = []
    for sheet in (s for s in book if s.title != "Cover"):
        (table,) = sheet.tables.values()
        names.append(table.name)
        header, *rows = sheet[table.ref]
        heads = [cell.value for cell in header]
        assert all(heads) and len(set(heads)) == len(heads)
        assert rows and all(cell.value not in (None, "") for row in rows for cell in row)
        assert sheet.max_row == rows[-1][0].row
    assert len(set(names)) == len(names) >= 4


def test_a_missing_figure_is_a_symbol_that_is_explained(book: openpyxl.Workbook) -> None:
    for sheet in (s for s in book if s.title not in ("Cover", "Contents", "Notes")):
        text = " ".join(str(cell.value) for row in sheet.iter_rows(max_row=8) for cell in row)
        assert f"{spreadsheet.MISSING} means" in text


def test_figures_are_shown_short_and_held_in_full(book: openpyxl.Workbook, claims: Claims) -> None:
    sheet = book["Headline"]
    heads = {cell.value: cell.column for row in sheet.iter_rows(max_row=8) for cell in row}
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=2)}
    cell = rows["money.npsv"][heads["Low"] - 1]
    assert cell.value == pytest.approx(claims.claim("money.npsv").low, rel=1e-12)
    assert cell.number_format == spreadsheet.MIXED


def test_the_sheets_have_sites_with_units_and_formats_of_their_own(
    book: openpyxl.Workbook, edition: Edition
) -> None:
    def sheet(name: str) -> list[dict[str, Any]]:
        held = book[name]
        header, *rows = held[next(iter(held.tables.values())).ref]
        return [dict(zip((c.value for c in header), row, strict=True)) for row in rows]

    sites = [row["Name"].value for row in sheet("Sites")]
    assert set(sites) <= {site.name for site in edition.headline.sites} and sites
    assert {row["Unit"].value for row in sheet("Sites")} >= {"per cent"}
    assert "Effect percent (%)" in sheet("Findings")[0]
    assert all(row["Gain mean (£)"].number_format == "#,##0" for row in sheet("Agencies"))


@pytest.mark.parametrize(
    ("held", "unit", "wanted"),
    [
        ([0.0, 12.5, -3.1], "", spreadsheet.MIXED),
        ([0.0, 12.5, -0.0004], "", "[>=1000]#,##0;[<=-1000]-#,##0;0.0000"),
        ([0.0, 10_000.0], "£", spreadsheet.POUNDS),
        ([0.3, 10_000.0], "£", "[>=1000]#,##0;[<=-1000]-#,##0;0.0"),
        ([None, ""], "", spreadsheet.MIXED),
    ],
)
def test_no_figure_but_nought_is_shown_as_nought(held: list[Any], unit: str, wanted: str) -> None:
    column = spreadsheet.Column(name="effect", says="", kind="number", unit=unit)
    table = spreadsheet.Table(
        name="t",
        title="",
        says="",
        columns=(column,),
        rows=tuple({"effect": value} for value in held),
        key=(),
    )
    assert spreadsheet.number_format(column, table) == wanted
    chance = spreadsheet.Column(name="p_value", says="", kind="number")
    assert spreadsheet.number_format(chance, table).startswith("[<0.0001]")


def test_the_briefing_has_grades_sites_people_what_would_undo_it_and_what_comes_next(
    edition: Edition, claims: Claims
) -> None:
    said = briefing.content(edition, claims)
    assert said["outcomes"]["heads"][-1] == "Evidence"
    assert {row[0] for row in said["sites"]["rows"]} == {s.name for s in edition.headline.sites}
    assert said["people"] and said["next"][0] == claims.claim("edition.next").text
    assert said["undone"] == list(answers.undone(edition.headline))


def test_the_briefing_names_the_next_decision_its_day_who_decides_and_what_is_recommended(
    demonstration: Path, edition: Edition, claims: Claims
) -> None:
    held = Workspace.at(demonstration)
    shown = Edition.read(held, "new_start")
    found = learning.known(held, shown)
    assert found is not None and found.rules
    outcomes, day = shown.programme.outcome_by_code, questions.next_day(shown)
    met = [replace(found.rules[0], met=True), *(replace(one, met=False) for one in found.rules[1:])]
    (said,) = learning.next_decisions(replace(found, rules=tuple(met)), outcomes, day)
    rule = found.rules[0].rule
    assert f"By when: {day}" in said and f"To be decided by: {rule.who}" in said
    assert str(rule.decision or rule.name).replace("_", " ") in said and "beforehand asks" in said
    none = tuple(replace(one, met=False) for one in found.rules)
    (said,) = learning.next_decisions(replace(found, rules=none), outcomes, day)
    assert said.startswith("No decision is called for")
    told = briefing.content(edition, claims, [said])["next"]
    assert told[0] == said and told[1] == claims.claim("edition.next").text


def test_words_that_are_wrapped_have_room_and_sheets_print_one_page_wide(
    book: openpyxl.Workbook,
) -> None:
    for sheet in book:
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert all(
            held.width <= 2 * spreadsheet.WIDEST + 1 for held in sheet.column_dimensions.values()
        )
    sheet = book["Findings"]
    for row in sheet[next(iter(sheet.tables.values())).ref]:
        longest = max(len(str(cell.value)) for cell in row)
        height = sheet.row_dimensions[row[0].row].height or spreadsheet.LINE
        assert height >= spreadsheet.LINE * longest // spreadsheet.WIDEST


def test_the_notes_tell_the_level_of_the_study_s_ranges(
    edition: Edition, held: tuple[tidy.Table, ...]
) -> None:
    lower = replace(edition, headline=edition.headline.model_copy(update={"level": 0.9}))
    for one, said in ((edition, "95 times in 100"), (lower, "90 times in 100")):
        made = openpyxl.load_workbook(io.BytesIO(tidy.workbook(one, held)))
        notes = [str(cell.value) for row in made["Notes"].iter_rows() for cell in row]
        assert any(said in text for text in notes)


def test_the_briefing_is_two_tagged_pages(folder: Path) -> None:
    made = (folder / "briefing.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", made)) == 2
    assert b"/MarkInfo" in made and b"/Lang" in made


def test_a_briefing_with_more_to_say_stays_on_its_two_pages(
    edition: Edition, claims: Claims, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = briefing.content(edition, claims)
    longer = {**said, "unknown": said["unknown"] + ["What this does is open, and why. " * 3] * 14}
    monkeypatch.setattr(briefing, "content", lambda *_: longer)
    made = briefing.briefing(edition, claims, tmp_path)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", made)) == 2


def test_the_briefing_says_what_the_claims_say(edition: Edition, claims: Claims) -> None:
    said = briefing.content(edition, claims)
    assert said["answer"]["Money"] == claims.claim("answer.money").text
    assert said["outcomes"]["rows"][0][:3] == [
        claims.claim(f"ae_attendances.{key}").text for key in ("title", "verdict", "effect")
    ]
    assert said["band"] == words.SYNTHETIC and len(said["points"]) <= 6


def test_the_briefing_is_the_same_when_made_again(
    edition: Edition, claims: Claims, tmp_path: Path
) -> None:
    assert briefing.briefing(edition, claims, tmp_path) == briefing.briefing(
        edition, claims, tmp_path
    )


def test_nothing_is_written_again_that_is_the_same(
    workspace: Workspace, edition: Edition, claims: Claims, folder: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_downloads(workspace, edition, claims, folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_citation_names_the_edition_and_its_fingerprints(edition: Edition) -> None:
    said = yaml.safe_load(export.citation(edition))
    assert (said["cff-version"], said["version"]) == ("1.2.0", "2026-Q4")
    assert len(said["identifiers"]) == 3 and said["abstract"].startswith("Synthetic")


def test_the_change_log_holds_every_sentence() -> None:
    text = CHANGELOG.read_text(encoding="utf-8")
    said = json.loads(export.software_changes(text))
    sentences = [change for version in said["versions"] for change in version["changes"]]
    assert len(sentences) == sum(line.startswith("- ") for line in text.splitlines())
    assert said["versions"][0]["version"] == "0.2.0"


BAND = '<div class="bd-header-announcement__content">{}</div>'
SOURCE = "<details open><summary>Source of f</summary><pre>def f</pre></details>"
PRINTED = {
    "index": ("Invented", "<h1>First</h1><a href='below/page.html#why'>One</a>"),
    "below/page": (
        "Invented",
        "<h1>Second</h1><h2 id=\"why\">Why</h2><a href='x.csv'>Data</a>"
        "<a href='https://example.org/'>Out</a><details open><img src='../figures/a.svg'></details>"
        "<details><summary>Table</summary>Told <details open>twice</details> once more</details>"
        "<details class='outcome'><summary>Rent</summary>It fell.<figure>Drawn</figure></details>"
        f"<script>1</script>{SOURCE}",
    ),
    "below/real": ("Real </style>", f'<h1>Third</h1><h2 id="why">Why</h2>{SOURCE}'),
}


@pytest.fixture
def printed(tmp_path: Path) -> str:
    """A book of three pages as it is printed."""
    (tmp_path / "below").mkdir()
    for name, (band, text) in PRINTED.items():
        page = f'{BAND.format(band)}<article class="bd-article">{text}</article>'
        (tmp_path / f"{name}.html").write_text(page, "utf-8")
    toc = tmp_path / "toc.yml"
    toc.write_text(
        "root: index\nparts: [{caption: Part <1>, chapters: [{file: below/page, "
        "sections: [{file: below/real}]}]}]\n",
        "utf-8",
    )
    return whole.one_page(tmp_path, toc, "Work & <health>")


def test_the_printed_book_takes_pages_in_order_and_pictures_from_their_place(printed: str) -> None:
    assert printed.index("<h1>First") < printed.index("<h1>Second") < printed.index("<h1>Third")
    assert "src='figures/a.svg'" in printed and "<details open>" in printed
    assert "<script>1" not in printed


def test_a_title_is_text_and_no_markup(printed: str) -> None:
    assert "<title>Work &amp; &lt;health&gt;</title>" in printed
    assert "<h1>Work &amp; &lt;health&gt;</h1>" in printed and "<h2>Part &lt;1&gt;</h2>" in printed


def test_links_of_the_printed_book_lead_to_their_place_in_it(printed: str) -> None:
    assert '<a href="#below-page--why">One</a>' in printed and "<a>Data</a>" in printed
    assert '<a href="https://example.org/">Out</a>' in printed
    assert printed.count('id="below-page--why"') == printed.count('id="below-real--why"') == 1
    assert "<li><a href='#below-page'>Second</a></li>" in printed


def test_folds_are_printed_as_they_stand_and_outcomes_by_their_findings(printed: str) -> None:
    assert "Told" not in printed and "twice" not in printed and "once more" not in printed
    assert "<details open class='outcome'><summary>Rent</summary>It fell.</details>" in printed


def test_a_page_follows_on_unless_a_part_begins_with_it(printed: str) -> None:
    """The front page follows the contents: no first sheet bears a list alone."""
    kinds = re.findall(r"<article class='bd-article( follows)?' id='([\w-]+)'", printed)
    assert kinds == [(" follows", "index"), ("", "below-page"), (" follows", "below-real")]


def test_each_sheet_of_the_printed_book_says_whose_figures_it_bears(printed: str) -> None:
    """No text of a band can end the style that puts it into the margins."""
    style = printed[printed.index("<style>") : printed.index("</style>")]
    assert '@page band-0 { @top-left { content: "Invented"' in style
    assert '@page band-1 { @top-left { content: "Real \\3c /style>"' in style
    assert printed.count("page: band-0") == 3 and printed.count("page: band-1") == 1
    assert "counter(page)" in style


def test_the_printed_book_holds_each_source_once(printed: str) -> None:
    assert printed.count("def f") == 1
    assert "Source of f: printed <a href='#below-page'>above</a>" in printed


def test_a_book_that_is_not_built_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="not built yet"):
        whole.write_pdf(tmp_path, tmp_path / "toc.yml", tmp_path / "book.pdf", title="Book")


def test_a_print_that_takes_too_long_is_told(
    printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing behind: before, it ended in a traceback."""

    def never(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("chromium", timeout)

    monkeypatch.setattr(whole, "browser", lambda: "chromium")
    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(BookError, match="did not print the book in 300 seconds"):
        whole.write_pdf(tmp_path, tmp_path / "toc.yml", tmp_path / "book.pdf", title="Book")
    assert not (tmp_path / "whole-book.html").exists()


def test_a_stock_is_counted_at_a_time_and_a_flow_by_the_quarter_in_every_file(
    edition: Edition, claims: Claims
) -> None:
    study = edition.headline
    for one in study.outcomes:
        claim = claims.claim(f"{one.code}.people")
        when = f"a {study.period_word}" if one.kind == "flow" else "at any one time"
        assert not claim.unit or (claim.unit.endswith(when) and when in claim.text)


def test_what_knowing_is_worth_is_told_where_no_input_stands_alone(edition: Edition) -> None:
    """Where all that is priced is a transfer there is none: before, an error."""
    value = edition.headline.value
    assert value is not None
    bare = value.model_copy(
        update={"information": value.information.model_copy(update={"of_one": ()})}
    )
    assert money_charts.information(bare).endswith("to know every input exactly beforehand.")


def test_no_zero_stands_where_nothing_has_a_price(
    edition: Edition, claims: Claims, held: tuple[tidy.Table, ...]
) -> None:
    value = edition.headline.value
    assert value is not None
    # Of which nothing has a price: no line of its kind, and nothing in its total.
    lines = tuple(row for row in value.by_outcome if row.kind != "social")
    nothing = Mean(mean=0.0, low=0.0, high=0.0)
    totals = value.totals.model_copy(update={"gross_social": nothing})
    bare = value.model_copy(update={"by_outcome": lines, "totals": totals})
    social = of_study(edition.headline.model_copy(update={"value": bare}))["money.gross_social"]
    assert (social.value, social.low, social.high) == (None, None, None)
    assert social.text.startswith("not ")
    for name, heads in (
        ("headline", ("value", "low", "high")),
        ("agencies", ("gain_mean", "gain_low", "gain_high")),
    ):
        for row in tidy.named(held, name).rows:
            assert [row.get(head) for head in heads] != [0.0, 0.0, 0.0], row


def test_sentences_and_verdicts_of_findings_are_those_of_the_book(
    claims: Claims, held: tuple[tidy.Table, ...]
) -> None:
    for row in tidy.named(held, "findings").rows:
        for part in ("verdict", "sentence"):
            if f"{row['outcome']}.{part}" in claims and "real_cases" not in row["study"]:
                assert row[part] == str(claims.claim(f"{row['outcome']}.{part}").text)

"""The scan of the built book: nothing stands in it that was not released, and a leak is found.

The leaks are such as a mistake would make: a raw figure in a file of each kind, seen or not.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.edition.build import drop_stale_words, drop_what_is_gone
from evaluation.edition.edition import Edition
from evaluation.edition.scan.built import Leak, refuse_leaks, scan, scan_files
from evaluation.edition.scan.known import Known, open_names
from evaluation.edition.scan.numbers import Explained, numbers
from evaluation.edition.scan.pdf import texts
from evaluation.errors import BookError
from evaluation.workspace import Workspace
from tests.browser.conftest import lay_out_and_build
from tests.conftest import demonstrate
from tests.once import once

REPOSITORY = Path(__file__).parents[2]
RAW = "6437"
"""A count of people that no release gives and that rounds to none of its figures."""
LONG = "0.123456789012"
HTML = "book/_build/html"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace whose book the tests in a browser read too."""
    return Workspace(root=once(tmp_path_factory, "book", lay_out_and_build))


@pytest.fixture(scope="module")
def edition(workspace: Workspace) -> Edition:
    return Edition.read(workspace, "new_start")


@pytest.fixture(scope="module")
def known(workspace: Workspace, edition: Edition) -> Known:
    return Known.of(workspace, edition)


def test_nothing_in_the_tiny_book_was_not_released(workspace: Workspace, edition: Edition) -> None:
    found = scan(workspace, edition)
    assert [str(one) for one in found.leaks] == []
    assert found.files > 200 and found.numbers > 10_000
    read = {one.suffix for one in (workspace.root / HTML).rglob("*")}
    assert {".html", ".csv", ".json", ".xlsx", ".parquet", ".pdf", ".svg", ".js"} <= read


@pytest.mark.slow
def test_nothing_in_the_demonstrations_book_was_not_released(tmp_path: Path) -> None:
    """The tiny one with its book: returns, claims by return and changes among its pages."""
    ignored = shutil.ignore_patterns("_build", "_edition")
    shutil.copytree(REPOSITORY / "book", tmp_path / "demo" / "book", ignore=ignored)
    demonstrate(tmp_path / "demo")
    place = Workspace(root=tmp_path / "demo")
    found = scan(place, Edition.read(place, "new_start"))
    assert [str(one) for one in found.leaks] == []


def test_every_number_that_was_released_is_told_from_one_that_was_not(known: Known) -> None:
    """The raw results' own digits are found, not only ones that were invented here."""
    (number,) = numbers(LONG)
    assert not known.released.holds(number) and not known.declared.holds(number)
    (count,) = numbers(RAW)
    assert not known.released.holds(count) and not known.declared.holds(count)


def replaced(path: Path, pattern: str, by: str) -> None:
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, lambda found: found[0] + by, before, count=1)
    assert after != before, (path, pattern)
    path.write_text(after, encoding="utf-8")


def in_part(path: Path, part: str, change: Callable[[str], str]) -> None:
    """Change one part of a zipped file, or add it."""
    with zipfile.ZipFile(path) as held:
        parts = {name: held.read(name) for name in held.namelist()}
    before = parts.get(part, b"").decode()
    parts[part] = change(before).encode()
    assert parts[part].decode() != before
    with zipfile.ZipFile(path, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)


def in_columns(path: Path, name: str, value: float) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    table = table.append_column(name, pa.array([value] * table.num_rows))
    pq.write_table(table, path)


def in_statistics(path: Path) -> None:
    """A raw figure in a cell that is the least of its column, and so among the statistics."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    place = table.schema.get_field_index("low")
    column = [float(f"-9{RAW}.5"), *table["low"].to_pylist()[1:]]
    pq.write_table(table.set_column(place, "low", pa.array(column, pa.float64())), path)


def in_metadata(path: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"note": f"of {RAW} people"}), path)


def in_json(path: Path, change: Callable[[object], object]) -> None:
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(held)), encoding="utf-8")


def in_pdf(path: Path) -> None:
    """A raw figure among a PDF's information, and one on a page, drawn in a plain font."""
    drawn = zlib.compress(f"BT /F1 9 Tf ({RAW}) Tj ET".encode())
    body = b"900 0 obj <</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream endobj\n"
    path.write_bytes(path.read_bytes() + body % (len(drawn), drawn))


def in_pdf_title(path: Path) -> None:
    path.write_bytes(path.read_bytes() + f"901 0 obj <</Subject({RAW} people)>> endobj\n".encode())


def in_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"terms":{', f'"terms":{{"{RAW}":0,', 1), encoding="utf-8")


def hidden_column(text: str) -> str:
    return text.replace("<sheetData>", '<cols><col min="9" max="9" hidden="1"/></cols><sheetData>')


def hidden_cell(text: str) -> str:
    return text.replace("</row>", f'<c r="ZZ1"><v>{RAW}</v></c></row>', 1)


SHEET, WORDS = "xl/worksheets/sheet4.xml", "xl/sharedStrings.xml"
LEAKS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a figure in a page": ("lives.html", lambda p: replaced(p, "</h1>", f"<p>{RAW} people</p>")),
    "a figure with more digits than its step": (
        "lives.html",
        lambda p: replaced(p, "</h1>", f"<p>{LONG}%</p>"),
    ),
    "a difference with the digits of binary arithmetic": (
        "data/first_look/ae_attendances-paths.csv",
        lambda p: replaced(p, r",\d+\.\d+", "00000000001"),
    ),
    "a figure of another page": ("lives.html", lambda p: replaced(p, "</h1>", "<p>5,216</p>")),
    "a comment in a page": ("index.html", lambda p: replaced(p, "</h1>", f"<!-- {RAW} -->")),
    "an attribute": ("index.html", lambda p: replaced(p, "<article", f" data-count='{RAW}'")),
    "a picture's words": ("lives.html", lambda p: replaced(p, "<img", f" alt='{RAW} people'")),
    "a coordinate": (
        "figures/first_look/ae_attendances-paths.svg",
        lambda p: replaced(p, r'<path d="M 0', "." + RAW),
    ),
    "a count as a coordinate's name": (
        "figures/first_look/ae_attendances-paths.svg",
        lambda p: replaced(p, "<g ", f'data-count="{RAW}" '),
    ),
    "a picture's title": (
        "figures/first_look/ae_attendances-paths.svg",
        lambda p: replaced(p, "<svg[^>]*>", f"<title>{RAW} people</title>"),
    ),
    "a picture's comment": (
        "figures/first_look/ae_attendances-paths.svg",
        lambda p: replaced(p, "<svg[^>]*>", f"<!-- {RAW} -->"),
    ),
    "a cell of a table": (
        "downloads/effects.csv",
        lambda p: replaced(p, r"overall,,-?0\.\d+", "12345678"),
    ),
    "a column of a table": (
        "data/first_look/ae_attendances-paths.csv",
        lambda p: p.write_text(
            "\n".join(
                f"{line},{'numerator' if k == 0 else 37}"
                for k, line in enumerate(p.read_text("utf-8").splitlines())
            ),
            "utf-8",
        ),
    ),
    "a figure of JSON": (
        "figures/first_look/ae_attendances-paths.json",
        lambda p: in_json(p, lambda held: {**held, "value": float(LONG)}),  # type: ignore[dict-item]
    ),
    "a key of JSON": (
        "figures/first_look/ae_attendances-paths.json",
        lambda p: in_json(p, lambda held: {**held, "count": 40}),  # type: ignore[dict-item]
    ),
    "a bare hash": (
        "downloads/CITATION.cff",
        lambda p: p.write_text(p.read_text("utf-8") + f"# {'0123456789abcdef' * 4}\n", "utf-8"),
    ),
    "a hidden column of a workbook": (
        "downloads/results.xlsx",
        lambda p: in_part(p, SHEET, hidden_column),
    ),
    "a cell far out in a workbook": (
        "downloads/results.xlsx",
        lambda p: in_part(p, SHEET, hidden_cell),
    ),
    "a workbook's properties": (
        "downloads/results.xlsx",
        lambda p: in_part(
            p, "docProps/core.xml", lambda t: t.replace("</dc:title>", f" {LONG}</dc:title>")
        ),
    ),
    "a comment in a workbook": (
        "downloads/results.xlsx",
        lambda p: in_part(p, "xl/comments1.xml", lambda _: f"<a><t>{RAW} people</t></a>"),
    ),
    "a hidden sheet": (
        "downloads/results.xlsx",
        lambda p: in_part(
            p, "xl/workbook.xml", lambda t: t.replace("<sheet ", '<sheet state="veryHidden" ', 1)
        ),
    ),
    "a column of Parquet": ("downloads/paths.parquet", lambda p: in_columns(p, "people", 37.0)),
    "Parquet's statistics": ("downloads/effects.parquet", in_statistics),
    "Parquet's metadata": ("downloads/paths.parquet", in_metadata),
    "a page of a PDF": ("downloads/briefing.pdf", in_pdf),
    "a PDF's information": ("downloads/briefing.pdf", in_pdf_title),
    "the search index": ("searchindex.js", in_index),
    "what a notebook printed": (
        "lives.html",
        lambda p: replaced(p, "</h1>", "<div class='cell_output docutils'><p>twelve</p></div>"),
    ),
    "a file of an unknown kind": (
        "index.html",
        lambda p: p.with_name("figures.pickle").write_bytes(b"\x80\x04K%."),
    ),
}


@pytest.mark.parametrize("which", LEAKS)
def test_a_leak_is_found(which: str, workspace: Workspace, known: Known, tmp_path: Path) -> None:
    file, leak = LEAKS[which]
    pages, sources = workspace.root / HTML, workspace.book / "_edition"
    for name in {file, *(("lives.html",) if file == "searchindex.js" else ())}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pages / name, tmp_path / name)
    before = scan_files(tmp_path, sources, known).leaks
    leak(tmp_path / file)
    found = set(scan_files(tmp_path, sources, known).leaks) - set(before)
    assert found, f"{which} is not found"
    # A hash of a file is one of its content, which the copy lacks beside the others.
    assert file == "searchindex.js" or not before, before


CHANGED = 24
"""Figures that are changed, of pages and of files each."""


@pytest.mark.parametrize("kind", ["pages", "downloads"])
def test_a_figure_that_was_changed_in_the_built_book_is_found(
    kind: str, workspace: Workspace, known: Known, tmp_path: Path
) -> None:
    """Not one that was added: 1,345 in place of 1,245, which is released somewhere else."""
    pages, sources = workspace.root / HTML, workspace.book / "_edition"
    drawn = random.Random(23)
    open_pages = ("tutorial", "enterprise_zones", "organ_donations")
    files = [
        path
        for path in sorted(pages.rglob("*.html" if kind == "pages" else "*.[cj]s*"))
        if path.relative_to(pages).parts[0] in ("data", "downloads", "figures", "sites", "annex")
        or path.name in ("index.html", "lives.html", "money.html", "undo.html")
        if not any(one in path.as_posix() for one in open_pages)
    ]
    free = {text for path in sources.rglob("*.md") for text in headings(path)}
    changed = 0
    for path in drawn.sample(files, len(files)):
        text = path.read_text("utf-8")
        found = [(at, was) for at, was in figures_in(text, kind) if was not in free]
        if not found or changed == CHANGED:
            continue
        at, was = drawn.choice(found)
        digit = drawn.choice([k for k, sign in enumerate(was) if sign.isdigit()])
        now = f"{was[:digit]}{(int(was[digit]) + 1) % 10}{was[digit + 1 :]}"
        if now in free:
            continue
        copy = tmp_path / str(changed) / path.relative_to(pages)
        copy.parent.mkdir(parents=True)
        copy.write_text(f"{text[:at]}{now}{text[at + len(was) :]}", "utf-8")
        leaks = scan_files(tmp_path / str(changed), sources, known).leaks
        assert leaks, f"{path.name}: {was} became {now}"
        changed += 1
    assert changed == CHANGED


def headings(path: Path) -> set[str]:
    """Numbers of a page's headings, which other pages show as well."""
    lines = [one for one in path.read_text("utf-8").splitlines() if one.startswith("#")]
    return {number.text for line in lines for number in numbers(line)}


def figures_in(text: str, kind: str) -> list[tuple[int, str]]:
    """Where figures stand in a page's article, or in a table of a file, and what they are."""
    if kind == "downloads":
        found = re.finditer(r"(?<=[,:] |.[,\n])-?\d+\.\d+(?=[,\n}\]])", text)
        return [(one.start(), one[0]) for one in found]
    begin, end = text.find("<article"), text.find("</article")
    # Numbers of two figures and more with a decimal place or a thousand: no dates, no lines.
    found = re.finditer(r"(?<=[>( ])\d+(?:,\d{3}|\.\d)+(?=[% <)])", text[begin:end])
    return [(begin + one.start(), one[0]) for one in found]


def test_a_download_that_nobody_wrote_is_found(
    workspace: Workspace, known: Known, tmp_path: Path
) -> None:
    (tmp_path / "downloads").mkdir()
    kept = workspace.root / HTML / "downloads" / "effects.csv"
    shutil.copy(kept, tmp_path / "downloads" / "effects-full.csv")
    (found,) = scan_files(tmp_path, workspace.book / "_edition", known).leaks
    assert "nothing that the book was made of" in found.why


def test_words_that_left_the_pages_leave_the_index(workspace: Workspace, tmp_path: Path) -> None:
    """Sphinx keeps words of pages as they were: what a draft said could be read from them."""
    path = tmp_path / "searchindex.js"
    shutil.copy(workspace.root / HTML / path.name, path)
    text = path.read_text(encoding="utf-8")
    assert '"terms":{' in text
    path.write_text(text.replace('"terms":{', f'"terms":{{"{RAW}":[],"{RAW}1":3,', 1), "utf-8")
    drop_stale_words(path)
    left = path.read_text(encoding="utf-8")
    assert f'"{RAW}":' not in left and f'"{RAW}1":3' in left


def test_what_the_book_is_no_longer_made_of_is_taken_out_of_what_was_built(tmp_path: Path) -> None:
    made = ["index.md", "sites/s01.md", "annex/notebooks/look.ipynb", "files/figures/kept.svg"]
    built = [
        *("index.html", "sites/s01.html", "annex/notebooks/look.html", "figures/kept.svg"),
        *("search.html", "searchindex.js", "genindex.html", "objects.inv", ".buildinfo"),
        *("_static/theme.css", "_images/drawn.png", "reports/look.err.log"),
    ]
    gone = ["voices.html", "sites/s09.html", "figures/withdrawn.svg", "_images/before.png"]
    for name in made:
        _written(tmp_path / "_edition" / name)
    for name in [*built, *gone]:
        _written(tmp_path / "_build" / "html" / name)
    front = tmp_path / "_build" / "html" / "index.html"
    front.write_text('<img src="_images/drawn.png">', encoding="utf-8")
    (tmp_path / "_build/html/sites/s09.html").write_text("_images/before.png", encoding="utf-8")
    drop_what_is_gone(tmp_path)
    html = tmp_path / "_build" / "html"
    assert {p.relative_to(html).as_posix() for p in html.rglob("*") if p.is_file()} == set(built)


def _written(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")


@pytest.mark.parametrize("name", ["money", "cases", "S01", "ae_attendances", "first_look"])
def test_an_open_study_opens_no_page_of_other_data_by_its_name(
    edition: Edition, known: Known, name: str
) -> None:
    """Any part of a path that is called like an open study was passed over, whosever it was."""
    headline = edition.headline
    assert name in {"money", "cases", headline.study} | {one.code for one in headline.sites} | {
        one.code for one in headline.outcomes
    }
    real = next(one for one in edition.studies if one.programme in edition.open_data)
    called = real.model_copy(update={"study": name})
    renamed = replace(edition, others=tuple(called if o is real else o for o in edition.others))
    assert known.open == open_names(edition) and real.study in known.open
    assert open_names(renamed) == known.open - {real.study, f"{real.programme}-{real.study}"} | {
        f"{real.programme}-{name}"
    }


def test_what_was_found_stops_the_book(workspace: Workspace) -> None:
    leak = Leak(file="index.html", place="comment", what=RAW, why="a comment holds no number")
    found = scan_files(workspace.root / "studies", workspace.root, _nothing())
    with pytest.raises(BookError, match="no released figure explains") as stopped:
        refuse_leaks(type(found)(files=1, numbers=1, leaks=(leak,)))
    assert RAW in str(stopped.value) and "index.html" in str(stopped.value)


def _nothing() -> Known:
    empty = Explained.of([])
    names = ("counted", "names", "columns", "measured", "machinery", "code", "pictures")
    constants: dict[str, list[str]] = {name: [] for name in names}
    return Known(
        released=empty,
        exact=frozenset(),
        declared=empty,
        measured=frozenset(),
        digests=frozenset(),
        constants=constants,
        open=frozenset(),
    )


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [
        ("about 65 people", 65, 0.5),
        ("−3.40%", 3.4, 0.005),
        ("£1.2m", 1_200_000, 50_000),
        ("139,180 answers", 139_180, 5),
        ("1.5e-3", 0.0015, 0.00005),
    ],
)
def test_a_number_is_read_as_finely_as_it_is_told(text: str, value: float, half: float) -> None:
    (found,) = numbers(text)
    assert found.value == pytest.approx(value) and found.half == pytest.approx(half)


def test_dates_hashes_and_names_are_no_numbers() -> None:
    text = "2026-07-31T09:00:00Z, 2026 Q3, 2026-Q1, 31 July 2026, X01001, S02, 9f86d081884c7d65"
    assert list(numbers(text)) == []


def test_the_text_of_a_pdf_is_read(workspace: Workspace) -> None:
    said = " ".join(
        one.text for one in texts((workspace.root / HTML / "downloads/briefing.pdf").read_bytes())
    )
    assert "What we do not know yet" in said and "re-computed" not in said
    assert "Typst" in said, "its information is read too"

"""A built book tells no quantity in two ways, and any contradiction put into it is found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
import typst
from bs4 import BeautifulSoup, NavigableString
from openpyxl import load_workbook

from benchmarks.reading import HIGHEST_GRADE, MOST_WORDS, graded, reading
from benchmarks.walk import (
    Contradiction,
    figures_in,
    made_now,
    plain,
    walk,
    walk_workspace,
    written,
)
from benchmarks.walk_files import text_of_pdf
from benchmarks.walk_twins import (
    Letter,
    letter_against_pages,
    letters_apart,
    looks_apart,
    pages_apart,
)
from evaluation.workspace import Workspace

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Built:
    """A copy of a built book, to plant something in."""

    html: Path
    claims: Path

    def replace(self, page: str, pattern: str, by: str, *, nth: int = 0) -> None:
        """Put another text at the nth place where a pattern is found; it has to be there."""
        path = self.html / page
        text = path.read_text(encoding="utf-8")
        places = list(re.finditer(pattern, text))
        assert len(places) > nth, (page, pattern)
        found = places[nth]
        changed = text[: found.start()] + found.expand(by) + text[found.end() :]
        assert changed != text
        path.write_text(changed, encoding="utf-8")

    def claim(self, key: str, **fields: object) -> None:
        held = json.loads(self.claims.read_text(encoding="utf-8"))
        held[key] |= fields
        self.claims.write_text(json.dumps(held), encoding="utf-8")


def typed(key: str) -> str:
    """The text of an element that carries an id, up to its first digit."""
    return rf"(data-(?:claim|quantity)='{re.escape(key)}'[^>]*>(?:<a[^>]*>)?[^<\d]*)\d+"


def in_csv(name: str, row: str, column: str, by: str) -> Callable[[Built], None]:
    def plant(book: Built) -> None:
        path = book.html / "downloads" / name
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        place = head.split(",").index(column)
        (number,) = [k for k, line in enumerate(lines) if line.startswith(row)]
        # Columns before those that hold a comma are as they are split.
        cells = lines[number].split(",")
        assert cells[place] != by
        cells[place] = by
        lines[number] = ",".join(cells)
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")

    return plant


def on(page: str, pattern: str, by: str, nth: int = 0) -> Callable[[Built], None]:
    return lambda book: book.replace(page, pattern, by, nth=nth)


def in_claims(key: str, **fields: object) -> Callable[[Built], None]:
    return lambda book: book.claim(key, **fields)


EFFECT, PEOPLE, MONEY = "ae_attendances.effect", "ae_attendances.people", "money.gross_fiscal"
PLANTED: dict[str, Callable[[Built], None]] = {
    "an effect on the page of lives": on("lives.html", typed(EFFECT), r"\g<1>77"),
    "a point on the front page": on("index.html", typed("ae_attendances.point"), r"\g<1>78"),
    "a range on the front page": on("index.html", typed("ae_attendances.interval"), r"\g<1>79"),
    "a count of people on the front page": on("index.html", typed(PEOPLE), r"\g<1>7"),
    "a hope on the front page": on("index.html", typed("ae_attendances.hoped"), r"\g<1>71"),
    "a margin on the page of lives": on("lives.html", typed("ae_attendances.margin"), r"\g<1>73"),
    "a verdict on the front page": on(
        "index.html",
        r"(data-claim='ae_attendances\.verdict'[^>]*>(?:<a[^>]*>)?)[^<]+",
        r"\g<1>rose: worse",
    ),
    "a verdict on the page of lives": on(
        "lives.html",
        r"(data-claim='ae_attendances\.verdict'[^>]*>(?:<a[^>]*>)?)[^<]+",
        r"\g<1>cannot tell",
    ),
    "a sentence on the page of lives": on(
        "lives.html", r"(data-claim='ae_attendances\.sentence'>)", r"\g<1>Hardly. "
    ),
    "the story of money on the front page": on(
        "index.html", r"(data-claim='answer\.money'[^£]*)£[\d.]+m", r"\g<1>£44.4m"
    ),
    "the chance on the front page": on(
        "index.html", r"(exceed the cost: )[^<;]*", r"\g<1>63 in 100"
    ),
    "the same amount in a table": on("money.html", typed(MONEY), r"\g<1>31"),
    "what could leave a budget in a table": on("money.html", typed("money.cashable"), r"\g<1>32"),
    "the unit of a total": on(
        "money.html", rf"(data-quantity='{MONEY}' data-unit=')[^']*", r"\g<1>dollars"
    ),
    "the unit of an effect": on(
        "lives.html", rf"(data-claim='{EFFECT}' data-unit=')[^']*", r"\g<1>log points"
    ),
    "an effect at a site on the page of sites": on(
        "sites.html", typed("site.S01.ae_attendances"), r"\g<1>81"
    ),
    "an effect at a site on its own page": on(
        "sites/S01.html", typed("site.S01.ae_attendances"), r"\g<1>82"
    ),
    "an effect in the page of its outcome": on(
        "annex/outcomes/ae_attendances.html", typed(EFFECT), r"\g<1>83"
    ),
    "a value in headline.csv": in_csv("headline.csv", f"{EFFECT},", "value", "55.5"),
    "a name in findings.csv": in_csv(
        "findings.csv", "new_start/first_look,ae_attendances,", "title", "Casualty visits"
    ),
    "an agency's gain in agencies.csv": in_csv("agencies.csv", "NHS,DEL,", "gain_mean", "12345678"),
    "a text of claims.json": in_claims(EFFECT, text=f"{MINUS}9.9% ({MINUS}12% to {MINUS}8.8%)"),
    "a unit of claims.json": in_claims(EFFECT, unit="points"),
    "a sentence of claims.json with another range": in_claims(
        "ae_attendances.sentence", text=f"It fell: {MINUS}9.9% ({MINUS}12.1 to {MINUS}8.8)."
    ),
    "a range in running words": on(
        "how.html", "<p>", f"<p>A fall of {MINUS}6.66% ({MINUS}7.77% to {MINUS}5.55%). "
    ),
    "an amount in running words": on("undo.html", "<p>", "<p>It would bring £987.6m. "),
    "a chance in running words": on("learning.html", "<p>", "<p>The chance is 43 in 100. "),
    "a percentage in running words": on("data.html", "<p>", "<p>Of the change, 87.9% is new. "),
    "the words of a picture": on("lives.html", r"alt='", f"alt='It fell by {MINUS}66.6%. "),
    "another name of an outcome": on("money.html", "<p>", "<p>Claimant count. "),
}


def in_sheet(sheet: str, row: str, column: str, by: object) -> Callable[[Built], None]:
    """Another cell in the spreadsheet, in the row whose first words are given."""

    def plant(book: Built) -> None:
        path = book.html / "downloads" / "results.xlsx"
        held = load_workbook(path)
        cells = list(held[sheet].iter_rows())
        heads = next(line for line in cells if all(cell.value for cell in line) and len(line) > 2)
        place = [cell.value for cell in heads].index(column)
        line = next(one for one in cells if f"{one[0].value},{one[1].value}".startswith(row))
        assert line[place].value != by
        line[place].value = by
        held.save(path)

    return plant


def in_notes(by: str) -> Callable[[Built], None]:
    def plant(book: Built) -> None:
        path = book.html / "downloads" / "results.xlsx"
        held = load_workbook(path)
        held["Cover"]["A2"].value = by
        held.save(path)

    return plant


def in_parquet(name: str, column: str, by: object) -> Callable[[Built], None]:
    def plant(book: Built) -> None:
        path = book.html / "downloads" / name
        held = pd.read_parquet(path)
        held.loc[0, column] = by
        held.to_parquet(path)

    return plant


def in_briefing(pattern: str, by: str) -> Callable[[Built], None]:
    """A briefing of the same words but for some of them."""

    def plant(book: Built) -> None:
        path = book.html / "downloads" / "briefing.pdf"
        text = plain(text_of_pdf(path))
        changed = re.sub(pattern, by, text, count=1)
        assert changed != text, pattern
        source = path.with_name("planted.typ")
        source.write_text(f"#{json.dumps(changed, ensure_ascii=False)}", encoding="utf-8")
        typst.compile(str(source), output=str(path))
        source.unlink()

    return plant


CHART = "figures/first_look/all-outcomes"
IN_FILES: dict[str, Callable[[Built], None]] = {
    "a value in the spreadsheet": in_sheet("Headline", EFFECT, "Value", 55.5),
    "a text in the spreadsheet": in_sheet("Headline", PEOPLE, "Text", "about 99 fewer"),
    "a unit in the spreadsheet": in_sheet("Headline", EFFECT, "Unit", "log points"),
    "a verdict in the spreadsheet": in_sheet(
        "Findings", "new_start/first_look,ae_attendances", "Verdict", "rose: worse"
    ),
    "a gain in the spreadsheet": in_sheet("Agencies", "NHS,DEL", "Gain mean (£)", 1234),
    "a site's effect in the spreadsheet": in_sheet("Sites", "S01,", "Effect", -44.4),
    "an amount on the cover of the spreadsheet": in_notes("It would bring £987.6m."),
    "a value in a Parquet file": in_parquet("headline.parquet", "value", -44.4),
    "a verdict in a Parquet file": in_parquet("findings.parquet", "verdict", "rose: worse"),
    "a figure of a quantity in the briefing": in_briefing(
        r"(exceed the cost: )[^;]*", r"\g<1>63 in 100"
    ),
    "a figure of no quantity in the briefing": in_briefing(r"Main points", "Up by 66.6%."),
    "another outcome's figure in the briefing": in_briefing(
        r"-[\d.]+% \(-[\d.]+% to -[\d.]+%\)", "+9.0% (+2.8% to +15%)"
    ),
    "a number in a chart's JSON": on(f"{CHART}.json", r'("effect": )-', r"\g<1>-7"),
    "a finding in a chart's JSON": on(f"{CHART}.json", r'("says": ")', r"\g<1>It fell by 66.6%. "),
    "a number in a chart's CSV": on(f"{CHART}.csv", r",(-\d)", r",\g<1>7"),
    "a label in a drawn chart": on(f"{CHART}.svg", rf">{MINUS}\d", f">{MINUS}37"),
    "a label in a chart for telephones": on(f"{CHART}-narrow.svg", rf">{MINUS}\d", f">{MINUS}37"),
    "a number in the data of an outcome": on(
        "data/first_look/ae_attendances-paths.json", r'("pilot": )\d+', r"\g<1>7"
    ),
    "a figure on the page of a claim": on(
        "annex/claims/ae_attendances-effect.html", "<p>", "<p>Some say 66.6%. "
    ),
    "another outcome's range on the front page": on(
        "index.html", "<p>", "<p>A&amp;E attendances: +9.0% (+2.8% to +15%). "
    ),
    "words for who cannot see a picture": on(
        "index.html", "<p>", "<p><span role='img' aria-label='It fell by 66.6%'></span>"
    ),
}


@pytest.fixture(scope="module")
def book(workspace: Workspace) -> Built:
    built = workspace.book
    return Built(built / "_build" / "html", built / "_edition" / "claims.json")


SHOWN = ("*.html", "sites/S01.html", "downloads/*.csv")
BEHIND = ("annex/outcomes/ae_attendances.html",)


@pytest.fixture(scope="module")
def part(book: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The pages and tables in which something is planted: walked many times, so few."""
    return copied(book, (*SHOWN, *BEHIND), tmp_path_factory.mktemp("part"))


FILES = (
    "index.html",
    "money.html",
    "sites.html",
    "lives.html",
    "annex/claims/ae_attendances-effect.html",
    "downloads/*.csv",
    "downloads/headline.parquet",
    "downloads/findings.parquet",
    "downloads/*.xlsx",
    "downloads/*.pdf",
    f"{CHART}*",
    "data/first_look/ae_attendances-paths.*",
)


@pytest.fixture(scope="module")
def files(book: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The files of other kinds, with what they are held against."""
    return copied(book, FILES, tmp_path_factory.mktemp("files"))


def copied(book: Built, patterns: Sequence[str], folder: Path) -> Built:
    for pattern in patterns:
        for path in book.html.glob(pattern):
            place = folder / "html" / path.relative_to(book.html)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    shutil.copyfile(book.claims, folder / "claims.json")
    return Built(folder / "html", folder / "claims.json")


@pytest.fixture(scope="module")
def before(part: Built) -> set[Contradiction]:
    """What the part contradicts by itself, since what stands elsewhere is not in it."""
    return set(contradictions(part))


@pytest.fixture(scope="module")
def before_in_files(files: Built) -> set[Contradiction]:
    return set(contradictions(files))


def contradictions(built: Built) -> tuple[Contradiction, ...]:
    names = {"Claimant count": "People claiming unemployment-related benefits"}
    return walk(built.html, built.claims, names).contradictions


def test_words_and_tables_of_the_book_tell_nothing_in_two_ways(workspace: Workspace) -> None:
    """Nor does the demonstration: `test_whole_book`."""
    found = walk_workspace(workspace)
    assert found.places > found.quantities > 50
    assert [str(one) for one in found.contradictions] == []


def test_at_least_thirty_contradictions_are_planted_in_files_of_every_kind() -> None:
    assert len(PLANTED) >= 30 and len(IN_FILES) >= 20


def found_with(plant: Callable[[Built], object], built: Built, folder: Path) -> set[Contradiction]:
    """What the walker finds in a copy in which something was planted."""
    shutil.copytree(built.html, folder / "html")
    shutil.copyfile(built.claims, folder / "claims.json")
    planted = Built(folder / "html", folder / "claims.json")
    plant(planted)
    return set(contradictions(planted))


@pytest.mark.parametrize("what", IN_FILES)
def test_a_contradiction_in_a_file_is_found(
    files: Built, before_in_files: set[Contradiction], what: str, tmp_path: Path
) -> None:
    assert found_with(IN_FILES[what], files, tmp_path) - before_in_files


def test_a_table_that_is_not_the_one_described_is_found(book: Built, tmp_path: Path) -> None:
    planted = copied(book, ("index.html", "downloads/*.csv", "downloads/*.json"), tmp_path)
    in_csv("over_time.csv", "2024 Q2,", "paid", "1.0")(planted)
    assert any(one.where == "over_time.csv" for one in contradictions(planted))


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_contradiction_is_found(
    part: Built, before: set[Contradiction], what: str, tmp_path: Path
) -> None:
    assert found_with(PLANTED[what], part, tmp_path) - before


def test_figures_are_read_alike_however_they_are_spelled() -> None:
    said = f"It fell by {MINUS}3.7% ({MINUS}5.9 to {MINUS}1.2), about 810 fewer visits."
    table = f"{MINUS}3.7% ({MINUS}5.9% to {MINUS}1.2%)"
    assert {"-3.7|-5.9|-1.2", "810"} <= set(figures_in(said))
    assert "-3.7|-5.9|-1.2" in set(figures_in(table))
    assert plain(f"{MINUS}\N{WORD JOINER}£4\N{NO-BREAK SPACE}m") == "-£4 m"


def test_the_main_part_is_short_and_easy_to_read(book: Built) -> None:
    found = reading(book.html)
    assert found.words <= MOST_WORDS
    assert 0 < found.grade <= HIGHEST_GRADE
    assert {page for page, (_, grade) in found.pages.items() if grade > HIGHEST_GRADE} == set()


def test_a_hard_sentence_has_a_high_grade() -> None:
    hard = "Heterogeneous institutional configurations necessitate methodological sophistication."
    assert graded(hard) > HIGHEST_GRADE > graded("The cat sat on the mat. It was 3.7% of it.")


KINDS = {
    "number": (r"\d+", "31415"),
    "unit": (r"\b(?:quarters?|areas?|programmes?|figures?|outcomes?)\b", "furlongs"),
    "name": (r"\b[A-Z][a-z]{3,}\b", "Casualty"),
    "direction": (r"\.(?=\s|$)", ". It plummeted."),
    "rounding": (r"\d+(?:\.\d+)?", r"\g<0>4"),
    "verdict": (r"\.(?=\s|$)", ". Rose: worse."),
    "chance": (r"\.(?=\s|$)", ". The chance is 43 in 100."),
    "date": (r"\.(?=\s|$)", ". It was published on 9 May 2031."),
}
"""What may be told otherwise: the first place that fits is put in other words."""
ANNEX = {
    "machinery": "annex/machinery.html",
    "what is protected": "annex/protected.html",
    "rules": "annex/rules.html",
    "cases": "annex/cases/index.html",
    "records": "annex/records/new_start-first_look.html",
    "update log": "annex/update-log.html",
    "returns": "annex/returns.html",
    "methods": "annex/methods.html",
}


def reworded(text: str, kind: str) -> str:
    pattern, by = KINDS[kind]
    changed = re.sub(pattern, by, text, count=1)
    assert changed != text, (kind, text[:200])
    return changed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ANNEX)
def test_what_a_page_of_the_annex_says_beyond_its_source_is_found(
    book: Built, which: str, kind: str, tmp_path: Path
) -> None:
    """In its running words and in its tables alike, wherever the kind fits first."""
    page, sources = ANNEX[which], book.claims.parent
    source = Path(page).with_suffix(".md")
    for path, place in ((book.html / page, tmp_path / page), (sources / source, tmp_path / source)):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    assert list(pages_apart(tmp_path, tmp_path)) == []
    soup = BeautifulSoup((tmp_path / page).read_text(encoding="utf-8"), "html.parser")
    fits = (
        one
        for one in soup.find("article").find_all(string=re.compile(KINDS[kind][0]))
        if isinstance(one, NavigableString)
        and one.find_parent(class_="claim") is None
        and one.find_parent(["p", "li", "td"]) is not None
    )
    found = next(fits, None)
    if found is None:
        # A small book has no such figure on this page: then one that is added.
        soup.find("article").append(soup.new_string(" It was 31415."))
    else:
        found.replace_with(reworded(str(found), kind))
    (tmp_path / page).write_text(str(soup), encoding="utf-8")
    assert [one.where for one in pages_apart(tmp_path, tmp_path)]


@pytest.fixture(scope="module")
def letters(workspace: Workspace) -> list[Letter]:
    return made_now(workspace, "new_start")


@pytest.mark.parametrize(
    ("language", "kind"),
    # The words of units are English here.
    [(one, kind) for one in ("en", "cy") for kind in KINDS if (one, kind) != ("cy", "unit")],
)
def test_what_a_letter_says_beyond_the_results_is_found(
    letters: list[Letter], language: str, kind: str
) -> None:
    (first, *_) = [one for one in letters if one.language == language]
    assert list(letters_apart([first], letters)) == []
    whole = "\n".join(first.lines)
    planted = replace(first, lines=tuple(reworded(whole, kind).split("\n")))
    assert list(letters_apart([planted], letters))


def test_a_letter_is_held_against_the_pages_of_its_site(letters: list[Letter]) -> None:
    """What both tell is told alike, though each makes its own sentence of it."""
    letter = Letter(
        where="S01.html",
        site="S01",
        language="en",
        lines=("A&E: likely between 1.0% and 9.6% fewer than there would have been.",),
    )
    titles, cell = {"ae": "A&E"}, f"{MINUS}5.4% ({MINUS}9.6% to {MINUS}1.0%)"

    def apart(lines: Sequence[str], cell: str = cell) -> int:
        one = replace(letter, lines=tuple(lines))
        return len(list(letter_against_pages(one, titles, {"ae": cell})))

    assert apart(letter.lines) == 0
    assert apart([letter.lines[0].replace("9.6%", "9.5%")]) == 1
    assert apart([letter.lines[0].replace("fewer", "more")]) == 1
    either = "A&E: between 24% fewer and 8.0% more than there would have been."
    assert apart([either], f"{MINUS}6.5% ({MINUS}24% to +8.0%)") == 0
    assert apart([either.replace("24%", "23%")], f"{MINUS}6.5% ({MINUS}24% to +8.0%)") == 1
    assert apart([either], f"+6.5% ({MINUS}8.0% to +24%)") == 1


def test_letters_that_were_sent_are_walked_with_the_book(
    workspace: Workspace, letters: list[Letter], tmp_path: Path
) -> None:
    (first, *_) = letters
    text = "".join(f"<p>{line}</p>" for line in first.lines)
    path = tmp_path / f"{first.site}.html"
    path.write_text(text, encoding="utf-8")
    assert list(letters_apart(written(tmp_path), letters)) == []
    path.write_text(text.replace("% fewer", "9% fewer", 1), encoding="utf-8")
    found = walk_workspace(workspace, letters=tmp_path).contradictions
    assert {one.where for one in found} == {path.name}


def test_a_past_look_is_told_as_its_edition_told_it(tmp_path: Path) -> None:
    story, looks = tmp_path / "figures" / "revisions", tmp_path / "figures" / "first_look"
    story.mkdir(parents=True)
    looks.mkdir()
    (story / "story-ae-percent.csv").write_text("edition,effect\n2026-Q1,-3.34\n", "utf-8")
    for effect, apart in ((-3.34, 0), (-3.35, 1)):
        text = f"quarter,effect,as_shown\n2026 Q1,{effect},{effect}%\n"
        (looks / "ae-looks.csv").write_text(text, "utf-8")
        assert len(list(looks_apart(tmp_path))) == apart

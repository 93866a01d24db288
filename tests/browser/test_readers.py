"""What a reader with five minutes meets: ten answers, plain words, every chart in words too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup

from evaluation.edition.pages import questions
from evaluation.edition.shape import MAIN
from tests.browser.conftest import TELEPHONE, first_answers_end
from tests.browser.reading import reading_age, syllables

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_WORDS, OLDEST_READER = 300, 14.0
KNOWN = {
    "the": 1,
    "area": 3,
    "people": 2,
    "programme": 2,
    "improved": 2,
    "started": 2,
    "quarter": 2,
    "household": 2,
    "homelessness": 4,
    "attendances": 4,
    "benefits": 3,
    "evidence": 3,
    "money": 2,
    "released": 2,
    "figure": 2,
    "range": 1,
    "outcomes": 2,
    "table": 2,
    "nobody": 3,
    "council": 2,
    "pilot": 2,
    "comparison": 4,
    "likely": 2,
    "without": 2,
    "would": 1,
    "change": 1,
    "changed": 1,
}


def soup_of(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def first_words(page: Path, count: int = FIRST_WORDS) -> str:
    article = soup_of(page).select_one("article")
    assert article is not None
    for part in article.select("script, style, .headerlink"):
        part.decompose()
    return " ".join(article.get_text(" ").split()[:count])


def plain(text: str) -> str:
    """Without spaces, which markup puts between a figure and its stop."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("question", questions.QUESTIONS, ids=lambda q: q.key)
def test_each_question_is_answered_one_click_from_the_front(
    html: Path, question: questions.Question
) -> None:
    page = html / f"{question.page}.html"
    claims = json.loads((html.parents[1] / "_edition" / "claims.json").read_text())
    assert plain(claims[question.claim]["text"]) in plain(first_words(page))


def test_the_syllable_rule_counts_known_words() -> None:
    counted = {word: syllables(word) for word in KNOWN}
    assert {word for word in KNOWN if counted[word] < KNOWN[word]} == set()
    assert {word for word in KNOWN if counted[word] > KNOWN[word]} == {
        "household",
        "likely",
        "released",
    }


def test_front_and_outcome_pages_can_be_read_at_fourteen(html: Path) -> None:
    pages = [html / "index.html", *(html / "annex" / "outcomes").glob("*.html")]
    ages = {str(page.relative_to(html)): round(reading_age(page), 1) for page in pages}
    assert {name: age for name, age in ages.items() if age > OLDEST_READER} == {}


def test_every_chart_says_a_finding(html: Path, pages: list[Path]) -> None:
    """More than a name: a sentence after it that holds a figure, or says that none was found."""
    poor = []
    for page in pages:
        for image in soup_of(page).select("figure.chart img"):
            alt = str(image["alt"])
            _, _, finding = re.sub(r"[.:] ", "|", alt, count=1).partition("|")
            if len(alt) < 20 or len(finding.split()) < 4:
                poor.append((str(page.relative_to(html)), alt))
    assert poor == []


def _leads_to_its_outcome(image: Any) -> bool:
    fold = image.find_parent("details", class_="outcome")
    own = f"annex/outcomes/{fold['id']}.html" if fold is not None else ""
    return fold is not None and fold.find("a", href=own) is not None


def _leads_to_its_table(section: Any, page: Path) -> bool:
    """A link called "Table" to a page of the annex, at a section that has one."""
    for link in section.find_all("a", string="Table"):
        address, _, anchor = str(link["href"]).partition("#")
        behind = soup_of(page.parent / address)
        place = behind.find(id=anchor) if anchor else behind
        if place is not None and place.find("table") is not None:
            return True
    return False


def test_every_chart_has_a_table_behind_it(html: Path, pages: list[Path]) -> None:
    """In its own section, but for figures that a source does not let be handed on.

    A long table may stand in the annex, where a link beside the chart leads to it. Those of all
    outcomes on one page have theirs on their outcome's page, with a link to it beside each.
    """
    bare = [
        (str(page.relative_to(html)), image["alt"])
        for page in pages
        for image in soup_of(page).select("figure.chart img")
        if not _leads_to_its_outcome(image)
        and (section := image.find_parent("section")) is not None
        and section.find("table") is None
        and not _leads_to_its_table(section, page)
        and "may not be passed on" not in section.get_text()
    ]
    assert bare == []


def test_the_front_reaches_every_main_page_and_the_annex_stays_out_of_its_sidebar(
    html: Path,
) -> None:
    front = soup_of(html / "index.html")
    beside = [str(link["href"]).partition("#")[0] for link in front.select("nav a")]
    listed = [page for page in dict.fromkeys(beside) if page and not page.startswith("sites/")]
    assert listed[-len(MAIN) + 1 :] == [f"{page}.html" for page in MAIN if page != "index"]
    assert not [page for page in beside if page.startswith("annex/")]


def test_every_page_of_the_annex_says_for_whom_it_is(html: Path) -> None:
    pages = sorted((html / "annex").rglob("*.html"))
    assert pages
    unsaid = [page for page in pages if "Annex · for " not in soup_of(page).get_text()]
    assert unsaid == []


def test_the_page_of_every_claim_is_two_clicks_from_the_front(html: Path) -> None:
    def leads(page: Path) -> set[Path]:
        links = [str(one["href"]).partition("#")[0] for one in soup_of(page).select("a[href]")]
        return {(page.parent / one).resolve() for one in links if one.endswith(".html")}

    first = leads(html / "index.html")
    second = set().union(*(leads(page) for page in first if page.is_file()))
    wanted = {page.resolve() for page in (html / "annex" / "claims").glob("*.html")}
    assert wanted - first - second == set()


def test_every_page_leads_to_feedback_and_to_a_card_that_lies_beside_the_book(
    html: Path, pages: list[Path]
) -> None:
    for page in pages:
        soup = soup_of(page)
        card = soup.find("meta", property="og:image")
        assert card is not None and (page.parent / str(card["content"])).resolve().is_file(), page
        assert soup.find("meta", property="og:title")["content"], page
        back = soup.select_one(".edition-footer a")
        assert back is not None and str(back["href"]).endswith(("feedback.html", "#")), page


def test_the_three_answers_begin_in_the_first_two_screens_of_a_telephone(
    html: Path, browser: Browser
) -> None:
    """Of the demonstration's book too: `test_whole_book`."""
    ends = first_answers_end(browser, html)
    assert list(ends) == ["Lives", "Money", "How sure"]
    assert {name: end for name, end in ends.items() if end > 2 * TELEPHONE[1]} == {}


def test_no_command_stands_in_the_main_part(html: Path) -> None:
    found = {}
    for page in html.rglob("*.html"):
        name = page.relative_to(html).as_posix()
        article = soup_of(page).select_one("article")
        if article is None or name.startswith(("annex/", "_")):
            continue
        said = [code.get_text() for code in article.select("code")]
        if commands := [one for one in said if re.match(r"(newstart|python|make) ", one)]:
            found[name] = commands
    assert found == {}


def test_the_front_says_nothing_of_kinds_of_budget(html: Path) -> None:
    article = soup_of(html / "index.html").select_one("article")
    assert article is not None
    assert not re.search(r"\b(AME|DEL)\b", article.get_text(" "))

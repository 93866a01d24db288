"""The letter to a site: whole sentences, six plural classes in Welsh, fallbacks marked."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale
from babel.dates import format_date
from pydantic import ValidationError

from evaluation.edition.edition import Edition
from evaluation.edition.formats.briefing import pages_of
from evaluation.edition.letter import as_html, as_pdf, letter
from evaluation.edition.letter_words import (
    CLASSES,
    Catalogue,
    Language,
    Speaker,
    catalogue,
    plural_of,
)
from evaluation.errors import BookError
from evaluation.ledger.learning_log import Entry
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period, parse_instant
from evaluation.study.record import Results
from evaluation.workspace import Workspace

HELD = catalogue()
Q3, Q3_END = Period.parse("2026 Q3"), parse_instant("2026-10-01")


@pytest.mark.parametrize("language", ["en", "cy"])
def test_plural_classes_are_those_of_unicode(language: Language) -> None:
    """Babel reads Unicode's own table (CLDR)."""
    peer = Locale(language).plural_form
    assert set(CLASSES[language]) == set(peer.tags) | {"other"}
    assert [plural_of(language, n) for n in range(120)] == [peer(n) for n in range(120)]


@pytest.mark.parametrize("language", ["en", "cy"])
def test_days_are_written_as_unicode_has_them(language: Language) -> None:
    speaker = Speaker.of(language)
    for month in range(1, 13):
        day = date(2026, month, 30 if month != 2 else 28)
        assert speaker.day(day) == format_date(day, "d MMMM y", locale=language)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("2026 Q3", "2026 Q3 (July–September 2026)"),
        ("2026-07", "2026-07 (July 2026)"),
        ("2026", "2026"),
    ],
)
def test_a_period_is_told_by_its_own_months(label: str, said: str) -> None:
    assert Speaker.of("en").quarter(Period.parse(label)) == said


def test_every_sentence_is_whole() -> None:
    """None begins or ends with what is filled in beside another word, and none is a fragment."""
    for name, held in HELD.sentences.items():
        for said in held.values():
            for text in said.values() if isinstance(said, dict) else [said]:
                if name in ("in_english", "title") or name.startswith("head_"):
                    continue
                assert text[-1] in ".?}" and (text[0].isupper() or text.startswith("{")), text
                parts = [one for one, _, _, _ in Formatter().parse(text)]
                # What is filled in at the head is a title, and a colon keeps mutations from it.
                assert not text.startswith("{title}") or parts[1].startswith(":"), text


def test_a_welsh_preposition_never_stands_before_what_is_filled_in() -> None:
    """They mutate what follows: ``i Fedi``, ``o Gymru``; a figure does not mutate."""
    mutate = re.compile(r"\b(i|o|ar|at|gan|dan|dros|heb|am|drwy|yn) \{(\w+)\}")
    for name, held in HELD.sentences.items():
        said = held.get("cy", "")
        for text in said.values() if isinstance(said, dict) else [said]:
            found = {place for _, place in mutate.findall(text)}
            # A quarter begins with its year, and a site's name is a name.
            assert found <= {"n", "large", "small", "day", "site", "quarter"}, name


def test_what_has_no_translation_is_marked() -> None:
    speaker = Speaker.of("cy")
    said = speaker.of_outcome("fell", "neet", "Young people out of work", small=1, large=2)
    assert said.language == "en" and said.mark == "[yn Saesneg]"
    assert said.text.startswith("Young people out of work: likely between 1% and 2% fewer")
    fuzzy = speaker.say("question_component", title="Posts filled")
    assert fuzzy.language == "en" and fuzzy.mark
    own = speaker.of_outcome("fell", "arrears", "Households behind", small=1, large=2)
    assert own.language == "cy" and not own.mark and own.text.startswith("Aelwydydd")
    assert not Speaker.of("en").of_outcome("fell", "neet", "A", small=1, large=2).mark


def test_counts_choose_their_sentence() -> None:
    said = {n: Speaker.of("cy").say("areas", n=n).text for n in (1, 2, 3, 4, 6, 7)}
    assert len({text.replace(str(n), "") for n, text in said.items()}) == 5
    assert "ddwy ardal" in said[2] and "dair ardal" in said[3] and "chwe ardal" in said[6]
    assert "4 ardal" in said[4] and "7 ardal" in said[7]
    assert Speaker.of("en").say("returns", n=0, quarter="Q").text.startswith("No return")


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ({"cy": "Dim"}, "no English"),
        ({"en": {"one": "One.", "other": "{n}."}, "cy": {"one": "Un.", "other": "{n}."}}, "lacks"),
        ({"en": "Of {site}.", "cy": "O {lle}."}, "asks for lle"),
    ],
)
def test_a_catalogue_with_a_gap_is_refused(sentence: dict[str, object], said: str) -> None:
    whole = HELD.model_dump() | {"sentences": {"a": sentence}}
    with pytest.raises(ValidationError, match=said):
        Catalogue.model_validate(whole)


def test_there_is_no_letter_in_another_language() -> None:
    with pytest.raises(BookError, match="'fr'"):
        Speaker.of("fr")


@pytest.fixture(scope="module")
def shown(demonstration: Path) -> tuple[Workspace, Edition]:
    workspace = Workspace.at(demonstration)
    return workspace, Edition.read(workspace, "new_start")


@pytest.mark.parametrize("language", ["en", "cy"])
def test_a_letter_holds_its_five_parts_and_no_other_site(
    shown: tuple[Workspace, Edition], language: str
) -> None:
    workspace, edition = shown
    page = as_html(letter(workspace, edition, "S01", Q3, language=language))
    assert page.count("<h2>") == 5 and f'<html lang="{language}">' in page
    assert "http" not in page.replace("http-equiv", "")
    text = unescape(re.sub(r"<[^>]+>", " ", page))
    assert edition.programme.site_by_code["S02"].name not in text
    assert edition.programme.site_by_code["S01"].name in text
    assert ("Invented" if language == "en" else "Dychmygol") in text


@pytest.mark.parametrize("language", ["en", "cy"])
def test_a_letter_is_one_page_on_paper(shown: tuple[Workspace, Edition], language: str) -> None:
    workspace, edition = shown
    made = as_pdf(letter(workspace, edition, "S02", Q3, language=language))
    assert made.startswith(b"%PDF") and pages_of(made) == 1


def test_what_moved_is_told_with_its_range_and_people(shown: tuple[Workspace, Edition]) -> None:
    """With ranges given by hand: an edition of so few areas prints none of one site."""
    workspace, edition = shown
    content = edition.headline.model_dump(by_alias=True)
    first, second = content["outcomes"][0]["estimates"][0]["site"]
    first |= {"low": math.log(0.8), "high": math.log(0.95)}
    second |= {"low": math.log(0.8), "high": math.log(1.1)}
    changed = replace(edition, headline=Results.model_validate(content))
    told = as_html(letter(workspace, changed, "S01", Q3))
    assert "likely between 5.0% and 20% fewer" in told and "fewer in your areas" in told
    assert "chance" not in told
    told = as_html(letter(workspace, changed, "S02", Q3))
    assert "between 20% fewer and 10% more" in told and "we cannot tell" in told


def test_a_range_close_to_nought_is_told_as_the_book_tells_it(
    shown: tuple[Workspace, Edition],
) -> None:
    """An end of half a per cent leaves nought out, in the letter as on the page of sites."""
    workspace, edition = shown
    content = edition.headline.model_dump(by_alias=True)
    first = content["outcomes"][0]["estimates"][0]["site"][0]
    first |= {"low": math.log(1.003), "high": math.log(1.2)}
    changed = replace(edition, headline=Results.model_validate(content))
    told = as_html(letter(workspace, changed, "S01", Q3))
    assert "likely between 0.3% and 20% more" in told and "That may be chance" not in told


@pytest.mark.parametrize(("kind", "when"), [("flow", "each quarter"), ("stock", "at any one time")])
def test_a_stock_is_counted_at_a_time_and_a_flow_by_the_quarter(
    shown: tuple[Workspace, Edition], kind: str, when: str
) -> None:
    workspace, edition = shown
    content = edition.headline.model_dump(by_alias=True)
    content["outcomes"][0].update(kind=kind)
    first = content["outcomes"][0]["estimates"][0]["site"][0]
    first |= {"low": math.log(0.8), "high": math.log(0.95)}
    changed = replace(edition, headline=Results.model_validate(content))
    told = as_html(letter(workspace, changed, "S01", Q3))
    (said,) = re.findall(r"That is between [^.]*fewer in your areas ([a-z ]+) \(", told)
    assert said == when


@pytest.mark.parametrize(("label", "when"), [("2020-01", "each month"), ("2020", "each year")])
def test_events_are_told_by_the_study_s_own_period(
    shown: tuple[Workspace, Edition], label: str, when: str
) -> None:
    workspace, edition = shown
    content = edition.headline.model_dump(by_alias=True)
    content["sample"]["periods"] = (label,)
    content["outcomes"][0].update(kind="flow")
    first = content["outcomes"][0]["estimates"][0]["site"][0]
    first |= {"low": math.log(0.8), "high": math.log(0.95)}
    changed = replace(edition, headline=Results.model_validate(content))
    told = as_html(letter(workspace, changed, "S01", Q3))
    assert f"fewer in your areas {when} (" in told and "each quarter" not in told


@pytest.mark.parametrize("low", [-9.210340, -30.0])
def test_a_range_that_ends_where_all_is_gone_counts_no_people(
    shown: tuple[Workspace, Edition], low: float
) -> None:
    """What came over nothing left is no number: it was thousands of times that, or an error."""
    workspace, edition = shown
    content = edition.headline.model_dump(by_alias=True)
    first = content["outcomes"][0]["estimates"][0]["site"][0]
    first |= {"low": low, "high": math.log(0.95)}
    changed = replace(edition, headline=Results.model_validate(content))
    told = as_html(letter(workspace, changed, "S01", Q3))
    assert "likely between 5.0% and 100% fewer" in told and "in your areas" not in told


def test_what_is_asked_for_wrongly_is_refused(shown: tuple[Workspace, Edition]) -> None:
    workspace, edition = shown
    with pytest.raises(BookError, match="no site S09"):
        letter(workspace, edition, "S09", Q3)
    with pytest.raises(BookError, match="go up to 2026 Q3"):
        letter(workspace, edition, "S01", Period.parse("2026 Q2"))


def copied(workspace: Workspace, root: Path) -> Workspace:
    """A workspace of its own: the demonstration is only read."""
    for part in ("studies", "var/results", "var/raw", "var/looks", "data_schemas"):
        if (workspace.root / part).is_dir():
            shutil.copytree(workspace.root / part, root / part)
    shutil.copy(workspace.ledger, root / "var" / "ledger.sqlite")
    (root / "SYNTHETIC").touch()
    return Workspace.at(root)


def test_only_what_another_site_shared_is_told(
    shown: tuple[Workspace, Edition], tmp_path: Path
) -> None:
    workspace, edition = shown
    other = copied(workspace, tmp_path / "copy")
    with Ledger.open(other.database, other.raw) as ledger:
        for what, shared in (("a call after the letter", True), ("kept to themselves", False)):
            entry = Entry(
                programme="new_start",
                site="S02",
                kind="change",
                what=what,
                why="asked",
                shared=shared,
            )
            ledger.note(entry, received=Q3_END)
    text = as_html(letter(other, edition, "S01", Q3, language="cy"))
    assert "a call after the letter" in text and "kept to themselves" not in text
    assert '<small class="mark">[yn Saesneg]</small>' in text

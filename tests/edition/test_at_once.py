"""The card that stands for the book, and the page by which a reader answers back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from evaluation import drawing
from evaluation.drawing.canvas import PILOT, WORSE
from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.pages import at_once
from evaluation.edition.pages.questions import address
from evaluation.study.record import OutcomeResult

ROW = {
    "outcome": "Households owed help with homelessness in any of their areas, however many",
    "verdict": "fell: better; cannot tell whether worth having (10% or more)",
    "said": "−9.5% (−16% to −3.0%)",
    "better_down": True,
    "effect": -9.5,
    "low": -16.0,
    "high": -3.0,
}


@pytest.mark.parametrize("many", [0, 1, 3, 5])
def test_the_card_is_a_picture_of_the_size_that_is_shown(many: int) -> None:
    rows = [ROW, ROW | {"effect": None, "low": None, "high": None}, *[ROW] * 3][:many]
    card = drawing.social_card("A programme: is it working?", "Edition 2026 Q3", rows, "Invented.")
    assert card.startswith(b"\x89PNG")
    size = (int.from_bytes(card[16:20]), int.from_bytes(card[20:24]))
    assert size == (1200, 630)
    assert card == drawing.social_card(
        "A programme: is it working?", "Edition 2026 Q3", rows, "Invented."
    )


def test_a_message_is_filled_in_for_whoever_is_named() -> None:
    made = address("Jo Day, jo.day@example.org, 01632 960001", "New Start & more", "Which page?")
    assert made.startswith("mailto:jo.day@example.org?")
    asked = parse_qs(urlsplit(made).query)
    assert asked == {"subject": ["New Start & more"], "body": ["Which page?"]}
    page = address("https://example.org/tracker/new.", "T", "B")
    assert page == "https://example.org/tracker/new?title=T&body=B"


@pytest.mark.parametrize("contact", ["", "Nobody. The programme is invented.", "01632 960001"])
def test_nobody_is_written_to_who_named_no_address(contact: str) -> None:
    assert address(contact, "T", "B") == ""


def hoped(one: OutcomeResult, hope: float | None, low: float, high: float) -> OutcomeResult:
    """The outcome with another hope and range, in per cent."""
    effect = one.finding.effect_percent.model_copy(update={"low": low, "high": high})
    found = {"effect_percent": effect, "hoped_percent": hope}
    return one.model_copy(update={"finding": one.finding.model_copy(update=found)})


def test_hopes_are_held_against_whole_ranges(edition: Edition) -> None:
    one = edition.headline.with_role("primary")[0]
    short, reached = hoped(one, -8.0, -5.9, -1.2), hoped(one, -8.0, -12.0, -8.0)
    may, rises = hoped(one, -8.0, -9.0, -1.0), hoped(one, 8.0, -2.0, 7.9)
    said = at_once.against_hopes([short, reached, may, rises])
    assert said == (
        "Of 4 main outcomes, 2 fall short of what was hoped for, 1 reaches what was hoped for and "
        "for 1 it cannot be told."
    )
    assert at_once.against_hopes([hoped(one, None, -5.0, 1.0)]) == ""
    alone = at_once.against_hopes([short])
    assert alone == "Of 1 main outcome, 1 falls short of what was hoped for."
    assert at_once.against_hopes([may]).endswith(
        "for 1 it cannot be told whether what was hoped for is reached."
    )


def test_the_front_chart_is_chosen_by_what_was_written_down_before(
    edition: Edition, tmp_path: Path
) -> None:
    """Not by what was found: a main outcome that went the wrong way stays on it."""
    study, out = edition.headline, Generated(tmp_path)
    at_once.front_chart(study, out)
    drawn = (tmp_path / f"files/figures/{study.study}/front.csv").read_text("utf-8")
    for one in study.outcomes:
        beforehand = one.role == "primary" or (
            one.role == "secondary" and one.finding.hoped_percent is not None
        )
        assert (one.plain_title in drawn) == beforehand


def _site(low: float, high: float, effect: float = 8.0) -> dict[str, Any]:
    figure = {"effect": effect, "low": low, "high": high, "better_down": True}
    return {"site": "A", "outcome": "A&E", "unit": "per cent", "said": "", **figure}


def test_a_site_that_is_clearly_worse_has_the_colour_of_it_and_no_dot_is_filled() -> None:
    worse = drawing.sites_together([_site(0.3, 93.0)], ["A&E"], drawing.WIDE)
    open_still = drawing.sites_together([_site(-0.3, 93.0)], ["A&E"], drawing.WIDE)
    better = drawing.sites_together([_site(-9.0, -1.0, -5.0)], ["A&E"], drawing.WIDE)
    assert WORSE in worse and WORSE not in open_still and WORSE not in better
    assert PILOT in better
    dots = re.findall(r'<use [^>]*style="fill: (#\w+)', better)
    assert dots and PILOT not in dots


def test_one_wide_range_does_not_press_all_points_into_one() -> None:
    """Ranges ten times as wide as the points are far apart are cut, and arrows say so."""
    ranges = [(-34.0, 0.7), (-31.0, 8.9), (-80.0, -0.8), (0.3, 93.0)]
    points = (-6.6, -5.6, -9.8, 8.3)
    rows = [
        _site(*ends, effect) | {"site": f"S{k}"}
        for k, (effect, ends) in enumerate(zip(points, ranges, strict=True))
    ]
    drawn = drawing.sites_together(rows, ["A&E"], drawing.WIDE)
    across = [float(x) for x in re.findall(r'<use [^>]*x="([\d.]+)"', drawn)]
    assert max(across) - min(across) > 100


def test_nothing_falls_by_more_than_all_of_it(edition: Edition) -> None:
    """The range of a small site on a rate would go on below -100 per cent."""
    one = edition.headline.with_role("primary")[0]
    held = one.estimate.overall.model_copy(update={"effect": -2.0})
    rate = one.estimate.model_copy(update={"scale": "level", "overall": held})
    outcome = one.model_copy(update={"estimates": (rate, *one.estimates[1:])})
    row = {"effect": -10.0, "low": -190.0, "high": -1.0, "low_band": None, "high_band": None}
    found = words.compared(outcome, row)
    assert found["low"] == -100.0 and -100.0 < found["effect"] < found["high"] < 0

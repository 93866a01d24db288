"""What the money page's script recomputes is what Python computes from the same draws."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from evaluation.edition.pages.money import SCRIPT, STAMP, panel
from evaluation.study.accounts_record import WhatIf
from evaluation.study.results import clean
from evaluation.value import Assumptions
from evaluation.value.scenarios import Setting, published_draws, what_if
from tests.browser.conftest import AXE, REPOSITORY
from tests.unit.values import AE, CLAIMANTS, HOUSED, LIFE, cost, net, valued

SETTINGS = {
    "as assumed": Setting(),
    "dearer, lasting": Setting(cost=1.5, half_life=3.5),
    "cheaper, longest, all of it": Setting(cost=0.5, half_life=10, share=1.0),
    "a little of it": Setting(cost=0.85, half_life=0.5, share=0.2),
}


@pytest.fixture(scope="module")
def published() -> dict[str, object]:
    """Draws of a value with gains of both schedules and prices unsure."""
    nets = [
        net(AE, -40.0, noise=30.0, seed=1),
        net(CLAIMANTS, -3.0, noise=4.0, seed=2),
        net(HOUSED, -1.0, noise=2.0, seed=3),
        net(LIFE, 0.02, noise=0.05, seed=4),
    ]
    costs = [cost("council", "2024 Q1", 250_000.0), cost("nhs", "2025 Q3", 300_000.0)]
    return published_draws(valued(nets, costs, assumptions=Assumptions(), draws=1_000))


@pytest.fixture(scope="module")
def address(published: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("what-if")
    (folder / "_static").mkdir()
    for name in (SCRIPT, "edition.css"):
        shutil.copy(REPOSITORY / "book" / "_static" / name, folder / "_static")
    accounts = SimpleNamespace(what_if=WhatIf.model_validate(clean(published)))
    (folder / "money.html").write_text(
        "<!doctype html><html lang='en' data-theme='light'><head><meta charset='utf-8'>"
        "<title>What if</title><link rel='stylesheet' href='_static/edition.css'>"
        "<meta name='viewport' content='width=device-width'></head><body>"
        "<main class='bd-article'><h1>What if</h1>"
        f"{panel(accounts, '')}</main></body></html>",
        encoding="utf-8",
    )
    return (folder / "money.html").as_uri()


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 320, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.goto(address)
    yield page
    assert complaints == []
    context.close()


def move(page: Page, name: str, value: float) -> None:
    page.locator(f"#what-if-{name}").evaluate(
        "(slider, value) => { slider.value = value;"
        " slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        f"{value:g}",
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_the_page_and_python_agree(tab: Page, published: dict[str, object], name: str) -> None:
    setting = SETTINGS[name]
    move(tab, "cost", setting.cost)
    move(tab, "half-life", setting.half_life)
    if setting.share is not None:
        move(tab, "share", 100 * setting.share)
    for row, expected in what_if(published, setting).items():
        shown = tab.locator(f"tr[data-row={row}]")
        for part in ("mean", "low", "high"):
            found = float(shown.get_attribute(f"data-{part}") or "nan")
            assert found == pytest.approx(expected[part], rel=1e-9, abs=1e-3)
        assert float(shown.get_attribute("data-chance") or "nan") == expected["p_positive"]


def test_the_page_says_the_same_before_anything_is_moved(browser: Browser, address: str) -> None:
    texts = []
    for script in (False, True):
        context = browser.new_context(java_script_enabled=script)
        page = context.new_page()
        page.goto(address)
        texts.append(page.locator(".what-if table").inner_text())
        assert page.locator(".what-if form").is_visible() is script
        context.close()
    assert texts[0] == texts[1]


def test_the_keyboard_moves_it_and_words_say_what_follows(tab: Page) -> None:
    before = tab.locator(".said").inner_text()
    tab.locator("#what-if-cost").focus()
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    assert tab.locator("#what-if-cost").get_attribute("aria-valuetext") == "1.20 times"
    after = tab.locator(".said").inner_text()
    assert after != before and "equally likely outcomes" in after
    assert tab.locator(".said").get_attribute("aria-live") == "polite"
    assert after in (tab.locator("svg").get_attribute("aria-label") or "")
    tab.get_by_role("button").click()
    tab.wait_for_function("document.getElementById('what-if-cost').value === '1'")
    assert tab.locator(".said").inner_text() == before


def test_it_is_stamped_fits_a_telephone_and_axe_finds_nothing(tab: Page) -> None:
    assert tab.locator(".stamp").inner_text() == STAMP == "Scenario, not a finding"
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert tab.locator("svg circle").count() == 20
    found = Axe().run(tab, options=AXE).response["violations"]
    assert [(v["id"], n["html"][:120]) for v in found for n in v["nodes"]] == []


def test_the_script_asks_for_nothing() -> None:
    text = Path(REPOSITORY / "book" / "_static" / SCRIPT).read_text(encoding="utf-8")
    text = text.replace("http://www.w3.org/2000/svg", "")  # the name of a language, no address
    named = [word for word in ("fetch", "XMLHttpRequest", "import ", "http") if word in text]
    assert named == []

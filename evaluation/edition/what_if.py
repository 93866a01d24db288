"""The one interactive chart: what if costs, persistence or cashability were different.

The page holds the published draws and a small script that recomputes the scenario from them; no
request leaves the page. Without script the table of fixed scenarios stands and this says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from evaluation.edition import words
from evaluation.value.what_if import LEAST_COST, MOST_COST, Setting, what_if

STAMP = "Scenario, not a finding"
SCRIPT = "what-if.js"
_ROWS = (
    ("society", "Gains to society less cost"),
    ("budgets", "What could leave a budget less cost"),
)


def panel(value: Mapping[str, Any], root: str) -> Markup:
    """The sliders, the chart and the table; nothing where the results hold no published draws.

    ``root`` is the way from the page to the book's root. What stands before anybody moves a slider
    is the setting as assumed, so that the page says the same without script.
    """
    published = value.get("what_if")
    if not published:
        return Markup("")
    return Markup("").join(
        [
            Markup(
                "<div class='what-if' id='what-if-panel'>"
                "<p class='stamp'>{}</p><noscript><p>Without script these sliders do nothing; the "
                "fixed scenarios of this page stand.</p></noscript>"
            ).format(STAMP),
            Markup("<form aria-label='What if'>"),
            *_sliders(published),
            Markup(
                "<button type='reset'>As assumed</button></form>"
                "<p class='said' aria-live='polite'></p>"
                "<svg class='dots' role='img' aria-label='Twenty equally likely outcomes' "
                "viewBox='0 0 600 150' preserveAspectRatio='xMidYMid meet'></svg>"
            ),
            _table(published),
            Markup(
                "<script type='application/json' class='draws'>{}</script></div>"
                "<script src='{}_static/{}' defer></script>"
            ).format(Markup(json.dumps(published, separators=(",", ":"))), root, SCRIPT),
        ]
    )


def _sliders(published: Mapping[str, Any]) -> list[Markup]:
    found = [
        _slider("cost", "Costs, times what was paid", (LEAST_COST, MOST_COST, 0.05, 1.0)),
        _slider(
            "half-life",
            "Years in which effects fade by half after the last quarter",
            (0, published["years"], 0.5, 0),
        ),
    ]
    if published["share"] is not None:
        label = "Of what could have left a budget by now, the share that does, in per cent"
        share = round(100 * published["share"])
        found.append(_slider("share", label, (0, 100, 1, share)))
    return found


def _slider(name: str, label: str, scale: tuple[float, float, float, float]) -> Markup:
    least, most, step, now = scale
    return Markup(
        "<div><label for='what-if-{n}'>{l}</label><input type='range' id='what-if-{n}' "
        "name='{n}' min='{a:g}' max='{b:g}' step='{s:g}' value='{v:g}'>"
        "<output for='what-if-{n}'></output></div>"
    ).format(n=name, l=label, a=least, b=most, s=step, v=now)


_PARTS = {"mean": "Best figure", "range": "Range", "chance": "Chance above nought"}
"""What the script writes anew in each row, and its column's name."""


def _table(published: Mapping[str, Any]) -> Markup:
    found = what_if(published, Setting())
    body = Markup("").join(_row(key, title, found[key]) for key, title in _ROWS)
    heads = Markup("").join(
        Markup("<th scope='col' role='columnheader' class='n'>{}</th>").format(name)
        for name in _PARTS.values()
    )
    caption = (
        f"Present value in pounds of {published['price_base']}, from "
        f"{words.number(published['draws'])} of the {words.number(published['of'])} draws"
    )
    return Markup(
        "<div class='table-box' role='region' tabindex='0' aria-label='{c}'>"
        "<table class='stacked' role='table'><caption>{c}</caption>"
        "<thead role='rowgroup'><tr role='row'><th scope='col' role='columnheader'>Scenario</th>"
        "{h}</tr></thead><tbody role='rowgroup'>{b}</tbody></table></div>"
    ).format(c=caption, b=body, h=heads)


def _row(key: str, title: str, figure: Mapping[str, float]) -> Markup:
    low, high = words.pounds(figure["low"]), words.pounds(figure["high"])
    shown = (
        words.pounds(figure["mean"]),
        f"{low} to {high}",
        words.in_hundred(figure["p_positive"]),
    )
    cells = Markup("").join(
        Markup("<td class='n' role='cell' data-label='{}' data-part='{}'>{}</td>").format(
            name, part, text
        )
        for (part, name), text in zip(_PARTS.items(), shown, strict=True)
    )
    head = Markup("<th scope='row' role='rowheader'>{}</th>").format(title)
    return Markup("<tr role='row' data-row='{}'>{}{}</tr>").format(key, head, cells)

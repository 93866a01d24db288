"""Every figure on the page of real cases is one of the record that its command wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "west-yorkshire.md").read_text("utf-8")
SHOWN = re.compile(r"\{measured\}`(\S+?)(%?)(?: [a-z]+)? <benchmarks\.(\w+)>`")


def leaves(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for one in content:
            yield from leaves(one)
    elif isinstance(content, str):
        # Sentences of the record hold figures too.
        yield from (float(one) for one in re.findall(r"[-+]?\d+(?:\.\d+)?", content))
    elif isinstance(content, int | float):
        yield float(content)


@pytest.mark.parametrize("shown", sorted(set(SHOWN.findall(PAGE))), ids=" ".join)
def test_a_figure_of_the_page_is_recorded(shown: tuple[str, str, str]) -> None:
    figure, percent, command = shown
    record = ROOT / "benchmarks" / "results" / f"{command}.json"
    plain = figure.replace("−", "-").replace(",", "")
    digits = len(plain.partition(".")[2])
    held = list(leaves(json.loads(record.read_text("utf-8"))))
    # A share is shown as a percentage.
    held += [100 * one for one in held] if percent else []
    assert any(round(one, digits) == float(plain) for one in held)


def test_all_figures_are_looked_at() -> None:
    assert len(SHOWN.findall(PAGE)) == PAGE.count("{measured}")

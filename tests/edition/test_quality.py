"""How the page of data names who sent a figure and what it is of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from evaluation.edition.edition import Edition
from evaluation.edition.pages import quality
from evaluation.finance import FINANCE, lines_of, payers
from evaluation.programme import Programme
from evaluation.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]


def test_returns_of_money_are_named_in_words_and_not_by_their_codes(edition: Edition) -> None:
    demonstration = Programme.load(Workspace(root=REPOSITORY), "new_start")
    shown = dataclasses.replace(edition, programmes={"new_start": demonstration})
    site, lines = demonstration.sites[0], lines_of(demonstration)
    assert lines and payers(demonstration)
    for agency in payers(demonstration):
        said = quality._who(shown, site.code, f"{agency}{FINANCE}")
        assert said == f"{site.name}, {demonstration.agencies[agency]} (finance)"
    for line in lines:
        assert quality._title(shown, line.code) == line.title
    assert quality._who(shown, site.code, "nhs") == f"{site.name}, {demonstration.agencies['nhs']}"

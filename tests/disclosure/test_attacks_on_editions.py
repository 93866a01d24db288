"""Attacks by somebody who knows the book, every edition and the method, and not the key.

Each was thought of with the published book in hand, and each fails.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.disclosure.audit import Printed, attack
from evaluation.disclosure.counts import Atom, cell_of, history, possible, rounded, total
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.errors import DisclosureError
from evaluation.programme import Programme
from evaluation.publish.outputs import _refuse_second_book
from evaluation.workspace import Workspace

POLICY = Policy()
ATOM = Atom(programme="p", series="y", areas=("a", "b"), first=0, last=2)
KEYS = [Key(secret=random.Random(n).randbytes(32)) for n in range(60)]


def test_forty_editions_of_a_count_average_to_what_one_says() -> None:
    """Fresh noise in each edition would average away; this does not change."""
    for key in KEYS:
        seen = {one.printed for one in history([47] * 40, ATOM, key, POLICY)}
        assert len(seen) == 1


def test_a_count_is_not_dated_by_when_its_print_moves() -> None:
    """Late figures that come in one by one: the edition at which a print moves tells nothing."""
    for key in KEYS:
        counts = list(range(40, 48))
        prints = [one.printed for one in history(counts, ATOM, key, POLICY)]
        assert len(possible(prints, [n - 40 for n in counts], POLICY)) >= POLICY.k


def test_offsets_of_neighbouring_quarters_and_sites_tell_nothing_of_each_other() -> None:
    """One offset that is found out, from a leak, gives no other."""
    found = set()
    for key in KEYS:
        other = replace(ATOM, first=3, last=5)
        found.add(tuple(key.draw(one.content, 5) for one in (ATOM, other)))
    assert len(found) > 15, "nearly all pairs of 25 are met"


def test_a_rolling_year_gives_nothing_that_its_quarters_do_not() -> None:
    """Two rolling sums differ by two printed quarters, whose ends it keeps."""
    key = KEYS[0]
    atoms = [replace(ATOM, first=3 * q, last=3 * q + 2) for q in range(5)]
    shown = [rounded(50 + q, atom, key, POLICY) for q, atom in enumerate(atoms)]
    bounds = {str(q): (0.0, 200.0) for q in range(5)}
    quarters = [
        Printed(address=f"q{q}", form={str(q): 1.0}, low=one.low, high=one.high or 0)
        for q, one in enumerate(shown)
    ]
    years = [
        Printed(
            address=f"y{y}",
            form={str(q): 1.0 for q in range(y, y + 4)},
            low=total(shown[y : y + 4]).low,
            high=total(shown[y : y + 4]).high or 0,
        )
        for y in range(2)
    ]
    alone = {one.cell: one.values for one in attack(bounds, quarters, list(bounds))}
    both = {one.cell: one.values for one in attack(bounds, [*quarters, *years], list(bounds))}
    assert alone == both and min(both.values()) >= POLICY.k


def test_what_is_withheld_does_not_tell_a_count_from_its_neighbour() -> None:
    """A twin whose count is one more withholds alike, unless its print is another."""
    for key in KEYS:
        for count in range(40):
            one, other = (rounded(n, ATOM, key, POLICY) for n in (count, count + 1))
            shown = 5 * ((count + key.draw(ATOM.content, 5)) // 5)
            again = 5 * ((count + 1 + key.draw(ATOM.content, 5)) // 5)
            assert one.hidden == other.hidden or shown != again


def test_the_names_of_cells_in_a_leaked_register_tell_no_offset() -> None:
    """They are drawn by the key, under a word of their own."""
    pairs = {(int(cell_of(key, ATOM), 16) % 5, key.draw(ATOM.content, 5)) for key in KEYS}
    assert len(pairs) > 15


def test_one_count_in_the_books_of_two_programmes_is_refused(tiny_workspace: Workspace) -> None:
    """Two offsets of one count leave fewer than five values; the key could not have told it."""
    folder = tiny_workspace.studies / "tiny"
    for name in ("tiny", "twin"):
        target = tiny_workspace.studies / name
        target.mkdir(exist_ok=True)
        for path in folder.glob("*"):
            if path.is_file():
                text = path.read_text("utf-8").replace("synthetic: true", "synthetic: false")
                text = text.replace("name: tiny", f"name: {name}")
                (target / path.name).write_text(text, "utf-8")
    programme = Programme.load(tiny_workspace, "tiny", collecting=False)
    with pytest.raises(DisclosureError, match="close in on it"):
        _refuse_second_book(tiny_workspace, programme)


def test_the_key_does_not_lie_where_the_figures_do(tmp_path: Path) -> None:
    from evaluation.disclosure.key import create

    with pytest.raises(DisclosureError, match="in the workspace"):
        create(tmp_path / "w" / "key", tmp_path / "w")

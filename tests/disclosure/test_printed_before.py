"""What was printed binds what is printed: hidden stays hidden, and a lost key freezes its cells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.disclosure.audit import Printed, attack
from evaluation.disclosure.counts import Atom, Count, cell_of, rounded
from evaluation.disclosure.key import Key, join, shares
from evaluation.disclosure.policy import Policy
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.release.rounding import Before

FIRST, SECOND = (Key(secret=bytes([n, *range(31)])) for n in (1, 2))
AT = datetime(2026, 10, 1, tzinfo=UTC)
POLICY = Policy()
ATOM = Atom(programme="p", series="y", areas=("a", "b"), first=0, last=2)


def line(address: str, shown: Count, key: Key, edition: str = "2026-Q2") -> PrintedValue:
    return PrintedValue(
        edition=edition,
        address=address,
        kind="count",
        printed=json.dumps(shown.printed),
        low=shown.low,
        high=shown.high,
        key=key.check_value,
    )


def before(*lines: PrintedValue, key: Key) -> Before:
    hidden = frozenset(one.address for one in lines if one.printed == "null")
    last = {one.address: one for one in lines}
    return Before(hidden=hidden, last=last, key=key.check_value)


def test_a_count_that_was_hidden_once_is_hidden_in_every_later_edition() -> None:
    low = rounded(3, ATOM, FIRST, POLICY)
    held = before(line("a", low, FIRST), key=FIRST)
    grown = held.count("a", rounded(60, ATOM, FIRST, POLICY))
    assert grown.hidden and grown.high is None, "nor can it be told how far it grew"
    assert held.count("b", rounded(60, ATOM, FIRST, POLICY)).printed is not None


@given(count=st.integers(30, 400), other=st.integers(-20, 20))
@settings(deadline=None, max_examples=60)
def test_after_the_loss_of_a_key_printed_cells_freeze(count: int, other: int) -> None:
    """And the second key leaves nothing new of them: the drill of a loss."""
    shown = rounded(count, ATOM, FIRST, POLICY)
    held = before(line("a", shown, FIRST), key=SECOND)
    now = held.count("a", rounded(count + other, ATOM, SECOND, POLICY))
    assert (now.printed, now.low, now.high) == (shown.printed, shown.low, shown.high)
    new = rounded(count, ATOM, SECOND, POLICY)
    assert held.count("new", new) == new, "new cells take the second key"


def test_without_the_freeze_two_keys_would_close_in_on_a_count() -> None:
    """Why it freezes: two independent roundings of one count leave fewer than five values."""
    fewest = min(
        attack(
            {"n": (0.0, 500.0)},
            [
                Printed(address=str(k), form={"n": 1.0}, low=one.low, high=one.high or 0)
                for k, one in enumerate(rounded(c, ATOM, k, POLICY) for k in (FIRST, SECOND))
            ],
            ["n"],
        )[0].values
        for c in range(40, 60)
    )
    same = attack(
        {"n": (0.0, 500.0)},
        [
            Printed(address=str(k), form={"n": 1.0}, low=one.low, high=one.high or 0)
            for k, one in enumerate([rounded(47, ATOM, FIRST, POLICY)] * 2)
        ],
        ["n"],
    )[0].values
    assert fewest < same == 9


def test_an_area_that_moved_hides_both_sites_for_the_quarters_that_were_printed() -> None:
    """Else the difference of two editions is a count of that area alone."""
    with_it = Atom(programme="p", series="y", areas=("a", "b", "c"), first=0, last=2)
    without = replace(with_it, areas=("a", "b"))
    shown = rounded(60, with_it, FIRST, POLICY)
    printed = replace(line("a", shown, FIRST), key=f"{FIRST.check_value}:{cell_of(FIRST, with_it)}")
    held = before(printed, key=FIRST)
    after = rounded(45, without, FIRST, POLICY)
    assert held.count("a", after, cell_of(FIRST, without)).hidden
    assert held.count("a", shown, cell_of(FIRST, with_it)) == shown
    assert not held.count("next quarter", after, cell_of(FIRST, without)).hidden


def test_a_month_beside_its_quarter_has_another_cell() -> None:
    quarter = Atom(programme="p", series="y", areas=("a",), first=0, last=2)
    month = replace(quarter, last=0)
    assert cell_of(FIRST, quarter) != cell_of(FIRST, month) and quarter.overlaps(month)
    assert cell_of(FIRST, quarter) != cell_of(SECOND, quarter), "named under the key"


def test_a_lost_key_comes_back_from_two_of_three_shares() -> None:
    texts = shares(FIRST)
    assert join([texts[0], texts[2]]) == FIRST
    assert all(FIRST.secret.hex() not in one for one in texts)


def test_the_register_is_append_only_chained_and_backed_up(tmp_path: Path) -> None:
    shown = rounded(60, ATOM, FIRST, POLICY)
    lines = [
        line("p.s.y.count.S.2026 Q1", shown, FIRST),
        line("p.s.y.count.S.2026 Q2", shown, FIRST),
    ]
    with Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "raw") as ledger:
        signed = Signed(programme="p", kind="publication", by="", bundle="b")
        ledger.print_values(signed, lines, received=AT, synthetic_clock=False)
        ledger.print_values(signed, lines, received=AT, synthetic_clock=False)
        assert ledger.register("p") == lines, "an edition made anew prints what stands there"
        third = [line("p.s.y.count.S.2026 Q1", shown, FIRST, "2026-Q3")]
        ledger.print_values(signed, third, received=AT, synthetic_clock=False)
        assert ledger.verify().ok and ledger.register("other") == []
        back_up(ledger, tmp_path / "copy")
    with Ledger.open(tmp_path / "other.sqlite", tmp_path / "other") as ledger:
        restore(ledger, tmp_path / "copy")
        assert ledger.register("p") == [*lines, *third] and ledger.verify().ok


@pytest.mark.parametrize("what", ["printed = '70'", "low = 1.0", "key = 'other'"])
def test_a_line_that_was_changed_is_found(tmp_path: Path, what: str) -> None:
    import sqlite3

    database = tmp_path / "ledger.sqlite"
    shown = rounded(60, ATOM, FIRST, POLICY)
    with Ledger.open(database, tmp_path / "raw") as ledger:
        ledger.print_values(
            Signed(programme="p", kind="publication", by=""),
            [line("a", shown, FIRST)],
            received=AT,
            synthetic_clock=False,
        )
    connection = sqlite3.connect(database)
    connection.execute("DROP TRIGGER printed_values_no_update")
    connection.execute(f"UPDATE printed_values SET {what}")
    connection.commit()
    connection.close()
    with Ledger.open(database, tmp_path / "raw") as ledger:
        (broken,) = ledger.verify().broken
        assert broken.return_id == "printed 1" and "not the line" in broken.what

"""Withdrawing a correction brings earlier figures back: shown before, and on the receipt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.ledger.receipt import Act
from evaluation.workspace import Workspace

Run = Callable[..., tuple[int, str]]
HEAD = "area_code,quarter,outcome,numerator,denominator,status,note\n"
FIRST = {"E03": "120", "E04": "130"}


@pytest.fixture
def newstart(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tiny_workspace.root)

    def run(*arguments: str, now: str = "2026-10-20") -> tuple[int, str]:
        monkeypatch.setenv("NEWSTART_NOW", now)
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", *arguments])
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


def send(newstart: Run, root: Path, figures: dict[str, str], day: str) -> str:
    """Submit S02's arrears; the return's id. A figure may be a symbol."""
    rows = [
        f"{area},2026 Q3,arrears,{'' if one.startswith('[') else one},2000,"
        f"{one if one.startswith('[') else ''},"
        for area, one in figures.items()
    ]
    path = root / "S02_council_2026-Q3.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    code, out = newstart("submit", str(path), "--json", now=day)
    assert code == 0, out
    return str(json.loads(out)["receipt"]["return_id"])


def withdraw(newstart: Run, one: str, *more: str) -> tuple[int, str]:
    return newstart(
        "ledger", "withdraw", one, "--reason", "sent too early", *more, now="2026-10-25"
    )


AGAIN = "stands again"
CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "one figure": ({"E03": "124", "E04": "130"}, ["arrears in E03: 120 of 2,000"]),
    "both figures": ({"E03": "124", "E04": "133"}, ["E03: 120", "E04: 130"]),
    "a figure withheld": ({"E03": "[c]", "E04": "130"}, ["E03: 120 of 2,000"]),
    "a figure not available": ({"E03": "120", "E04": "[c]"}, ["E04: 130 of 2,000"]),
    "a smaller figure": ({"E03": "119", "E04": "130"}, ["E03: 120"]),
    "a larger figure": ({"E03": "120", "E04": "135"}, ["E04: 130"]),
    "up and down": ({"E03": "121", "E04": "129"}, ["E03: 120", "E04: 130"]),
}


QUICK = ("one figure", "a figure withheld", "up and down")


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in QUICK else pytest.mark.slow) for c in CASES]
)
def test_earlier_figures_are_named_before_and_on_the_receipt(
    case: str, newstart: Run, tiny_workspace: Workspace
) -> None:
    figures, named = CASES[case]
    send(newstart, tiny_workspace.root, FIRST, "2026-10-20")
    second = send(newstart, tiny_workspace.root, figures, "2026-10-21")
    code, out = withdraw(newstart, second, "--show")
    assert code == 1 and all(f"{one}" in out and AGAIN in out for one in named), out
    assert "withdrawn" not in newstart("ledger", "log")[1], "only shown"

    code, out = withdraw(newstart, second)
    told, _, receipt = out.partition("Recorded: withdrawal")
    assert code == 0 and all(one in told and one in receipt for one in named)
    assert f"{len(named)} earlier figures stand again." in receipt
    kept = [json.loads(p.read_text("utf-8")) for p in tiny_workspace.receipts.glob("*.json")]
    act = next(one for one in kept if one.get("kind") == "withdrawal")
    assert len(act["changes"]) == 1 + len(named) and Act.from_dict(act).return_id == second
    receipts = [str(path) for path in tiny_workspace.receipts.glob("*.json")]
    assert newstart("ledger", "verify", "--against", *receipts)[0] == 0


def test_a_first_return_brings_nothing_back(newstart: Run, tiny_workspace: Workspace) -> None:
    first = send(newstart, tiny_workspace.root, FIRST, "2026-10-20")
    code, out = withdraw(newstart, first)
    assert (
        code == 0
        and "earlier figures stand" not in out
        and "2 figures have no earlier version" in out
    )


def test_what_a_later_return_replaced_does_not_come_back(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    first = send(newstart, tiny_workspace.root, FIRST, "2026-10-20")
    send(newstart, tiny_workspace.root, {"E03": "124", "E04": "130"}, "2026-10-21")
    code, out = withdraw(newstart, first, "--show", "--json")
    assert code == 1 and json.loads(out)["changes"] == []


def test_of_three_versions_the_one_before_stands_again(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    for day, figure in (("20", "120"), ("21", "124")):
        send(newstart, tiny_workspace.root, FIRST | {"E03": figure}, f"2026-10-{day}")
    third = send(newstart, tiny_workspace.root, FIRST | {"E03": "128"}, "2026-10-22")
    out = withdraw(newstart, third)[1]
    assert "124 of 2,000 stands again, not 128 of 2,000" in out and "120 of" not in out


def test_a_withdrawn_version_between_is_passed_over(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    send(newstart, tiny_workspace.root, FIRST, "2026-10-20")
    second = send(newstart, tiny_workspace.root, FIRST | {"E03": "124"}, "2026-10-21")
    third = send(newstart, tiny_workspace.root, FIRST | {"E03": "128"}, "2026-10-22")
    withdraw(newstart, second)
    assert "120 of 2,000 stands again, not 128 of 2,000" in withdraw(newstart, third)[1]


def test_a_record_of_before_still_reads() -> None:
    act = {
        "act_id": "a",
        "kind": "withdrawal",
        "return_id": "b",
        "received": "2026-10-20T09:00:00.000000Z",
        "reason": "wrong",
        "previous_hash": "0",
        "chain_hash": "1",
        "synthetic_clock": True,
    }
    assert Act.from_dict(act).changes == ()


def test_an_unknown_return_is_no_return_before_anything_is_shown(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    one = send(newstart, tiny_workspace.root, {"E03": "120", "E04": "130"}, "2026-10-20")
    code, out = withdraw(newstart, "zzz", "--show")
    assert (code, out) == (2, "")
    assert withdraw(newstart, one)[0] == 0
    code, out = withdraw(newstart, one, "--show")
    assert f"Withdrawing {one} changes no figure: none of it stands." in out

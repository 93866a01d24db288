"""`newstart disclosure audit` from end to end: a planted leak ends it with 1, and is named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from evaluation.cli import main
from evaluation.disclosure.protection import Held, held
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.programme import Programme
from evaluation.publish import outputs
from evaluation.publish import publish as publishing
from evaluation.release.attacked import _forms
from evaluation.study.results import read_results
from evaluation.study.study import Study
from evaluation.workspace import Workspace
from tests.unit.locked import NAME, Ground, run_once

CODE = "ae_attendances"


@dataclass(frozen=True, kw_only=True)
class Edition:
    """A programme with one edition, of figures alone, whose lines stand in no register yet."""

    ground: Ground
    lines: Mapping[str, PrintedValue]

    def enter(
        self, figures: Mapping[str, tuple[float, float, float]] = MappingProxyType({})
    ) -> None:
        """Enter what it prints, some of it otherwise.

        figures : address -> as printed, and between which ends the true value lies.
        """
        lines = dict(self.lines)
        for address, (shown, low, high) in figures.items():
            lines[address] = replace(lines[address], printed=json.dumps(shown), low=low, high=high)
        workspace = self.ground.workspace
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            ledger.print_values(
                Signed(programme="new_start", kind="publication", by=""),
                list(lines.values()),
                received=workspace.now(),
                synthetic_clock=True,
            )


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    ground, lines = run_once(tmp_path_factory.mktemp("printed")), dict[str, PrintedValue]()

    def kept(workspace: Workspace, edition: str, read: Any, **_: object) -> None:
        outputs._keep_inside(workspace, edition, read, "new_start")
        found = outputs._lines(workspace, edition, read)["new_start"]
        lines.update({one.address: one for one in found})

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSTART_NOW", "2026-10-31T10:00:00Z")
        patch.setattr(publishing, "enter", kept)
        publishing.publish(
            ground.workspace, programme="new_start", pages=False, progress=lambda _: None
        )
    return Edition(ground=ground, lines=lines)


@pytest.fixture
def edition(printed: Edition, tmp_path: Path) -> Edition:
    return replace(printed, ground=printed.ground.copied(tmp_path / "own"))


def audit(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["--workspace", str(ground.workspace.root), "disclosure", "audit", *words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def counts_of(ground: Ground) -> Sequence[Held]:
    programme = Programme.load(ground.workspace, "new_start")
    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        found = held(programme, ledger.observations("new_start"))
    return [one for one in found if one.outcome == CODE and one.count is not None]


def test_an_edition_as_it_is_printed_holds(
    edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    edition.enter()
    code, out, err = audit(edition.ground, capsys)
    assert code == 0, out + err
    assert "values stay possible" in out and "Do not publish" not in err


@pytest.mark.parametrize("how", ["to the person", "where few are counted"])
def test_a_count_that_an_edition_printed_as_it_is_ends_it_with_one(
    how: str, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    ground = edition.ground
    counts = counts_of(ground)
    if how == "to the person":
        one = next(held for held in counts if (held.count or 0) % 5)
    else:
        one = min(counts, key=lambda held: held.count or 0)
    address = f"new_start.first_look.{CODE}.count.{one.site}.{one.quarter}"
    count = float(one.count or 0)
    edition.enter({address: (count, count, count)})
    code, out, err = audit(ground, capsys)
    assert code == 1
    assert f"{one.address} could be narrowed to 1 value, and 5 are asked for" in err
    assert "release withdraw" in err and "Traceback" not in out + err
    code, out, _ = audit(ground, capsys, "--json")
    found = json.loads(out)
    assert code == 1 and not found["ok"] and found["fewest"] == 1
    assert found["worst"][0]["low"] == found["worst"][0]["high"] == count
    assert audit(ground, capsys, "--edition", edition.lines[address].edition)[0] == 1


def test_an_effect_at_too_fine_a_step_ends_it_with_one(
    edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each row of single sites and periods to a thousandth of a person; the verb names one."""
    workspace = edition.ground.workspace
    study, raw = Study.load(workspace, NAME), read_results(workspace, NAME)
    forms = _forms(study, CODE, raw)
    assert forms is not None
    fine = {}
    for one in forms.sums():
        address = f"new_start.first_look.{CODE}.{one.name}"
        if address not in edition.lines or not one.name.endswith(".effect"):
            continue
        slope = abs(one.slope.person + forms.moves(one.slope) / forms.counts).max()
        step = float(slope) / 1000
        low = step * math.floor(one.value / step) - step
        fine[address] = (low + step, low, low + 2 * step)
    edition.enter(fine)
    code, _, err = audit(edition.ground, capsys)
    assert code == 1, "nothing that was printed too finely is found"
    assert "could be narrowed to" in err
    assert any(address in err for address in fine)

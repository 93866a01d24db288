"""``newstart design match`` and ``design power``: what they print, write, draw and refuse."""

import pandas as pd
import pytest
import yaml

from evaluation.cli import main
from evaluation.edition import figures
from tests.unit.locked import LOCKED, NAME, PROTOCOL, lay_out


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A study with what was known before the first start, and two looks planned."""
    ground = lay_out(tmp_path_factory.mktemp("w"))
    ground.submit(until=LOCKED)
    content = {**PROTOCOL, "looks": {"horizon": 2, "reserve": 0.01}}
    ground.protocol.write_text(yaml.safe_dump(content))
    return ground.workspace.root


@pytest.fixture
def run(root, capsys):
    """Run a verb of ``design``; its exit code, what it printed and what it said."""

    def design(*words):
        with pytest.raises(SystemExit) as end:
            main(["--workspace", str(root), "design", words[0], NAME, *map(str, words[1:])])
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return design


def test_match_tells_the_balance_and_the_synthetic_weights(run, tmp_path):
    csv, svg = tmp_path / "pairs.csv", tmp_path / "balance.svg"
    code, out, err = run("match", "--caliper", 3, "-o", csv, "--plot", svg)
    assert code == 0, err
    assert "ae_attendances: 30 pairs of" in out
    for head in ("from all eligible", "from the nearest", "by synthetic weights"):
        assert head in out
    assert "Synthetic weights over 21 areas, as good as" in out
    assert "the level is taken out by the estimator itself" in err
    table = pd.read_csv(csv)
    assert list(table) == ["pilot", "comparison", "distance", "weight", "mean_weight"]
    assert table.groupby("pilot")["weight"].sum().to_numpy() == pytest.approx(1.0, abs=1e-5)
    assert "diamond: synthetic weights" in svg.read_text()


def test_match_refuses_a_buffer_without_places(run, root):
    areas = root / "studies" / "new_start" / "areas.csv"
    held = areas.read_text()
    frame = pd.read_csv(areas).drop(columns=["x", "y"])
    frame.to_csv(areas, index=False)
    code, _, err = run("match", "--buffer-km", 5)
    areas.write_text(held)
    assert code == 2
    assert "a buffer of 5 km cannot be kept" in err
    assert "to mend:  give them in areas.csv, or leave the buffer out" in err
    assert run("match", "--buffer-km", 5)[0] == 0


def test_a_balance_without_synthetic_weights_is_drawn_as_before():
    rows = [{"item": "level", "difference_before": -1.0, "difference_after": float("nan")}]
    drawn = figures.balance_before_after(rows, figures.WIDE)
    assert "filled: matched areas" in drawn
    assert "diamond" not in drawn

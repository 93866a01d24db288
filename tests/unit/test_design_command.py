"""``newstart design match`` and ``design power``: what they print, write, draw and refuse."""

import re
import shutil

import pandas as pd
import pytest
import yaml

from evaluation import drawing as figures
from evaluation.cli import main
from evaluation.workspace import packaged_schemas
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


def test_power_says_a_fall_and_how_much_that_is_of_those_reached(run, tmp_path):
    csv, svg = tmp_path / "power.csv", tmp_path / "power.svg"
    code, out, err = run("power", "--hoped", -8, "--targeted", 0.05, "-o", csv, "--plot", svg)
    assert code == 0, err
    assert re.search(
        r"ae_attendances: at look 2 a fall of \d+\.\d % would be found four times", out
    )
    assert "% of those reached, which is more than they can give." in out
    assert "-8 % could be found at none of the planned looks." in out
    assert set(pd.read_csv(csv)["direction"]) == {"fall"}
    assert "smallest fall found four times in five, per cent" in svg.read_text()


def test_power_says_a_rise_where_that_is_hoped_for(root, tmp_path, capsys):
    """Of an outcome that is better up; the sizes on logarithms are the same."""
    shutil.copytree(root, tmp_path / "w")
    schemas = tmp_path / "w" / "data_schemas"
    shutil.copytree(packaged_schemas(), schemas)
    declared = schemas / "outcomes" / "ae_attendances.yaml"
    declared.write_text(declared.read_text().replace("polarity: down", "polarity: up"))
    with pytest.raises(SystemExit):
        main(["--workspace", str(tmp_path / "w"), "design", "power", NAME])
    assert "a rise of" in capsys.readouterr().out


def test_power_compares_candidate_sets(run, root, tmp_path):
    areas = pd.read_csv(root / "studies" / "new_start" / "areas.csv")
    codes = list(areas.loc[areas["role"] == "comparison", "code"])
    sets, csv, svg = (tmp_path / name for name in ("sets.csv", "found.csv", "found.svg"))
    rows = [("two", code) for code in codes[:2]] + [("six", code) for code in codes[2:8]]
    pd.DataFrame(rows, columns=["set", "area"]).to_csv(sets, index=False)
    code, out, err = run(
        "power", "--candidates", sets, "--hoped", -60, "--targeted", 0.5, "-o", csv, "--plot", svg
    )
    assert code == 0, err
    assert "ae_attendances: the smallest fall that would be found four times in five" in out
    for head in ("set", "areas", "at look 2", "of those reached", "-60 % found from look"):
        assert head in out
    found = pd.read_csv(csv)
    last = found[found["look"] == 2].set_index("candidate")
    assert f"{last.loc['six', 'detectable_percent']:.1f} %" in out
    assert last.loc["six", "detectable"] < last.loc["two", "detectable"]
    drawn = svg.read_text()
    assert ">two</text>" in drawn
    assert ">six</text>" in drawn


def test_what_power_refuses_says_where(run, root, tmp_path):
    sets = tmp_path / "sets.csv"
    sets.write_text("set,area\nnorth,X99\n")
    code, _, err = run("power", "--candidates", sets)
    assert (code, err.splitlines()[0]) == (
        2,
        "candidate set 'north': area 'X99' is not in the panel.",
    )
    assert run("power", "--candidates", tmp_path / "none.csv")[0] == 2
    assert "the protocol has no outcome 'nope'" in run("power", "--outcome", "nope")[2]
    protocol = root / "studies" / NAME / "protocol.yaml"
    held = protocol.read_text()
    content = {k: v for k, v in yaml.safe_load(held).items() if k != "looks"}
    protocol.write_text(yaml.safe_dump(content))
    code, _, err = run("power")
    protocol.write_text(held)
    assert code == 2
    assert "add looks: {horizon: 8} to protocol.yaml" in err

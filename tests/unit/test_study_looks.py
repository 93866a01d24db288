"""A study's look ledger: what is written stays, and the past gets no new verdict."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.errors import EstimateError, LedgerError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.interim import LookPlan, take_look
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.study.interim_analyses import ROWS, Hypothesis, LookSeries, Row, look_at
from evaluation.study.stored_assignments import Store
from evaluation.workspace import Workspace, packaged_schemas

PRIMARY = ("ae_attendances", "claimant_count")
FIRST = 12


@pytest.fixture(scope="module")
def programme():
    root = packaged_schemas().parent
    return Programme.load(Workspace(root=root), "new_start")


@pytest.fixture(scope="module")
def protocol():
    return Protocol.model_validate(
        {
            "study": "s",
            "programme": "new_start",
            "title": "t",
            "question": "q",
            "how_pilots_were_chosen": "invented",
            "primary": PRIMARY,
            "secondary": ("arrears",),
            "assignments": {"n": 999, "strata": [], "seed": 1},
            "window": [0, 7],
            "looks": {"horizon": 8},
            "estimators": ["did"],
        }
    )


def panel_with(effect=0.0, restated=0.0, seed=0):
    """40 areas, four started, effects in percent of the first outcome."""
    base = Invented(areas=40, quarters=20).draw(seed)
    areas = base.areas.copy()
    columns = {c: areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")}
    for column, value in (("site", "S"), ("start", base.labels[FIRST]), ("role", "pilot")):
        columns[column][[3, 9, 21, 33]] = value
    rng = np.random.default_rng([seed, 1])
    y = base.array("y") + restated * rng.standard_normal((40, 20))
    moved = y.copy()
    moved[[3, 9, 21, 33], FIRST:] *= 1 + effect / 100
    figures = {
        "ae_attendances": moved,
        "claimant_count": y + rng.standard_normal(y.shape),
        "arrears": y + rng.standard_normal(y.shape),
    }
    return replace(base, areas=areas.assign(**columns), figures=figures)


def take(folder, panel, quarter, programme, protocol, record=True):
    whole = Assignments.draw(panel, n=999, strata=(), seed=1)
    known_panel = panel.until(panel.periods[FIRST + quarter])
    known = {
        "quarter": known_panel.labels[-1],
        "vintage": f"2026-{quarter + 1:02d}",
        "panel": known_panel.fingerprint,
    }
    return look_at(
        LookSeries(folder=folder),
        known_panel,
        protocol,
        programme,
        whole.known(known_panel),
        known,
        record=record,
    )


def test_a_crossing_stands_when_the_data_are_restated(tmp_path, programme, protocol):
    strong, none = panel_with(effect=-9.0), panel_with(effect=0.0, restated=0.1)
    for quarter in range(5):
        seen = take(tmp_path, strong, quarter, programme, protocol)
    first = seen.verdicts()["ae_attendances"]
    assert first.crossed
    assert not seen.verdicts()["claimant_count"].crossed
    later = take(tmp_path, none, 5, programme, protocol).verdicts()["ae_attendances"]
    assert later.crossed and later.crossed_at == first.crossed_at


def test_the_same_vintage_gives_the_verdict_that_was_written(tmp_path, programme, protocol):
    panel = panel_with(effect=-3.0)
    for quarter in range(3):
        seen = take(tmp_path, panel, quarter, programme, protocol)
    text = (tmp_path / ROWS).read_bytes()
    again = take(tmp_path, panel, 2, programme, protocol)
    assert again.written
    assert again.verdicts() == seen.verdicts()
    assert (tmp_path / ROWS).read_bytes() == text


def test_an_older_vintage_is_looked_at_but_not_written(tmp_path, programme, protocol):
    panel = panel_with(effect=-3.0)
    for quarter in (0, 3):
        take(tmp_path, panel, quarter, programme, protocol)
    text = (tmp_path / ROWS).read_bytes()
    between = take(tmp_path, panel, 2, programme, protocol)
    assert not between.written
    assert len(between.rows) == 2
    assert (tmp_path / ROWS).read_bytes() == text


def test_skipped_looks_spend_by_the_calendar(tmp_path, programme, protocol):
    panel = panel_with()
    for quarter in (0, 6, 7):
        seen = take(tmp_path, panel, quarter, programme, protocol)
    assert [row.time for row in seen.rows] == [1 / 8, 7 / 8, 1.0]
    spent = [row.look_at("arrears").spent for row in seen.rows]
    assert spent == sorted(spent)
    assert spent[-1] == pytest.approx(0.04)


def test_harm_is_watched_apart(tmp_path, programme, protocol):
    for quarter in range(4):
        seen = take(tmp_path, panel_with(effect=12.0), quarter, programme, protocol)
    assert seen.verdicts()["ae_attendances"].harmed
    for quarter in range(4):
        good = take(tmp_path / "b", panel_with(effect=-12.0), quarter, programme, protocol)
    assert not good.verdicts()["ae_attendances"].harmed


def test_a_row_that_was_cut_short_was_shown_to_nobody(tmp_path, programme, protocol):
    """A full disk or a kill: the looks before it stand, and the look is taken again."""
    panel, path = panel_with(), tmp_path / ROWS
    for quarter in range(3):
        take(tmp_path, panel, quarter, programme, protocol)
    rows = path.read_bytes()
    last = rows.splitlines(keepends=True)[-1]
    path.write_bytes(rows[: len(rows) - len(last) // 2])
    assert len(LookSeries(folder=tmp_path).rows()) == 2
    assert take(tmp_path, panel, 2, programme, protocol).written
    assert path.read_bytes() == rows
    # An editor that leaves the last line without its end takes no look away.
    path.write_bytes(rows[:-1])
    assert len(LookSeries(folder=tmp_path).rows()) == 3
    take(tmp_path, panel, 3, programme, protocol)
    assert path.read_bytes().startswith(rows) and len(LookSeries(folder=tmp_path).rows()) == 4


@pytest.mark.parametrize("what", ["row", "order", "statistics", "lost"])
def test_a_changed_look_is_named(what, tmp_path, programme, protocol):
    panel = panel_with()
    for quarter in range(3):
        take(tmp_path, panel, quarter, programme, protocol)
    path = tmp_path / ROWS
    lines = path.read_text().splitlines()
    if what == "row":
        row = json.loads(lines[1])
        row["looks"]["arrears"]["crossed"] = True
        row["time"] = 0.2
        lines[1] = json.dumps(row)
    elif what == "order":
        lines[0], lines[1] = lines[1], lines[0]
    elif what == "lost":
        del lines[1]
    else:
        held = tmp_path / "002.npz"
        content = bytearray(held.read_bytes())
        content[500] ^= 1
        held.write_bytes(content)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerError, match=r"look [123] of the look ledger does not hold"):
        LookSeries(folder=tmp_path).rows()


def test_kept_assignments_come_back_on_another_panel(tmp_path):
    panel = panel_with()
    drawn = Assignments.draw(panel, n=99, strata=("level",), seed=3)
    Store(folder=tmp_path).keep(drawn, panel)
    order = np.random.default_rng(0).permutation(40)
    shuffled = replace(
        panel,
        areas=panel.areas.iloc[order],
        figures={k: v[order] for k, v in panel.figures.items()},
    )
    kept = Store(folder=tmp_path).kept
    assert kept is not None
    # A lock vouches for these names too: another would make every lock say that it was changed.
    assert set(kept.arrays) == {"meta", "fillers", "places", "slot_of", "strata"}
    back = kept.on(shuffled)
    codes, again = panel.areas.index.to_numpy(), shuffled.areas.index.to_numpy()
    assert (codes[drawn.pseudo_treated] == again[back.pseudo_treated]).all()
    assert (drawn.strata[order] == back.strata).all()
    assert (back.distinct, back.block, back.seed) == (drawn.distinct, drawn.block, drawn.seed)
    with pytest.raises(LedgerError, match="is not in the panel"):
        kept.on(panel.select(np.arange(40) != 5))


def test_no_assignments_are_kept_where_none_were_drawn(tmp_path):
    assert Store(folder=tmp_path).kept is None


def test_every_estimator_keeps_its_assignments_whatever_goes_missing(
    tmp_path, programme, protocol, monkeypatch
):
    """Figures that go missing move no assignment; looks by others, of before, are not followed."""
    panel = panel_with()

    def without(*cells):
        figures = {code: values.copy() for code, values in panel.figures.items()}
        for cell in cells:
            figures["arrears"][cell] = np.nan
        return replace(panel, figures=figures)

    gaps = [(5, 2), (7, 3), (9, FIRST + 2)]
    for name in ("did", "imputation", "synthetic_control", "synthetic_did", "fixed_effects"):
        other = protocol.model_copy(update={"estimators": (name,)})
        for quarter in range(3):
            held = without(*gaps[: quarter + 1])
            seen = take(tmp_path / name, held, quarter, programme, other)
        assert len(seen.rows) == 3 and "drawn_anew" not in seen.rows[-1].known
    # A look as an earlier release wrote it.
    held = [replace(row, known={**row.known, "drawn_anew": "x"}) for row in seen.rows]
    monkeypatch.setattr(LookSeries, "rows", lambda self: held)
    with pytest.raises(EstimateError, match="without the areas that lacked a figure"):
        take(tmp_path / "fixed_effects", without(*gaps), 3, programme, other)


def test_a_panel_that_lost_its_last_quarter_breaks_no_later_look(tmp_path, programme, protocol):
    """A return for a wrong, later quarter, withdrawn and sent again for the right one."""
    panel = panel_with(effect=-3.0)
    take(tmp_path, panel, 2, programme, protocol)
    for vintage, quarter in ((4, 1), (5, 2), (6, 3)):
        known_panel = panel_with(effect=-3.0, restated=vintage / 100)
        known_panel = known_panel.until(known_panel.periods[FIRST + quarter])
        whole = Assignments.draw(panel, n=999, strata=(), seed=1)
        seen = look_at(
            LookSeries(folder=tmp_path),
            known_panel,
            protocol,
            programme,
            whole,
            {
                "quarter": known_panel.labels[-1],
                "vintage": f"2026-{vintage:02d}",
                "panel": known_panel.fingerprint,
            },
        )
        assert seen.verdicts() and seen.story("arrears")
    times = [row.time for row in seen.rows]
    assert times == sorted(times) and times[0] == times[1] == times[2]


def test_lost_assignments_are_written_and_read_back(tmp_path):
    statistics = np.arange(40.0)
    statistics[[7, 33]] = np.nan
    one = take_look(statistics, 0.5, LookPlan())
    row = Row(
        number=1,
        known={},
        time=0.5,
        looks={Hypothesis.outcome("y"): one},
        statistics="",
        previous="",
    )
    again = Row.of(json.loads(json.dumps(row.content))).look_at("y")
    assert list(np.flatnonzero(again.lost)) == [7, 33]
    whole = take_look(np.arange(40.0), 0.5, LookPlan())
    content = replace(row, looks={Hypothesis.outcome("y"): whole}).content["looks"]["y"]
    assert "lost" not in content

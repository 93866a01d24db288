"""The synthetic programme is what it says: the same on every call, its truth kept apart."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from evaluation.check.stages import as_asked, check_return
from evaluation.programme import Programme
from evaluation.returns.workbook import read_return
from evaluation.simulate import (
    Figures,
    Monthly,
    Scenario,
    Switches,
    draw_figures,
    invent_programme,
    truth_table,
    write_programme,
    write_returns,
)
from evaluation.workspace import Workspace

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "data_schemas"
SCENARIO = Scenario.load(SCHEMAS)
FULL = SCENARIO.presets["full"]


def programme() -> Programme:
    return invent_programme(SCENARIO, FULL, SCHEMAS)


def figures(seed: int = 5, switches: Switches | None = None) -> Figures:
    return draw_figures(programme(), SCENARIO, FULL, seed=seed, switches=switches)


def test_size_and_shape_are_as_asked() -> None:
    held = programme()
    roles = [area.role for area in held.areas]
    assert len(held.sites) == 6
    assert len({site.start for site in held.sites}) == 4
    assert 18 <= roles.count("pilot") <= 30
    assert roles.count("comparison") == 150
    assert len({a.authority for a in held.areas if a.role == "comparison"}) == 30
    assert len(held.periods) == 28
    assert all(a.x is not None and a.y is not None for a in held.areas)
    assert sum(outcome.negative_control for outcome in held.outcomes) == 1


def test_the_declared_programme_is_the_invented_one(tmp_path: Path) -> None:
    """studies/new_start holds just what the simulator writes, and reads back as the same."""
    write_programme(programme(), tmp_path)
    declared = ROOT / "studies" / "new_start"
    for name in ("programme.yaml", "areas.csv", "planned_costs.csv"):
        assert (tmp_path / name).read_bytes() == (declared / name).read_bytes(), name
    # What was paid is not declared: finance departments report it.
    unpaid = programme().model_copy(update={"costs": ()})
    assert Programme.load(Workspace(root=ROOT), "new_start") == unpaid


def test_the_same_seed_gives_the_same_figures() -> None:
    one, other, another = figures(5), figures(5), figures(6)
    for code in one.counts:
        assert (one.counts[code] == other.counts[code]).all()
    assert any((one.counts[c] != another.counts[c]).any() for c in one.counts)


def test_counts_are_over_dispersed_around_their_expected_rate() -> None:
    drawn = np.stack([figures(s).counts["homelessness_duties"] for s in range(3)])
    assert (drawn >= 0).all()
    held = figures()
    denominators = held.denominators["ae_attendances"][:, None]
    expected = held.with_reform["ae_attendances"] / 1_000 * denominators
    z = (held.counts["ae_attendances"] - expected) / np.sqrt(expected)
    assert 1.2 < z.std() < 2.5


def effect(held: Figures, code: str, role: str) -> np.ndarray:
    rows = [i for i, area in enumerate(programme().areas) if area.role == role]
    gap: np.ndarray = np.log(held.with_reform[code][rows] / held.without_reform[code][rows])
    return gap


def test_effects_ramp_in_pilots_only_and_one_site_does_harm() -> None:
    held = figures()
    assert not effect(held, "ae_attendances", "comparison").any()
    assert not effect(held, "neet", "pilot").any()
    pilots = [a for a in programme().areas if a.role == "pilot"]
    harmed = programme().sites[3].code
    after = effect(held, "ae_attendances", "pilot")[:, -1]
    for area, size in zip(pilots, after, strict=True):
        assert (size > 0) == (area.site == harmed)
    first = programme().sites[0]
    path = effect(held, "ae_attendances", "pilot")[[a.site == first.code for a in pilots]][0]
    g = first.start - programme().first
    assert not path[:g].any()
    assert 0 > path[g] > path[g + 3]


def test_each_switch_changes_what_it_says() -> None:
    plain = figures()
    spilled = figures(switches=Switches(spillover=True))
    assert effect(spilled, "ae_attendances", "comparison").any()
    other = figures(switches=Switches(other_programme=True))
    assert effect(other, "neet", "comparison").any()
    jump = figures(switches=Switches(changed_instrument=True))
    assert (jump.with_reform["arrears"] == plain.with_reform["arrears"]).all()
    pilots = [i for i, a in enumerate(programme().areas) if a.role == "pilot"]
    assert jump.counts["arrears"][pilots, -1].sum() < plain.counts["arrears"][pilots, -1].sum()
    nothing = figures(switches=Switches(no_effect=True))
    assert not effect(nothing, "ae_attendances", "pilot").any()
    high = figures(switches=Switches(chosen_on_level=True)).without_reform["arrears"]
    others = [i for i in range(len(high)) if i not in pilots]
    assert high[pilots].mean() > 1.15 * high[others].mean()
    trend = figures(switches=Switches(chosen_on_trend=True)).without_reform["arrears"]
    ratio = trend[pilots] / plain.without_reform["arrears"][pilots]
    assert ratio[:, -1].mean() > 1.1


def test_the_truth_is_long_and_complete() -> None:
    table = truth_table(programme(), figures())
    assert len(table) == 186 * 28 * (11 + 4 + 4)  # counted, of practice, asked in a survey


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_returns(programme(), SCENARIO, figures(), tmp_path_factory.mktemp("incoming"))


def test_returns_are_late_missing_restated_and_suppressed(files: list[Path]) -> None:
    names = [path.name for path in files]
    of_money = [name for name in names if "_finance_" in name]
    # From its announcement on, three agencies a site, and one of these returns sent again.
    owed = sum(3 * (programme().last - site.announced + 1) for site in programme().sites)
    assert len(of_money) == owed + 1
    waves, held = 8, programme()
    by_month = [name for name in names if re.search(r"_council_\d{4}-\d\d\.csv", name)]
    # One for each month from a site's start on.
    assert len(by_month) == sum(3 * (held.last - site.start + 1) for site in held.sites)
    of_quarters = len(names) - len(of_money) - len(by_month)
    assert of_quarters == 28 * (6 * 2 + 5) + waves - 1 + 2
    assert len(names) - len(set(names)) == 3
    assert "S06_council_2026-Q2.xlsx" not in names
    late = next(p for p in files if p.name == "S02_nhs_2026-Q2.xlsx")
    assert late.parent.name == "2026-10-05"
    text = "\n".join(p.read_text() for p in files if p.suffix == ".csv")
    assert ",[c]," in text


def test_every_file_passes_the_checks_and_calls_itself_by_its_programme(files: list[Path]) -> None:
    held = programme()
    by_month = [path for path in files if path.name.startswith("S02_council_2026-0")]
    for path in [*files[:20], *by_month, *files[-20:]]:
        raw, asked = as_asked(read_return(path), held)
        checked = check_return(raw, asked)
        assert checked.returned is not None, path


def test_no_file_gives_the_truth_away(files: list[Path]) -> None:
    with files[0].open() as stream:
        columns = next(csv.reader(stream))
    assert not {"with_reform", "without_reform"} & set(columns)


def test_what_is_drawn_by_month_moves_no_figure_of_a_quarter() -> None:
    """A programme with the monthly practice has the same quarters as one without."""
    held = programme()
    quarters = [one for one in held.outcomes if one.frequency != "month"]
    assert len(held.outcomes) == len(quarters) + 1
    without = held.model_copy(update={"outcomes": tuple(quarters)})
    alone = draw_figures(without, SCENARIO, FULL, seed=5)
    beside = figures()
    assert set(beside.monthly) == {"seen_soon"} and not alone.monthly
    assert set(beside.counts) == set(alone.counts)
    for code, counts in alone.counts.items():
        assert np.array_equal(counts, beside.counts[code]), code


def test_a_site_slumps_by_month_and_no_other_does() -> None:
    held, drawn = programme(), figures().monthly["seen_soon"]
    (slump,) = SCENARIO.slumps
    months = drawn.counts.shape[1]
    inside = slice(months - 1 - slump.back, months - 1 - slump.back + slump.months)
    before = slice(inside.start - 6, inside.start)
    fell = {
        site.code: _share(held, drawn, site.code, inside) / _share(held, drawn, site.code, before)
        for site in held.sites
    }
    assert min(fell, key=lambda code: fell[code]) == held.sites[slump.site].code
    assert fell[held.sites[slump.site].code] < 0.9
    assert all(abs(f - 1) < 0.1 for c, f in fell.items() if c != held.sites[slump.site].code)


def _share(held: Programme, drawn: Monthly, site: str, months: slice) -> float:
    here = np.array([area.site == site for area in held.areas])
    counts = drawn.counts[here, months]
    return float(counts.sum() / (drawn.denominators[here].sum() * counts.shape[1]))

"""Practice: what pilots alone send, against floors that were agreed."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.edition.pages import learning as page
from evaluation.errors import ProtocolError
from evaluation.learning.practice import (
    Cell,
    Component,
    Delivery,
    Practice,
    SitePeriod,
    component_delivery,
    dose,
    latest,
    made_of,
    programme_delivery,
    rows,
    said_of_estimate,
    site_figures,
    strip,
    together,
)
from evaluation.programme import Programme
from evaluation.publish import outputs
from evaluation.quarters import Period
from evaluation.release import PracticePrinted, Terms
from evaluation.release.rounding import Before
from evaluation.returns.monthly import in_months
from evaluation.study.learned import AsPrinted, Learned
from evaluation.workspace import Workspace

OUTCOME = """
code: {code}
title: {code}
plain_title: {code}
people: residents
domain: practice
unit: per cent
per: 100
numerator: residents met twice by the same worker
denominator: residents met
kind: flow
polarity: up
agency: nhs
source: site
comparison_source: ""
instrument: sites' own records
measured_in: {where}
"""
PRACTICE = """
agreed: by both sites before the first start
components:
  - {figure: same_worker, says: the same worker, floor: 60, due: 2}
  - {figure: told_once, says: nobody tells it twice, floor: 70, core: false}
"""


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    folder = tiny_workspace.studies / "tiny"
    for code in ("same_worker", "told_once"):
        text = OUTCOME.format(code=code, where="pilot areas only")
        (folder / "outcomes" / f"{code}.yaml").write_text(text, "utf-8")
    declared = (folder / "programme.yaml").read_text("utf-8")
    declared = declared.replace("arrears, claimant_count]", "arrears, same_worker, told_once]")
    # Both sites send by their NHS.
    declared = declared.replace("agencies: [council]}", "agencies: [council, nhs]}")
    (folder / "programme.yaml").write_text(declared, "utf-8")
    (folder / "practice.yaml").write_text(PRACTICE, "utf-8")
    return Programme.load(tiny_workspace, "tiny")


@pytest.fixture
def practice(tiny_workspace: Workspace, programme: Programme) -> Practice:
    found = Practice.load(tiny_workspace.studies / "tiny", programme)
    assert found is not None
    return found


def observed(**figures: dict[str, float]) -> pd.DataFrame:
    """Figure -> ``E01 2026 Q1`` -> percent, of a hundred residents in each area."""
    return pd.DataFrame(
        [
            {
                "outcome": code,
                "area_code": place[:3],
                "quarter": place[4:],
                "numerator": value,
                "denominator": 100.0,
                "status": "",
            }
            for code, held in figures.items()
            for place, value in held.items()
        ],
        columns=["outcome", "area_code", "quarter", "numerator", "denominator", "status"],
    )


def quarterly(site: str, first: str, values: list[float | None]) -> dict[str, float]:
    areas = {"S01": ("E01", "E02"), "S02": ("E03", "E04")}[site]
    return {
        f"{area} {(Period.parse(first) + step).label}": value
        for step, value in enumerate(values)
        if value is not None
        for area in areas
    }


def test_only_pilots_are_asked_for_practice(programme: Programme) -> None:
    asked = {
        (site, agency): {one.code for one in programme.expected(site, agency)[1]}
        for site, agency in programme.submitters
    }
    assert {"same_worker", "told_once"} <= asked["S01", "nhs"]
    assert not any("same_worker" in held for (site, _), held in asked.items() if site == "OPEN")


def test_the_strip_goes_from_not_due_to_as_designed(
    programme: Programme, practice: Practice
) -> None:
    seen = observed(same_worker=quarterly("S01", "2025 Q3", [20.0, 55.0, None, 65.0]))
    shown = strip(practice, programme, seen, Period.parse("2026 Q2"))
    own = [str(one.state) for one in shown if one.site == "S01"]
    # In the first quarter it is not due; then below, unknown, above the floor.
    assert own == ["not due", "not", "not known", "as designed"]
    assert [one.period.label for one in shown if one.site == "S02"] == ["2026 Q1", "2026 Q2"]
    assert (
        dose(shown, programme.site_by_code["S01"], "Q") == 1
        and latest(shown, "S01") is Delivery.AS_DESIGNED
    )
    assert latest(shown, "S02") is Delivery.NOT_KNOWN
    assert latest(shown, "S09") is Delivery.NOT_DUE
    # What is no core component is shown and decides nothing.
    assert {row["core"] for row in rows(shown) if row["figure"] == "told_once"} == {False}


def test_a_sites_figure_is_one_of_totals(programme: Programme) -> None:
    seen = observed(same_worker={"E01 2025 Q3": 30.0, "E02 2025 Q3": 50.0})
    seen.loc[seen["area_code"] == "E02", "denominator"] = 300.0
    found = site_figures(seen, programme, "same_worker")
    assert found["S01"][Period.parse("2025 Q3")] == pytest.approx(100 * 80 / 400)


def test_a_quarter_of_months_is_their_mean_and_unknown_where_one_is_lacking(
    tiny_workspace: Workspace, programme: Programme, practice: Practice
) -> None:
    folder = tiny_workspace.studies / "tiny" / "outcomes"
    text = OUTCOME.format(code="same_worker", where="pilot areas only") + "frequency: month\n"
    (folder / "same_worker.yaml").write_text(text, "utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    # S01 began in July 2025: nothing is due in its first quarter, and September is lacking.
    months = ("2025-07", "2025-08", "2025-10", "2025-11", "2025-12")
    held = {
        f"{area} {label}": 58.0 + step
        for step, label in enumerate(months)
        for area in ("E01", "E02")
    }
    seen = observed(same_worker=held)
    shown = strip(practice, programme, seen, Period.parse("2025 Q4"))
    (first, second) = [one.cells[0] for one in shown if one.site == "S01"]
    assert first.figure is None
    assert second.figure == pytest.approx((60 + 61 + 62) / 3) and str(second.state) == "as designed"


def test_a_ceiling_is_reached_from_above() -> None:
    days = Component(figure="days", floor=10, better="down")
    assert days.reached(10) and days.reached(4) and not days.reached(11)


def test_a_ceiling_is_told_as_one_on_the_page_of_a_site() -> None:
    """It stood below "At least", like a floor."""
    held = (Component(figure="days", floor=10, better="down"), Component(figure="met", floor=60))
    own = SitePeriod(
        site="S01",
        period=Period.parse("2026 Q3"),
        cells=tuple(Cell(component=one, figure=8.0, state=Delivery.AS_DESIGNED) for one in held),
    )
    found = Learned(
        study="tiny/first",
        theory=None,
        chain=None,
        practice=None,
        strips=(own,),
        rules=(),
        rivals=None,
        entries=(),
        changed=(),
        changed_inside={},
    )
    shown = str(page.of_site(found, "S01")["strip"])
    assert "at most 10" in shown and "at least 60" in shown and "At least" not in shown


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([], "not due"),
        (["not due", "not due"], "not due"),
        (["not due", "as designed"], "as designed"),
        (["as designed", "not known"], "not known"),
        (["as designed", "not"], "partly"),
        (["not", "not known"], "not"),
        (["not", "not"], "not"),
        (["partly", "not"], "partly"),
    ],
)
def test_several_components_are_one_state(states: list[str], whole: str) -> None:
    assert together([Delivery(one) for one in states]) == whole


def test_an_estimate_of_what_was_not_delivered_says_so(
    programme: Programme, practice: Practice
) -> None:
    last = Period.parse("2026 Q2")

    def said(first: list[float | None], second: list[float | None]) -> str:
        figures = quarterly("S01", "2025 Q3", first) | quarterly("S02", "2026 Q1", second)
        return str(
            said_of_estimate(strip(practice, programme, observed(same_worker=figures), last))
        )

    assert said([80.0] * 4, [80.0] * 2) == "None"
    assert said([10.0] * 4, [80.0] * 2).startswith(
        "This is an estimate of a programme that was not"
    )
    assert "0 of 2 sites" in said([10.0] * 4, [10.0] * 2)
    assert said([None] * 4, [None] * 2).startswith("Whether the programme was delivered")
    assert said_of_estimate(strip(practice, programme, observed(), Period.parse("2025 Q3"))) is None


def test_over_sites_counts_what_most_are(programme: Programme, practice: Practice) -> None:
    last = Period.parse("2026 Q2")

    def shown(first: float | None, second: float | None) -> tuple[str, str]:
        figures = quarterly("S01", "2025 Q3", [first] * 4)
        figures |= quarterly("S02", "2026 Q1", [second] * 2)
        held = strip(practice, programme, observed(same_worker=figures), last)
        return str(programme_delivery(held)), str(component_delivery(held, "same_worker"))

    assert shown(80.0, 80.0) == ("as designed", "as designed")
    assert shown(80.0, 10.0) == ("partly", "partly")
    assert shown(10.0, 10.0) == ("not", "not")
    assert shown(None, None) == ("not known", "not known")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("components: [{figure: ae_attendances, floor: 1}]", "is measured everywhere"),
        ("components: [{figure: nothing, floor: 1}]", "is no outcome"),
        ("components: [{figure: same_worker, floor: 60, better: down}]", "better up as an outcome"),
        ("components: [{figure: same_worker, floor: 60, core: false}]", "no component is core"),
        (
            "components: [{figure: same_worker, floor: 60}, {figure: same_worker, floor: 50}]",
            "stands twice",
        ),
        ("components: [{figure: same_worker}]", "floor"),
        ("components: [{figure: same_worker, floor: 1, due: 0}]", "due"),
    ],
)
def test_components_of_another_shape_are_refused(
    tiny_workspace: Workspace, programme: Programme, text: str, said: str
) -> None:
    folder = tiny_workspace.studies / "tiny"
    (folder / "practice.yaml").write_text(text, "utf-8")
    with pytest.raises(ProtocolError) as refused:
        Practice.load(folder, programme)
    assert said in str(refused.value)


def test_months_do_not_count_as_quarters_in_the_dose(
    tiny_workspace: Workspace, programme: Programme, practice: Practice
) -> None:
    """A quarter as designed is three months, a month is none; of months three make a quarter."""
    site = programme.site_by_code["S01"]
    seen = observed(same_worker=quarterly("S01", "2025 Q3", [20.0, 65.0, 65.0, 40.0]))
    shown = strip(practice, programme, seen, Period.parse("2026 Q2"))
    assert practice.dose_unit(programme) == "Q"
    assert [dose(shown, site, unit) for unit in ("Q", "M", "A")] == [2, 6, 0]
    whole = observed(same_worker=quarterly("S01", "2025 Q3", [65.0] * 6))
    shown = strip(practice, programme, whole, Period.parse("2026 Q4"))
    # The first quarter is not due yet, so the year that it lies in was not wholly as designed.
    assert [dose(shown, site, unit) for unit in ("Q", "M", "A")] == [5, 15, 1]
    months = in_months(programme)
    own = months.site_by_code["S01"]
    by_month = [
        SitePeriod(
            site="S01",
            period=own.start + step,
            cells=(Cell(component=practice.components[0], figure=65.0, state=state),),
        )
        for step, state in enumerate([Delivery.AS_DESIGNED] * 5 + [Delivery.NOT])
    ]
    assert [dose(by_month, own, unit) for unit in ("M", "Q", "A")] == [5, 1, 0]
    assert practice.dose_unit(months) == "M"
    path = tiny_workspace.studies / "tiny" / "practice.yaml"
    path.write_text(PRACTICE + "dose_in: month\n", "utf-8")
    told = Practice.load(path.parent, programme)
    assert told is not None and told.dose_unit(programme) == "M"


# As it is printed --------------------------------------------------------------------------------


def printed_by(**policies: Policy) -> PracticePrinted:
    return PracticePrinted(
        programme="tiny", terms=Terms(key=Key(secret=bytes(range(32))), policies=policies)
    )


def test_each_printed_figure_of_practice_has_its_line_in_the_register(
    programme: Programme, practice: Practice
) -> None:
    seen = observed(
        same_worker=quarterly("S01", "2026 Q1", [55, 61, 70]),
        told_once=quarterly("S02", "2026 Q1", [72, 75, 71]),
    )
    printed = printed_by()
    shown = strip(practice, programme, seen, Period.parse("2026 Q3"), printed.figure)
    cells = {
        f"tiny.practice.{cell.component.figure}.{one.site}.{one.period.label}": cell.figure
        for one in shown
        for cell in one.cells
        if cell.figure is not None
    }
    entered = printed.entered
    assert cells
    for address, figure in cells.items():
        line = entered[address]
        assert line.printed == figure and line.kind == "rate"
        assert line.low is not None and line.high is not None and line.step is not None
        # Of two hundred residents, one is worth half a point.
        assert line.high - line.low >= 2 * 5 * 0.5 - 1e-9 or line.low == 0.0
    out_of = [line for address, line in entered.items() if ".out_of." in address]
    assert len(out_of) >= len(cells)
    for line in out_of:
        assert line.kind == "count" and line.cell
        assert isinstance(line.printed, int) and line.printed % 5 == 0


def test_what_a_practice_could_reach_stays_hidden_once_it_was(programme: Programme) -> None:
    (one,) = made_of(observed(same_worker={"E01 2026 Q1": 40}), programme, "same_worker")
    address = "tiny.practice.same_worker.out_of.S01.2026 Q1"
    before = Before(hidden=frozenset({address}))
    terms = Terms(key=Key(secret=bytes(range(32))), before=before)
    hiding = PracticePrinted(programme="tiny", terms=terms)
    assert printed_by().figure(one) is not None
    assert hiding.figure(one) is None
    assert hiding.entered[address].printed is None


def test_the_lines_of_practice_are_entered_with_those_of_the_study(
    programme: Programme, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = made_of(observed(same_worker={"E01 2026 Q1": 40}), programme, "same_worker")
    (tiny_workspace.studies / "tiny" / "look").mkdir()
    (tiny_workspace.studies / "tiny" / "look" / "protocol.yaml").write_text("", "utf-8")

    def told(_: Workspace, name: str, *, shown_as: AsPrinted) -> None:
        assert name == "tiny/look"
        shown_as.practice(one)

    monkeypatch.setattr(outputs, "learned", told)
    released = SimpleNamespace(results=None)
    terms = Terms(key=Key(secret=bytes(range(32))))
    found = outputs.practised(tiny_workspace, "tiny/look", released, terms)
    assert [line.address for line in found] == [
        "tiny.practice.same_worker.out_of.S01.2026 Q1",
        "tiny.practice.same_worker.S01.2026 Q1",
    ]
    assert outputs.practised(tiny_workspace, "tiny/none", released, terms) == ()

"""The audit holds effects in fifths, effects without some areas, and money against counts too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from evaluation.disclosure.protection import Held
from evaluation.disclosure.protection import held as counts_of
from evaluation.estimate.sensitivity import without_touched
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.release import attacked, release
from evaluation.release.attacked import Line, Seen, _forms, protection_of
from evaluation.release.forms import Sum
from evaluation.study.record import Results
from evaluation.study.results import results_of
from evaluation.study.run import _anew, run_study
from evaluation.study.study import Study
from evaluation.value import worth
from evaluation.value.report import as_data, gross_data
from tests.release.conftest import terms
from tests.unit.locked import NAME

CODE, STOCK = "ae_attendances", "claimant_count"
OTHER, THERE = "something else", ("X03001", "X12001")
KINDS = ("fifth", "touched", "value", "totals", "by_agency", "by_site", "by_quarter")


@pytest.fixture(autouse=True)
def happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else happened to one pilot area and one other."""
    monkeypatch.setattr(attacked, "read_events", lambda *_: ("it",))
    monkeypatch.setattr(attacked, "touched", lambda *_: {OTHER: set(THERE)})


def told(study: Study) -> Results:
    """A run with what this programme's own lacks: accounts, and effects without some areas."""
    plain = results_of(run_study(study)).plain()
    one = next(own for own in plain["outcomes"] if own["code"] == CODE)
    table = without_touched(
        study.panel,
        CODE,
        {OTHER: THERE},
        partial(_anew, study.protocol),
        window=study.protocol.window,
    )
    table["areas"] = len(study.panel.areas) - table["areas_left"]
    one["touched"] = [
        {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]
    forms = _forms(study, CODE, None)
    assert forms is not None
    value = worth([forms.estimate], study.programme, draws=50)
    if value.costed:
        plain["value"] = as_data(value, {})
    else:
        plain["gross"] = gross_data(value)
    return Results.model_validate(plain)


@pytest.fixture(scope="module")
def raw(study: Study) -> Results:
    return told(study)


def kind_of(name: str) -> str:
    """Of which kind a figure is, by its address."""
    return next((kind for kind in KINDS if kind in name.split(".")), "")


def sums_of(study: Study, raw: Results) -> dict[str, Sum]:
    forms = _forms(study, CODE, raw)
    assert forms is not None
    return {one.name: one for one in forms.sums() if kind_of(one.name)}


def test_each_kind_moves_by_its_slope_when_one_person_is_counted_more(
    study: Study, raw: Results
) -> None:
    """Everything is computed again of one count more, after the start and before it."""
    forms = _forms(study, CODE, raw)
    assert forms is not None
    area = forms.areas[0]
    for quarter in ("2024 Q2", "2025 Q4"):
        at = 0, forms.labels.index(quarter)
        figures = study.observations.copy()
        here = (figures["outcome"] == CODE) & (figures["area_code"] == area)
        figures.loc[here & (figures["quarter"] == quarter), "numerator"] += 1
        moved = replace(study, given=figures)
        before, after = sums_of(study, raw), sums_of(moved, told(moved))
        more = math.log((forms.counts[at] + 1) / forms.counts[at])
        met = set()
        for name, one in before.items():
            if name.rpartition(".")[2] not in ("effect", "mean"):
                continue
            parts = one.slope.person[at], forms.moves(one.slope)[at] * more
            near = 0.03 * (abs(parts[0]) + abs(parts[1])) + 1e-6
            assert after[name].value - one.value == pytest.approx(sum(parts), abs=near), name
            met.add(kind_of(name))
        assert met >= {"fifth", "touched", "value", "totals"}


def all_but(counts: Sequence[Held], site: str, quarter: str) -> list[Held]:
    """As whoever knows all counts of the outcome holds them, save one."""
    return [
        replace(one, known=one.outcome != CODE or (one.site, one.quarter) != (site, quarter))
        for one in counts
    ]


def test_too_fine_a_step_of_each_kind_is_found_and_named(
    study: Study, raw: Results, programme: Programme
) -> None:
    """Five values are left of the one count that is not known, until one figure is too fine."""
    held = terms(programme)
    lines = {
        one.address: Line(printed=one.printed, low=one.low, high=one.high)
        for one in release(raw, held).entries
        if isinstance(one.printed, (int, float)) or one.printed is None
    }
    with Ledger.open(study.workspace.database, study.workspace.raw) as ledger:
        whole = counts_of(programme, ledger.observations("new_start"))
    forms = _forms(study, CODE, raw)
    assert forms is not None
    quarter = forms.labels[int(forms.start[forms.areas.index("X22001")]) + 1]
    sites = {one.site for one in whole if one.outcome == CODE and set(one.parts) & {"X22001"}}
    counts = all_but(whole, sites.pop(), quarter)
    of_it = forms.areas.index("X22001"), forms.labels.index(quarter)

    def found(known: Mapping[str, Line], of: Sequence[Held]) -> Any:
        seen = Seen(name="now", counts=of, lines=known, studies={NAME: study}, raw={NAME: raw})
        return protection_of(programme, held, [seen])

    assert found(lines, whole).ok, "as it is printed, what is left is enough"
    alone = {at: line for at, line in lines.items() if ".count." in at}
    assert found(alone, counts).ok
    tried = set()
    for name, one in sums_of(study, raw).items():
        # What a person moves it by: himself, and the logarithm of the count that he is in.
        slope = one.slope.person[of_it] + forms.moves(one.slope)[of_it] / forms.counts[of_it]
        if kind_of(name) in tried or not name.endswith((".effect", ".mean")) or not slope:
            continue
        tried.add(kind_of(name))
        step = abs(float(slope)) / 4
        low = step * math.floor(one.value / step) - step
        own = name[1:] if name.startswith("/") else f"{CODE}.{name}"
        address = f"new_start.first_look.{own}"
        fine = {**alone, address: Line(printed=low + step, low=low, high=low + 2 * step)}
        left = found(fine, counts)
        assert not left.ok and (left.fewest or 0) < 5, name
        assert any(address in binding for binding in left.worst[0].binding), name
    assert tried >= {"fifth", "touched", "value", "totals"}


def test_person_years_are_a_quarter_of_a_quarter_of_a_stock(study: Study, raw: Results) -> None:
    """What is said to be avoided of a stock is told in years, and its price is of one."""
    forms = _forms(study, CODE, raw)
    assert forms is not None
    flow, stock = (forms._events(per).person for per in ("event", "person_year"))
    assert np.allclose(stock, flow / 4)

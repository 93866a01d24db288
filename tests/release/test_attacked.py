"""The audit of all that is printed: estimates as the sums that they are, and what they leave."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.disclosure.key import Key
from evaluation.disclosure.protection import Held, submitters_tried
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.programme import Programme
from evaluation.quarters import parse_instant
from evaluation.release import audited, release
from evaluation.release.attacked import Line, Seen, _forms, inside_of, protection_of
from evaluation.study.record import Results
from evaluation.study.results import results_of
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.workspace import Workspace, write_whole
from tests.release.conftest import terms
from tests.unit.locked import NAME, Ground


def with_one_more(study: Study, code: str, area: str, quarter: str) -> Study:
    held = study.observations.copy()
    here = (held["outcome"] == code) & (held["area_code"] == area) & (held["quarter"] == quarter)
    assert here.sum() == 1
    held.loc[here, "numerator"] += 1
    return replace(study, given=held)


EXACT = ("effect", "counterfactual", "observed", "mean")
"""Parts that hang on nothing but the effect and what was counted."""


@pytest.mark.parametrize("quarter", ["2024 Q2", "2025 Q4"])
def test_a_figure_moves_by_its_slope_when_one_person_is_counted_more(
    study: Study, results: Results, quarter: str
) -> None:
    """The whole study is run again with one count more: the weights are those of the method."""
    code = "ae_attendances"
    before = _forms(study, code, results)
    assert before is not None
    area = before.areas[0]
    moved = with_one_more(study, code, area, quarter)
    after = _forms(moved, code, results_of(run_study(moved)))
    assert after is not None
    at = before.areas.index(area), list(before.panel.labels).index(quarter)
    more = math.log((before.counts[at] + 1) / before.counts[at])
    then = {one.name: one.value for one in after.sums()}
    met = set()
    for one in before.sums():
        kind = one.name.split(".")
        # Other estimators' weights move with the figures; looks were taken then and stay.
        if kind[-1] not in EXACT or kind[0] in ("synthetic_control", "look"):
            continue
        parts = one.slope.person[at], before.moves(one.slope)[at] * more
        # Where the parts cancel, what is left is of second order.
        near = 0.02 * (abs(parts[0]) + abs(parts[1])) + 1e-9
        assert then[one.name] - one.value == pytest.approx(sum(parts), abs=near), one.name
        met.add((kind[0].lstrip("/"), kind[-1]))
    assert {("did", "effect"), ("finding", "effect"), ("people", "effect")} <= met
    assert {("path", "counterfactual"), ("twin", "observed")} <= met


def test_of_levels_they_are_sums_of_persons(study: Study, results: Results) -> None:
    forms = _forms(study, "road_casualties", results)
    assert forms is not None and not forms.log
    for one in forms.sums():
        if one.name.startswith("did.0") and one.name.endswith(".effect"):
            # A difference from a base: all who are counted in every period alike change nothing.
            assert not one.slope.person.any()
            assert forms.moves(one.slope).sum() == pytest.approx(0.0, abs=1e-9)


def test_what_would_be_printed_leaves_five_values_in_sites_of_one_area(
    ground: Ground, programme: Programme
) -> None:
    found = audited(ground.workspace, programme, terms(programme), {}, keep=False)
    assert found.ok and (found.fewest or 0) >= 5
    assert found.figures > 500
    assert any(one.binding for one in found.worst)


def test_a_p_value_moves_as_its_slope_says(study: Study, results: Results) -> None:
    """It is an effect over an error, and is rounded there, at the effect's own step."""
    forms = _forms(study, "ae_attendances", results)
    assert forms is not None
    chances = list(forms.chances())
    rows = {one.row: one for one in forms.sums() if one.row and one.name == f"{one.row}.effect"}
    assert len(chances) > 5
    for one in chances:
        row = rows[one.row]
        away = row.value > 0
        # A larger effect of either sign lies more errors from nothing.
        weights = one.slope.means[row.slope.means != 0] / row.slope.means[row.slope.means != 0]
        assert np.allclose(weights, weights[0]) and (one.slope.means @ row.slope.means > 0) == away


def test_steps_that_are_too_fine_are_found_and_say_which(
    study: Study, results: Results, programme: Programme
) -> None:
    """At steps of a hundredth of a person the same rows leave less, and are named for it."""
    held = terms(programme)
    lines = {
        one.address: Line(printed=one.printed, low=one.low, high=one.high)
        for one in release(results, held).entries
        if isinstance(one.printed, (int, float)) or one.printed is None
    }
    code = "ae_attendances"
    forms = _forms(study, code, results)
    assert forms is not None and forms.log
    fine = dict(lines)
    for one in forms.sums():
        address = f"new_start.first_look.{code}.{one.name}"
        # Rows of single areas among them, which are not printed.
        if one.name.startswith("did.0") and one.slope.means.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                moved = np.where(forms.counts > 0, forms.moves(one.slope) / forms.counts, 0.0)
            slope = np.abs(one.slope.person + moved)
            step = float(slope.max()) / 100
            low = step * math.floor(one.value / step) - step
            fine[address] = Line(printed=low + step, low=low, high=low + 2 * step)
    from evaluation.disclosure.protection import held as counts_of

    with Ledger.open(study.workspace.database, study.workspace.raw) as ledger:
        counts = counts_of(programme, ledger.observations("new_start"))

    def found(known: Mapping[str, Line]) -> tuple[int, tuple[str, ...]]:
        seen = Seen(
            name="now", counts=counts, lines=known, studies={NAME: study}, raw={NAME: results}
        )
        left = protection_of(programme, held, [seen])
        return left.fewest or 0, tuple(name for one in left.worst for name in one.binding)

    safe, _ = found(lines)
    fewest, binding = found(fine)
    assert fewest < safe
    assert any(".did.0." in address for address in binding)


def test_it_reads_the_register_and_not_the_panel_alone(
    ground: Ground, programme: Programme, results: Results, tmp_path: Path
) -> None:
    """A figure that an edition printed otherwise than is said now is held against the counts."""
    copy = ground.copied(tmp_path / "copy")
    held = terms(programme)
    at = parse_instant(results.vintage)
    entries = [
        one
        for one in release(results, held).entries
        if isinstance(one.printed, (int, float)) or one.printed is None
    ]

    def printed(edition: str, wider: bool) -> list[PrintedValue]:
        return [
            PrintedValue(
                edition=edition,
                address=one.address,
                kind=one.kind,
                printed=json.dumps(one.printed),
                # As if a count had been printed by itself, to the person.
                low=one.low if wider or one.kind != "count" else 41,
                high=one.high if wider or one.kind != "count" else 41,
                key=held.key.check_value,
            )
            for one in entries
        ]

    with Ledger.open(copy.workspace.database, copy.workspace.raw) as ledger:
        ledger.print_values(
            Signed(programme="new_start", kind="publication", by=""),
            printed("2026-Q1", True),
            received=copy.workspace.now(),
            synthetic_clock=True,
        )
    inside = inside_of(copy.workspace, "new_start", "2026-Q1", NAME)
    write_whole(inside, results.as_json())
    alone = audited(copy.workspace, programme, held, {"2026-Q1": at}, with_now=False, keep=False)
    both = audited(copy.workspace, programme, held, {"2026-Q1": at}, keep=False)
    assert alone.ok and alone.figures >= len(entries)
    assert both.figures == 2 * alone.figures
    assert both.fewest == alone.fewest, "what is printed again alike says nothing new"


def test_only_what_changed_is_attacked_anew(
    ground: Ground, programme: Programme, tmp_path: Path
) -> None:
    copy = ground.copied(tmp_path / "copy")
    first = audited(copy.workspace, programme, terms(programme), {})
    again = audited(copy.workspace, programme, terms(programme), {})
    assert first.anew >= 1 and again.anew == 0
    assert replace(again, anew=first.anew) == first
    other = audited(copy.workspace, programme, terms(programme, Key(secret=bytes(32))), {})
    assert other.anew == first.anew, "another key prints otherwise"


def test_an_insider_knows_his_own_and_does_not_attack_it(
    ground: Ground, programme: Programme
) -> None:
    site, agency = next((s, a) for s, a in programme.submitters if a == "nhs")
    whole = audited(ground.workspace, programme, terms(programme), {}, keep=False)
    inside = audited(
        ground.workspace, programme, terms(programme), {}, insider=(site, agency), keep=False
    )
    assert inside.protected < whole.protected
    assert not any(f"ae_attendances {site} " in one.cell for one in inside.worst)
    assert (inside.fewest or 0) <= (whole.fewest or 0) and inside.ok


def test_every_submitter_is_tried_as_if_each_were_alone(
    ground: Ground, programme: Programme
) -> None:
    everybody = submitters_tried(programme)
    assert everybody and set(everybody) <= set(programme.submitters)
    found = audited(
        ground.workspace, programme, terms(programme), {}, insiders=everybody, keep=False
    )
    assert [(one.site, one.agency) for one in found.insiders] == list(everybody)
    who = next(one for one in found.insiders if one.agency == "nhs")
    alone = audited(
        ground.workspace,
        programme,
        terms(programme),
        {},
        insider=(who.site, who.agency),
        keep=False,
    )
    assert who.fewest == alone.fewest and who.worst is not None
    assert who.worst.cell == alone.worst[0].cell
    assert found.ok and found.insiders_fewest == min(one.fewest or 0 for one in found.insiders)
    few = replace(found, insiders=(replace(who, fewest=4),))
    assert not few.ok and not few.as_dict()["ok"], "one insider who finds too much stops it"


def moved(counts: Sequence[Held], outcome: str, by: Mapping[str, int]) -> list[Held]:
    """Counts of another vintage: one area's of some quarters were revised."""
    found = []
    for one in counts:
        if one.outcome == outcome and one.quarter in by and one.parts:
            area = next(iter(one.parts))
            parts = {**one.parts, area: one.parts[area] + by[one.quarter]}
            one = replace(one, parts=parts, count=sum(parts.values()))
        found.append(one)
    return found


def test_a_revision_that_nobody_told_keeps_five_values_too(
    ground: Ground, programme: Programme
) -> None:
    from evaluation.disclosure.protection import held as counts_of

    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        counts = counts_of(programme, ledger.observations("new_start"))
    then = moved(counts, "ae_attendances", {"2025 Q1": 3, "2025 Q2": -2})
    seen = [Seen(name="2026-Q1", counts=then, lines={}), Seen(name="now", counts=counts, lines={})]
    found = protection_of(programme, terms(programme), seen)
    still = protection_of(programme, terms(programme), seen[1:])
    assert found.ok and found.protected > still.protected
    everything = protection_of(programme, terms(programme), seen)
    assert everything == found


def test_a_withdrawn_count_is_known_and_attacked_no_more(
    ground: Ground, programme: Programme
) -> None:
    from evaluation.disclosure.protection import held as counts_of

    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        counts = counts_of(programme, ledger.observations("new_start"))
    known = [replace(one, known=one.site == "S01") for one in counts]
    whole = protection_of(programme, terms(programme), [Seen(name="n", counts=counts, lines={})])
    less = protection_of(programme, terms(programme), [Seen(name="n", counts=known, lines={})])
    assert less.protected < whole.protected
    assert not any(" S01 " in one.cell for one in less.worst)


def test_the_workspace_of_an_invented_programme_needs_no_key(ground: Ground) -> None:
    from evaluation.publish.outputs import audit_of
    from evaluation.release import terms_of

    workspace = Workspace(root=ground.workspace.root)
    programme = Programme.load(workspace, "new_start")
    found = audit_of(workspace, programme, terms_of(workspace, programme), keep=False)
    assert found.ok and found.protected > 0

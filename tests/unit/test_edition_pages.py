"""What the pages take from results, and what stops them: no Jupyter Book is run here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation import drawing as figures
from evaluation.edition import answers, words
from evaluation.edition import book as pages
from evaluation.edition.build import build_book, serve_book
from evaluation.edition.edition import Edition, Restated
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.edition.pages import money, outcomes
from evaluation.edition.pages.claims import Claims
from evaluation.errors import BookError
from evaluation.study.record import Results
from evaluation.workspace import Workspace
from tests.completed import accounts
from tests.edition.ground import laid_out

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return laid_out(tmp_path_factory.mktemp("edition"))


@pytest.fixture(scope="module")
def edition(workspace: Workspace) -> Edition:
    return Edition.read(workspace, "new_start")


@pytest.fixture
def raw(edition: Edition) -> dict[str, Any]:
    return json.loads(edition.headline.as_json())


def study(raw: dict[str, Any]) -> Results:
    return Results.model_validate(raw)


def test_a_book_that_is_not_built_cannot_be_shown(workspace: Workspace) -> None:
    with pytest.raises(BookError, match="not built yet"):
        serve_book(workspace)


def test_a_workspace_without_a_book_says_so(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="the workspace has no book"):
        build_book(Workspace(root=tmp_path))


def test_a_programme_without_results_has_no_book(workspace: Workspace) -> None:
    with pytest.raises(BookError, match="no results to print"):
        Edition.read(workspace, "elsewhere")


def test_results_of_one_part_verdicts_are_to_be_run_again(tmp_path: Path) -> None:
    workspace = laid_out(tmp_path)
    path = workspace.results("new_start", "first_look") / "results.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    for outcome in held["outcomes"]:
        for key in ("direction", "size", "better", "unclear", "hoped_percent"):
            outcome["finding"].pop(key, None)
    # They are still read, by whoever compares editions.
    assert Results.model_validate(held).outcomes[0].finding.direction is None
    path.write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(BookError, match="earlier version") as refused:
        Edition.read(workspace, "new_start")
    assert refused.value.mend == "newstart study run new_start/first_look"


def test_the_answer_names_what_moved_and_what_did_not(edition: Edition) -> None:
    said = answers.lives(edition.headline)
    assert said.startswith("Across 6 sites there were about")
    assert "fewer A&E attendances a quarter" in said
    assert "Too early to say: people claiming" in said


def test_the_answer_claims_nothing_where_no_main_outcome_moved(raw: dict[str, Any]) -> None:
    for outcome in raw["outcomes"]:
        outcome["finding"] |= {"direction": "cannot tell", "size": "cannot tell", "better": None}
    assert answers.lives(study(raw)).startswith("No main outcome has moved clearly")


OPEN = {
    "outcome": "claimant_count",
    "title": "People claiming unemployment-related benefits",
    "verdict": "cannot tell",
    "plain_title": "People claiming unemployment-related benefits",
    "gross_fiscal": {"mean": 0.6e6, "low": None, "high": None},
    "cashable": {"mean": 0.3e6, "low": None, "high": None},
}


def objected(raw: dict[str, Any]) -> dict[str, Any]:
    """The same results where a check objects to claimants: twice as much is released with them."""
    held = raw["value"]
    totals = json.loads(json.dumps(held["totals"]))
    for end in ("mean", "low", "high"):
        totals["gross_fiscal"][end] *= 2
    totals["p_npsv_positive"] = 0.97
    held["with_objected"] = {"totals": totals, "by_agency": held["by_agency"]}
    held["not_standing"] = [OPEN]
    for row in held["by_outcome"]:
        if row["outcome"] == "claimant_count":
            row["objected"] = True
    return raw


def test_money_is_one_story_in_two_columns(raw: dict[str, Any]) -> None:
    totals = study(raw).value.totals
    alone, gain = answers.money(study(raw)), totals.gross_fiscal.mean
    assert alone.startswith(f"{words.pounds(gain)} (")
    assert "whose checks hold" in alone and "With " not in alone
    back = f"back for each £1: £{totals.bcr.mean:.2f} ("
    assert alone.count(" in 100") == 1 and alone.count(back) == 1
    said = answers.money(study(objected(raw)))
    before, beside = said.split(" With people claiming unemployment-related benefits, ")
    assert before.startswith(f"{words.pounds(gain)} (")
    assert beside.startswith(f"to which a check objects: {words.pounds(2 * gain)} (")
    assert "97 in 100" in beside and beside.count(" in 100") == 1


def test_what_is_released_is_never_told_without_what_of_it_is_cash(raw: dict[str, Any]) -> None:
    said = answers.money(study(raw))
    cash = words.pounds(study(raw).value.totals.cashable.mean)
    (sentence,) = [one for one in said.split(". ") if "public spending released" in one]
    assert f"at most {cash} of it could leave a budget" in sentence


def test_outcomes_that_moved_are_counted_beside_what_is_worth_having(raw: dict[str, Any]) -> None:
    """2 of 3 moved must not be read as 2 of 3 aims that were reached."""
    held = study(raw)
    said = answers.how_many(held)
    better = sum(answers.style(one) == "better" for one in held.with_role("primary"))
    assert ("known to be worth having" in said) == (better > 0)


def test_a_count_of_sites_says_where_all_together_tell_nothing(raw: dict[str, Any]) -> None:
    """Better at 6 of 6 sites is no finding where a check objects to the outcome."""
    held = study(raw)
    said = answers.sites(held)
    for one in held.with_role("primary"):
        if f"{words.within(one.plain_title)} " not in said:
            continue
        beside = f"{words.within(one.plain_title)} (overall: " in said
        assert beside != answers.told(one)
    open_ones = [one for one in held.with_role("primary") if not answers.told(one)]
    assert open_ones and "(overall: " in said


def test_both_columns_stand_wherever_money_is_in_a_table(raw: dict[str, Any]) -> None:
    held = accounts(objected(raw)["value"])
    assert answers.columns(held) == [
        "Outcomes whose checks hold",
        "With people claiming unemployment-related benefits",
    ]
    for shown in (str(money._totals_table(held)), str(money.agency_table(held))):
        assert all(column in shown for column in answers.columns(held))
    assert "a check objects: in no headline" in str(money._price_table(held))


def test_money_where_everything_is_objected_to_sets_nothing_against_the_cost(
    raw: dict[str, Any],
) -> None:
    for row in objected(raw)["value"]["by_outcome"]:
        row["objected"] = True
    said = answers.money(study(raw))
    assert "no gain is set against it" in said and "With people claiming" in said


def test_old_results_that_do_not_name_what_stands_are_read(raw: dict[str, Any]) -> None:
    raw["value"].pop("not_standing", None)
    assert "With " not in answers.money(study(raw))


def test_a_quantity_avoided_times_its_price_times_its_share_is_shown(raw: dict[str, Any]) -> None:
    shown = str(money._price_table(accounts(raw["value"])))
    held = next(o for o in raw["value"]["by_outcome"] if o["cost_per"] == "week")
    weeks = {end: 52.16 * held["events_avoided"][end] for end in ("mean", "low", "high")}
    low = words.number(weeks["low"], 1 if abs(weeks["low"]) < 1000 and weeks["low"] % 1 else 0)
    assert f"({low} to {weeks['high']:,.0f}) weeks" in shown
    assert "person-years × 52.16" in shown
    assert "£484.50 a week" in shown and ">80%<" in shown
    assert "from 2010/11 prices, amber" in shown


def test_a_balance_that_never_was_below_nought_is_not_said_to_have_been(
    raw: dict[str, Any],
) -> None:
    assert "the balance stood at" in money._began(accounts(raw["value"]))
    raw["value"]["by_quarter"][0]["cumulative_net"]["mean"] = 1.0
    assert money._began(accounts(raw["value"])) == ""


def test_one_control_is_one_check(raw: dict[str, Any]) -> None:
    # Three main outcomes with a trend and a ring each, and the control that they share.
    assert answers.checks(study(raw)) == {"holds": 3, "fails": 1, "cannot tell": 3}


def test_main_points_are_few_and_leave_no_harm_out(edition: Edition) -> None:
    found = answers.main_points(edition.headline)
    assert len(found) <= answers.MOST
    worse = "1 for the worse (none large enough to matter, 1 by how much cannot be told)"
    assert any(f"{worse}: calls on crisis help" in point for point in found)


def test_a_control_that_moved_is_a_main_point(raw: dict[str, Any]) -> None:
    control = next(o for o in raw["outcomes"] if o["role"] == "negative_control")
    control["finding"] |= {"direction": "rose", "size": "cannot tell", "better": None}
    assert any(p.startswith("The control moved") for p in answers.main_points(study(raw)))


def test_sites_that_came_off_worse_are_counted(raw: dict[str, Any]) -> None:
    for outcome in raw["outcomes"]:
        outcome["estimates"][0]["site"][0] |= {"effect": 0.2, "low": 0.1, "high": 0.3}
    said = next(p for p in answers.main_points(study(raw)) if p.startswith("Site by site"))
    assert "Alder Vale, A&E attendances" in said


def test_sites_without_limits_are_not_judged(raw: dict[str, Any]) -> None:
    for outcome in raw["outcomes"]:
        for row in outcome["estimates"][0]["site"]:
            row |= {"low": None, "high": None}
    said = next(p for p in answers.main_points(study(raw)) if p.startswith("Site by site"))
    assert "could not be judged" in said and "chance" not in said
    one = answers._said_of_sites(1, 0, better=0, worse=[])
    assert one.startswith(
        "Site by site, 1 effect could be judged: none clearly for the better, none clearly for"
    )
    both = answers._said_of_sites(50, 1, better=9, worse=["Alder Vale, calls on crisis help"])
    assert "50 effects could be judged and 1 could not" in both
    assert "9 clearly for the better, 1 clearly for the worse (Alder Vale, calls" in both
    assert both.endswith("Chance alone would give about 1 each way.")


def test_a_restatement_of_one_side_alone_is_told(edition: Edition) -> None:
    assert Claims(edition).claim("edition.one_sided").text.endswith("none did.")
    latest = edition.rounds[-1]
    again = Restated(
        site="S01",
        agency="nhs",
        outcome="ae_attendances",
        quarter="2026 Q1",
        side="comparison",
        figures=2,
        received=latest.receipts[0]["received"],
        reason="",
    )
    one = dataclasses.replace(latest, restated=(again,))
    said = Claims(dataclasses.replace(edition, rounds=(one,))).claim("edition.one_sided").text
    assert "received on 9 February 2027 reached comparison areas and no pilot area" in said


def test_an_unknown_claim_is_an_error_of_the_book(edition: Edition) -> None:
    claims = Claims(edition)
    assert claims.html("ae_attendances.effect").startswith("<span class='claim'")
    with pytest.raises(BookError, match=r"'ae_attendances\.nonsense'"):
        claims.html("ae_attendances.nonsense")


def test_missing_figures_are_said_to_be_missing(raw: dict[str, Any], edition: Edition) -> None:
    finding = raw["outcomes"][0]["finding"]
    finding["effect_percent"] = {"effect": None, "low": None, "high": None}
    finding["people"] = finding["p_value"] = None
    changed = Edition(
        programmes=edition.programmes,
        headline=study(raw),
        others=(),
        rounds=(),
        calibration=None,
        outcomes=(),
    )
    claims = Claims(changed)
    assert claims.claim("ae_attendances.effect").text == "not known"
    assert claims.claim("ae_attendances.people").text == "not counted in people"
    assert claims.claim("ae_attendances.p").text == "not known"


def test_writing_again_changes_no_file(workspace: Workspace, edition: Edition) -> None:
    folder = workspace.book / "_edition"
    pages.write(workspace, edition)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    pages.write(workspace, edition)
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_a_family_without_pages_has_no_empty_list_in_the_contents(
    workspace: Workspace, edition: Edition
) -> None:
    pages.write(workspace, dataclasses.replace(edition, others=()))
    contents = (workspace.book / "_edition" / "_toc.yml").read_text()
    assert "sites" in contents and "sections: []" not in contents


def test_what_an_edition_no_longer_has_is_removed(workspace: Workspace, edition: Edition) -> None:
    stale = workspace.book / "_edition" / "sites" / "S99.md"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_text("# Gone\n")
    pages.write(workspace, edition)
    assert not stale.exists()


def test_real_pages_never_carry_the_band_of_invented_ones(
    workspace: Workspace, edition: Edition
) -> None:
    pages.write(workspace, edition)
    book = json.loads((workspace.book / "_edition" / "book.json").read_text())
    assert book["band"] == words.SYNTHETIC
    assert book["bands"]["annex/cases/enterprise_zones"] == pages.REAL_BAND


def test_the_footer_gives_the_day_of_the_pages_own_data(
    workspace: Workspace, edition: Edition
) -> None:
    (case,) = edition.cases
    other = study(case.plain() | {"vintage": "2027-03-01T09:00:00Z"})
    pages.write(workspace, dataclasses.replace(edition, others=(other,)))
    book = json.loads((workspace.book / "_edition" / "book.json").read_text())
    assert book["footer"].endswith("Data as known on 10 February 2027.")
    for page in ("cases/index", "cases/enterprise_zones", "records/real_cases-enterprise_zones"):
        assert book["footers"][f"annex/{page}"].endswith("Data as known on 1 March 2027.")


def test_a_p_value_says_how_it_was_come_by(edition: Edition) -> None:
    (case,) = edition.cases
    assert "p = 0.02 analytic" in outcomes.published_table(case)


def test_a_notebook_is_shown_where_its_figures_are_open_data_alone(
    workspace: Workspace, edition: Edition
) -> None:
    folder = workspace.book / "_edition" / "annex" / "notebooks"
    pages.write(workspace, edition)
    assert not (folder / "new_start-first_look.md").exists()
    # With its fingerprints in a cell, new results run it again.
    opened = dataclasses.replace(edition, open_data=frozenset({"new_start"}))
    pages.write(workspace, opened)
    held = (folder / "new_start-first_look.md").read_text()
    assert edition.headline.panel_fingerprint[:16] in held


def test_an_effect_on_no_range_leaves_the_pages_whole(
    workspace: Workspace, raw: dict[str, Any], edition: Edition
) -> None:
    for outcome in raw["outcomes"]:
        for estimate in outcome["estimates"]:
            for row in (estimate["overall"], *estimate["site"], *estimate["event_time"]):
                row |= {"low": None, "high": None, "low_band": None, "high_band": None}
        for row in outcome["paths"]:
            row |= {"low": None, "high": None}
        outcome["finding"]["effect_percent"] |= {"low": None, "high": None}
    bare = Edition(
        programmes=edition.programmes,
        headline=study(raw | {"value": None}),
        others=(),
        rounds=(),
        calibration=None,
        outcomes=(),
        terms=edition.terms,
    )
    pages.write(workspace, bare)
    assert "nothing is valued" in (workspace.book / "_edition" / "money.md").read_text()


def test_tables_have_scoped_headers_and_are_escaped() -> None:
    made = table("A & B", ["What", "Figure"], [["<b>", "1"]], numeric="tn")
    assert "<caption>A &amp; B</caption>" in made
    assert "<th scope='col'>What</th><th scope='col' class='n'>Figure</th>" in made
    assert "<th scope='row'>&lt;b&gt;</th><td class='n'>1</td>" in made


def test_data_are_written_as_csv_and_json(tmp_path: Path) -> None:
    out = Generated(tmp_path)
    out.table("one", [{"a": 1, "b": None}])
    assert (tmp_path / "files/data/one.csv").read_text() == "a,b\n1,\n"
    assert json.loads((tmp_path / "files/data/one.json").read_text()) == [{"a": 1, "b": None}]


SYNTHETIC = [
    {"period": f"2025 Q{q}", "observed": 9.0, "twin": 10.0, "low": 9.0, "high": 11.0}
    for q in (1, 2, 3, 4)
]


def test_a_path_and_its_synthetic_control_is_handed_on_under_its_kind_or_not_at_all(
    tmp_path: Path,
) -> None:
    """The kind is what programs that read downloads go by; a licence may forbid the figures."""
    out, beside = Generated(tmp_path), tmp_path / "files" / "figures"
    out.withheld = {"closed"}
    for name in ("open/path", "closed/path"):
        out.plate(name, "", "Said.", figures.synthetic_path, SYNTHETIC, "2025 Q3", "A", "each")
    assert json.loads((beside / "open/path.json").read_text("utf-8"))["chart"] == "twin_path"
    assert [p.name for p in (beside / "closed").iterdir() if p.suffix != ".svg"] == []


def test_a_chart_that_is_copied_alone_says_what_it_is_of(tmp_path: Path) -> None:
    """In the drawing, inside its box, in one line or two; a chart of nobody is left as it is."""
    out, beside = Generated(tmp_path), tmp_path / "files" / "figures"
    said = (words.SYNTHETIC, "Source: evaluation of A & B.")
    out.below = {"invented": said}
    for name in ("invented/path", "other/path"):
        out.plate(name, "", "Said.", figures.synthetic_path, SYNTHETIC, "2025 Q3", "A", "each")
    for ending, lines in (("", 1), ("-narrow", 2)):
        alone = ElementTree.parse(beside / f"invented/path{ending}.svg").getroot()
        bare = ElementTree.parse(beside / f"other/path{ending}.svg").getroot()
        texts = [one for one in alone if one.get("class") == "source"]
        assert (len(texts), " ".join(one.text or "" for one in texts)) == (lines, " ".join(said))
        assert all(float(bare.get("height")) < float(t.get("y")) for t in texts)
        assert max(float(t.get("y")) for t in texts) < float(alone.get("height"))
        assert alone.get("viewBox").split()[3] == alone.get("height")
        assert not [one for one in bare if one.get("class") == "source"]


def test_a_changed_record_is_seen_as_the_objections_say() -> None:
    said = (REPOSITORY / "book" / "objections.md").read_text()
    record = json.loads((REPOSITORY / "benchmarks" / "results" / "diagnostics.json").read_text())
    (injected,) = [row for row in record["rows"] if row["switch"] == "changed_instrument"]
    assert injected["fires"]["changed_instrument"]["share"] == 1.0
    planted = f"in {{measured}}`{record['seeds']} <benchmarks.diagnostics>` invented programmes"
    assert f"{planted} it was noticed in every one" in said


def test_a_table_with_sentences_names_each_cell_for_a_narrow_screen() -> None:
    long = "Before the start, pilot and comparison areas moved together."
    made = table("Checks", ["Check", "Result", "Meaning"], [["Path", "holds", long]])
    assert "<table class='stacked' role='table'>" in made
    assert f"<td role='cell' data-label='Meaning'>{long}</td>" in made


def test_a_table_of_short_cells_keeps_its_columns_and_fingerprints_may_break() -> None:
    made = table("Figures", ["Of", "First", "Second"], [["Code", "1", "2"]], numeric="tnn")
    assert "stacked" not in made and "data-label" not in made
    assert "<code class='hash'>" in table("Prints", ["Of", "Is"], [["Code", "0a" * 32]])

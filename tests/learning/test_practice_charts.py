"""Control charts of practice: declared, made of months, told in words, printed at their steps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.edition.files import Generated
from evaluation.edition.pages import charted_months as page
from evaluation.errors import ProtocolError
from evaluation.learning.control_charts import Rule, control_chart
from evaluation.learning.practice import Practice
from evaluation.learning.practice_charts import AsDrawn, SiteChart, rows, site_charts
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.study.learned import Learned
from evaluation.workspace import Workspace
from tests.learning.test_monthly import declare

Run = Callable[..., tuple[int, str, str]]
FIRST = Period.parse("2025-07")
COMPONENTS = "components: [{figure: told_once, floor: 60}]\n"
SERIES = [50, 52, 49, 51, 50, 53, 48, 50, 51, 49, 52, 50, 51, 50, 70, 50, 51]
"""Of a hundred residents: seventeen months, of which the fifteenth stands out."""


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    return declare(tiny_workspace)


def declared(workspace: Workspace, programme: Programme, charts: str) -> Practice:
    folder = workspace.studies / programme.name
    (folder / "practice.yaml").write_text(f"{COMPONENTS}charts: {charts}\n", "utf-8")
    found = Practice.load(folder, programme)
    assert found is not None
    return found


def sent(series: list[float | None], out_of: float = 100.0, site: str = "S01") -> pd.DataFrame:
    """A month each from July 2025 on, alike in both areas of a site."""
    areas = {"S01": ("E01", "E02"), "S02": ("E03", "E04")}[site]
    return pd.DataFrame(
        [
            {
                "outcome": "met_soon",
                "area_code": area,
                "quarter": (FIRST + step).label,
                "numerator": np.nan if value is None else value * out_of / 100,
                "denominator": out_of,
                "status": "",
            }
            for step, value in enumerate(series)
            for area in areas
        ]
    )


def drawn(
    workspace: Workspace,
    programme: Programme,
    observations: pd.DataFrame,
    charts: str = "[{figure: met_soon}]",
    printed: AsDrawn | None = None,
    last: str = "2026-12",
) -> SiteChart:
    practice = declared(workspace, programme, charts)
    found = site_charts(practice, programme, observations, Period.parse(last), printed)
    return next(one for one in found if one.site == "S01")


def test_what_stands_out_is_told_in_words_with_its_rule(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    chart = drawn(tiny_workspace, programme, sent(list(SERIES)))
    assert [one.month.label for one in chart.unusual] == ["2026-09"]
    said = str(chart.said())
    assert said == "Unusual for this site: September 2026 (outside the limits)."
    assert not re.search(r"improv|better|worse|because", said)
    # By hand, XmR: the mean less and plus 2.66 mean moving ranges of the first twelve.
    base = np.array(SERIES[:12], dtype=float)
    reach = 3 * np.abs(np.diff(base)).mean() / 1.128
    assert chart.centre == pytest.approx(base.mean())
    assert chart.months[0].high == pytest.approx(base.mean() + reach)
    calm = drawn(tiny_workspace, programme, sent([*SERIES[:14], 50]))
    assert str(calm.said()) == "Nothing unusual for this site in 15 months."


def test_seven_in_a_row_and_two_of_three_are_rules_of_their_own(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    run = drawn(tiny_workspace, programme, sent([*SERIES[:11], *[51.5] * 7]))
    assert [one.rules for one in run.unusual] == [(Rule.RUN,)] * 2
    assert "November 2026 to December 2026 (seven in a row on one side)" in str(run.said())
    near = drawn(tiny_workspace, programme, sent([*SERIES[:12], 55, 50, 55.3]))
    assert [one.rules for one in near.unusual] == [(Rule.NEAR,)]
    assert "September 2026 (two of three near a limit)" in str(near.said())


def test_before_a_year_of_months_there_are_no_limits(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    chart = drawn(tiny_workspace, programme, sent(list(SERIES[:9])))
    assert chart.centre is None and not chart.unusual
    assert str(chart.said()) == "No limits yet: 9 of the 12 months that set them are in."
    # Months that are left out while a site settles count for nothing.
    later = drawn(
        tiny_workspace, programme, sent(list(SERIES)), "[{figure: met_soon, leave_out: 5}]"
    )
    assert later.months[0].month.label == "2025-12" and later.known == 12


def test_over_a_missing_month_no_range_is_taken_and_no_run_goes_on(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    gap: list[float | None] = [*SERIES[:5], None, *SERIES[5:12]]
    chart = drawn(tiny_workspace, programme, sent([*gap, 51]))
    assert chart.known == 13 and chart.months[5].value is None
    steps = np.diff(np.array([np.nan if v is None else v for v in gap], dtype=float))
    reach = 3 * np.nanmean(np.abs(steps)) / 1.128
    assert chart.months[0].high == pytest.approx(np.mean(SERIES[:12]) + reach)
    broken: list[float | None] = [*SERIES[:12], *[51.5] * 4, None, 51.5]
    assert not drawn(tiny_workspace, programme, sent(broken)).unusual
    # Every second month alone: none follows another.
    every_second = [value for one in SERIES[:12] for value in (float(one), None)]
    with pytest.raises(Exception, match="follows another"):
        control_chart("XmR", np.array([np.nan if v is None else v for v in every_second]))


def test_months_of_the_baseline_that_none_follows_set_no_limits(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    """Two that follow each other later do not help: before, that was an error."""
    every_second = [value for one in SERIES[:12] for value in (float(one), None)]
    observations = sent([*every_second, 50, 51])
    chart = drawn(tiny_workspace, programme, observations, last="2027-12")
    assert chart.known == 14 and chart.centre is None
    assert "follow each other" in str(chart.said())


def test_months_out_of_nobody_as_printed_set_no_limits(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    printed = AsDrawn(figure=lambda one: one.value, out_of=lambda one: 0.0)
    chart = drawn(
        tiny_workspace, programme, sent(list(SERIES)), "[{figure: met_soon, chart: p'}]", printed
    )
    assert chart.centre is None and not chart.unusual


def test_shares_out_of_more_people_have_nearer_limits(
    tiny_workspace: Workspace, programme: Programme
) -> None:
    one, two = sent(list(SERIES[:6]), 100.0), sent(list(SERIES), 400.0)
    observations = pd.concat([one, two[two["quarter"] > "2025-12"]])
    chart = drawn(tiny_workspace, programme, observations, "[{figure: met_soon, chart: p'}]")
    wide, near = chart.months[0], chart.months[-1]
    assert wide.high and wide.low and near.high and near.low
    assert (wide.high - wide.low) == pytest.approx(2 * (near.high - near.low))
    assert 0 <= wide.low < 50 < wide.high <= 100


@pytest.mark.parametrize(
    ("charts", "said"),
    [
        ("[{figure: arrears}]", "is measured everywhere"),
        ("[{figure: unheard_of}]", "is no outcome of the programme"),
        ("[{figure: told_once}]", "is of quarters"),
        ("[{figure: met_soon, baseline: 6}]", "baseline"),
        ("[{figure: met_soon, chart: c}]", "chart"),
        ("[{figure: met_soon, sites: [S09]}]", "names a site that is none: S09"),
        ("[{figure: met_soon}, {figure: met_soon}]", "stands twice"),
    ],
)
def test_a_chart_that_would_say_nothing_is_refused(
    tiny_workspace: Workspace, programme: Programme, charts: str, said: str
) -> None:
    with pytest.raises(ProtocolError, match=re.escape(said)):
        declared(tiny_workspace, programme, charts)


def test_a_site_has_five_charts_at_most(tiny_workspace: Workspace, programme: Programme) -> None:
    practice = declared(tiny_workspace, programme, "[{figure: met_soon, sites: [S02]}]")
    observations = pd.concat([sent(list(SERIES)), sent(list(SERIES), site="S02")])
    found = site_charts(practice, programme, observations, Period.parse("2026-12"))
    assert [one.site for one in found] == ["S02"]
    from evaluation.learning import practice as practices

    six = practice.charts * 6
    with pytest.raises(ProtocolError, match="S02 has 6 charts"):
        practices._refuse_too_many(six, programme, Path("practice.yaml"))


def test_the_verb_tells_each_site_and_gives_rows(
    tiny_workspace: Workspace,
    programme: Programme,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tiny_workspace.root)
    monkeypatch.setenv("NEWSTART_NOW", "2026-12-15")

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    code, _, err = run("practice", "charts")
    assert code == 2 and "no charts of practice are declared" in err and "charts:" in err
    declared(tiny_workspace, programme, "[{figure: met_soon}]")
    for step in range(14):
        head = "area_code,area_name,quarter,outcome,numerator,denominator,status,note"
        month, value = (FIRST + step).label, 4 * SERIES[step]
        body = [f"{area},,{month},met_soon,{value},400,," for area in ("E01", "E02")]
        path = Path(f"S01_council_{month}.csv")
        path.write_text("\n".join([head, *body]) + "\n", "utf-8")
        assert run("submit", str(path))[0] == 0
    code, out, _ = run("practice", "charts", "S01")
    assert code == 0 and out.startswith("S01 met_soon (XmR): ") and "S02" not in out
    code, out, _ = run("practice", "charts", "--json")
    held = json.loads(out)
    assert code == 0 and {one["site"] for one in held} == {"S01"}
    assert set(held[0]) == {
        *("site", "figure", "chart", "month", "value", "centre", "low", "high", "unusual")
    }
    code, _, err = run("practice", "charts", "S09")
    assert code == 2 and "no site S09" in err
    # The group's own verb is as it was.
    assert run("practice", "--json")[0] == 0


def test_a_page_is_drawn_of_printed_figures_and_of_nothing_else(
    tiny_workspace: Workspace, programme: Programme, tmp_path: Path
) -> None:
    steps = AsDrawn(figure=lambda one: 5.0 * round(one.value / 5), out_of=lambda one: 200.0)
    chart = drawn(tiny_workspace, programme, sent([v + 0.123 for v in SERIES]), printed=steps)
    assert {one.value for one in chart.months} == {50.0, 55.0, 70.0}
    assert all(row["value"] % 5 == 0 for row in rows([chart]))
    out = Generated(tmp_path)
    seen = page.view(_learned((chart,)), programme, out)
    (site,) = seen["sites"]
    assert site["code"] == "s01" and site["charts"][0]["title"] == "Met within a week"
    text = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.csv"))
    assert "70.0" in text and ".123" not in text
    assert ".123" not in site["charts"][0]["table"] + site["charts"][0]["said"]
    names = {path.name for path in tmp_path.rglob("*.svg")}
    assert names == {"S01-met_soon.svg", "S01-met_soon-narrow.svg"}


def _learned(charts: tuple[SiteChart, ...]) -> Learned:
    return Learned(
        study="tiny/first",
        theory=None,
        chain=None,
        practice=None,
        strips=(),
        rules=(),
        rivals=None,
        entries=(),
        changed=(),
        changed_inside={},
        charts=charts,
    )

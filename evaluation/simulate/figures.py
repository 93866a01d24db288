"""What would be recorded in every area and quarter, without and with the reform, and as returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.finance import money_owed
from evaluation.panel import Panel
from evaluation.programme import OPEN_SITE, Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.monthly import monthly_outcomes, months_of, owed_by_month
from evaluation.returns.template import write_return
from evaluation.returns.workbook import csv_name
from evaluation.simulate.payments import money_rows, paid_in_demonstration
from evaluation.simulate.places import Preset, Process, Scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# So many quarters before the last: a cost that was given too low at first.
RESTATED_COST = 2


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Departures from the assumptions, off by default; sizes in ``simulation.yaml``.

    chosen_on_level : pilots are areas that were high before. chosen_on_trend : pilots were already
        on another trend. spillover : areas near a site feel part of its effect. other_programme :
        some comparison authorities run something else. changed_instrument : pilots record
        differently after their start. no_effect : the reform does nothing anywhere.
    """

    chosen_on_level: bool = False
    chosen_on_trend: bool = False
    chosen_on_dip: bool = False
    spillover: bool = False
    other_programme: bool = False
    changed_instrument: bool = False
    no_effect: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """Recorded counts and the truth behind them, areas x quarters for each outcome.

    with_reform, without_reform : expected rate in the outcome's unit. monthly : what is recorded by
    month beside the quarters.
    """

    denominators: Mapping[str, NDArray[np.int64]]
    counts: Mapping[str, NDArray[np.int64]]
    with_reform: Mapping[str, Floats]
    without_reform: Mapping[str, Floats]
    surveyed: Mapping[str, Surveyed] = field(default_factory=dict)
    monthly: Mapping[str, Monthly] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Monthly:
    """What is recorded by month: denominators of areas, counts areas x months of the programme."""

    denominators: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Surveyed:
    """What a survey finds: areas x quarters; NaN, and nobody, where no wave ends.

    mean, se : in the outcome's unit, se as the survey reckons it. respondents : who answered.
    """

    mean: Floats
    se: Floats
    respondents: NDArray[np.int64]


def draw_figures(
    programme: Programme,
    scenario: Scenario,
    preset: Preset,
    *,
    seed: int,
    switches: Switches | None = None,
) -> Figures:
    """Draw every outcome of a programme; the same for the same seed."""
    switches = switches or Switches()
    # A stream for each outcome: what one draws does not move another's figures.
    root = np.random.SeedSequence(seed)
    denominators: dict[str, NDArray[np.int64]] = {}
    counts: dict[str, NDArray[np.int64]] = {}
    with_reform: dict[str, Floats] = {}
    without_reform: dict[str, Floats] = {}
    surveyed: dict[str, Surveyed] = {}
    monthly: dict[str, Monthly] = {}
    by_month = {outcome.code for outcome in monthly_outcomes(programme)}
    for outcome, child in zip(programme.outcomes, root.spawn(len(programme.outcomes)), strict=True):
        rng = np.random.default_rng(child)
        if outcome.sampled:
            without = _asked_without(programme, scenario, outcome, rng)
            moved = without + _on_answers(programme, scenario, preset, outcome.code, switches)
            without_reform[outcome.code], with_reform[outcome.code] = without, moved
            surveyed[outcome.code] = _asked(scenario, preset, outcome, moved, rng)
            continue
        if outcome.code in by_month:
            monthly[outcome.code] = _by_month(programme, scenario, preset, outcome, rng)
            continue
        process = scenario.processes[outcome.code]
        denominator = _counted_out_of(programme, scenario, outcome)
        base = _baseline(programme, scenario, outcome, switches, rng)
        effect = _effects(programme, scenario, preset, outcome.code, switches)
        rate = process.rate / 1_000 * np.exp(base)
        # Recorded with the new instrument; the truth below leaves it out.
        recorded = rate * np.exp(effect + _recording(programme, scenario, outcome, switches))
        denominators[outcome.code] = denominator
        counts[outcome.code] = _counts(denominator, recorded, process, rng)
        with_reform[outcome.code] = outcome.per * rate * np.exp(effect)
        without_reform[outcome.code] = outcome.per * rate
    return Figures(
        denominators=denominators,
        counts=counts,
        with_reform=with_reform,
        without_reform=without_reform,
        surveyed=surveyed,
        monthly=monthly,
    )


def _counted_out_of(
    programme: Programme, scenario: Scenario, outcome: Outcome
) -> NDArray[np.int64]:
    """What an outcome is counted out of in each area: its people, or a share of them."""
    share = scenario.shares[(outcome.denominator or "residents").split(",")[0]]
    population = np.array([area.population or 0 for area in programme.areas])
    return np.round(population * share).astype(np.int64)


def _counts(
    denominators: NDArray[np.int64], rate: Floats, process: Process, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Counts at a rate for each one of the denominator, areas x periods."""
    mean = denominators[:, None] * rate
    # A gamma of mean one and variance `dispersion` makes the Poisson negative binomial: counts
    # vary more than a Poisson's, as real ones do.
    mixed = mean * rng.gamma(1 / process.dispersion, process.dispersion, mean.shape)
    return np.minimum(rng.poisson(mixed), denominators[:, None])


def _by_month(
    programme: Programme,
    scenario: Scenario,
    preset: Preset,
    outcome: Outcome,
    rng: np.random.Generator,
) -> Monthly:
    """What pilots do month by month: a ramp from a site's first month on, and where it slumps."""
    process, months = scenario.processes[outcome.code], months_of(programme)
    denominators = _counted_out_of(programme, scenario, outcome)
    n = len(programme.areas)
    base = rng.normal(0, process.area, n)[:, None]
    base = base + _autocorrelated(n, len(months), process.noise, scenario, rng)
    harmful = None if preset.harmful_site is None else programme.sites[preset.harmful_site].code
    time = np.arange(len(months))
    for row, area in enumerate(programme.areas):
        if (start := programme.start_of(area)) is not None:
            size = scenario.harm.get(outcome.code, 0.0) if area.site == harmful else process.effect
            began = Period.around(start.first_day, "M") - months[0]
            base[row] += size * np.clip((time - began + 1) / (3 * process.ramp), 0, 1)
    for one in scenario.slumps:
        if one.outcome == outcome.code and one.site < len(programme.sites):
            here = [area.site == programme.sites[one.site].code for area in programme.areas]
            begins = len(months) - 1 - one.back
            base[np.array(here), begins : begins + one.months] += one.size
    counts = _counts(denominators, process.rate / 1_000 * np.exp(base), process, rng)
    return Monthly(denominators=denominators, counts=counts)


def _person_sd(outcome: Outcome) -> float:
    return outcome.survey.person_sd if outcome.survey is not None else 1.0


def _asked_without(
    programme: Programme, scenario: Scenario, outcome: Outcome, rng: np.random.Generator
) -> Floats:
    """What everybody would answer in the mean without any reform, areas x quarters."""
    item, sd = scenario.survey.items[outcome.code], _person_sd(outcome)
    n, n_periods = len(programme.areas), len(programme.periods)
    lasting = rng.normal(0, sd * np.sqrt(item.lasting), n)
    codes = np.unique([area.authority for area in programme.areas], return_inverse=True)[1]
    common = sd * np.sqrt(item.shared)
    shared = _autocorrelated(int(codes.max()) + 1, n_periods, common, scenario, rng)[codes]
    own = _autocorrelated(n, n_periods, sd * np.sqrt(item.passing), scenario, rng)
    said: Floats = item.mean + lasting[:, None] + shared + own
    return said


def _on_answers(
    programme: Programme, scenario: Scenario, preset: Preset, code: str, switches: Switches
) -> Floats:
    """The effect on answers, areas x quarters: ramps in pilot areas, none where a site harms."""
    item = scenario.survey.items[code]
    effect = np.zeros((len(programme.areas), len(programme.periods)))
    time = np.arange(len(programme.periods))
    harmful = None if preset.harmful_site is None else programme.sites[preset.harmful_site].code
    for row, area in enumerate(programme.areas):
        start = programme.start_of(area)
        if start is not None and area.site != harmful and not switches.no_effect:
            ramp = np.clip((time - (start - programme.first) + 1) / item.ramp, 0, 1)
            effect[row] = item.effect * ramp
    return effect


def _asked(
    scenario: Scenario, preset: Preset, outcome: Outcome, truth: Floats, rng: np.random.Generator
) -> Surveyed:
    """What the waves find: the truth, as far as so many answers show it."""
    item, sd = scenario.survey.items[outcome.code], _person_sd(outcome)
    in_wave = np.zeros(truth.shape[1], dtype=bool)
    in_wave[list(preset.waves)] = True
    # Never so few that a figure would be withheld: what is withheld is shown by other outcomes.
    answered = np.maximum(rng.poisson(item.respondents, truth.shape), 30) * in_wave
    with np.errstate(divide="ignore"):
        error = np.where(in_wave, sd * np.sqrt(item.design / answered), np.nan)
    found = truth + error * rng.standard_normal(truth.shape)
    # The survey reckons its error from as many answers, so that it is off by chance itself.
    freedom = np.maximum(answered - 1, 1)
    reckoned = error * np.sqrt(rng.chisquare(freedom) / freedom)
    low, high = outcome.bounds.low, outcome.bounds.high
    return Surveyed(
        mean=np.where(in_wave, np.clip(found, low, high), np.nan), se=reckoned, respondents=answered
    )


def _baseline(
    programme: Programme,
    scenario: Scenario,
    outcome: Outcome,
    switches: Switches,
    rng: np.random.Generator,
) -> Floats:
    """Log points around the outcome's rate: areas x quarters, without any reform.

    Nobody chooses pilots on an outcome that serves as negative control.
    """
    process = scenario.processes[outcome.code]
    n, n_periods = len(programme.areas), len(programme.periods)
    lasting = rng.normal(0, process.area, n)
    pilots = np.array([area.role == "pilot" for area in programme.areas])
    # Pilots are not chosen by what the programme cannot move.
    if switches.chosen_on_level and not outcome.negative_control:
        high = np.quantile(lasting, 1 - scenario.switches["level_share"])
        # Every pilot above the quantile, by as much as it lay from the middle.
        lasting[pilots] = np.abs(lasting[pilots]) + high
    # A year has no quarter, hence no season.
    quarter = np.array([period.quarter_number or 1 for period in programme.periods])
    season = process.season * np.cos(2 * np.pi * (quarter - 1) / 4)
    time = np.arange(n_periods)
    # Areas meet a national shock unequally: a common one would cancel in any comparison.
    exposure = np.exp(rng.normal(0, 0.15, n))
    since = time - scenario.shock_position
    # Fades by half each quarter.
    shock = np.where(since >= 0, process.shock * 0.5**since, 0.0)
    codes = np.unique([area.authority for area in programme.areas], return_inverse=True)[1]
    # Areas of an authority move together, which is what makes area-level tests too sure.
    shared = _autocorrelated(int(codes.max()) + 1, n_periods, process.authority, scenario, rng)[
        codes
    ]
    own = _autocorrelated(n, n_periods, process.noise, scenario, rng)
    log_rate: Floats = (
        lasting[:, None] + season + process.trend * time + exposure[:, None] * shock + shared + own
    )
    if switches.chosen_on_trend and not outcome.negative_control:
        log_rate += pilots[:, None] * scenario.switches["trend_gap"] * time
    if switches.chosen_on_dip and not outcome.negative_control:
        log_rate += scenario.switches["dip"] * _around_the_choice(programme, scenario)
    return log_rate


def _around_the_choice(programme: Programme, scenario: Scenario) -> Floats:
    """What a chosen area's own movement is expected to be around the quarter before its start.

    Areas x quarters: 1 in that quarter of a pilot area, fading at the persistence on both sides.
    """
    around = np.zeros((len(programme.areas), len(programme.periods)))
    time = np.arange(len(programme.periods))
    for row, area in enumerate(programme.areas):
        if (start := programme.start_of(area)) is not None:
            # Chosen on the last quarter that could be seen before the start.
            chosen = start - programme.first - 1
            # The expected path of an AR(1) around a value that it was picked for.
            around[row] = scenario.persistence ** np.abs(time - chosen)
    return around


def _autocorrelated(
    n: int, n_periods: int, spread: float, scenario: Scenario, rng: np.random.Generator
) -> Floats:
    """Stationary AR(1) paths with standard deviation ``spread``."""
    rho = scenario.persistence
    paths = rng.normal(0, spread, (n, n_periods))
    for t in range(1, n_periods):
        # Keeps the variance at spread squared in every period; the first column is drawn from it as
        # well.
        paths[:, t] = rho * paths[:, t - 1] + np.sqrt(1 - rho**2) * paths[:, t]
    return paths


def _effects(
    programme: Programme, scenario: Scenario, preset: Preset, outcome: str, switches: Switches
) -> Floats:
    """Effect in log points, areas x quarters: ramps in pilots, and what the switches add."""
    process = scenario.processes[outcome]
    effect = np.zeros((len(programme.areas), len(programme.periods)))
    position = {site.code: site.start - programme.first for site in programme.sites}
    harmful = None if preset.harmful_site is None else programme.sites[preset.harmful_site].code
    time = np.arange(len(programme.periods))
    # The first quarter already has one part of the ramp.
    ramps = {code: np.clip((time - g + 1) / process.ramp, 0, 1) for code, g in position.items()}
    for row, area in enumerate(programme.areas):
        if area.site is not None:
            size = process.effect
            if area.site == harmful:
                size = scenario.harm.get(outcome, 0.0)
            effect[row] = size * ramps[area.site]
    if switches.spillover:
        effect += _spillover(programme, scenario, process, ramps)
    # Before the other programme, which is no effect of this one.
    if switches.no_effect:
        effect[:] = 0.0
    if switches.other_programme:
        effect += _other_programme(programme, scenario)
    return effect


def _spillover(
    programme: Programme, scenario: Scenario, process: Process, ramps: Mapping[str, Floats]
) -> Floats:
    effect = np.zeros((len(programme.areas), len(programme.periods)))
    pilots = [area for area in programme.areas if area.site]
    for row, area in enumerate(programme.areas):
        if area.site is None:
            distance, site = min(
                (np.hypot((area.x or 0) - (p.x or 0), (area.y or 0) - (p.y or 0)), p.site)
                # The nearest pilot's site; at equal distance the first code, so that the result is
                # one.
                for p in pilots
                if p.site
            )
            if distance <= scenario.switches["spillover_km"]:
                effect[row] = scenario.switches["spillover_share"] * process.effect * ramps[site]
    return effect


def in_other_programme(programme: Programme, scenario: Scenario) -> dict[str, Period]:
    """Comparison areas that run something else under ``other_programme``, and since when.

    A real programme would have them on its register of events.
    """
    authorities = sorted({a.authority for a in programme.areas if a.role == "comparison"})
    # Whole authorities, in order of name: no draw, so that switching it on moves no other figure.
    running = set(authorities[: round(scenario.switches["other_share"] * len(authorities))])
    begins = programme.periods[int(scenario.switches["other_position"])]
    return {area.code: begins for area in programme.areas if area.authority in running}


def _other_programme(programme: Programme, scenario: Scenario) -> Floats:
    effect = np.zeros((len(programme.areas), len(programme.periods)))
    running = in_other_programme(programme, scenario)
    for row, area in enumerate(programme.areas):
        if area.code in running:
            begins = running[area.code] - programme.first
            effect[row, begins:] = scenario.switches["other_effect"]
    return effect


def _recording(
    programme: Programme, scenario: Scenario, outcome: Outcome, switches: Switches
) -> Floats:
    """What is recorded without being real: log points, areas x quarters.

    Only what a site's agencies return themselves can be recorded differently there.
    """
    jump = np.zeros((len(programme.areas), len(programme.periods)))
    if switches.changed_instrument and outcome.by_site:
        for row, area in enumerate(programme.areas):
            if (start := programme.start_of(area)) is not None:
                jump[row, start - programme.first :] = scenario.switches["instrument_jump"]
    return jump


def truth_table(programme: Programme, figures: Figures) -> pd.DataFrame:
    """The truth, long: ``area_code, quarter, outcome, with_reform, without_reform``."""
    parts = [
        _long(
            programme,
            outcome,
            with_reform=figures.with_reform[outcome].ravel(),
            without_reform=figures.without_reform[outcome].ravel(),
        )
        for outcome in figures.with_reform
    ]
    return pd.concat(parts, ignore_index=True)


def _long(programme: Programme, outcome: str, **columns: Any) -> pd.DataFrame:
    """One row an area and quarter, in the order of the programme's areas, with these columns."""
    keys = {
        "area_code": np.repeat([a.code for a in programme.areas], len(programme.periods)),
        "quarter": np.tile([p.label for p in programme.periods], len(programme.areas)),
        "outcome": outcome,
    }
    return pd.DataFrame(keys | columns)


def panel_of(programme: Programme, figures: Figures, outcomes: tuple[str, ...]) -> Panel:
    """The panel that complete returns of these figures would give, without writing any file."""
    rows = [
        _long(programme, outcome, **_observed(figures, outcome, len(programme.periods)), status="")
        for outcome in outcomes
    ]
    return Panel.from_observations(pd.concat(rows), programme, outcomes)


def _observed(figures: Figures, outcome: str, n_periods: int) -> dict[str, NDArray[Any]]:
    """The columns of an outcome's figures, cell by cell."""
    if outcome in figures.surveyed:
        said = figures.surveyed[outcome]
        empty = np.full(said.mean.size, np.nan)
        columns = {"numerator": said.mean, "se": said.se, "respondents": said.respondents}
        return {name: held.ravel() for name, held in columns.items()} | {"denominator": empty}
    return {
        "numerator": figures.counts[outcome].ravel().astype(float),
        "denominator": np.repeat(figures.denominators[outcome], n_periods),
    }


# A year of workbooks; older returns are CSV, quicker to write and to read.
WORKBOOK_QUARTERS = 4
Row = list[str | float | None]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One file to write: who sends it, for which quarter, when it is received, what it says."""

    site: str
    agency: str
    period: Period
    received: date
    factor: float = 1.0
    note: str = ""

    @property
    def is_restatement(self) -> bool:
        return self.factor != 1.0


def write_returns(
    programme: Programme, scenario: Scenario, figures: Figures, folder: Path
) -> list[Path]:
    """Write every return under ``folder/<day received>/``; returns them in order of receipt."""
    written = []
    for sent in _calendar(programme, scenario):
        day = folder / sent.received.isoformat()
        day.mkdir(parents=True, exist_ok=True)
        recent = programme.last - sent.period < WORKBOOK_QUARTERS
        ending = "xlsx" if recent and sent.site != OPEN_SITE else "csv"
        path = day / f"{sent.site}_{sent.agency}_{sent.period.slug}.{ending}"
        guide = [form().template_version, programme.name, sent.site, sent.agency, str(sent.period)]
        write_return(path, guide, list(_rows(programme, figures, sent)))
        written.append(path)
    written += _write_months(programme, scenario, figures, folder)
    written += _write_money(programme, scenario, folder)
    return sorted(written)


def _write_months(
    programme: Programme, scenario: Scenario, figures: Figures, folder: Path
) -> Iterator[Path]:
    """The returns of single months, owed from a site's start on."""
    on_time = timedelta(days=scenario.delays["days_after_quarter"])
    for month in months_of(programme):
        for site, agency in programme.submitters:
            if not owed_by_month(programme, site, agency, month):
                continue
            day = folder / (month.last_day + on_time).isoformat()
            day.mkdir(parents=True, exist_ok=True)
            path = day / csv_name(site, agency, month)
            guide = [form().template_version, programme.name, site, agency, month.label]
            write_return(path, guide, list(_month_rows(programme, figures, site, agency, month)))
            yield path


def _month_rows(
    programme: Programme, figures: Figures, site: str, agency: str, month: Period
) -> Iterator[Row]:
    column = month - months_of(programme)[0]
    position = {area.code: row for row, area in enumerate(programme.areas)}
    for outcome in programme.asked_in(site, agency, month):
        asked, held = programme.areas_of(site, agency, outcome.code), figures.monthly[outcome.code]
        for area in (one for one in programme.areas if one.code in asked):
            row = position[area.code]
            given: Row = [area.code, area.name, month.label, outcome.code]
            figure = [int(held.counts[row, column]), int(held.denominators[row])]
            yield [*given, *figure, None, None, None]


def _write_money(programme: Programme, scenario: Scenario, folder: Path) -> Iterator[Path]:
    """The returns of finance departments; one is restated, having left out late invoices."""
    on_time = timedelta(days=scenario.delays["days_after_quarter"])
    for period in programme.periods:
        for site, agency, sender in money_owed(programme, period):
            paid = paid_in_demonstration(programme, scenario, site, agency, period)
            sent = [(period.last_day + on_time, paid)]
            back = (programme.last - period, site, agency)
            if back == (RESTATED_COST, programme.sites[0].code, "council"):
                less = {kind: 0.9 * amount for kind, amount in paid.spent.items()}
                again = (period + 1).last_day + on_time
                sent = [(sent[0][0], replace(paid, spent=less)), (again, paid)]
            for received, known in sent:
                day = folder / received.isoformat()
                day.mkdir(parents=True, exist_ok=True)
                path = day / csv_name(site, sender, period)
                guide = [form().template_version, programme.name, site, sender, str(period)]
                write_return(path, guide, money_rows(programme, site, sender, period, known))
                yield path


def _calendar(programme: Programme, scenario: Scenario) -> Iterator[Sent]:
    on_time = timedelta(days=scenario.delays["days_after_quarter"])
    late = timedelta(days=scenario.delays["late_days"])
    sites = [site.code for site in programme.sites]
    for period in programme.periods:
        back = programme.last - period
        for site, agency in programme.submitters:
            if not programme.asked_in(site, agency, period):
                continue
            # The odd cases of an ordinary programme, each once: a return that never comes, two that
            # come late, one restated after the last quarter, one by a source.
            if (site, agency, back) == (sites[-1], "council", 1):
                continue
            is_late = (site, agency, back) in {(sites[1], "nhs", 1), (sites[0], "council", 3)}
            sent = Sent(
                site=site,
                agency=agency,
                period=period,
                received=period.last_day + (late if is_late else on_time),
            )
            yield sent
            if (site, agency, back) == (sites[0], "nhs", 3):
                yield replace(
                    sent,
                    received=programme.last.last_day + timedelta(days=20),
                    factor=0.94,
                    note="Restated: repeat attendances within a day were counted twice.",
                )
            if (site, agency, back) == (OPEN_SITE, "nhs_england", 2):
                yield replace(
                    sent,
                    received=(programme.last + -1).last_day + timedelta(days=60),
                    factor=1.02,
                    note="Restated: late records of two trusts added.",
                )


def rows_of(
    programme: Programme, figures: Figures, site: str, agency: str, period: Period
) -> list[Row]:
    """The rows of one submitter's return for one period, in the columns of the form."""
    sent = Sent(site=site, agency=agency, period=period, received=period.last_day)
    return list(_rows(programme, figures, sent))


def _rows(programme: Programme, figures: Figures, sent: Sent) -> Iterator[Row]:
    areas, _ = programme.expected(sent.site, sent.agency)
    outcomes = programme.asked_in(sent.site, sent.agency, sent.period)
    column = sent.period - programme.first
    position = {area.code: row for row, area in enumerate(programme.areas)}
    for outcome in outcomes:
        asked = programme.areas_of(sent.site, sent.agency, outcome.code)
        for area in (one for one in areas if one.code in asked):
            row = position[area.code]
            if outcome.sampled:
                yield _said(area, outcome, sent, figures.surveyed[outcome.code], (row, column))
                continue
            if _not_begun(programme, area, outcome, sent.period):
                given: Row = [area.code, area.name, sent.period.label, outcome.code]
                yield [*given, None, None, "[z]", None, None]
                continue
            count = int(figures.counts[outcome.code][row, column])
            if sent.is_restatement:
                # Half up: Python rounds to even, and a restatement would go either way.
                count = int(np.floor(count * sent.factor + 0.5))
            yield _row(area, outcome, sent, count, int(figures.denominators[outcome.code][row]))


def _not_begun(programme: Programme, area: Area, outcome: Outcome, period: Period) -> bool:
    """Whether it is a figure of practice from before the site that it would be of had begun."""
    start = programme.start_of(area)
    return outcome.measured_in == "pilot areas only" and (start is None or period < start)


def _said(area: Area, outcome: Outcome, sent: Sent, held: Surveyed, cell: tuple[int, int]) -> Row:
    given: Row = [area.code, area.name, sent.period.label, outcome.code]
    figure = [round(float(held.mean[cell]), 4), None, None, sent.note or None, None]
    return [*given, *figure, round(float(held.se[cell]), 4), int(held.respondents[cell])]


def _row(area: Area, outcome: Outcome, sent: Sent, count: int, denominator: int) -> Row:
    status = ""
    figure: int | None = count
    if count < outcome.disclosure.threshold:
        figure, status = None, "[c]"
    given: Row = [area.code, area.name, sent.period.label, outcome.code]
    return [*given, figure, denominator, status or None, sent.note or None, None]

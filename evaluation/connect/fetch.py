"""From recipes to returns: what is asked, kept, made a return of, and written down beside it.

A fetch has a folder under ``var/connect``: what it was for, and the journal of its answers. Killed,
it goes on from there when the same command comes again within a day; done, it can be replayed from
the kept bytes and gives the same returns to the byte. Beside each return lies its lineage.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from evaluation import fingerprint
from evaluation.authorities import kin
from evaluation.connect import installed
from evaluation.connect.door import Key, Limits, Transport, over_http
from evaluation.connect.ees import read_ees
from evaluation.connect.fetches import LINEAGE, Order, Session, sessions_of
from evaluation.connect.lookups import read_lookup
from evaluation.connect.nomis import read_nomis
from evaluation.connect.police import read_police
from evaluation.connect.published import read_dropped
from evaluation.connect.pulls import Line, Patience, Pull, Puller, Say, Unanswered, Unusable
from evaluation.connect.readings import (
    Answered,
    AreaFigure,
    Reading,
    Wanted,
    later,
    see_counts,
    see_units,
    source_periods,
    through_mergers,
    to_areas,
    told_of_mergers,
)
from evaluation.connect.recipes import (
    SERVICES,
    AnyRecipe,
    CsvRecipe,
    Denominators,
    EesRecipe,
    GeographyRecipe,
    NomisRecipe,
    OdsRecipe,
    PoliceRecipe,
    Recipe,
    StatXploreRecipe,
    all_recipes,
    chosen,
    codes_of,
    read_recipes,
)
from evaluation.connect.statxplore import read_statxplore
from evaluation.declared import read_table
from evaluation.errors import SourceError, WorkspaceError
from evaluation.geography import CodeShare, Converted, Crosswalk, Part, shares_in
from evaluation.ledger.events import Event, authority_at, read_events
from evaluation.programme import OPEN_SITE, Area, Outcome, Programme
from evaluation.quarters import Period, format_instant
from evaluation.returns.form import form
from evaluation.returns.template import as_typed
from evaluation.wording import Sentence, count
from evaluation.workspace import Workspace, alone, write_whole


class _KeyPlace(NamedTuple):
    """The environment variable that holds a key, and the header or parameter that sends it."""

    variable: str
    header: str = ""
    parameter: str = ""


_KEYS: Mapping[str, _KeyPlace] = {
    "statxplore": _KeyPlace("NEWSTART_KEY_STATXPLORE", header="APIKey"),
    "nomis": _KeyPlace("NEWSTART_KEY_NOMIS", parameter="uid"),
}
"""Source -> where its key is."""
# Shorter ones may stand in any text by chance.
_LEAST_KEY = 8
# The archive of the police is 1.7 GB; no other answer is longer than some ten megabytes.
_ARCHIVE = Limits(size=6 * 2**30, whole=4 * 3_600.0)


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a fetch works with, so that a test may put its own in place."""

    transport: Transport | None = over_http
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    say: Say = lambda _: None


class Told(NamedTuple):
    """Something that the evaluator must know about one return."""

    where: str
    what: Sentence


@dataclass(kw_only=True)
class Fetched:
    """Files that were written, and what is to be said about them."""

    written: list[Path] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def fetch(workspace: Workspace, programme: Programme, order: Order, means: Means) -> Fetched:
    """Fetch a recipe's periods, one return each with its lineage beside it.

    Raises
    ------
    SourceError : a source cannot be reached or its answer cannot be used; the returns of earlier
        periods are written, and what was kept stays kept.
    WorkspaceError : there is no such recipe, or it does not fit the programme.
    """
    recipes = chosen(all_recipes(workspace, programme), order.name)
    for name, base in order.bases.items():
        _check_base(name, base)
    _refuse_written_key(recipes, order)
    _check_out(order.out)
    home = workspace.var / "connect" / programme.name / order.name
    with alone(home / "lock") as mine:
        if not mine:
            raise WorkspaceError(
                f"another fetch of {order.name} is running.", mend="wait until it is done"
            )
        session = Session.open(workspace, home, order, recipes, means.say)
        desk = _Desk(workspace, programme, session, means)
        done = desk.deliver(order.out)
        session.finish(done.written, format_instant(workspace.now()))
    return done


def replay(workspace: Workspace, programme: Programme, folder: Path, out: Path) -> Fetched:
    """Make the returns of an earlier fetch again, from the bytes that were kept.

    Parameters
    ----------
    folder : with the returns and lineages of that fetch, or its own under ``var/connect``.

    Raises
    ------
    WorkspaceError : nothing was fetched into the folder.
    SourceError : an answer was never kept, or its bytes are not the ones that came.
    """
    _check_out(out)
    whole = Fetched()
    for session in sessions_of(workspace, folder):
        if session.content["programme"] != programme.name:
            raise WorkspaceError(
                f"this was fetched for {session.content['programme']}, not for {programme.name}.",
                mend=f"newstart --programme {session.content['programme']} connect replay ...",
            )
        done = _Desk(workspace, programme, session, Means(transport=None)).deliver(out)
        before = session.content.get("written", {})
        whole.differing += [
            path.name
            for path in done.written
            if path.name in before and before[path.name] != fingerprint.of_file(path)
        ]
        whole.told += done.told
        # A later fetch into the same folder took the place of an earlier one's return.
        whole.written += [path for path in done.written if path not in whole.written]
    return whole


def fetch_returns(workspace: Workspace, programme: Programme, day: str) -> list[Path]:
    """Write the returns of installed files under ``var/incoming/<programme>/<day>/``.

    Raises
    ------
    WorkspaceError : the package that carries the data is not installed, or a column is missing.
    """
    folder = workspace.incoming(programme.name) / day
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for recipe in installed_recipes(workspace.studies / programme.name):
        written += installed.write_returns(recipe, programme, folder, None)
    return sorted(written)


def installed_recipes(folder: Path) -> tuple[installed.InstalledRecipe, ...]:
    """The recipes of a programme that read installed files."""
    return tuple(one for one in read_recipes(folder) if isinstance(one, installed.InstalledRecipe))


def _check_base(name: str, base: str) -> None:
    if name not in SERVICES:
        raise WorkspaceError(
            f"{name!r} is no source.", expected=", ".join(SERVICES), mend="--base nomis=https://..."
        )
    try:
        parts = urlsplit(base)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or {"@", "?", "#"} & set(base) or not base.isascii():
        raise WorkspaceError(
            f"the address given for {name} cannot be used.",
            expected="http://... or https://..., without a name, a password or parameters in it",
        )


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise WorkspaceError("this is a file, where a folder should be.", where=str(out))
    out.mkdir(parents=True, exist_ok=True)


class _Made(NamedTuple):
    """What one recipe gives for one period."""

    recipe: Recipe
    rows: list[list[str | float | None]]
    lineage: dict[str, Any]
    remarks: Sequence[Sentence]


class _Desk:
    """Where a fetch is worked off: one puller a source, one return a period."""

    def __init__(
        self, workspace: Workspace, programme: Programme, session: Session, means: Means
    ) -> None:
        self.workspace, self.programme = workspace, programme
        self.session, self.means = session, means
        self._pullers: dict[str, Puller] = {}
        # Recipe -> the readings of the last month that was read, to see a change of unit by.
        self._before: dict[str, Mapping[str, Reading]] = {}

    def deliver(self, out: Path) -> Fetched:
        """Write everything that was ordered."""
        done = Fetched()
        served = []
        for recipe in self.session.recipes:
            if isinstance(recipe, GeographyRecipe):
                self._deliver_lookup(recipe, out, done)
            elif isinstance(recipe, installed.InstalledRecipe):
                self._deliver_installed(recipe, out, done)
            else:
                served.append(recipe)
        for period in self.session.periods if served else ():
            self._deliver_return(served, period, out, done)
        return done

    def _deliver_installed(
        self, recipe: installed.InstalledRecipe, out: Path, done: Fetched
    ) -> None:
        for path in installed.write_returns(recipe, self.programme, out, self.session.periods):
            content = path.read_bytes()
            # A heading, and a line for each figure.
            lineage = {
                **installed.described(recipe, content.count(b"\n") - 1),
                "retrieved": self.session.content["started"],
                "client": _client(),
                "fetch": self._home(),
                "return": path.name,
                "return_sha256": fingerprint.of_bytes(content),
            }
            beside = path.with_name(f"{path.stem}{LINEAGE}")
            write_whole(beside, json.dumps(lineage, indent=2, ensure_ascii=False) + "\n")
            done.written.append(path)
            self.means.say(f"Written: {path.name}")

    def _home(self) -> str:
        """The folder of the fetch, as lineages name it."""
        return self.session.folder.relative_to(self.workspace.var / "connect").as_posix()

    def _deliver_return(
        self, recipes: Sequence[Recipe], period: Period, out: Path, done: Fetched
    ) -> None:
        made = [self._made(recipe, period) for recipe in recipes]
        path = out / f"{OPEN_SITE}_{recipes[0].source}_{period.slug}.csv"
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(form().names)
        writer.writerows(row for one in made for row in one.rows)
        write_whole(path, text.getvalue())
        sha256 = fingerprint.of_file(path)
        before = len(done.told)
        for one in made:
            middle = "" if len(made) == 1 else f".{one.recipe.name}"
            beside = path.with_name(f"{path.stem}{middle}{LINEAGE}")
            content = {**one.lineage, "return": path.name, "return_sha256": sha256}
            write_whole(beside, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
            done.told += [Told(f"{one.recipe.name}, {period}", said) for said in one.remarks]
        said = [*self._left_out(recipes, period), *self._revised(path.name, sha256)]
        done.told += [Told(path.name, one) for one in said]
        done.written.append(path)
        self.means.say(f"Written: {path.name}")
        # At once: a later period may fail, and what is to be known of this one would be lost.
        for told in done.told[before:]:
            self.means.say(f"{told.where}: {told.what}")

    def _revised(self, name: str, sha256: str) -> Iterator[Sentence]:
        """Whether an earlier fetch of the same return gave another one."""
        before = self.session.earlier(name) if self.means.transport is not None else None
        if before is not None and before.sha256 != sha256:
            yield Sentence.of(
                "It differs from the one fetched on {day}: the source may have revised its figures."
                " Submitted, it is a new vintage, and the earlier one stays readable.",
                "revised",
                day=before.started[:10],
            )

    def _left_out(self, recipes: Sequence[Recipe], period: Period) -> Iterator[Sentence]:
        """Outcomes that the source returns as well and that no recipe here is for."""
        source = recipes[0].source
        asked = {
            outcome.code
            for outcome in self.programme.expected(OPEN_SITE, source)[1]
            if outcome.period_frequency == period.frequency
        }
        if left := sorted(asked - {one.outcome for one in recipes}):
            yield Sentence.of(
                "{source} also returns {outcomes}, which this return lacks: fetch {source} with a"
                " recipe for each, or give the outcome a source of its own.",
                "left out",
                source=source,
                outcomes=", ".join(left),
            )

    def _made(self, recipe: Recipe, period: Period) -> _Made:
        outcome, areas = self._asked(recipe, period)
        crosswalk = self._crosswalk(recipe, areas)
        found = self._answered(recipe, outcome, period, crosswalk, areas)
        figures = to_areas(recipe, outcome, found.wanted, found.answered, found.crosswalk)
        out_of, more = self._denominators(recipe, outcome, areas)
        rows: list[list[str | float | None]] = []
        lacking = 0
        for area in areas:
            one = figures[area.code]
            below = None
            if outcome.form == "ratio":
                below = one.out_of if one.out_of is not None else out_of.get(area.code)
                lacking += below is None and one.figure is not None
            cells = [area.code, area.name, str(period), outcome.code]
            rows.append([*cells, as_typed(one.figure), as_typed(below), one.status, one.note])
        remarks = [*found.answered.remarks, *_coverage(figures)]
        if lacking:
            remarks.append(
                Sentence.of(
                    "{areas} areas have no denominator: declare it in denominators.csv, or name it"
                    " in the recipe (denominator: population).",
                    "no denominator",
                    areas=count(lacking),
                )
            )
        lineage = self._lineage(recipe, found, [*found.pulls, *more])
        lineage["remarks"] = [str(one) for one in remarks]
        return _Made(recipe, rows, lineage, remarks)

    def _asked(self, recipe: Recipe, period: Period) -> tuple[Outcome, tuple[Area, ...]]:
        """The outcome and the areas whose figures the recipe's source returns."""
        programme = self.programme
        outcome = programme.outcome_by_code.get(recipe.outcome)
        if outcome is None:
            raise WorkspaceError(
                f"{programme.name} has no outcome {recipe.outcome!r}, which {recipe.name} is for.",
                expected=", ".join(programme.outcome_by_code),
                mend="write a recipe of your own into the programme's sources.yaml",
            )
        if outcome.period_frequency != period.frequency:
            each = outcome.frequency
            raise WorkspaceError(
                f"{outcome.code} is returned each {each}, and {period} is none.",
                mend="--from 2026-Q1 --to 2026-Q3, or for yearly outcomes --from 2024 --to 2025",
            )
        areas, outcomes = programme.expected(OPEN_SITE, recipe.source)
        if outcome not in outcomes:
            raise WorkspaceError(
                f"{recipe.source} is not the source of {outcome.code} in {programme.name}.",
                expected=f"source: {outcome.source}",
                mend="mend source in the recipe, or in the outcome's declaration",
            )
        return outcome, tuple(
            area
            for area in areas
            if area.geography == outcome.geography
            and recipe.source
            in codes_of(outcome.source if area.role == "pilot" else outcome.comparison_source)
        )

    def _crosswalk(self, recipe: Recipe, areas: Sequence[Area]) -> Crosswalk:
        """From the source's codes to the programme's areas."""
        members = self._members(recipe, areas)
        shares = self._shares(recipe)
        if not shares:
            codes = (code for held in members.values() for code in held)
            return Crosswalk.identity(codes).into(members)
        return Crosswalk.of(shares).into(members)

    def _shares(self, recipe: Recipe) -> tuple[CodeShare, ...]:
        """The shares of the recipe's vintage, by the population of the denominator's year."""
        shares = tuple(
            one for one in self.programme.code_shares if one.vintage_from == recipe.vintage
        )
        years = {one.year for one in shares if one.year is not None}
        if isinstance(recipe.denominator, Denominators) and years:
            # Under a denominator of one year, shares of another would make rates jump.
            return shares_in(shares, recipe.denominator.year)
        return shares_in(shares, max(years)) if len(years) > 1 else shares

    def _members(self, recipe: Recipe, areas: Sequence[Area]) -> dict[str, tuple[str, ...]]:
        if not recipe.members:
            return {area.code: (area.code,) for area in areas}
        path = self.workspace.studies / self.programme.name / recipe.members
        found: dict[str, list[str]] = {area.code: [] for area in areas}
        for row in read_table(path):
            if not {"area_code", "code"} <= row.keys():
                raise WorkspaceError(
                    "this row does not say which area a code is a member of.",
                    where=f"{path}, line {row.line}",
                    expected="a CSV with the columns area_code and code",
                )
            if row["area_code"] in found:
                found[row["area_code"]].append(row["code"])
        if empty := [code for code, codes in found.items() if not codes]:
            raise WorkspaceError(
                f"{len(empty)} areas have no members (first: {empty[0]}).", where=str(path)
            )
        return {code: tuple(codes) for code, codes in found.items()}

    def _answered(
        self,
        recipe: Recipe,
        outcome: Outcome,
        period: Period,
        crosswalk: Crosswalk,
        areas: Sequence[Area],
    ) -> _Found:
        home = {area.code: self._authorities(area.authority, period) for area in areas}
        others = self._kin(recipe, crosswalk)
        wanted = Wanted(
            codes=(*crosswalk.codes, *sorted(others)),
            period=period,
            authorities={
                part.code: home[area] for area, parts in crosswalk.parts.items() for part in parts
            },
            kin=others,
            shares=self.programme.code_shares,
            only=recipe.months,
            through=_last_month(self.session.periods[-1]),
            folder=self.workspace.var / "dropped",
        )
        puller = self._puller(recipe)
        mark = len(puller.taken)
        base = self._base(recipe)
        try:
            answered = _ask(recipe, wanted, puller, base)
            _refuse_incomplete(recipe, wanted, answered)
            self._see_counts(recipe, outcome, answered)
        except Unanswered:
            raise
        except SourceError:
            # What came is no answer for this period: asked again later, it may be another.
            puller.forget(mark)
            raise
        after = through_mergers(crosswalk, outcome, answered.readings)
        mergers = told_of_mergers(wanted, crosswalk, after, answered.readings)
        remarks = [*answered.remarks, *mergers, *self._not_over(period), *_perturbed(recipe)]
        answered = answered._replace(remarks=remarks)
        return _Found(wanted, answered, puller.taken[mark:], after)

    def _authorities(self, name: str, period: Period) -> tuple[str, ...]:
        """What an authority is called: as declared, as of the period, and at any other time."""
        then = authority_at(name, self._events, period.last_day)
        return tuple(dict.fromkeys((name, then, *self.programme.mergers.ever(name))))

    @cached_property
    def _events(self) -> tuple[Event, ...]:
        return read_events(self.workspace, self.programme)

    def _kin(self, recipe: Recipe, crosswalk: Crosswalk) -> frozenset[str]:
        """Other codes of the authorities asked for; where the programme says itself, none."""
        # Stat-Xplore refuses a question with a code that it does not have.
        if isinstance(recipe, (StatXploreRecipe, PoliceRecipe)) or self._shares(recipe):
            return frozenset()
        codes = crosswalk.codes
        return frozenset(other for code in codes for other in kin(code)).difference(codes)

    def _see_counts(self, recipe: Recipe, outcome: Outcome, answered: Answered) -> None:
        """Refuse what is no count, and months that count otherwise than the one before.

        Raises
        ------
        SourceError : for the first of them.
        """
        months: dict[str, dict[str, Reading]] = {}
        for one in answered.readings:
            months.setdefault(one.period, {})[one.code] = one
        try:
            see_counts(outcome, answered.readings)
            for _, held in sorted(months.items()):
                see_units(self._before.get(recipe.name, {}), held)
                self._before[recipe.name] = held
        except Unusable as error:
            raise SourceError(
                f"{recipe.service or recipe.name}: {error.why}.", where=recipe.name, mend=error.mend
            ) from None

    def _not_over(self, period: Period) -> Iterator[Sentence]:
        """Figures of a time to come are a forecast, or a slip of the source."""
        today = self.workspace.now().date()
        if period.last_day >= today:
            yield Sentence.of(
                "{period} is not over before {end}: what the source gives for it is no count yet, "
                "and the return is not accepted before then.",
                "not over",
                period=str(period),
                end=period.last_day.isoformat(),
            )

    def _base(self, recipe: Recipe | GeographyRecipe) -> str:
        service = recipe.service
        base = self.session.content["bases"].get(service) or (SERVICES[service] if service else "")
        return str(base).rstrip("/")

    def _puller(self, recipe: Recipe | GeographyRecipe) -> Puller:
        service = recipe.service or "file"
        if service not in self._pullers:
            limits = _ARCHIVE if service == "police" else self.means.limits
            line = Line(
                name=service,
                transport=self.means.transport,
                key=_key(service),
                key_from=_KEYS[service].variable if service in _KEYS else "",
                limits=limits,
                patience=self.means.patience,
                resumes=service == "police",
            )
            self._pullers[service] = Puller(
                line=line,
                folder=self.session.folder,
                raw=self.workspace.var / "connect" / "raw",
                clock=self.workspace.now,
                say=self.means.say,
            )
        return self._pullers[service]

    def _denominators(
        self, recipe: Recipe, outcome: Outcome, areas: Sequence[Area]
    ) -> tuple[Mapping[str, float | None], Sequence[Pull]]:
        """Area -> what its figure is out of, and the answers that it rests on."""
        if outcome.form != "ratio":
            return {}, ()
        declared = self.programme.fixed_denominators
        known: dict[str, float | None] = {
            area.code: declared.get((area.code, outcome.code)) for area in areas
        }
        below = recipe.denominator
        if below == "population":
            return {area.code: known[area.code] or area.population for area in areas}, ()
        if not isinstance(below, Denominators):
            return known, ()
        other = chosen(all_recipes(self.workspace, self.programme), below.recipe)[0]
        if not isinstance(other, Recipe):
            raise WorkspaceError(f"{below.recipe} gives no figures that a rate could be out of.")
        crosswalk = self._crosswalk(other, areas)
        # The year's own mid-year estimate stands in its fourth quarter.
        end = Period.quarter(below.year, 4)
        found = self._answered(other, outcome, end, crosswalk, areas)
        carried = other.model_copy(update={"month_to_quarter": "carried"})
        figures = to_areas(carried, outcome, found.wanted, found.answered, found.crosswalk)
        return {code: one.figure for code, one in figures.items()}, found.pulls

    def _lineage(self, recipe: Recipe, found: _Found, pulls: Sequence[Pull]) -> dict[str, Any]:
        hashes = list(dict.fromkeys(one.sha256 for one in found.pulls))
        template = getattr(recipe, "request", "") or getattr(recipe, "files", "")
        return {
            "source": recipe.service or "file",
            "recipe": recipe.name,
            "submitter": recipe.source,
            "url": self._base(recipe) + template,
            "parameters": {
                "period": str(found.wanted.period),
                "months": list(found.wanted.months),
                "codes": len(found.wanted.codes),
                "shared_by_population_of": next(
                    (one.year for one in self._shares(recipe) if one.year is not None), None
                ),
                "recipe": recipe.model_dump(mode="json", exclude_defaults=True),
            },
            "retrieved": max((one.retrieved for one in found.pulls), default=""),
            "sha256": hashes[0] if len(hashes) == 1 else fingerprint.of_data(hashes),
            "rows_expected": found.answered.expected,
            "rows_received": found.answered.received,
            "licence": recipe.licence,
            "vintage": recipe.vintage,
            "rounding": recipe.rounding,
            "perturbed": recipe.perturbed,
            "client": _client(),
            "fetch": self._home(),
            "pulls": [_pulled(one) for one in dict.fromkeys(pulls)],
            "cells": _cells(found),
        }

    def _deliver_lookup(self, recipe: GeographyRecipe, out: Path, done: Fetched) -> None:
        puller = self._puller(recipe)
        mark = len(puller.taken)
        try:
            found = read_lookup(recipe, puller, self._base(recipe))
        except Unanswered:
            raise
        except SourceError:
            # Pages of two publications are no table: asked again later, they are asked for anew.
            puller.forget(mark)
            raise
        path = out / f"{recipe.name}.csv"
        write_whole(path, found.as_csv())
        pulls = puller.taken[mark:]
        hashes = list(dict.fromkeys(one.sha256 for one in pulls))
        lineage = {
            "source": "geography",
            "recipe": recipe.name,
            "url": self._base(recipe) + recipe.request,
            "parameters": {"layer": recipe.layer, "fields": list(recipe.fields)},
            "retrieved": max(one.retrieved for one in pulls),
            "sha256": hashes[0] if len(hashes) == 1 else fingerprint.of_data(hashes),
            "rows_expected": found.expected if found.expected is not None else len(found.rows),
            "rows_received": len(found.rows),
            "licence": recipe.licence,
            "vintage": recipe.vintage,
            "rounding": 1,
            "perturbed": False,
            "client": _client(),
            "fetch": self._home(),
            "pulls": [_pulled(one) for one in pulls],
        }
        beside = path.with_name(f"{path.stem}{LINEAGE}")
        write_whole(beside, json.dumps(lineage, indent=2, ensure_ascii=False) + "\n")
        done.written.append(path)
        self.means.say(f"Written: {path.name}, {len(found.rows):,} rows")


class _Found(NamedTuple):
    """What was asked for one period, what was said, from which answers, and the way to areas."""

    wanted: Wanted
    answered: Answered
    pulls: Sequence[Pull]
    crosswalk: Crosswalk


def _ask(recipe: Recipe, wanted: Wanted, puller: Puller, base: str) -> Answered:
    if isinstance(recipe, NomisRecipe):
        return read_nomis(recipe, wanted, puller, base)
    if isinstance(recipe, StatXploreRecipe):
        return read_statxplore(recipe, wanted, puller, base)
    if isinstance(recipe, PoliceRecipe):
        return read_police(recipe, wanted, puller, base)
    if isinstance(recipe, (CsvRecipe, OdsRecipe)):
        return read_dropped(recipe, wanted, puller)
    if isinstance(recipe, EesRecipe):
        return read_ees(recipe, wanted, puller, base)
    raise WorkspaceError(f"nobody knows how to fetch {recipe.name}.")


def _refuse_incomplete(recipe: Recipe, wanted: Wanted, answered: Answered) -> None:
    """A month that no area has is not out yet: a return with all of it missing helps nobody.

    Raises
    ------
    SourceError : there is one, and the recipe asks for every month.
    """
    held = {one.period for one in answered.readings}
    asked = source_periods(recipe, wanted, held)
    lacking = [one for one in asked if one not in held]
    if not lacking:
        return
    # A gap before a month that is there is no month to come.
    if after := [one for one in asked if one in held and one > lacking[0]]:
        raise SourceError(
            f"{recipe.name}: {lacking[0]} is missing, though {after[0]} is there, so "
            f"{wanted.period} is not complete.",
            expected="every month of it",
            mend="ask the source; to make the period of the months that there are, leave 'every "
            "month' out of complete_if in the recipe",
        )
    raise SourceError(
        f"{recipe.name}: {lacking[0]} is not there yet, so {wanted.period} is not complete.",
        expected=f"every month of it, usually {later(recipe.lag_quarters)}",
        mend="fetch it once it is published, or end with an earlier period (--to)",
    )


def _key(service: str) -> Key | None:
    place = _KEYS.get(service)
    value = os.environ.get(place.variable, "").strip() if place else ""
    if place is None or not value:
        return None
    if not (value.isascii() and value.isprintable()):
        raise WorkspaceError(
            f"the key in {place.variable} holds signs that no key has.",
            mend="copy it again, on one line and without quotation marks",
        )
    return Key(value=value, header=place.header, parameter=place.parameter)


def _refuse_written_key(recipes: Sequence[AnyRecipe], order: Order) -> None:
    """Refuse a key that stands in what is written down with every fetch.

    Raises
    ------
    WorkspaceError : it stands in a recipe or an address.
    """
    written = " ".join([*order.bases.values(), *(one.model_dump_json() for one in recipes)])
    for service, place in _KEYS.items():
        key = _key(service)
        if key is not None and len(key.value) >= _LEAST_KEY and key.value in written:
            raise WorkspaceError(
                f"the key in {place.variable} also stands in a recipe or in --base, which are "
                "written down with every fetch.",
                mend="take it out there: it is sent by itself",
            )


def _perturbed(recipe: Recipe) -> Iterator[Sentence]:
    if recipe.perturbed:
        yield Sentence.of(
            "The source adds a random error to every cell, totals as well: small differences "
            "between areas or months tell nothing.",
            "perturbed",
        )


def _last_month(period: Period) -> str:
    return f"{period.year}-{3 * (period.quarter_number or 4):02d}"


def _coverage(figures: Mapping[str, AreaFigure]) -> Iterator[Sentence]:
    missing = sum(one.figure is None for one in figures.values())
    if missing:
        yield Sentence.of(
            "{missing} of {areas} areas have no figure; each has its symbol.",
            "missing",
            missing=count(missing),
            areas=count(len(figures)),
        )


def _cells(found: _Found) -> list[dict[str, Any]]:
    """How each area's figure came about, where it is not the source's own."""
    counts = {one.code: one.figure for one in found.answered.readings}
    changed = {
        area: parts for area, parts in found.crosswalk.parts.items() if parts != (Part(area, 1.0),)
    }
    converted: Mapping[str, Converted] = Crosswalk(parts=changed).convert(counts)
    return [
        {
            "area_code": area,
            "lineage": one.lineage,
            "apportioned": round(one.apportioned, 6),
            "parts": list(one.parts),
        }
        for area, one in converted.items()
    ]


def _pulled(pull: Pull) -> dict[str, Any]:
    return {
        "url": pull.url,
        "method": pull.method,
        "retrieved": pull.retrieved,
        "sha256": pull.sha256,
        "bytes": pull.size,
    }


def _client() -> str:
    try:
        return f"newstart-evaluation {version('newstart-evaluation')}, urllib"
    except PackageNotFoundError:
        return "newstart-evaluation, urllib"

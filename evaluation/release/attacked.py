"""The attack on a programme: what is left of every count to whoever holds all that was printed.

He holds every edition, which the register keeps, and what would be printed now; he knows the method
and not the key; he has been told every revision, and knows all figures of comparison areas. As an
insider he knows one submitter's counts as well. What he holds of one outcome is one system of
linear rows (`evaluation.disclosure.narrowest`): printed counts of sites, and every figure that is a
sum of counts (`evaluation.release.forms`), each behind a secret offset that never changes.

A second system asks what he learns of revisions of which nobody told him.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.disclosure.audit import Left, Printed
from evaluation.disclosure.counts import Atom, Count, among, history, possible
from evaluation.disclosure.effects import deviate
from evaluation.disclosure.narrowest import Logarithm, System
from evaluation.disclosure.policy import Policy
from evaluation.disclosure.protection import WORST, Held, Insider, Protection, counted, held
from evaluation.errors import DisclosureError, UserError
from evaluation.estimate import registry
from evaluation.estimate.registry import Choices
from evaluation.ledger.events import read_events, touched
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import parse_instant
from evaluation.release.forms import Forms, Slope, Sum
from evaluation.release.last_audit import left_of
from evaluation.release.released_results import release
from evaluation.study.record import Results
from evaluation.study.results import read_results
from evaluation.study.study import Study, StudyName
from evaluation.study.written import read_written

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.ledger.signatures import PrintedValue
    from evaluation.programme import Outcome, Programme
    from evaluation.release.rounding import Terms
    from evaluation.workspace import Workspace

    Floats = NDArray[np.float64]

NOW = "now"
FEW = 20
"""Assignments by which an effect is fitted anew: the effect itself needs none."""
SMALL = 1e-6
KEPT = "audited"
INSIDE = "inside"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A printed figure: between which ends what was computed lies."""

    printed: float | None
    low: float | None
    high: float | None

    @property
    def step(self) -> float:
        return 0.0 if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """An edition as an attacker holds it, and what is known inside of how it was made.

    counts : of sites, at its vintage. lines : address -> what was printed. studies : name -> the
    study at its vintage. raw : name -> its results, where they were kept.
    """

    name: str
    counts: Sequence[Held]
    lines: Mapping[str, Line]
    studies: Mapping[str, Study] = field(default_factory=dict)
    raw: Mapping[str, Results] = field(default_factory=dict)

    def shown(self, one: Held) -> Line | None:
        """How a count was printed, whichever study printed it."""
        end = f".{one.outcome}.count.{one.site}.{one.quarter}"
        return self._counts.get(end)

    @cached_property
    def _counts(self) -> dict[str, Line]:
        return {
            "." + address.split(".", 2)[2]: line
            for address, line in self.lines.items()
            if ".count." in address
        }


def audited(
    workspace: Workspace,
    programme: Programme,
    terms: Terms,
    editions: Mapping[str, datetime],
    *,
    with_now: bool = True,
    insider: tuple[str, str] | None = None,
    insiders: Sequence[tuple[str, str]] = (),
    keep: bool = True,
) -> Protection:
    """What is left of every protected count, and of every revision.

    Parameters
    ----------
    editions : name -> the instant whose figures it shows, oldest first. with_now : attack what
        would be printed now too. insider : a site and an agency whose counts he knows; they are not
        attacked. insiders : each of them is tried besides. keep : take results of systems that did
        not change, and keep new ones.

    Raises
    ------
    DisclosureError : what was printed contradicts itself or the ledger.
    """
    seen = everything_seen(workspace, programme, terms, editions, with_now=with_now)
    folder = workspace.var / "release" / programme.name / KEPT
    return protection_of(
        programme, terms, seen, insider=insider, insiders=insiders, folder=folder if keep else None
    )


def protection_of(
    programme: Programme,
    terms: Terms,
    seen: Sequence[Seen],
    *,
    insider: tuple[str, str] | None = None,
    insiders: Sequence[tuple[str, str]] = (),
    folder: Path | None = None,
) -> Protection:
    """What these editions leave together; see `audited`.

    Parameters
    ----------
    seen : oldest first. folder : where results are kept of systems that do not change.
    """
    seen = _with_counts(seen, programme, terms)
    found: list[Left] = []
    inside: dict[tuple[str, str], list[Left]] = {one: [] for one in insiders}
    protected, anew = 0, 0
    for outcome in counted(programme):
        attacked = _Attacked(outcome, terms, seen, insider)
        all_of_it = _left_to(attacked, folder)
        protected += all_of_it.targets
        found += all_of_it.left
        anew += all_of_it.anew
        for who, own in inside.items():
            # Of what another agency counts he knows no more than anybody.
            if who[1] != outcome.agency:
                own += all_of_it.left
                continue
            his = _left_to(attacked.known_to(who), folder)
            own += his.left
            anew += his.anew
    found.sort(key=_by_values)
    policies = [terms.policy(outcome.code) for outcome in counted(programme)]
    return Protection(
        k=max((one.k for one in policies), default=Policy().k),
        protected=protected,
        hidden=_hidden(seen, programme, insider),
        fewest=found[0].values if found else None,
        worst=tuple(found[:WORST]),
        figures=sum(len(one.lines) for one in seen),
        anew=anew,
        insiders=tuple(_insider(*who, own) for who, own in inside.items()),
    )


def _by_values(one: Left) -> tuple[int, str]:
    return one.values, str(one.cell)


def _insider(site: str, agency: str, left: Sequence[Left]) -> Insider:
    worst = min(left, key=_by_values, default=None)
    fewest = None if worst is None else worst.values
    return Insider(site=site, agency=agency, fewest=fewest, worst=worst)


class _Aimed(NamedTuple):
    """How many counts an attacker aims at, the worst of them, and how many systems were new."""

    targets: int
    left: list[Left]
    anew: int


def _left_to(attacked: _Attacked, folder: Path | None) -> _Aimed:
    """What is left to an attacker by what was told, and by what was not."""
    targets, found, anew = 0, list[Left](), 0
    for system in (attacked.told(), attacked.untold()):
        targets += len(system.targets)
        left, fresh = left_of(system, folder)
        found += left
        anew += fresh
    return _Aimed(targets, found, anew)


def _hidden(seen: Sequence[Seen], programme: Programme, insider: tuple[str, str] | None) -> int:
    agency = {one.code: one.agency for one in programme.outcomes}
    if not seen:
        return 0
    last = seen[-1]
    lines = [
        last.shown(one)
        for one in last.counts
        if one.count is not None
        and one.outcome in agency
        and insider != (one.site, agency[one.outcome])
    ]
    return sum(one is not None and one.printed is None for one in lines)


# What the attacker holds -----------------------------------------------------------------------


def everything_seen(
    workspace: Workspace,
    programme: Programme,
    terms: Terms,
    editions: Mapping[str, datetime],
    *,
    with_now: bool = True,
) -> list[Seen]:
    """Every edition as an attacker holds it, oldest first; parameters as in `audited`."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        register = ledger.register(programme.name)
        withdrawn = {
            one.signed.hash
            for one in ledger.signatures(programme.name)
            if one.signed.kind == "cell withdrawn"
        }
        counts = {
            name: held(programme, ledger.observations(programme.name, as_of=at))
            for name, at in editions.items()
        }
    by_edition: dict[str, list[PrintedValue]] = {}
    for one in register:
        by_edition.setdefault(one.edition, []).append(one)
    found: list[Seen] = []
    for name, at in editions.items():
        lines = _lines_of(by_edition.get(name, []))
        studies = {one: Study.load(workspace, one).at(at) for one in _studies(workspace, lines)}
        raw = {one: kept for one in studies if (kept := _kept(workspace, programme, name, one))}
        found.append(Seen(name=name, counts=counts[name], lines=lines, studies=studies, raw=raw))
    if with_now:
        found += _now(workspace, programme, terms)
    return [_without(one, withdrawn) for one in found]


def _lines_of(printed: Sequence[PrintedValue]) -> dict[str, Line]:
    """The lines of one edition that tell something: not those that a lost key printed before."""
    keys = [one.key.partition(":")[0] for one in printed if one.kind != "count"]
    own = max(set(keys), key=keys.count) if keys else ""
    found = {}
    for one in printed:
        if own and one.kind == "count" and one.key.partition(":")[0] not in ("", own):
            continue
        value = json.loads(one.printed)
        if value is None or isinstance(value, (int, float)):
            found[one.address] = Line(printed=value, low=one.low, high=one.high)
    return found


def _studies(workspace: Workspace, lines: Mapping[str, Line]) -> list[str]:
    names = {"/".join(address.split(".")[:2]) for address in lines}
    return sorted(n for n in names if (workspace.studies / n / "protocol.yaml").is_file())


def _now(workspace: Workspace, programme: Programme, terms: Terms) -> Iterator[Seen]:
    """What would be printed of every study that was run, each of the figures that it rests on."""
    ran = False
    for path in sorted((workspace.studies / programme.name).glob("*/protocol.yaml")):
        name = f"{programme.name}/{path.parent.name}"
        if not (StudyName.parse(name).results(workspace) / "results.json").is_file():
            continue
        raw = read_results(workspace, name)
        at = parse_instant(raw.vintage)
        lines = {
            one.address: Line(printed=one.printed, low=one.low, high=one.high)
            for one in release(raw, terms).entries
            if one.printed is None or isinstance(one.printed, (int, float))
        }
        study = Study.load(workspace, name, as_of=at)
        counts = _counted_at(workspace, programme, at)
        yield Seen(name=NOW, counts=counts, lines=lines, studies={name: study}, raw={name: raw})
        ran = True
    if not ran:
        yield Seen(name=NOW, counts=_counted_at(workspace, programme, None), lines={})


def _counted_at(workspace: Workspace, programme: Programme, at: datetime | None) -> list[Held]:
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return held(programme, ledger.observations(programme.name, as_of=at))


def inside_of(workspace: Workspace, programme: str, edition: str, study: str) -> Path:
    """Where the results stay that an edition's figures were made of: inside, beside bundles."""
    folder = workspace.var / "release" / programme / INSIDE
    return folder / edition / f"{StudyName.parse(study).study}.json"


def _kept(workspace: Workspace, programme: Programme, edition: str, study: str) -> Results | None:
    path = inside_of(workspace, programme.name, edition, study)
    return read_written(Results, path) if path.is_file() else None


def _with_counts(seen: Sequence[Seen], programme: Programme, terms: Terms) -> list[Seen]:
    """Counts that no line says how they were printed, as the key prints them."""
    versions: dict[Any, list[int]] = {}
    found = []
    for edition in seen:
        lines = dict(edition.lines)
        for one in edition.counts:
            if one.count is None:
                continue
            known = versions.setdefault(one.atom, [])
            known.append(one.count)
            if edition.shown(one) is None:
                shown = history(known, one.atom, terms.key, terms.policy(one.outcome))[-1]
                people = sum(one.residents.values()) if one.residents else None
                shown = among(shown, people, terms.policy(one.outcome))
                address = f"{programme.name}..{one.outcome}.count.{one.site}.{one.quarter}"
                lines[address] = _line_of(shown)
        found.append(replace(edition, lines=lines))
    return found


def _line_of(shown: Count) -> Line:
    return Line(printed=shown.printed, low=shown.low, high=shown.high)


def _without(seen: Seen, withdrawn: set[str]) -> Seen:
    """A count that was withdrawn showed somebody: he knows it, and it protects nobody any more."""
    known = {".".join(one.split(".")[2:]) for one in withdrawn if ".count." in one}
    if not known:
        return seen
    counts = [
        replace(one, known=True)
        if f"{one.outcome}.count.{one.site}.{one.quarter}" in known
        else one
        for one in seen.counts
    ]
    return replace(seen, counts=counts)


# One outcome as a system -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Place:
    """An area in a period."""

    area: str
    period: str

    def __str__(self) -> str:
        return f"{self.area} {self.period}"


@dataclass(frozen=True, kw_only=True)
class _CountLine:
    """A count of a site as an edition printed it."""

    edition: int
    held: Held
    line: Line

    @property
    def count(self) -> int:
        return self.held.count or 0

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(Place(area=area, period=self.held.quarter) for area in self.held.parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class _View:
    """A printed estimate in one edition: what it moves by, and where on its steps it stands."""

    address: str
    forms: Forms
    slope: Slope
    value: float
    step: float
    multiple: float
    slack: float
    edition: int
    row: str = ""

    def offset(self) -> tuple[float, float]:
        """Between which ends its offset lies in truth."""
        place = self.multiple - self.value / self.step
        return max(place - self.slack, 0.0), min(place + 1 + self.slack, 1.0)


class _Attacked:
    """What is held of one outcome."""

    def __init__(
        self, outcome: Outcome, terms: Terms, seen: Sequence[Seen], insider: tuple[str, str] | None
    ) -> None:
        self.outcome, self.seen = outcome, seen
        self.policy: Policy = terms.policy(outcome.code)
        self.views = list(self._views())
        self._hold(insider)

    def known_to(self, insider: tuple[str, str]) -> _Attacked:
        """The same as an insider holds it."""
        other = copy(self)
        other._hold(insider)
        return other

    def _hold(self, insider: tuple[str, str] | None) -> None:
        """What he knows of counts, and what was printed of them."""
        self.insider = insider
        self.history: dict[Place, dict[int, int]] = {}
        self.most: dict[Place, float] = {}
        self.fixed: set[Place] = set()
        self.sums: dict[Atom, list[_CountLine]] = {}
        for n, edition in enumerate(self.seen):
            for one in edition.counts:
                if one.outcome == self.outcome.code and one.count is not None:
                    self._take(n, one, edition.shown(one))

    def _take(self, edition: int, one: Held, line: Line | None) -> None:
        for area, count in one.parts.items():
            place = Place(area=area, period=one.quarter)
            self.history.setdefault(place, {})[edition] = count
            if area in one.residents:
                self.most[place] = float(one.residents[area])
            if self._known(one):
                self.fixed.add(place)
        if line is not None:
            held = _CountLine(edition=edition, held=one, line=line)
            self.sums.setdefault(one.atom, []).append(held)

    def _known(self, one: Held) -> bool:
        return one.known or self.insider == (one.site, self.outcome.agency)

    def _views(self) -> Iterator[_View]:
        met: set[tuple[str, str, float, float]] = set()
        for n, edition in enumerate(self.seen):
            for name, study in edition.studies.items():
                forms = _forms(study, self.outcome.code, edition.raw.get(name))
                sums = () if forms is None else (*forms.sums(), *forms.chances())
                for one in sums:
                    assert forms is not None
                    view = self._view(edition, name, forms, one, n)
                    if view is None:
                        continue
                    # Printed again of what did not change, it says nothing new.
                    same = (view.address, f"{one.value:.9g}", view.step, view.multiple)
                    if same not in met:
                        met.add(same)
                        yield view

    def _view(self, edition: Seen, study: str, forms: Forms, one: Sum, n: int) -> _View | None:
        of_outcome = one.name if one.name[0] == "/" else f"/{self.outcome.code}.{one.name}"
        address = f"{study.replace('/', '.')}.{of_outcome[1:]}"
        line = edition.lines.get(address)
        if line is not None and one.name.endswith(".p"):
            line = _in_errors(line)
        if line is None or line.printed is None or line.low is None or line.step <= 0:
            return None
        if forms.log and not (forms.counts[forms.moves(one.slope) != 0] > 0).all():
            # It takes the logarithm of no count: it was made otherwise.
            return None
        return _View(
            address=address,
            forms=forms,
            slope=one.slope,
            value=one.value,
            step=line.step,
            multiple=round((line.low + line.step) / line.step),
            slack=SMALL + one.bend * 4 * line.step,
            edition=n,
            row=one.row,
        )

    def offsets(self) -> list[tuple[_View, str]]:
        """Each view with the name of its offset: one for ever, where all editions agree to it."""
        by_address: dict[str, list[_View]] = {}
        for one in self.views:
            by_address.setdefault(one.address, []).append(one)
        found = []
        for address, views in by_address.items():
            low = max(one.offset()[0] for one in views)
            high = min(one.offset()[1] for one in views)
            for one in views:
                # Where it stands as another figure was printed, it says nothing by itself.
                if one.offset()[0] <= one.offset()[1]:
                    found.append((one, address if low <= high else f"{address} {one.edition}"))
        return found

    def told(self) -> System:
        """Every revision is known: a count has one unknown in all editions."""
        made = _Making(self, apart=False)
        for atom, lines in self.sums.items():
            last = lines[-1]
            low, high = _ends(lines, self.policy)
            form = {made.count(place, last.edition): 1.0 for place in last.places}
            one = last.held
            address = f"{one.outcome}.count.{one.site}.{one.quarter}"
            made.says(address, form, low - last.count, high - last.count)
            if self._known(one):
                continue
            # Where an area came or went, two counts stood at one address.
            twice = one.address in made.targets
            name = f"{one.address} of {', '.join(atom.areas)}" if twice else one.address
            made.aim(name, form, last.count)
            for place in last.places if len(last.places) > 1 else ():
                own = {made.count(place, last.edition): 1.0}
                made.aim(f"{one.address} {place.area}", own, one.parts[place.area])
        return made.system()

    def untold(self) -> System:
        """Nobody tells of revisions: a count that was revised has an unknown in each version."""
        revised = {
            atom
            for atom, lines in self.sums.items()
            if len({one.count for one in lines}) > 1 and not self._known(lines[-1].held)
        }
        if not revised:
            return System(bounds={}, printed=[], targets={}, true={})
        made = _Making(self, apart=True)
        for atom, lines in self.sums.items():
            offset = f"offset of {lines[0].held.address}"
            made.bounds[offset] = (0.0, self.policy.base - 1.0)
            before: _CountLine | None = None
            for one in lines:
                self._version(made, one, offset)
                if atom in revised and before is not None and before.count != one.count:
                    change = {made.count(place, one.edition): 1.0 for place in one.places}
                    for place in before.places:
                        name = made.count(place, before.edition)
                        change[name] = change.get(name, 0.0) - 1.0
                    what = f"revision of {one.held.address} in {self.seen[one.edition].name}"
                    moved = {name: weight for name, weight in change.items() if weight}
                    made.aim(what, moved, one.count - before.count)
                before = one
        return made.system()

    def _version(self, made: _Making, one: _CountLine, offset: str) -> None:
        """What a printed count says of one version of it, behind an offset that stays."""
        shown, held = one.line, one.held
        form = {made.count(place, one.edition): 1.0 for place in one.places} | {offset: 1.0}
        address = f"{self.seen[one.edition].name} {held.outcome}.count.{held.site}.{held.quarter}"
        if shown.printed is not None:
            low = shown.printed - one.count
            made.says(address, form, low, low + self.policy.base - 1)
        elif shown.high is not None:
            made.says(address, form, -math.inf, self.policy.shown_from - 1.0 - one.count)


class _Making:
    """A system in the making: unknowns by name, what ties them, what is aimed at."""

    def __init__(self, of: _Attacked, *, apart: bool) -> None:
        self.of, self.apart = of, apart
        self.bounds: dict[str, tuple[float, float]] = {}
        self.printed: list[Printed] = []
        self.targets: dict[str, dict[str, float]] = {}
        self.true: dict[str, float] = {}
        self.logarithms: dict[str, Logarithm] = {}
        self.named: dict[str, str] = {}
        self.means: dict[tuple[int, int, int], str] = {}
        self.log = any(view.forms.log for view in of.views)
        for view, offset in of.offsets():
            self._view(view, f"offset {offset}")

    def system(self) -> System:
        return System(
            bounds=self.bounds,
            printed=self.printed,
            targets=self.targets,
            true=self.true,
            logarithms=list(self.logarithms.values()),
        )

    def says(self, address: str, form: Mapping[str, float], low: float, high: float) -> None:
        """A row: what a printed figure says."""
        self.printed.append(Printed(address=address, form=form, low=low, high=high))

    def aim(self, name: str, form: Mapping[str, float], true: float) -> None:
        """A protected count or revision."""
        self.targets[name], self.true[name] = dict(form), float(true)

    def count(self, place: Place, edition: int) -> str:
        """The unknown of a count: its distance from what it is."""
        known = self.of.history[place]
        alike = not self.apart or len(set(known.values())) == 1
        name = str(place) if alike else f"{place} #{known[edition]}"
        if name not in self.bounds:
            if place in self.of.fixed:
                self.bounds[name] = (0.0, 0.0)
                return name
            versions = known.values() if alike else (known[edition],)
            # Where logarithms are taken no count is zero, and the method is known.
            least = 1.0 if self.log and min(known.values()) > 0 else 0.0
            most = self.of.most.get(place, 10.0 * max(known.values()) + 100.0)
            self.bounds[name] = (
                max(least - one for one in versions),
                max(min(most - one for one in versions), 0.0),
            )
        return name

    def _logarithm(self, place: Place, edition: int) -> str:
        true = float(self.of.history[place][edition])
        cell = self.count(place, edition)
        name = f"log {cell} {true:g}"
        if name not in self.bounds:
            low, high = (max(true + end, 1.0) / true for end in self.bounds[cell])
            self.bounds[name] = (math.log(low) - 1.0, math.log(high) + 1.0)
            self.logarithms[name] = Logarithm(name=name, cell=cell, true=true)
        return name

    def _sum(self, form: Mapping[str, float]) -> str:
        """The unknown that is this sum of others: one for each sum, so that rows stay short."""
        content = ";".join(f"{name}:{weight:.10g}" for name, weight in sorted(form.items()))
        if content not in self.named:
            name = self.named[content] = f"sum {len(self.named)}"
            self.bounds[name] = (-math.inf, math.inf)
            self.says("", {**form, name: -1.0}, 0.0, 0.0)
        return self.named[content]

    def _weighted(self, view: _View, weights: Floats) -> dict[str, float]:
        """A sum of figures of areas, in the estimate's scale, as one of unknowns."""
        forms, found = view.forms, dict[str, float]()
        if not forms.log:
            weights = forms.as_persons(weights)
        for a, t in zip(*np.nonzero(weights), strict=True):
            place = Place(area=forms.areas[a], period=forms.labels[t])
            if place not in self.of.history or place in self.of.fixed:
                continue
            of = self._logarithm if forms.log else self.count
            name = of(place, view.edition)
            found[name] = found.get(name, 0.0) + float(weights[a, t])
        return found

    def _mean(self, view: _View, k: int) -> str:
        """The unknown of a mean; empty where all that is in it is known."""
        at = (id(view.forms), view.edition, k)
        if at not in self.means:
            mean = view.forms.means[k]
            own = self._weighted(view, mean.now)
            if mean.base.any() and (base := self._weighted(view, mean.base)):
                own[self._sum(base)] = 1.0
            self.means[at] = self._sum(own) if own else ""
        return self.means[at]

    def _view(self, view: _View, offset: str) -> None:
        tied = self._tied(view)
        if tied is None:
            return
        self.bounds[offset] = (0.0, 1.0)
        low = view.multiple - view.value / view.step - view.slack
        self.says(
            f"{self.of.seen[view.edition].name} {view.address}",
            tied | {offset: 1.0},
            low,
            low + 1 + 2 * view.slack,
        )

    def _tied(self, view: _View) -> dict[str, float] | None:
        """What a figure moves by, in steps, as one unknown; None where all in it is known."""
        forms, form = view.forms, dict[str, float]()
        for k in np.flatnonzero(view.slope.means).tolist():
            name = self._mean(view, k)
            if name:
                form[name] = form.get(name, 0.0) + float(view.slope.means[k])
        for a, t in zip(*np.nonzero(view.slope.person), strict=True):
            place = Place(area=forms.areas[a], period=forms.labels[t])
            if place in self.of.history and place not in self.of.fixed:
                name = self.count(place, view.edition)
                form[name] = form.get(name, 0.0) + float(view.slope.person[a, t])
        if not form:
            return None
        # Figures of one kind differ by a factor: in per cent, or in pounds.
        size = max(form.values(), key=abs)
        whole = self._sum({name: weight / size for name, weight in form.items()})
        return {whole: size / view.step}


def _in_errors(line: Line) -> Line | None:
    """A p-value's line in standard errors, at which it is rounded; None where it says no end."""
    if line.low is None or line.high is None or not 0 < line.low < line.high < 1:
        return None
    return Line(printed=line.printed, low=deviate(line.high), high=deviate(line.low))


def _ends(lines: Sequence[_CountLine], policy: Policy) -> tuple[float, float]:
    """The least and the largest count of the last edition, every revision known."""
    last, low, high = lines[-1], 0.0, math.inf
    bare = [one for one in lines if _bare(one, policy)]
    said = [one for one in lines if one.line.printed is not None or one.line.high is not None]
    told = [one for one in said if one not in bare]
    for one in bare:
        # Printed by no rounding of ours: what its line says of it is all that hides it.
        revised = last.count - one.count
        printed = one.line.printed or 0.0
        ends = (printed if end is None else end for end in (one.line.low, one.line.high))
        least, most = (end + revised for end in ends)
        low, high = max(low, least), min(high, most)
    if told:
        first = told[0].count
        prints = [None if one.line.printed is None else round(one.line.printed) for one in told]
        residents = sum(last.held.residents.values()) or None
        found = possible(prints, [one.count - first for one in told], policy, residents)
        revised = last.count - first
        low = max(low, found[0] + revised) if found else math.inf
        high = min(high, found[-1] + revised) if found else -math.inf
    if not low <= last.count <= high:
        raise DisclosureError(
            f"{last.held.address} is printed as no count could give it.",
            mend="check that the register belongs to this programme and key",
        )
    return float(low), float(high)


def _bare(one: _CountLine, policy: Policy) -> bool:
    """Whether a count was printed as the method prints none: to the person, or below its limit."""
    printed, low, high = one.line.printed, one.line.low, one.line.high
    if printed is None:
        return False
    known = low is not None and high is not None and high - low < 2 * (policy.base - 1)
    return known or printed < policy.shown_from or printed % policy.base != 0


def _forms(study: Study, code: str, raw: Results | None) -> Forms | None:
    """The figures of an outcome of a study as sums; None where its method is another."""
    protocol = study.protocol
    if code not in protocol.outcomes or protocol.estimators_of(code)[0] != "did":
        return None
    panel = study.panel
    if code not in panel.per or code not in panel.denominators or not panel.treated.any():
        return None
    drawn = study.assignments
    few = replace(drawn, pseudo_treated=drawn.pseudo_treated[:FEW])
    try:
        estimate = registry.fit("did", panel, code, Choices.of(protocol, code), few)
    except UserError:
        return None
    own = next((one for one in raw.outcomes if one.code == code), None) if raw else None
    happened = read_events(study.workspace, study.programme) if own and own.touched else ()
    return Forms(
        panel=panel,
        outcome=code,
        estimate=estimate,
        plan=protocol.did,
        window=protocol.window,
        raw=own,
        results=raw,
        fifths={one.area: one.fifth for one in study.programme.deprivation},
        left_out=touched(study.programme, happened, code) if happened else {},
    )

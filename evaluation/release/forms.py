"""Printed figures as what they are: sums of counts, each with its weight, as the method says.

Whoever knows the method can write each estimate as a weighted sum of counts of pilot areas, or of
their logarithms, and something that is known: figures of comparison areas, draws of start dates,
prices. The weights are written down here from the method anew, and not taken from the estimators,
so that the attack that rests on them is one that a reader could make.

Effects by difference-in-differences are such sums exactly; percentages of a mean, people and pounds
are so near to what is true, where their slope is taken. Other estimators are taken as if their
donors' weights stood still: whoever could know these knows more than the book says.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.disclosure.effects import deviate
from evaluation.release.priced import FLOWS
from evaluation.release.released_accounts import rows_named
from evaluation.value.pricing import cost_units_a_quarter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel
    from evaluation.protocol import DidPlan
    from evaluation.study.accounts_record import Accounts, GrossAccounts, PricedRow, SiteValue
    from evaluation.study.accounts_record import Mean as AnAmount
    from evaluation.study.record import (
        EstimateResult,
        FifthEffect,
        OutcomeResult,
        Results,
        TouchedRow,
    )

    Floats = NDArray[np.float64]

PARTS = ("effect", "low", "high", "low_band", "high_band")
BY = ("cohort", "site", "quarter", "event_time")
DID = "did"
LIKE_DID = ("did", "synthetic_did", "synthetic_control", "imputation")
PERCENT = 100.0
A_QUARTER = cost_units_a_quarter("stock", "person_year", "mean")
ALL_OF_THESE = "all of these"
"""What the effect without all areas is called to which anything happened."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slope:
    """What a figure moves by: per person, by area and period, and per unit of each mean.

    means : of `Forms.means`, in their order.
    """

    person: Floats
    means: Floats

    def times(self, factor: float) -> Slope:
        """The slope of so many times the figure."""
        return Slope(person=factor * self.person, means=factor * self.means)

    def plus(self, other: Slope) -> Slope:
        """The slope of a sum."""
        return Slope(person=self.person + other.person, means=self.means + other.means)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mean:
    """A weighted mean of figures (areas, periods) in the estimate's scale, less what it began from.

    now, base : weights, of which the second are below zero; an effect by site and period less what
    is known of comparison areas, or the level of all pilots in a period.
    """

    now: Floats
    base: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum:
    """A figure by its address, as it was computed, and its slope.

    bend : how far, relative to the square of a change in per cent, it is from being straight. row :
    of the estimate that it stands in, if it is of one.
    """

    name: str
    value: float
    slope: Slope
    bend: float = 0.0
    row: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Forms:
    """The figures of one outcome of a study, at one vintage.

    estimate : of the first estimator, which is difference-in-differences, with its index and
    effects. raw : the results inside; None where an edition's were not kept, and then effects alone
    can be written as sums. fifths : area -> deprivation fifth. left_out : what happened -> areas
    without which the effect is told too.
    """

    panel: Panel
    outcome: str
    estimate: Estimate
    plan: DidPlan
    window: tuple[int, int]
    raw: OutcomeResult | None = None
    results: Results | None = None
    fifths: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, Collection[str]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Places of the pilot areas among those of the panel."""
        return np.flatnonzero(self.panel.treated)

    @cached_property
    def areas(self) -> tuple[str, ...]:
        """Codes of the pilot areas."""
        return tuple(str(self.panel.areas.index[row]) for row in self.rows)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of the panel's periods."""
        return tuple(map(str, self.panel.labels))

    @property
    def log(self) -> bool:
        return self.estimate.scale == "log"

    @cached_property
    def people(self) -> Floats:
        """Denominators of pilot areas by period."""
        held: Floats = self.panel.denominators[self.outcome][self.rows]
        return held

    @cached_property
    def counts(self) -> Floats:
        """Counts of pilot areas by period; NaN where there is no figure."""
        rates = self.panel.array(self.outcome)[self.rows]
        per = self.panel.per[self.outcome]
        # A count may be a mean of months, and then is no whole number.
        held: Floats = rates * self.people / per
        return held

    @cached_property
    def start(self) -> NDArray[np.int64]:
        held: NDArray[np.int64] = self.panel.start_index[self.rows]
        return held

    # Effects by site and period ----------------------------------------------------------------

    @cached_property
    def means(self) -> tuple[Mean, ...]:
        """Every effect by site and period, as the index has them; then the level in each period."""
        index, known = self.estimate.index, np.isfinite(self.counts)
        site = self.panel.areas["site"].to_numpy(dtype=object)[self.rows]
        place = {label: t for t, label in enumerate(self.labels)}
        found = []
        columns = ("site", "cohort", "quarter")
        for row in zip(*(index[one] for one in columns), strict=True):
            name, cohort, t = row[0], place[str(row[1])], place[str(row[2])]
            now, base = np.zeros(self.counts.shape), np.zeros(self.counts.shape)
            held = known[:, t] & (site == name) & (self.start == cohort)
            for a in np.flatnonzero(held):
                now[a, t] = 1 / held.sum()
                base[a] = -self._base(int(a), cohort, t) / held.sum()
            found.append(Mean(now=now, base=base))
        for t in range(self.counts.shape[1]):
            now = np.zeros(self.counts.shape)
            now[known[:, t], t] = 1 / max(known[:, t].sum(), 1)
            found.append(Mean(now=now, base=np.zeros(self.counts.shape)))
        return (*found, *(self._mean_of(inside) for inside in self._parts.values()))

    @cached_property
    def _parts(self) -> dict[str, frozenset[str]]:
        """Pilot areas that an effect is told of by themselves: a fifth, or all but some."""
        found = {}
        for fifth in sorted(set(self.fifths.values())):
            found[f"fifth.{fifth}"] = frozenset(
                a for a in self.areas if self.fifths.get(a) == fifth
            )
        every = frozenset(code for codes in self.left_out.values() for code in codes)
        for what, codes in {**self.left_out, ALL_OF_THESE: every}.items():
            found[f"without {what}"] = frozenset(self.areas) - frozenset(codes)
        return {name: areas for name, areas in found.items() if areas}

    def _mean_of(self, inside: frozenset[str]) -> Mean:
        """The mean effect over the window on some areas: each of their figures weighs alike."""
        now, base = np.zeros(self.counts.shape), np.zeros(self.counts.shape)
        first, last = self.window
        for a, area in enumerate(self.areas):
            start = int(self.start[a])
            if area not in inside or start < 0:
                continue
            for t in range(start + max(first, 0), min(start + last + 1, self.counts.shape[1])):
                own = self._base(a, start, t)
                if np.isfinite(self.counts[a, t]) and own.any():
                    now[a, t] += 1.0
                    base[a] -= own
        many = max(now.sum(), 1.0)
        return Mean(now=now / many, base=base / many)

    def _base(self, area: int, start: int, period: int) -> Floats:
        """(periods) weights of what a period's figure is measured from."""
        known = np.isfinite(self.counts)
        seen = np.flatnonzero(known.any(axis=0))
        before = seen[seen < max(start - self.plan.anticipation, 0)]
        weights = np.zeros(self.counts.shape[1])
        if not len(before):
            return weights
        if self.plan.base == "mean":
            own = before[known[area, before]]
            weights[own] = 1 / max(len(own), 1)
        elif self.plan.base == "varying" and period <= before[-1]:
            weights[max((t for t in seen if t < period), default=period)] = 1.0
        else:
            weights[before[-1]] = 1.0
        return weights

    def _effect(self, share: Floats) -> Slope:
        """Of a weighted mean (K) of effects by site and period."""
        means = np.zeros(len(self.means))
        means[: len(share)] = share
        return Slope(person=np.zeros(self.counts.shape), means=means)

    def _of_part(self, name: str) -> Slope | None:
        """Of the effect on some areas by themselves; None where none of them is a pilot."""
        if name not in self._parts:
            return None
        means = np.zeros(len(self.means))
        means[len(self.means) - len(self._parts) + list(self._parts).index(name)] = 1.0
        return Slope(person=np.zeros(self.counts.shape), means=means)

    def _of_level(self, period: int) -> Slope:
        """Of the mean of pilots in a period."""
        means = np.zeros(len(self.means))
        means[len(self._event) + period] = 1.0
        return Slope(person=np.zeros(self.counts.shape), means=means)

    def moves(self, slope: Slope) -> Floats:
        """(areas, periods) What a figure moves by per unit of each, in the estimate's scale."""
        found = np.zeros(self.counts.shape)
        for weight, mean in zip(slope.means, self.means, strict=True):
            if weight:
                found += weight * (mean.now + mean.base)
        return found

    def as_persons(self, weights: Floats) -> Floats:
        """Weights of rates as weights of counts."""
        per = self.panel.per[self.outcome]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.people > 0, per * weights / self.people, 0.0)

    @cached_property
    def _weight(self) -> Floats:
        usable = np.isfinite(self.estimate.effects)
        return np.where(usable, self.estimate.index["weight"].to_numpy(dtype=float), 0.0)

    @cached_property
    def _event(self) -> NDArray[np.int64]:
        return self.estimate.index["event_time"].to_numpy()

    def _share(self, mask: NDArray[np.bool_]) -> Floats | None:
        held = np.where(mask, self._weight, 0.0)
        return held / held.sum() if held.sum() > 0 else None

    @cached_property
    def _in_window(self) -> NDArray[np.bool_]:
        first, last = self.window
        return np.asarray((self._event >= max(first, 0)) & (self._event <= last))

    @cached_property
    def overall(self) -> Slope | None:
        """Of the overall effect over the window."""
        share = self._share(self._in_window)
        return None if share is None else self._effect(share)

    # Figures -----------------------------------------------------------------------------------

    def sums(self) -> Iterator[Sum]:
        """Every figure that can be written so, by its address within the outcome."""
        if self.overall is None:
            return
        if self.raw is None:
            yield from self._effects_alone()
            return
        for place, held in enumerate(self.raw.estimates):
            if held.estimator in LIKE_DID and held.scale == self.estimate.scale:
                yield from self._of_estimate(f"{held.estimator}.{place}", held)
        yield from self._headline(self.raw, self.overall)
        yield from self._beside(self.raw.plain(), self.overall)
        yield from self._people(self.raw)
        yield from self._paths(self.raw)
        for name, row, slope in self._told_of_parts():
            for end in ("effect", "low", "high"):
                for one in self._printed(f"{name}.{end}", getattr(row, end), slope):
                    yield replace(one, row=name)
        yield from self._money()

    def _printed(self, name: str, value: float | None, slope: Slope) -> Iterator[Sum]:
        """A figure on the estimate's scale, in the unit in which it is printed."""
        if value is None or not math.isfinite(value):
            return
        if not self.log:
            yield Sum(name=name, value=value, slope=slope)
            return
        yield Sum(
            name=name,
            value=PERCENT * math.expm1(value),
            slope=slope.times(PERCENT * math.exp(value)),
            bend=1 / (2 * PERCENT * math.exp(value)),
        )

    def _effects_alone(self) -> Iterator[Sum]:
        effects = np.nan_to_num(self.estimate.effects)
        for by, which, share in self._shares():
            name = ".".join(filter(None, (f"{self.estimate.estimator}.0", by, which, "effect")))
            yield from self._printed(name, float(share @ effects), self._effect(share))

    def _shares(self) -> Iterator[tuple[str, str, Floats]]:
        """Each row of an estimate: by what, which one, and the weights of its entries."""
        overall = self._share(self._in_window)
        if overall is not None:
            yield "overall", "", overall
        for by in BY:
            column = self.estimate.index[by].astype(str).to_numpy()
            for which in dict.fromkeys(column.tolist()):
                mask = column == which
                if by != "event_time":
                    mask &= self._event >= 0
                share = self._share(mask)
                if share is not None:
                    yield by, which, share

    @cached_property
    def _row_slopes(self) -> dict[tuple[str, str], Slope]:
        return {(by, which): self._effect(share) for by, which, share in self._shares()}

    def chances(self) -> Iterator[Sum]:
        """The p-values of printed rows, in standard errors, as they are rounded.

        By the spread of the draws, which whoever has them knows, each is its effect over an error.
        """
        held = self.raw.estimate if self.raw is not None else None
        for by, which, row in held.entries() if held is not None else ():
            slope = self._row_slopes.get((by, "" if by == "overall" else str(which)))
            p, effect = row.p_value, row.effect
            if slope is None or not effect or p is None or not 0 < p < 1:
                continue
            z = deviate(p)
            row_name = _row_name(f"{DID}.0", by, which)
            yield Sum(name=f"{row_name}.p", value=z, slope=slope.times(z / effect), row=row_name)
        for name, told, slope in self._told_of_parts():
            effect, p = told.effect, told.p_value
            if effect and p is not None and 0 < p < 1:
                z = deviate(p)
                yield Sum(name=f"{name}.p", value=z, slope=slope.times(z / effect), row=name)

    def _told_of_parts(self) -> Iterator[tuple[str, FifthEffect | TouchedRow, Slope]]:
        """Effects in fifths, and without areas to which something else happened."""
        for whole in self.results.equity if self.results is not None else ():
            own = next((one for one in whole.effects if one.outcome == self.outcome), None)
            slope = self._of_part(f"fifth.{whole.fifth}")
            if own is not None and slope is not None:
                yield f"fifth.{whole.fifth}", own, slope
        for place, row in enumerate(self.raw.touched if self.raw is not None else ()):
            slope = self.overall if place == 0 else self._of_part(f"without {row.without}")
            if slope is not None:
                yield f"touched.{place}", row, slope

    def _of_estimate(self, name: str, held: EstimateResult) -> Iterator[Sum]:
        for by, which, row in held.entries():
            key = (by, "" if by == "overall" else str(which))
            slope = self._row_slopes.get(key)
            if slope is None:
                continue
            address = _row_name(name, *key)
            # Of other estimators the effects alone: their ranges hang on figures otherwise.
            for part in PARTS if held.estimator == DID else PARTS[:1]:
                for one in self._printed(f"{address}.{part}", getattr(row, part), slope):
                    yield replace(one, row=address)

    def _headline(self, raw: OutcomeResult, overall: Slope) -> Iterator[Sum]:
        """The finding in per cent: of what would have been, which hangs on counts itself."""
        finding, effect = raw.finding.effect_percent, raw.estimate.overall.effect
        if self.log or not effect or not finding.effect:
            for part in ("effect", "low", "high"):
                value = getattr(finding, part)
                if self.log and value is not None and value > -PERCENT:
                    yield from self._printed(f"finding.{part}", math.log1p(value / 100), overall)
            return
        # Its baseline: the mean of started areas less the mean effect on them.
        base = abs(PERCENT * effect / finding.effect)
        after = self._event >= 0
        started = np.isfinite(self.counts) & (self.start[:, None] >= 0)
        started &= np.arange(self.counts.shape[1]) >= self.start[:, None]
        mean = started / started.sum()
        share = self._share(after)
        baseline = self._of_people(self.as_persons(mean))
        if share is not None:
            baseline = baseline.plus(self._effect(share).times(-1.0))
        # Effects in units are made of it and of those in per cent, and say nothing of their own.
        yield Sum(name="finding.base", value=base, slope=baseline)
        for part in ("effect", "low", "high"):
            value = getattr(finding, part)
            if value is not None and math.isfinite(value):
                slope = overall.times(PERCENT / base).plus(baseline.times(-value / base))
                yield Sum(name=f"finding.{part}", value=value, slope=slope)

    def _beside(self, raw: Mapping[str, Any], overall: Slope) -> Iterator[Sum]:
        """What differs from the overall effect by something that is known."""
        for place, row in enumerate((raw.get("breaks") or {}).get("rows", ())):
            for end in ("low", "high"):
                yield from self._printed(f"breaks.{place}.{end}", row[end], overall)
        for end in ("low", "high"):
            looked = raw["finding"]["looked"]
            if looked:
                yield from self._printed(f"looked.{end}", looked[end], overall)
        for part in ("withheld", "blanket"):
            for name, value in (raw.get(part) or {}).items():
                if isinstance(value, float):
                    yield from self._printed(f"{part}.{name}", value, overall)
        labels = self.labels
        quarter = self.estimate.index["quarter"].astype(str).to_numpy()
        known = np.array([labels.index(one) for one in quarter])
        for row in raw["looks"]:
            if row["quarter"] not in labels:
                continue
            share = self._share(self._in_window & (known <= labels.index(row["quarter"])))
            if share is None:
                continue
            for part in ("effect", "low", "high"):
                name = f"look.{row['quarter']}.{part}"
                yield from self._printed(name, row[part], self._effect(share))
        times = raw["placebo_gaps"]["event_times"]
        for time, value in zip(times, raw["placebo_gaps"]["real"], strict=True):
            slope = self._row_slopes.get(("event_time", str(time)))
            if slope is not None:
                yield from self._printed(f"gap.{time}", value, slope)

    # People and pounds -------------------------------------------------------------------------

    def _of_people(self, person: Floats) -> Slope:
        return Slope(person=person, means=np.zeros(len(self.means)))

    def _now(self, k: int) -> NDArray[np.bool_]:
        """(areas, periods) The figures that an effect by site and period is of."""
        found: NDArray[np.bool_] = (self.means[k].now > 0) & np.isfinite(self.counts)
        return found

    def _avoided(self, cells: Floats) -> Slope:
        """Of the change in people, summed over effects by site and period with these weights."""
        total = self._of_people(np.zeros(self.counts.shape))
        effects = np.nan_to_num(self.estimate.effects)
        per = self.panel.per[self.outcome]
        for k in np.flatnonzero(cells):
            now, share = self._now(int(k)), np.zeros(len(self._event))
            share[k] = 1.0
            own = self._effect(share)
            if self.log:
                counted = float(self.counts[now].sum())
                share_of = -math.expm1(-float(effects[k]))
                people = self._of_people(np.where(now, share_of, 0.0))
                part = people.plus(own.times(counted * math.exp(-effects[k])))
            else:
                part = own.times(float(self.people[now].sum()) / per)
            total = total.plus(part.times(float(cells[k])))
        return total

    @cached_property
    def _period(self) -> NDArray[np.int64]:
        place = {label: t for t, label in enumerate(self.labels)}
        return np.array([place[str(one)] for one in self.estimate.index["quarter"]])

    def _people(self, raw: OutcomeResult) -> Iterator[Sum]:
        """The effect in people a period and to date: a share of what was counted, or of people."""
        people = raw.finding.people
        usable = (self._event >= 0) & np.isfinite(self.estimate.effects)
        inside = usable & self._in_window
        site = self.estimate.index["site"].to_numpy(dtype=object)
        running = np.array([(inside & (site == one)).sum() for one in site])
        a_period = np.where(inside, 1 / np.maximum(running, 1), 0.0)
        every = self._share(usable)
        for when, cells, effect in (
            ("per_quarter", a_period, self.overall),
            ("to_date", usable.astype(float), None if every is None else self._effect(every)),
        ):
            held = getattr(people, when, None) if people is not None else None
            if held is None or effect is None:
                continue
            for part in ("effect", "low", "high"):
                value = getattr(held, part)
                if value is None or not math.isfinite(value):
                    continue
                slope = self._share_of_people(value, cells, effect)
                yield Sum(name=f"people.{when}.{part}", value=value, slope=slope)

    def _share_of_people(self, value: float, cells: Floats, effect: Slope) -> Slope:
        per = self.panel.per[self.outcome]
        counted = np.zeros_like(self.people)
        total = 0.0
        for k in np.flatnonzero(cells):
            now = self._now(int(k))
            if self.log:
                counted += cells[k] * now
                total += cells[k] * float(self.counts[now].sum())
            else:
                total += cells[k] * float(self.people[now].sum()) / per
        if not self.log:
            return effect.times(total)
        share = value / total if total else 0.0
        return self._of_people(share * counted).plus(effect.times(total * (1 - share)))

    def _paths(self, raw: OutcomeResult) -> Iterator[Sum]:
        """What would have been, by period; the pilots' own path is made of printed counts."""
        for row in raw.paths:
            if row.counterfactual is None or row.period not in self.labels:
                continue
            t = self.labels.index(row.period)
            known = np.isfinite(self.counts[:, t])
            exposure = float(self.people[known, t].sum()) / self.panel.per[self.outcome]
            own = np.zeros_like(self.people)
            own[known, t] = 1.0
            now = (self._period == t) & (self._event >= 0) & np.isfinite(self.estimate.effects)
            change = self._avoided(now.astype(float)).times(-1.0)
            whole = self._of_people(own).plus(change)
            for part in ("counterfactual", "low", "high"):
                value = getattr(row, part)
                if value is not None and math.isfinite(value):
                    slope = whole.times(1 / exposure)
                    yield Sum(name=f"path.{row.period}.{part}", value=value, slope=slope)
        held = raw.synthetic_unit
        for line in held.rows if held is not None else ():
            if line.period not in self.labels or (held and held.scale == "log") != self.log:
                continue
            slope = self._of_level(self.labels.index(line.period))
            yield Sum(name=f"twin.{line.period}.observed", value=line.observed, slope=slope)

    def _money(self) -> Iterator[Sum]:
        """Events avoided and their worth at a published price, addressed from the study.

        Of amounts that sum several outcomes as if all others were known: whoever does not know them
        knows less.
        """
        for account in ("value", "gross") if self.results is not None else ():
            held = getattr(self.results, account)
            if held is None:
                continue
            named = rows_named([row.plain() for row in held.by_outcome])
            own = [
                (f"/{account}.by_outcome.{name}", row)
                for name, row in zip(named, held.by_outcome, strict=True)
                if row.outcome == self.outcome and row.events_avoided.mean
            ]
            for at, row in own:
                events = self._events(row.cost_per)
                price = row.value.mean / row.events_avoided.mean
                yield from _ends(f"{at}.events_avoided", row.events_avoided, events)
                yield from _ends(f"{at}.value", row.value, events.times(price))
            yield from self._totals(account, held, [row for _, row in own])

    def _events(self, cost_per: str, among: NDArray[np.bool_] | None = None) -> Slope:
        """Of how much was avoided by some effects by site and period; all by default."""
        after = (self._event >= 0) & np.isfinite(self.estimate.effects)
        if among is not None:
            after &= among
        # Of a stock person-years are told, and each period counts a quarter of one.
        years = 1.0 if cost_per in FLOWS else A_QUARTER
        return self._avoided(after.astype(float)).times(-years)

    def _totals(
        self, account: str, held: Accounts | GrossAccounts, rows: Sequence[PricedRow]
    ) -> Iterator[Sum]:
        """Amounts that this outcome is a part of: in all, of a budget, of a site, of a quarter."""
        site = self.estimate.index["site"].to_numpy(dtype=object)
        quarter = self.estimate.index["quarter"].astype(str).to_numpy()

        def worth(of: Sequence[PricedRow], among: NDArray[np.bool_] | None = None) -> Slope:
            total = self._of_people(np.zeros(self.counts.shape))
            for row in of:
                price = row.value.mean / row.events_avoided.mean
                total = total.plus(self._events(row.cost_per, among).times(price))
            return total

        for part, beside in (("", held), (".with_objected", held.with_objected)):
            if beside is None:
                continue
            kept = [row for row in rows if part or not row.objected]
            fiscal = [row for row in kept if row.kind == "fiscal" and not row.given_up]
            at = f"/{account}{part}"
            for name, of in (
                ("gross_fiscal", fiscal),
                ("gross_fiscal_ame", [row for row in fiscal if row.budget == "AME"]),
                ("gross_fiscal_del", [row for row in fiscal if row.budget == "DEL"]),
                ("gross_economic", [row for row in kept if row.kind == "economic"]),
                ("gross_social", [row for row in kept if row.kind == "social"]),
            ):
                key = name[:-3] + name[-3:].upper() if name[-4:] in ("_ame", "_del") else name
                if of:
                    amount = getattr(beside.totals, name)
                    yield from _ends(f"{at}.totals.{key}", amount, worth(of))
            for budget in beside.by_agency:
                of = [r for r in fiscal if (r.agency, r.budget) == (budget.agency, budget.budget)]
                where = f"{at}.by_agency.{budget.agency}-{budget.budget}.gain"
                if of:
                    yield from _ends(where, budget.gain, worth(of))
        standing = [row for row in rows if not row.objected]
        fiscal = [row for row in standing if row.kind == "fiscal"]
        for one in getattr(held, "by_site", ()) if standing else ():
            yield from _ends(
                f"/{account}.by_site.{one.site}", one, worth(standing, site == one.site)
            )
        for when in getattr(held, "by_quarter", ()) if fiscal else ():
            among = quarter == when.quarter
            if among.any():
                where = f"/{account}.by_quarter.{when.quarter}.gain"
                yield from _ends(where, when.gain, worth(fiscal, among))


def _ends(name: str, amount: AnAmount | SiteValue, slope: Slope) -> Iterator[Sum]:
    for end in ("mean", "low", "high"):
        value = getattr(amount, end)
        if value is not None and math.isfinite(value):
            yield Sum(name=f"{name}.{end}", value=value, slope=slope)


def _row_name(estimate: str, by: str, which: object) -> str:
    return ".".join(filter(None, (estimate, by, str(which))))

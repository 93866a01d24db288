"""A study's results as they leave: every figure released, every sentence made of released figures.

The shape is that of the results (`evaluation.study.record.Results`), so that whatever shows results
shows released ones and can be given no others. Verdicts stay as they were found: they rest on the
full counts, and what is printed beside them never contradicts them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from evaluation.disclosure.counts import Atom, Count, among, cell_of, rounded, total
from evaluation.disclosure.released import (
    Entry,
    Path,
    Rate,
    each_number,
    entries_of_path,
    rate_of,
    significant,
)
from evaluation.finding import sentences
from evaluation.quarters import Period
from evaluation.release.influence import Design, sensitivity_of
from evaluation.release.priced import Prices
from evaluation.release.released_accounts import release_accounts
from evaluation.release.released_lives import (
    LivesSteps,
    one_answer,
    one_mean,
    release_lives,
    same_figure,
)
from evaluation.release.rounding import ENVELOPE, Rounding, Terms, adjusted, envelopes, one_figure
from evaluation.release.said import Saying, said_anew
from evaluation.release.scale import CONTROL, Scale
from evaluation.study.record import OutcomeResult, Results, SiteCount
from evaluation.value.report import TOO_FEW_PILOTS

SAME_AS = {"pre_level": "balance.level"}
"""A check that asks what a row of the balance asks: one figure in two places."""
LEAST_WEIGHT = 0.01
"""Of a donor that is named."""
OPEN_FIGURES = 6


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """A row that was not printed: of which outcome, by what, which one, and why."""

    outcome: str
    by: str
    which: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Released:
    """Results as they leave; the lines of the register; what was not printed; counts by site."""

    results: Results
    entries: tuple[Entry, ...]
    withheld: tuple[Withheld, ...]
    counts: Mapping[tuple[str, str, str], Count] = field(default_factory=dict)


def release(results: Results, terms: Terms) -> Released:
    """A study's results as they leave.

    Raises
    ------
    DisclosureError : a count is below zero.
    """
    if terms.open_data:
        found = results.plain()
        for one in found["outcomes"]:
            one["placebo_gaps"]["gaps"] = envelopes(one["placebo_gaps"]["gaps"])
            one["counts"] = []
        found = _readable(found, OPEN_FIGURES)
        return Released(results=Results.model_validate(found), entries=(), withheld=())
    return _Door(results, terms).released()


def _readable(content: Any, figures: int) -> Any:
    """Plain data with every number to so many significant figures."""
    return each_number(content, partial(significant, figures=figures))


class _Door:
    """One release: what was printed is remembered while it is made."""

    def __init__(self, results: Results, terms: Terms) -> None:
        self.raw, self.terms, self.key = results, terms, terms.key
        self.entries: list[Entry] = []
        self.withheld: list[Withheld] = []
        self.counts: dict[tuple[str, str, str], Count] = {}
        self.out_of: dict[tuple[str, str, str], Count] = {}
        self.sentences: dict[str, Any] = {}
        self.drawn = results.assignments.drawn
        self.roundings: dict[str, Rounding] = {}
        self.scales: dict[str, Scale] = {}
        self.people: dict[str, dict[float, float]] = {}
        self.starts = {one.code: one.start for one in results.sites}
        lives = results.lives
        self.asked = {} if lives is None else {one.outcome: one for one in lives.items}

    def released(self) -> Released:
        data = self.raw.plain()
        # All that is estimated before all that is made of it: a control stands beside others too.
        opened = [self._opened(one) for one in self.raw.outcomes]
        self._adjust([one["finding"] for one in opened])
        data["balance"] = [self._balance(row) for row in data["balance"]]
        data["outcomes"] = [
            self._outcome(one, held) for one, held in zip(self.raw.outcomes, opened, strict=True)
        ]
        data["equity"] = [self._fifth(row) for row in data["equity"]]
        data["published"] = _readable(data["published"], 4)
        self._identity(data)
        whole = Saying(key=self.key, address=self._address(), known=self._all_known())
        data = self._accounts(data)
        data["lives"] = self._lives()
        one_mean(data, self.raw)
        data["grades"] = self._said(data["grades"], whole)
        data["sentences"] = self.sentences
        for rounding in self.roundings.values():
            self.entries += rounding.entries
        return Released(
            results=Results.model_validate(data),
            entries=tuple(self.entries),
            withheld=tuple(self.withheld),
            counts=self.counts,
        )

    def _address(self, *parts: str) -> str:
        return ".".join((self.raw.programme, self.raw.study, *parts))

    def _all_known(self) -> dict[float, float | None]:
        found: dict[float, float | None] = {}
        for one in self.roundings.values():
            found |= one.known
        return found

    # What is not counted but hashed ------------------------------------------------------------

    def _identity(self, data: dict[str, Any]) -> None:
        """Keyed hashes in place of bare ones, which could be searched for the counts in them."""

        def keyed(bare: str) -> str:
            return self.key.digest(bare.encode(), b"fingerprint") if bare else ""

        for name in ("panel_fingerprint", "figures_fingerprint"):
            data[name] = keyed(data[name])
        # An edition's manifest hashes the results as they are inside: under this nonce nobody can
        # try counts for it, so it stays there.
        data["nonce"] = ""
        lock = data["lock"]
        if lock is None:
            return
        lock = {**lock, "hash": keyed(lock["hash"])}
        head = lock["ledger_head"]
        lock["ledger_head"] = {
            key: keyed(value) if isinstance(value, str) else value for key, value in head.items()
        }
        lock["relocks"] = [self._relock(one) for one in lock["relocks"]]
        data["lock"] = lock

    def _relock(self, again: Mapping[str, Any]) -> dict[str, Any]:
        """A re-lock with its old and new figures at the step of their outcome."""
        figures: dict[str, Any] = {}
        for code, pair in again["figures"].items():
            figures[code] = {
                side: None if row is None else self._stepped_row(code, side, row)
                for side, row in pair.items()
            }
        return {**again, "figures": figures}

    def _stepped_row(self, code: str, side: str, row: Mapping[str, Any]) -> dict[str, Any]:
        rounding = self.roundings.get(code)
        step = self.scales[code].percent_step if code in self.scales else 0.1
        found: dict[str, Any] = {}
        for name, value in row.items():
            is_figure = isinstance(value, float) and rounding is not None
            found[name] = (
                rounding.at(value, step, f"relock.{side}.{name}")
                if is_figure and rounding is not None
                else value
            )
        return found

    def _lives(self) -> dict[str, Any] | None:
        """The survey: means at five respondents' worth, its worth at its estimate's step."""
        lives = self.raw.lives
        if lives is None:
            return None
        effect, step = None, None
        if lives.worth is not None and lives.worth.outcome in self.scales:
            one = next(o for o in self.raw.outcomes if o.code == lives.worth.outcome)
            effect, step = one.estimate.overall.effect, self.scales[one.code].overall_step
        shown, entries = release_lives(
            lives,
            LivesSteps(
                address=self._address("lives"),
                programme=self.raw.programme,
                key=self.key,
                policy=self.terms.policy,
                effect=effect,
                step=step,
                drawn=self.drawn,
            ),
        )
        self.entries += entries
        return shown

    def _one_answer(self, code: str) -> Mapping[str, float] | None:
        """What one respondent moves an area's mean by in each wave; None if nobody was asked."""
        item = self.asked.get(code)
        if item is None:
            return None
        return one_answer(item, self.raw.programme, self.key, self.terms.policy(code))

    # One outcome -------------------------------------------------------------------------------

    def _opened(self, one: OutcomeResult) -> dict[str, Any]:
        """An outcome with its finding and its estimates released."""
        data = one.plain()
        rounding = Rounding(
            address=self._address(one.code),
            key=self.key,
            drawn=self.drawn,
            level=round(1 - self.raw.level, 9),
        )
        self.roundings[one.code] = rounding
        policy = self.terms.policy(one.code)
        self._count(one)
        design = Design(sites=self.raw.sites, window=self.raw.window)
        answers = self._one_answer(one.code)
        moves = sensitivity_of(one, self._printed(one.code), policy, design, answers)
        scale = Scale(one, moves, policy.least_areas, self._window(), rounding, self.starts)
        self.scales[one.code] = scale
        # First, so that what a reader sees first has its offset by its own name.
        self._finding(data["finding"], one, scale, rounding)
        data["estimates"] = [
            self._estimate(place, held, scale, rounding)
            for place, held in enumerate(data["estimates"])
        ]
        return data

    def _outcome(self, one: OutcomeResult, data: dict[str, Any]) -> dict[str, Any]:
        """All else of an outcome, its sentences last."""
        scale, rounding = self.scales[one.code], self.roundings[one.code]
        data["paths"] = self._paths(one, scale, rounding)
        data["placebo_gaps"] = self._envelope(one, scale, rounding)
        data["equally_likely"] = scale.around_effect(data["equally_likely"])
        self._new_site(data, scale, rounding)
        undo = data["finding"].get("undo")
        if data["breaks"]:
            scale.breaks(data["breaks"], undo)
        elif undo:
            undo["breaks"] = rounding.magnitude(undo["breaks"], "undo.breaks")
        data["twin"] = self._synthetic(data["twin"], scale, rounding)
        for row in data["looks"]:
            name = f"look.{row['quarter']}"
            step = scale.look_step(row)
            # The look of a quarter is what the edition of that quarter printed as its finding.
            for end, away in (("effect", 0), ("low", -1), ("high", 1)):
                row[end] = scale.at(
                    rounding,
                    row[end],
                    f"{name}.{end}",
                    away=away,
                    step=step,
                    offset=f"finding.{end}",
                )
            row["spent"] = significant(row["spent"], 4) if row["spent"] is not None else None
        for part in ("withheld", "blanket"):
            if data.get(part):
                for name, value in data[part].items():
                    if isinstance(value, float):
                        data[part][name] = scale.at(rounding, value, f"{part}.{name}")
        self._touched(data.get("touched") or [], scale, rounding)
        self._checks(data, scale)
        data["data"] = self._cells(one)
        data["counts"] = []
        said = [*(self.roundings[code] for code in self._controls(one)), rounding]
        saying = Saying(
            key=self.key,
            address=rounding.address,
            known={at: shown for held in said for at, shown in held.known.items()},
            chances={at: shown for held in said for at, shown in held.chances.items()},
            level=rounding.level,
            people=self.people.get(one.code, {}),
            constants=scale.constants,
            percent_step=scale.percent_step,
            step=scale.overall_step,
            people_step=scale.people_step,
            log=scale.log,
            drawn=self.drawn,
        )
        told: dict[str, Any] = self._said(data, saying)
        return told

    def _window(self) -> int:
        first, last = self.raw.window
        return last - first + 1

    def _said(self, content: Any, saying: Saying) -> Any:
        found, made = said_anew(content, self.raw.sentences, saying)
        self.sentences |= made
        return found

    def _count(self, one: OutcomeResult) -> None:
        """Each site's counts, by the secret offset of the atom that they are."""
        series = f"{one.numerator}|{one.kind}"
        own = self._denominator_series(one)
        for row in one.counts:
            people: float | None = row.denominator
            if own:
                of = self._atom_as_printed(one.code, "out_of", row, own, row.denominator, None)
                self.out_of[one.code, row.site, row.period] = of
                people = None if of.printed is None else float(of.printed)
            shown = self._atom_as_printed(one.code, "count", row, series, row.numerator, people)
            self.counts[one.code, row.site, row.period] = shown

    def _denominator_series(self, one: OutcomeResult) -> str:
        """What an outcome's denominators count; empty where they are fixed, which are published.

        Appointments held or cases closed are counts of people as much as what is counted among
        them: a rate of a printed count over them as they are would tell them exactly.
        """
        known: dict[tuple[str, ...], set[float]] = {}
        for row in one.counts:
            known.setdefault(row.areas, set()).add(row.denominator)
        if all(len(of) == 1 for of in known.values()):
            return ""
        told = self.terms.denominators.get(one.code, "")
        return f"{told}|{one.kind}" if told else f"{one.code}|out of"

    def _atom_as_printed(
        self,
        code: str,
        what: str,
        row: SiteCount,
        series: str,
        counted: float,
        people: float | None,
    ) -> Count:
        """A site's count by its secret offset, entered in the register.

        Parameters
        ----------
        people : among so many; None where that is not known.
        """
        policy = self.terms.policy(code)
        atom = Atom.of(self.raw.programme, series, row.areas, Period.parse(row.period))
        address = self._address(code, what, row.site, row.period)
        shown = among(rounded(round(counted), atom, self.key, policy), people, policy)
        cell = cell_of(self.key, atom)
        shown = self.terms.before.count(address, shown, cell)
        self.entries.append(Entry.of_count(address, shown, policy, cell))
        return shown

    def _printed(self, code: str) -> Callable[[str, str], Count]:
        return lambda site, period: self.counts[code, site, period]

    def _paths(self, one: OutcomeResult, scale: Scale, rounding: Rounding) -> list[dict[str, Any]]:
        """Pilots as released totals over published denominators; the rest at its step."""
        rows, rates = [], []
        held: dict[str, list[Any]] = {}
        for count in one.counts:
            held.setdefault(count.period, []).append(count)
        for row in one.paths:
            found = row.plain()
            parts = held.get(row.period, [])
            if parts:
                whole = total([self.counts[one.code, c.site, c.period] for c in parts])
                rate = self._rate(one, whole, parts)
                rates.append((row.period, rate))
                found["pilot"] = rate.printed
            elif one.counts:
                found["pilot"] = None
            else:
                found["pilot"] = rounding.at(
                    row.pilot, scale.level_step, f"path.{row.period}", kind="path"
                )
            hidden = found["pilot"] is None
            for name, away in (("comparison", 0), ("counterfactual", 0), ("low", -1), ("high", 1)):
                value = found[name]
                if name != "comparison" and hidden:
                    found[name] = None
                    continue
                found[name] = rounding.at(
                    value, scale.level_step, f"path.{row.period}.{name}", away=away, kind="path"
                )
            rows.append(found)
        if rates:
            path = Path(periods=tuple(p for p, _ in rates), rates=tuple(r for _, r in rates))
            self.entries += entries_of_path(self._address(one.code, "path"), path)
        return rows

    def _rate(self, one: OutcomeResult, whole: Count, parts: Sequence[SiteCount]) -> Rate:
        """Printed counts over published denominators, or over such as are printed themselves."""
        counted = [self.out_of.get((one.code, c.site, c.period)) for c in parts]
        of = [found for found in counted if found is not None]
        if not of:
            return rate_of(whole, sum(c.denominator for c in parts), one.per)
        among_all = total(of)
        if not among_all.printed:
            whole = replace(whole, printed=None, low=0, high=None)
        return rate_of(whole, float(among_all.printed or 1), one.per)

    def _estimate(
        self, place: int, held: dict[str, Any], scale: Scale, rounding: Rounding
    ) -> dict[str, Any]:
        """An estimate's rows, each at the step of its own support; none of a single area."""
        name = f"{held['estimator']}.{place}"
        own = partial(
            self._row,
            name=name,
            scale=scale,
            rounding=rounding,
            base_weight=held.get("base_weight"),
        )
        rows: dict[str, Any] = {"overall": own("overall", "", held["overall"])}
        for by in ("cohort", "site", "quarter", "event_time"):
            rows[by] = [own(by, str(row[by]), row) for row in held[by]]
        plain = (str, int, float, bool, type(None))
        kept = {name: one for name, one in held["diagnostics"].items() if isinstance(one, plain)}
        return {
            **held,
            **rows,
            "area": [],
            "base_weight": None,
            "diagnostics": {**_readable(kept, 2), **scale.fit(kept, f"{name}.")},
            "warnings": [one for one in held["warnings"] if not self._names_areas(one)],
        }

    def _names_areas(self, text: str) -> bool:
        """Whether a warning tells a figure of a single area."""
        figures = self.raw.sentences.get(text, {}).get("figures", {})
        return "worst" in figures

    def _row(
        self,
        by: str,
        which: str,
        row: dict[str, Any],
        name: str,
        scale: Scale,
        rounding: Rounding,
        base_weight: float | None,
    ) -> dict[str, Any]:
        address = ".".join(filter(None, (name, by, which)))
        step, reason = scale.of_row(by, which, row, address, base_weight)
        figures = ("effect", "se", "low", "high", "low_band", "high_band")
        if reason:
            rounding.hide(*(scale.shown(row[one]) for one in figures))
            rounding.hide(*(row[one] for one in figures))
            self.withheld.append(
                Withheld(outcome=scale.outcome.code, by=by, which=which, reason=reason)
            )
            empty = dict.fromkeys((*figures, "p_value"))
            return {**row, **empty}
        found = dict(row)
        ends = (("low", -1), ("high", 1), ("low_band", -1), ("high_band", 1))
        for part, away in (("effect", 0), *ends):
            apart = (0.0,) if _one_side(row) or part == "effect" else ()
            found[part] = scale.at(
                rounding,
                row[part],
                f"{address}.{part}",
                away=away,
                step=step,
                apart=apart if away else (),
                support=row["n_areas"],
            )
        found["se"] = scale.error(row["se"], step, f"{address}.se")
        # The finding's own p-value is that of the row that it rests on.
        p = row["p_value"]
        of_finding = address == scale.overall_row and p is not None
        own = rounding.chances.get(one_figure(p)) if of_finding else None
        found["p_value"] = own or scale.chance(p, f"{address}.p", step, found["se"])
        return found

    def _finding(
        self, finding: dict[str, Any], one: OutcomeResult, scale: Scale, rounding: Rounding
    ) -> None:
        """The headline in per cent and in people, its p values, what would undo it."""
        margin = finding["margin_percent"]
        lines = (0.0,) if margin is None else (0.0, margin, -margin)
        shown, step = finding["effect_percent"], scale.percent_step
        for part, away in (("effect", 0), ("low", -1), ("high", 1)):
            shown[part] = rounding.at(
                shown[part],
                step,
                f"finding.{part}",
                away=away,
                apart=lines if away else (),
                support=one.estimate.overall.n_areas,
            )
        people = finding["people"]
        for when, periods in (("per_quarter", 1), ("to_date", self._window())):
            held = (people or {}).get(when)
            if not held:
                continue
            raw = dict(held)
            for part, away in (("effect", 0), ("low", -1), ("high", 1)):
                name = f"people.{when}.{part}"
                held[part] = scale.people(rounding, held, part, name, away, periods)
            self.people.setdefault(one.code, {}).update(_as_said(raw, held))
        finding["p_value"] = scale.chance(finding["p_value"], "finding.p", scale.overall_step)
        looked = finding["looked"]
        if looked:
            looked["p"] = scale.chance(looked["p"], "looked.p", scale.overall_step)
        if finding["detectable_percent"] is not None:
            finding["detectable_percent"] = rounding.at(
                finding["detectable_percent"], step, "finding.detectable"
            )
        if looked:
            for part, away in (("low", -1), ("high", 1)):
                looked[part] = scale.at(
                    rounding,
                    looked[part],
                    f"looked.{part}",
                    away=away,
                    step=scale.looked_step(looked[part]),
                )
            looked["spent"] = significant(looked["spent"], 4) if looked["spent"] else 0.0
            looked["alpha"] = significant(looked["alpha"], 4) if looked["alpha"] else 0.0
        undo = finding.get("undo")
        if undo:
            scale.cause(undo, finding["effect_percent"])

    def _envelope(self, one: OutcomeResult, scale: Scale, rounding: Rounding) -> dict[str, Any]:
        """Effects by event time as their rows are printed, and quantiles of the placebo ones."""
        held = one.placebo_effects
        times, rows = list(held.event_times), held.placebo
        own = {row.event_time: row.effect for row in one.estimate.event_time}
        # To six digits a gap is the effect of its row: where that is withheld, so is the gap.
        same = (
            own[t] if same_figure(own.get(t), v) else v
            for t, v in zip(times, held.real, strict=True)
        )
        # A placebo effect is a mean of as many areas in one period as the real one.
        rows_of = {row.event_time: row.plain() for row in one.estimate.event_time}
        whole = one.estimate.overall.plain()
        steps = {t: scale.row_step("event_time", str(t), rows_of.get(t, whole)) for t in times}
        real = [
            scale.at(rounding, v, f"gap.{t}", step=steps[t])
            for t, v in zip(times, same, strict=True)
        ]
        series = [
            [
                scale.at(rounding, value, f"placebo.{share}.{t}", step=steps[t])
                for t, value in zip(times, quantiles, strict=True)
            ]
            for share, quantiles in zip(ENVELOPE, envelopes(rows), strict=False)
        ]
        return {"event_times": times, "real": real, "gaps": series}

    def _new_site(self, data: dict[str, Any], scale: Scale, rounding: Rounding) -> None:
        one = data["new_site"]
        if one is None:
            return
        step = scale.sites_step
        for part, away in (("mean", 0), ("low", -1), ("high", 1)):
            name = f"new_site.{part}"
            one[part] = scale.at(rounding, one[part], name, away=away, step=step)
        for part in ("se", "tau"):
            one[part] = scale.error(one[part], step, f"new_site.{part}")
        for part, away in (("mean_low", -1), ("mean_high", 1)):
            if one.get(part) is not None:
                name = f"new_site.{part}"
                one[part] = scale.at(rounding, one[part], name, away=away, step=step)
        for part in ("tau_low", "tau_high"):
            if one.get(part) is not None:
                one[part] = scale.error(one[part], step, f"new_site.{part}")
        # Effects of single sites to the last digit, and ranges that differ from the printed one by
        # the scale alone: they stay inside.
        for part in ("by_site", "by_scale", "reml"):
            if part in one:
                one[part] = []
        one["p_alike"] = scale.chance(one["p_alike"], "new_site.p")
        if one["mean"] is None or one["low"] is None or one["high"] is None:
            data["new_site"] = None

    def _synthetic(
        self, held: dict[str, Any] | None, scale: Scale, rounding: Rounding
    ) -> dict[str, Any] | None:
        """The synthetic control with its donors of a hundredth and more, to two decimals."""
        if held is None:
            return None
        # A path of levels, in logarithms too: each figure is of all areas in one period.
        for row in held["rows"]:
            for part, away in (("observed", 0), ("twin", 0), ("low", -1), ("high", 1)):
                row[part] = scale.path_at(
                    rounding,
                    row[part],
                    f"twin.{row['period']}.{part}",
                    away,
                    held["scale"],
                    row["period"],
                )
        shown = [
            {**one, "weight": rounding.weight(one["weight"], f"donor.{one['name']}")}
            for one in held["donors"]
        ]
        # In the order of what is printed: that of the weights as they are would tell, of those that
        # are printed alike, which is the heavier.
        donors = sorted(
            (one for one in shown if one["weight"] >= LEAST_WEIGHT),
            key=lambda one: (-one["weight"], one["name"]),
        )
        return {**held, "donors": donors, **scale.fit(held)}

    def _touched(self, rows: list[dict[str, Any]], scale: Scale, rounding: Rounding) -> None:
        """Effects without some areas: what a few of them make up is theirs, and stays inside."""
        first: float | None = None
        for place, row in enumerate(rows):
            few = 0 < row["areas"] < scale.least
            for part, away in (("effect", 0), ("low", -1), ("high", 1)):
                name = f"touched.{place}.{part}"
                row[part] = None if few else scale.at(rounding, row[part], name, away=away)
            name = f"touched.{place}"
            row["se"] = None if few else scale.error(row["se"], scale.overall_step, f"{name}.se")
            row["p_value"] = (
                None
                if few
                else scale.chance(row["p_value"], f"{name}.p", scale.overall_step, row["se"])
            )
            first = row["effect"] if place == 0 else first
            known = first is not None and row["effect"] is not None
            # A difference of what is printed: one of its own would tell what was left out.
            row["change"] = round(row["effect"] - first, 6) + 0.0 if known else None

    def _checks(self, data: dict[str, Any], scale: Scale) -> None:
        """Each check's p-value and figures; a control's are its own, wherever they stand."""
        titles = {one.plain_title: one.code for one in self.raw.outcomes}
        for check in data["diagnostics"]:
            figures, name, own = check.get("figures"), check["code"], scale
            if name == CONTROL and figures and figures["names"]:
                own = self.scales.get(titles.get(figures["names"][0], ""), scale)
            check["p_value"] = own.chance(check["p_value"], f"{SAME_AS.get(name, name)}.p")
            if figures:
                own.check(name, figures)

    def _adjust(self, findings: Sequence[dict[str, Any]]) -> None:
        """Adjusted p-values as so many times the printed ones that they were made of.

        By Holm, and by false discovery rate, each is a p-value of its family times a ratio of how
        many there are: with an offset of its own it would be a second view of that one.
        """
        known = [held for one in self.roundings.values() for held in one.chances.items()]
        for one, finding in zip(self.raw.outcomes, findings, strict=True):
            raw, rounding = one.finding.adjusted_p, self.roundings[one.code]
            own = [*rounding.chances.items(), *known]
            shown = None if raw is None else adjusted(raw, own, rounding.level)
            if shown is None:
                finding["adjusted_p"] = self.scales[one.code].chance(raw, "finding.adjusted_p")
            else:
                finding["adjusted_p"] = rounding.chances[one_figure(raw or 0.0)] = shown

    def _controls(self, one: OutcomeResult) -> list[str]:
        titles = {other.plain_title: other.code for other in self.raw.outcomes}
        named = [
            name
            for check in one.diagnostics
            if check.code == CONTROL and check.figures
            for name in check.figures.names[:1]
        ]
        return [titles[name] for name in named if name in titles]

    def _cells(self, one: OutcomeResult) -> dict[str, Any]:
        """How many cells there are; how many are withheld is a count of small counts itself."""
        held = one.data.plain()
        if held.get("lineage"):
            held["lineage"]["most_apportioned"] = round(held["lineage"]["most_apportioned"], 2)
        # How many were restated is told by day and sender too, and is no count of people.
        policy, many = self.terms.policy(one.code), held["suppressed"]
        if not many:
            return held
        last = Period.parse(self.raw.sample.last).ordinal
        series = f"{one.code}|suppressed"
        atom = Atom(programme=self.raw.programme, series=series, areas=(), first=0, last=last)
        shown = rounded(many, atom, self.key, policy)
        held["suppressed"] = shown.printed
        address = self._address(one.code, "cells", "suppressed")
        self.entries.append(Entry.of_count(address, shown, policy))
        return held

    # Beside the outcomes -----------------------------------------------------------------------

    def _fifth(self, row: dict[str, Any]) -> dict[str, Any]:
        """Effects in a fifth of areas, of three pilot areas at least."""
        found = []
        for effect in row["effects"]:
            code = effect["outcome"]
            scale, rounding = self.scales[code], self.roundings[code]
            if row["pilot_areas"] < scale.least:
                rounding.hide(effect["effect"], effect["low"], effect["high"])
                continue
            name = f"fifth.{row['fifth']}"
            step = scale.step(row["pilot_areas"], self._window(), effect)
            for part, away in (("effect", 0), ("low", -1), ("high", 1)):
                effect[part] = scale.at(
                    rounding, effect[part], f"{name}.{part}", away=away, step=step
                )
            effect["p_value"] = scale.chance(effect["p_value"], f"{name}.p", step)
            found.append(effect)
        reason = row["reason"]
        if row["effects"] and not found:
            reason = TOO_FEW_PILOTS
        return {**row, "effects": found, "reason": reason}

    def _balance(self, row: dict[str, Any]) -> dict[str, Any]:
        """Levels and paths before the start, each at a step worth several people of all pilots."""
        scale = self.scales.get(row["outcome"])
        return row if scale is None else scale.balanced(row)

    def _accounts(self, data: dict[str, Any]) -> dict[str, Any]:
        """Money at its step, and its sentences anew."""
        for name in ("value", "gross"):
            held = data.get(name)
            if held is None:
                continue
            shown, known, entries = release_accounts(
                held, self._address(name), self.key, self._prices(held), self.raw.sentences
            )
            self.entries += entries
            saying = Saying(
                key=self.key, address=self._address(name), known={**self._all_known(), **known}
            )
            data[name] = self._said(shown, saying)
        return data

    def _prices(self, held: Mapping[str, Any]) -> Prices:
        """What a person is worth in the accounts, by prices and periods that are public."""
        codes = {row["outcome"] for row in held["by_outcome"]} & self.scales.keys()
        scales = [self.scales[code] for code in sorted(codes)]
        ahead = (held.get("what_if") or {}).get("ahead") or {}
        return Prices(
            rows=held["by_outcome"],
            often=max((scale.often for scale in scales), default=1.0),
            people=max((self.terms.policy(code).step_people for code in codes), default=5),
            ahead=max(ahead.values(), key=sum, default=()),
            moved={code: self._answer_moves(code, held) for code in codes & self.asked.keys()},
        )

    def _answer_moves(self, code: str, held: Mapping[str, Any]) -> float:
        """How many of its cost units one answer moves: by what the whole effect comes to."""
        scale = self.scales[code]
        effect = scale.outcome.estimate.overall.effect
        row = next(one for one in held["by_outcome"] if one["outcome"] == code)
        if not effect or scale.moves is None:
            return 1.0
        cells = scale.moves.row("overall")
        one = scale.moves.of_effect(cells, scale.base_weight, scale.areas)
        return abs(float(one * row["events_avoided"]["mean"] / effect))


def _as_said(raw: Mapping[str, Any], printed: Mapping[str, Any]) -> dict[float, float]:
    """Counts of people as sentences round them -> as they round what is printed."""
    ends = [one[end] for one in (raw, printed) for end in ("low", "high")]
    if any(end is None for end in ends):
        return {}
    found: dict[float, float] = {}
    for part in ("effect", "low", "high"):
        for sign in (1.0, -1.0):
            of_raw, of_printed = (
                sentences.rounded(sign * one[part], (one["high"] - one["low"]) / 2, apart=True)
                for one in (raw, printed)
            )
            found[one_figure(of_raw.value)] = of_printed.value
    return found


def _one_side(row: Mapping[str, Any]) -> bool:
    low, high = row["low"], row["high"]
    return low is not None and high is not None and low * high > 0

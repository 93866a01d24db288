"""A study's results as they leave: every figure released, every sentence made of released figures.

The shape is that of the results (`evaluation.study.record.Results`), so that whatever shows results
shows released ones and can be given no others. Verdicts stay as they were found: they rest on the
full counts, and what is printed beside them never contradicts them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluation.disclosure.counts import Atom, Count, among, cell_of, rounded, total
from evaluation.disclosure.effects import step_of
from evaluation.disclosure.released import (
    Entry,
    Path,
    entries_of_path,
    p_value,
    rate_of,
    significant,
)
from evaluation.finding import sentences
from evaluation.quarters import Period
from evaluation.release.released_accounts import release_accounts
from evaluation.release.released_lives import (
    LivesSteps,
    one_answer,
    one_mean,
    release_lives,
    same_figure,
)
from evaluation.release.rounding import (
    ENVELOPE,
    Rounding,
    Sensitivity,
    Terms,
    envelopes,
    one_figure,
    sensitivity_of,
    too_coarse,
)
from evaluation.release.said import Saying, said_anew
from evaluation.study.record import OutcomeResult, Results
from evaluation.wording import apart_digits

LEAST_WEIGHT = 0.01
"""Of a donor that is named."""
OPEN_FIGURES = 6
LIKE = 20.0
"""Where nothing is counted beneath a figure, its step is worth this part of its printed error."""


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
    if isinstance(content, Mapping):
        return {key: _readable(value, figures) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_readable(value, figures) for value in content]
    return significant(content, figures) if isinstance(content, float) else content


class _Door:
    """One release: what was printed is remembered while it is made."""

    def __init__(self, results: Results, terms: Terms) -> None:
        self.raw, self.terms, self.key = results, terms, terms.key
        self.entries: list[Entry] = []
        self.withheld: list[Withheld] = []
        self.counts: dict[tuple[str, str, str], Count] = {}
        self.sentences: dict[str, Any] = {}
        self.drawn = results.assignments.drawn
        self.roundings: dict[str, Rounding] = {}
        self.percent_steps: dict[str, float] = {}
        self.people: dict[str, dict[float, float]] = {}
        self.steps: dict[str, float] = {}
        lives = results.lives
        self.asked = {} if lives is None else {one.outcome: one for one in lives.items}

    def released(self) -> Released:
        data = self.raw.plain()
        data["outcomes"] = [self._outcome(one) for one in self.raw.outcomes]
        by_code = {one.code: one for one in self.raw.outcomes}
        data["equity"] = [self._fifth(row, by_code) for row in data["equity"]]
        data["balance"] = [self._balance(row) for row in data["balance"]]
        data["published"] = _readable(data["published"], 4)
        self._identity(data)
        whole = Saying(key=self.key, address=self._address(), known=self._all_known())
        data = self._accounts(data)
        data["lives"] = self._lives()
        one_mean(data, self.raw)
        data["grades"] = self._said(data["grades"], whole)
        data["sentences"] = self.sentences
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
        step = self.percent_steps.get(code, 0.1)
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
        if lives.worth is not None and lives.worth.outcome in self.steps:
            one = next(o for o in self.raw.outcomes if o.code == lives.worth.outcome)
            effect, step = one.estimate.overall.effect, self.steps[one.code]
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

    def _one_answer(self, code: str) -> float | None:
        """What one respondent moves the mean of an area by; None where nobody was asked."""
        item = self.asked.get(code)
        if item is None:
            return None
        return one_answer(item, self.raw.programme, self.key, self.terms.policy(code))

    # One outcome -------------------------------------------------------------------------------

    def _outcome(self, one: OutcomeResult) -> dict[str, Any]:
        data = one.plain()
        rounding = Rounding(address=self._address(one.code), key=self.key)
        self.roundings[one.code] = rounding
        policy = self.terms.policy(one.code)
        self._count(one)
        answers = self._one_answer(one.code)
        moves = sensitivity_of(one, self._printed(one.code), policy, answers)
        scale = _Scale(one, moves, policy.least_areas, self._window())
        self.steps[one.code] = scale.overall_step
        # First, so that what a reader sees first has its offset by its own name.
        self._finding(data["finding"], one, scale, rounding)
        data["estimates"] = [
            self._estimate(place, held, scale, rounding)
            for place, held in enumerate(data["estimates"])
        ]
        step, percent_step = scale.overall_step, scale.percent_step
        self.percent_steps[one.code] = percent_step
        data["paths"] = self._paths(one, scale, rounding)
        data["placebo_gaps"] = self._envelope(one, scale, rounding)
        data["equally_likely"] = [
            scale.at(rounding, value, f"likely.{place}")
            for place, value in enumerate(data["equally_likely"])
        ]
        self._new_site(data, scale, rounding)
        for place, row in enumerate((data["breaks"] or {}).get("rows", ())):
            for end, away in (("low", -1), ("high", 1)):
                row[end] = scale.at(rounding, row[end], f"breaks.{place}.{end}", away=away)
        data["twin"] = self._synthetic(data["twin"], scale, rounding)
        for row in data["looks"]:
            name = f"look.{row['quarter']}"
            row["effect"] = scale.at(rounding, row["effect"], f"{name}.effect")
            for end, away in (("low", -1), ("high", 1)):
                row[end] = scale.at(rounding, row[end], f"{name}.{end}", away=away)
            row["spent"] = significant(row["spent"], 4) if row["spent"] is not None else None
        for part in ("withheld", "blanket"):
            if data.get(part):
                for name, value in data[part].items():
                    if isinstance(value, float):
                        data[part][name] = scale.at(rounding, value, f"{part}.{name}")
        self._touched(data.get("touched") or [], scale, rounding)
        self._checks(data, scale, rounding)
        data["data"] = self._cells(one)
        data["counts"] = []
        self.entries += rounding.entries
        saying = Saying(
            key=self.key,
            address=rounding.address,
            known=rounding.known,
            people=self.people.get(one.code, {}),
            constants=scale.constants,
            percent_step=percent_step,
            step=step,
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
        policy = self.terms.policy(one.code)
        series = f"{one.numerator}|{one.kind}"
        for row in one.counts:
            atom = Atom.of(self.raw.programme, series, row.areas, Period.parse(row.period))
            address = self._address(one.code, "count", row.site, row.period)
            shown = rounded(round(row.numerator), atom, self.key, policy)
            shown = among(shown, row.denominator, policy)
            cell = cell_of(self.key, atom)
            shown = self.terms.before.count(address, shown, cell)
            self.counts[one.code, row.site, row.period] = shown
            self.entries.append(
                Entry(
                    address=address,
                    kind="count",
                    printed=shown.printed,
                    low=shown.low,
                    high=shown.high,
                    step=policy.base,
                    support=shown.areas,
                    cell=cell,
                )
            )

    def _printed(self, code: str) -> Callable[[str, str], Count]:
        return lambda site, period: self.counts[code, site, period]

    def _paths(self, one: OutcomeResult, scale: _Scale, rounding: Rounding) -> list[dict[str, Any]]:
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
                rate = rate_of(whole, sum(c.denominator for c in parts), one.per)
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

    def _estimate(
        self, place: int, held: dict[str, Any], scale: _Scale, rounding: Rounding
    ) -> dict[str, Any]:
        """An estimate's rows, each at the step of its own support; none of a single area."""
        name = f"{held['estimator']}.{place}"
        rows: dict[str, Any] = {
            "overall": self._row("overall", "", held["overall"], name, scale, rounding)
        }
        for by in ("cohort", "site", "quarter", "event_time"):
            rows[by] = [self._row(by, str(row[by]), row, name, scale, rounding) for row in held[by]]
        kept = {key: value for key, value in held["diagnostics"].items() if _is_plain(value)}
        return {
            **held,
            **rows,
            "area": [],
            "diagnostics": _readable(kept, 2),
            "warnings": [one for one in held["warnings"] if not self._names_areas(one)],
        }

    def _names_areas(self, text: str) -> bool:
        """Whether a warning tells a figure of a single area."""
        figures = self.raw.sentences.get(text, {}).get("figures", {})
        return "worst" in figures

    def _row(
        self, by: str, which: str, row: dict[str, Any], name: str, scale: _Scale, rounding: Rounding
    ) -> dict[str, Any]:
        step, reason = scale.of_row(by, row)
        address = ".".join(filter(None, (name, by, which)))
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
        found["se"] = scale.error(row["se"], step)
        if found["se"] is not None:
            rounding.known.setdefault(one_figure(row["se"]), found["se"])
        found["p_value"] = None if row["p_value"] is None else p_value(row["p_value"], self.drawn)
        return found

    def _finding(
        self, finding: dict[str, Any], one: OutcomeResult, scale: _Scale, rounding: Rounding
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
        for name in ("p_value", "adjusted_p"):
            if finding[name] is not None:
                finding[name] = p_value(finding[name], self.drawn)
        if finding["detectable_percent"] is not None:
            finding["detectable_percent"] = rounding.at(
                finding["detectable_percent"], step, "finding.detectable"
            )
        looked = finding["looked"]
        if looked:
            for part, away in (("low", -1), ("high", 1)):
                looked[part] = scale.at(rounding, looked[part], f"looked.{part}", away=away)
            looked["p"] = None if looked["p"] is None else p_value(looked["p"], self.drawn)
            looked["spent"] = significant(looked["spent"], 4) if looked["spent"] else 0.0
            looked["alpha"] = significant(looked["alpha"], 4) if looked["alpha"] else 0.0
        undo = finding.get("undo")
        if undo:
            # In the digits of their sentences, so that no table tells another figure.
            for part in ("breaks", "cause"):
                value = undo[part]
                if value is not None and math.isfinite(value):
                    undo[part] = round(value, apart_digits(value, (0.0,), 2))

    def _envelope(self, one: OutcomeResult, scale: _Scale, rounding: Rounding) -> dict[str, Any]:
        """Effects by event time as their rows are printed, and quantiles of the placebo ones."""
        held = one.placebo_effects
        times, rows = list(held.event_times), held.placebo
        own = {row.event_time: row.effect for row in one.estimate.event_time}
        # To six digits a gap is the effect of its row: where that is withheld, so is the gap.
        same = (
            own[t] if same_figure(own.get(t), v) else v
            for t, v in zip(times, held.real, strict=True)
        )
        real = [scale.at(rounding, v, f"gap.{t}") for t, v in zip(times, same, strict=True)]
        series = [
            [
                scale.at(rounding, value, f"placebo.{share}.{t}")
                for t, value in zip(times, quantiles, strict=True)
            ]
            for share, quantiles in zip(ENVELOPE, envelopes(rows), strict=False)
        ]
        return {"event_times": times, "real": real, "gaps": series}

    def _new_site(self, data: dict[str, Any], scale: _Scale, rounding: Rounding) -> None:
        one = data["new_site"]
        if one is None:
            return
        for part, away in (("mean", 0), ("low", -1), ("high", 1)):
            one[part] = scale.at(rounding, one[part], f"new_site.{part}", away=away)
        for part in ("se", "tau"):
            one[part] = scale.error(one[part], scale.overall_step)
        for part, away in (("mean_low", -1), ("mean_high", 1)):
            if one.get(part) is not None:
                one[part] = scale.at(rounding, one[part], f"new_site.{part}", away=away)
        for part in ("tau_low", "tau_high"):
            if one.get(part) is not None:
                one[part] = scale.error(one[part], scale.overall_step)
        # Effects of single sites to the last digit, and ranges that differ from the printed one by
        # the scale alone: they stay inside.
        for part in ("by_site", "by_scale", "reml"):
            if part in one:
                one[part] = []
        one["p_alike"] = p_value(one["p_alike"], self.drawn)
        if one["mean"] is None or one["low"] is None or one["high"] is None:
            data["new_site"] = None

    def _synthetic(
        self, held: dict[str, Any] | None, scale: _Scale, rounding: Rounding
    ) -> dict[str, Any] | None:
        """The synthetic control with its donors of a hundredth and more, to two decimals."""
        if held is None:
            return None
        # Of logarithms it is a path of levels all the same: three figures, and none finer.
        for row in held["rows"]:
            for part, away in (("observed", 0), ("twin", 0), ("low", -1), ("high", 1)):
                row[part] = scale.path_at(
                    rounding, row[part], f"twin.{row['period']}.{part}", away, held["scale"]
                )
        donors = [
            {**one, "weight": round(one["weight"], 2)}
            for one in held["donors"]
            if one["weight"] >= LEAST_WEIGHT
        ]
        found = {**held, "donors": donors}
        for name in ("pre_period_rmspe", "effective_donors"):
            if found.get(name) is not None:
                found[name] = significant(found[name], 2)
        return found

    def _touched(self, rows: list[dict[str, Any]], scale: _Scale, rounding: Rounding) -> None:
        """Effects without some areas: what a few of them make up is theirs, and stays inside."""
        first: float | None = None
        for place, row in enumerate(rows):
            few = 0 < row["areas"] < scale.least
            for part, away in (("effect", 0), ("low", -1), ("high", 1)):
                name = f"touched.{place}.{part}"
                row[part] = None if few else scale.at(rounding, row[part], name, away=away)
            row["se"] = None if few else scale.error(row["se"], scale.overall_step)
            if few or row["p_value"] is None:
                row["p_value"] = None
            else:
                row["p_value"] = p_value(row["p_value"], self.drawn)
            first = row["effect"] if place == 0 else first
            known = first is not None and row["effect"] is not None
            # A difference of what is printed: one of its own would tell what was left out.
            row["change"] = round(row["effect"] - first, 6) + 0.0 if known else None

    def _checks(self, data: dict[str, Any], scale: _Scale, rounding: Rounding) -> None:
        for check in data["diagnostics"]:
            if check["p_value"] is not None:
                check["p_value"] = p_value(check["p_value"], self.drawn)
            figures = check.get("figures")
            for part in ("size", "seen"):
                if figures and figures[part] is not None:
                    step = scale.percent_step if "%" in figures["unit"] else scale.plain_step
                    figures[part] = rounding.at(figures[part], step, f"{check['code']}.{part}")

    def _cells(self, one: OutcomeResult) -> dict[str, Any]:
        """How many cells there are; how many are withheld is a count of small counts itself."""
        held = one.data.plain()
        if held.get("lineage"):
            held["lineage"]["most_apportioned"] = round(held["lineage"]["most_apportioned"], 2)
        policy = self.terms.policy(one.code)
        # How many were restated is told by day and sender too, and is no count of people.
        policy, many = self.terms.policy(one.code), held["suppressed"]
        if not many:
            return held
        last = Period.parse(self.raw.sample.last).ordinal
        series = f"{one.code}|suppressed"
        atom = Atom(programme=self.raw.programme, series=series, areas=(), first=0, last=last)
        shown = rounded(many, atom, self.key, policy)
        held["suppressed"] = shown.printed
        self.entries.append(
            Entry(
                address=self._address(one.code, "cells", "suppressed"),
                kind="count",
                printed=shown.printed,
                low=shown.low,
                high=shown.high,
                step=policy.base,
            )
        )
        return held

    # Beside the outcomes -----------------------------------------------------------------------

    def _fifth(self, row: dict[str, Any], by_code: Mapping[str, OutcomeResult]) -> dict[str, Any]:
        """Effects in a fifth of areas, of three pilot areas at least."""
        found = []
        for effect in row["effects"]:
            code = effect["outcome"]
            one, rounding = by_code[code], self.roundings[code]
            policy = self.terms.policy(code)
            moves = sensitivity_of(one, self._printed(code), policy, self._one_answer(code))
            scale = _Scale(one, moves, policy.least_areas, self._window())
            if row["pilot_areas"] < policy.least_areas:
                rounding.hide(effect["effect"], effect["low"], effect["high"])
                continue
            step = scale.step(row["pilot_areas"], self._window(), effect)
            for part, away in (("effect", 0), ("low", -1), ("high", 1)):
                effect[part] = scale.at(
                    rounding, effect[part], f"fifth.{row['fifth']}.{part}", away=away, step=step
                )
            if effect["p_value"] is not None:
                effect["p_value"] = p_value(effect["p_value"], self.drawn)
            found.append(effect)
        reason = row["reason"]
        if row["effects"] and not found:
            reason = "fewer than three pilot areas: their figures would show people"
        return {**row, "effects": found, "reason": reason}

    def _balance(self, row: dict[str, Any]) -> dict[str, Any]:
        """Levels before the start to three figures, standardised differences to two decimals."""
        found = dict(row)
        for name in ("pilots", "comparisons"):
            if row[name] is not None:
                found[name] = significant(row[name], 3)
        if row["difference"] is not None:
            found["difference"] = round(row["difference"], 2)
        if row["p_value"] is not None:
            found["p_value"] = p_value(row["p_value"], self.drawn)
        return found

    def _accounts(self, data: dict[str, Any]) -> dict[str, Any]:
        """Money at its step, and its sentences anew."""
        for name in ("value", "gross"):
            held = data.get(name)
            if held is None:
                continue
            shown, known, entries = release_accounts(held, self._address(name), self.key)
            self.entries += entries
            saying = Saying(
                key=self.key, address=self._address(name), known={**self._all_known(), **known}
            )
            data[name] = self._said(shown, saying)
        return data


class _Scale:
    """What an outcome's estimates are counted in, and at which step each is printed."""

    def __init__(
        self, one: OutcomeResult, moves: Sensitivity | None, least: int, window: int
    ) -> None:
        self.outcome, self.moves, self.least, self.window = one, moves, least, window
        self.log = one.estimate.scale == "log"
        overall = one.estimate.overall.plain()
        self.overall_step = self.step(overall["n_areas"] or 1, window, overall)
        effect, percent = overall["effect"], one.finding.effect_percent.effect
        ratio = abs(percent / effect) if not self.log and effect and percent else 1.0
        self.percent_step = (
            self.overall_step if self.log else _nice_above(self.overall_step * ratio)
        )
        self.level_step = self._level_step()
        self.plain_step = self.overall_step / 100 if self.log else self.overall_step
        self.people_step = float(moves.people if moves else 5)

    @property
    def constants(self) -> frozenset[float]:
        """What no person moves: what the protocol states."""
        finding = self.outcome.finding
        stated = (finding.margin_percent, finding.hoped_percent)
        return frozenset(abs(one) for one in stated if one is not None)

    def _level_step(self) -> float:
        """Of a path in the outcome's own unit: five people of all pilots in one period."""
        people: dict[str, float] = {}
        for row in self.outcome.counts:
            people[row.period] = people.get(row.period, 0.0) + row.denominator
        if people and self.moves is not None:
            return _nice_above(self.moves.people * self.outcome.per / min(people.values()))
        if self.moves is not None:
            # A mean of answers: five respondents of all pilot areas in one wave.
            return self.moves.step(self.outcome.estimate.overall.n_areas or 1, 1)
        levels = [row.pilot for row in self.outcome.paths if row.pilot]
        return _nice_above(max(map(abs, levels), default=1.0) / 1000)

    def step(self, areas: int, periods: int, row: Mapping[str, Any]) -> float:
        """Of a row over so many areas and periods, in per cent where it is of logarithms."""
        if self.moves is not None:
            return self.moves.step(areas, periods)
        error = row.get("se")
        if error is None or not error > 0:
            ends = [row.get("low"), row.get("high"), row.get("effect")]
            error = max((abs(one) for one in ends if one is not None), default=1.0) or 1.0
        return _nice_above((100 if self.log else 1) * error / LIKE)

    def of_row(self, by: str, row: Mapping[str, Any]) -> tuple[float, str]:
        """The step of a row of an estimate, and why it is not printed; empty where it is."""
        areas = row["n_areas"] or 1
        periods = 1 if by in ("quarter", "event_time") else self.window
        step = self.step(areas, periods, row)
        if by != "overall" and areas < self.least:
            return step, "too few areas"
        error = None if row["se"] is None else (100 if self.log else 1) * row["se"]
        if by != "overall" and too_coarse(step, error):
            return step, "too coarse a step"
        return step, ""

    def shown(self, value: float | None) -> float | None:
        """A figure of the estimate's scale in the unit that it is printed in."""
        if value is None or not math.isfinite(value):
            return None
        return 100 * math.expm1(value) if self.log else value

    def at(
        self,
        rounding: Rounding,
        value: float | None,
        name: str,
        *,
        away: int = 0,
        step: float | None = None,
        apart: tuple[float, ...] = (),
        support: int | None = None,
    ) -> float | None:
        """A figure of the estimate at its step, on the estimate's own scale again."""
        printed = rounding.at(
            self.shown(value),
            self.overall_step if step is None else step,
            name,
            away=away,
            apart=apart,
            support=support,
        )
        if printed is None:
            return None
        back = self._back(printed)
        assert value is not None
        # Sentences hold the figure on the estimate's own scale too.
        rounding.known.setdefault(one_figure(value), back)
        return back

    def _back(self, printed: float) -> float:
        if not self.log:
            return printed
        # An end below -100 per cent has no logarithm: it is as good as no limit.
        return round(math.log1p(max(printed, -99.99) / 100), 6) + 0.0

    def error(self, value: float | None, step: float) -> float | None:
        """A standard error, rounded up to the step."""
        if value is None or not math.isfinite(value):
            return None
        unit = step / 100 if self.log else step
        return significant(unit * math.ceil(value / unit - 1e-9), 6)

    def path_at(
        self, rounding: Rounding, value: float | None, name: str, away: int, scale: str
    ) -> float | None:
        """A figure of a path on the scale of its estimate."""
        if value is None:
            return None
        if scale == "log":
            return rounding.at(value, max(self.plain_step, 0.001), name, away=away, kind="path")
        return rounding.at(value, self.level_step, name, away=away, kind="path")

    def people(
        self,
        rounding: Rounding,
        held: Mapping[str, Any],
        part: str,
        name: str,
        away: int,
        periods: int,
    ) -> float | None:
        """An effect in people, at five people a period that it sums."""
        value = held[part]
        if value is None:
            return None
        step = _nice_above(self.people_step * periods)
        apart = (0.0,) if away else ()
        return rounding.at(value, step, name, away=away, apart=apart, kind="effect")


def _nice_above(value: float) -> float:
    return step_of(value, 1) if value > 0 and math.isfinite(value) else 1.0


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


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None

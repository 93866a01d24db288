"""What an outcome's estimates are counted in, and at which step each of them is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.disclosure.effects import step_of
from evaluation.disclosure.released import significant
from evaluation.finding.undo import undo_of
from evaluation.finding.verdict import Range
from evaluation.quarters import Period
from evaluation.release.influence import Cell, Sensitivity
from evaluation.release.rounding import Rounding, one_figure, too_coarse
from evaluation.study.record import OutcomeResult
from evaluation.wording import apart_digits

BASE = "finding.base"
CONTROL, TREND = "negative_control", "pre_trend"
OF_COMPARISONS = frozenset({"odd_comparisons"})
"""Checks of single comparison areas, of which a step of all pilots says nothing."""
BREAKS_STEP, DONORS_STEP = 0.05, 0.5
"""The finest steps of a break in multiples of the largest before, and of how many donors count."""
ALIKE = 9
"""Significant figures by which an effect in units is one in per cent."""
DEVIATIONS, LEAST, MOST = 0.2, 0.001, 0.5
"""Steps of p-values in standard errors: where no error is printed; the finest and the coarsest."""
PERCENT = 100
LIKE = 20.0
"""Where nothing is counted beneath a figure, its step is worth this part of its printed error."""


class Scale:
    """What an outcome's estimates are counted in, and at which step each is printed."""

    def __init__(
        self,
        one: OutcomeResult,
        moves: Sensitivity | None,
        least: int,
        window: int,
        rounding: Rounding,
        starts: Mapping[str, str],
    ) -> None:
        self.outcome, self.moves, self.least, self.window = one, moves, least, window
        self.rounding, self.starts = rounding, starts
        self.log = one.estimate.scale == "log"
        self.areas = one.estimate.overall.n_areas or 1
        self.base_weight = one.estimate.base_weight
        self.overall_step = self.row_step("overall", "", one.estimate.overall.plain())
        self.percent_step, self.base = self.overall_step, self._base()
        if self.base is not None:
            self.percent_step = self._percent_step(self.base)
        self.level_step = self._level_step()
        self.plain_step = self.overall_step / 100 if self.log else self.overall_step
        self.people_step = float(moves.people if moves else 5)

    def _base(self) -> float | None:
        """What per cent are of, as printed: the level that the started areas would have had.

        With it an effect in per cent and the same effect in units are one released figure and not
        two, of which each would narrow the other.
        """
        self.units_of: float | None = None
        effect = self.outcome.estimate.overall.effect
        percent = self.outcome.finding.effect_percent.effect
        if self.log or not effect or not percent:
            return None
        self.units_of = effect / percent
        base = abs(100 * self.units_of)
        step = self._base_step(base)
        shown = self.rounding.at(base, step, BASE)
        return max(shown or 0.0, step)

    def _percent_step(self, base: float) -> float:
        """Of the effect in per cent: what five people are worth of it, and not its step once more.

        A step is a nice number above what it has to be; one made of it would be twice so.
        """
        if self.moves is None:
            return nice_above(PERCENT * self.overall_step / base)
        cells = self.moves.row("overall")
        own = self.moves.of_effect(cells, self.base_weight, self.areas)
        return self.moves.step(PERCENT * own / base)

    def _base_step(self, base: float) -> float:
        """Five people's worth of a mean over all started areas and their periods since."""
        if self.moves is None:
            return nice_above(base / 1000)
        return self.moves.step(self.moves.of_level(self.moves.row("all"), self.areas))

    def in_units(self, value: float, name: str) -> float | None:
        """An effect in units, of the printed one in per cent; None where none is the same."""
        if self.base is None or not self.units_of:
            return None
        percent = self._percents.get(f"{value / self.units_of:.{ALIKE}g}")
        if percent is None:
            return None
        sign = math.copysign(1.0, self.units_of)
        shown = sign * percent * self.base / 100
        # What both move by where each moves by its step.
        step = (self.percent_step * self.base + abs(percent) * self._base_step(self.base)) / 100
        fine = self._digits
        return self.rounding.derived(value, round(shown, fine) + 0.0, step + 10.0**-fine, name)

    @property
    def _percents(self) -> dict[str, float]:
        """The finding in per cent -> as it is printed."""
        found = self.outcome.finding.effect_percent
        known = self.rounding.known
        return {
            f"{value:.{ALIKE}g}": shown
            for value in (found.effect, found.low, found.high)
            if value is not None and (shown := known.get(one_figure(value))) is not None
        }

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
            return nice_above(self.moves.people * self.outcome.per / min(people.values()))
        if self.moves is not None:
            # A mean of answers: five respondents of all pilot areas in one wave.
            return self.moves.step(self.moves.one_area / self.areas)
        levels = [row.pilot for row in self.outcome.paths if row.pilot]
        return nice_above(max(map(abs, levels), default=1.0) / 1000)

    def step(self, areas: int, periods: int, row: Mapping[str, Any]) -> float:
        """Of so many areas, wherever they lie: in one period, or over the window.

        In per cent where it is of logarithms, as every step of an effect is.
        """
        if self.moves is None:
            return self._worth(row)
        if periods <= 1:
            return self.moves.step(self.moves.one_area / max(areas, 1))
        return self.moves.step(self.moves.of_some(areas, self.base_weight))

    def row_step(
        self, by: str, which: str, row: Mapping[str, Any], base_weight: float | None = None
    ) -> float:
        """Of a row of an estimate: by what, and which one; by the weights of its estimator.

        Parameters
        ----------
        base_weight : of the estimator; of the first one if not given.
        """
        if self.moves is None:
            return self._worth(row)
        return self.cells_step(self.moves.row(by, which), row["n_areas"], base_weight)

    def cells_step(
        self, cells: Sequence[Cell], areas: int | None, base_weight: float | None = None
    ) -> float:
        """Of an effect over these areas and periods."""
        assert self.moves is not None
        own = self.base_weight if base_weight is None else base_weight
        return self.moves.step(self.moves.of_effect(cells, own, areas))

    @property
    def sites_step(self) -> float:
        """Of what the sites say together: a late or small one weighs more than its figures do."""
        if self.moves is None:
            return self.overall_step
        return max(self.moves.step(self.moves.of_sites(self.base_weight)), self.overall_step)

    def look_step(self, row: Mapping[str, Any]) -> float:
        """Of what was known at one look."""
        if self.moves is None:
            return self.overall_step
        return self.cells_step(self.moves.look(row["quarter"]), None)

    def looked_step(self, value: float | None) -> float:
        """Of an end of what all looks say: as that of the first look that found it, or the last."""
        looks = [one.plain() for one in self.outcome.looks]
        found = (row for row in looks if value is not None and value in (row["low"], row["high"]))
        row = next(found, looks[-1] if looks else None)
        return self.overall_step if row is None else self.look_step(row)

    def level_period_step(self, period: str) -> float:
        """Of a mean of all areas' figures in one period, on the estimate's scale."""
        if self.moves is None:
            return self.period_step
        step = self.moves.step(self.moves.of_level(self.moves.row("period", period)))
        return step / PERCENT if self.log else step

    def _worth(self, row: Mapping[str, Any]) -> float:
        """Where nothing is counted beneath it: a part of its error."""
        error = row.get("se")
        if error is None or not error > 0:
            ends = [row.get("low"), row.get("high"), row.get("effect")]
            error = max((abs(one) for one in ends if one is not None), default=1.0) or 1.0
        return nice_above((100 if self.log else 1) * error / LIKE)

    def of_row(
        self, by: str, which: str, row: Mapping[str, Any], address: str, base_weight: float | None
    ) -> tuple[float, str]:
        """The step of a row of an estimate, and why it is not printed; empty where it is."""
        areas = row["n_areas"] or 1
        step = self.row_step(by, which, row, base_weight)
        if by != "overall" and areas < self.least:
            return step, "too few areas"
        error = self.printed_error(row["se"], step, f"{address}.se")
        # A printed error lies a step further out than it is, on the mean over keys.
        if by != "overall" and error and (error <= step or too_coarse(step, error - step)):
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
        offset: str = "",
    ) -> float | None:
        """A figure of the estimate at its step, on the estimate's own scale again."""
        if value is not None and one_figure(value) not in rounding.known and not self.log:
            made = self.in_units(value, name)
            if made is not None:
                return made
        printed = rounding.at(
            self.shown(value),
            self.overall_step if step is None else step,
            name,
            away=away,
            apart=apart,
            support=support,
            offset=offset,
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

    def printed_error(self, value: float | None, step: float, name: str) -> float | None:
        """A standard error in the unit that is printed, outwards at its step; not yet printed."""
        if value is None or not math.isfinite(value):
            return None
        return self.rounding.outwards((100 if self.log else 1) * value, step, name)

    def error(self, value: float | None, step: float, name: str) -> float | None:
        """A standard error on the estimate's scale, outwards at its step."""
        if value is None or not math.isfinite(value):
            return None
        unit = 100 if self.log else 1
        shown = self.rounding.at(unit * value, step, name, away=1)
        if shown is None:
            return None
        back = significant(shown / unit, 6)
        self.rounding.known.setdefault(one_figure(value), back)
        return back

    def chance(
        self, value: float | None, name: str, step: float | None = None, error: float | None = None
    ) -> float | None:
        """A p-value, at the step of its effect over the error that is printed of it.

        Parameters
        ----------
        step : of the effect, in the unit that is printed; of all areas in one period if not given.
        error : as printed, on the estimate's scale; of the overall effect if not given.
        """
        own = self.step(self.areas, 1, self.outcome.estimate.overall.plain())
        step = own if step is None else step
        if error is None:
            se = self.outcome.estimate.overall.se
            error = self.printed_error(se, self.overall_step, f"{self.overall_row}.se")
        else:
            error *= 100 if self.log else 1
        steps = DEVIATIONS if not error else step / error
        return self.rounding.chance(value, step_of(min(max(steps, LEAST), MOST), 1), name)

    @property
    def overall_row(self) -> str:
        """The address of the row that the finding rests on."""
        return f"{self.outcome.estimate.estimator}.0.overall"

    # What is made of the effect ------------------------------------------------------------------

    def around_effect(self, values: Sequence[float | None]) -> list[float | None]:
        """Figures that lie around the overall effect: as far from what is printed of it.

        Each of them with an offset of its own would be one more view of the one effect.
        """
        raw = self.shown(self.outcome.estimate.overall.effect)
        whole = None if raw is None else self.rounding.known.get(one_figure(raw))
        found: list[float | None] = []
        for place, value in enumerate(values):
            own = self.shown(value)
            if own is None or raw is None or whole is None:
                found.append(self.at(self.rounding, value, f"likely.{place}"))
                continue
            name = f"likely.{place}"
            apart = self.rounding.at(own - raw, self.overall_step, f"{name}.apart") or 0.0
            if one_figure(own) not in self.rounding.known:
                shown = round(whole + apart, self._digits) + 0.0
                self.rounding.derived(own, shown, 2 * self.overall_step, name)
            made = self.rounding.known[one_figure(own)]
            found.append(None if made is None else self._back(made))
        return found

    @property
    def _digits(self) -> int:
        """Decimals of a figure that is made of printed ones."""
        return max(0, 2 - math.floor(math.log10(self.overall_step)))

    @property
    def period_step(self) -> float:
        """Of all areas in one period, on the estimate's scale."""
        step = self.step(self.areas, 1, self.outcome.estimate.overall.plain())
        return step / 100 if self.log else step

    def breaks_step(self, bound: float) -> float:
        """Of a range that allows for a break so many times the largest before the start.

        A break adds up over the periods since: the mean over the window bears it half as often as
        there are periods and one, and one person moves the difference of two periods in both.
        """
        if self.moves is None:
            return nice_above(self.overall_step * (1 + bound * (self.window + 1)))
        own = self.moves.of_effect(self.moves.row("overall"), self.base_weight, self.areas)
        more = self.moves.one_area / self.areas * bound * (self.window + 1)
        return self.moves.step(own + more)

    def breaks(self, held: dict[str, Any], undo: dict[str, Any] | None) -> None:
        """Ranges that allow for a break of the path, and the break that leaves no change."""
        for place, row in enumerate(held["rows"]):
            step = self.breaks_step(row["bound"])
            for end, away in (("low", -1), ("high", 1)):
                name = f"breaks.{place}.{end}"
                row[end] = self.at(self.rounding, row[end], name, away=away, step=step)
        held["breakdown"] = self._breakdown(held["breakdown"], held["rows"])
        if undo:
            undo["breaks"] = self._breakdown(undo["breaks"], held["rows"])

    def _breakdown(self, value: float | None, rows: Sequence[Mapping[str, Any]]) -> float | None:
        """A break in multiples of the largest before: at what the step of its range is worth."""
        if not value or not math.isfinite(value):
            return value
        ends = [row for row in rows if row["low"] is not None and row["high"] is not None]
        step = BREAKS_STEP
        if len(ends) > 1:
            first, last = ends[0], ends[-1]
            wider = max(abs(last[end] - first[end]) for end in ("low", "high"))
            each = wider / (last["bound"] - first["bound"]) or math.inf
            own = self.breaks_step(value) / (100 if self.log else 1)
            step = max(step, nice_above(own / each) if own < each else 1.0)
        return self.rounding.at(value, step, "undo.breaks", apart=(0.0,))

    def cause(self, undo: dict[str, Any], percent: Mapping[str, float | None]) -> None:
        """The cause that would undo the finding: made of its range as it is printed."""
        low, high, raw = percent["low"], percent["high"], undo["cause"]
        if raw is None or not math.isfinite(raw):
            return
        known = low is not None and high is not None and low * high > 0
        made = None
        if low is not None and high is not None and known:
            effect = percent["effect"] or low
            made = undo_of(Range(effect=effect, low=low, high=high), None).cause
        # In the digits of its sentence, so that no table tells another figure.
        undo["cause"] = None if made is None else round(made, apart_digits(made, (0.0,), 2))
        self.rounding.known[one_figure(raw)] = undo["cause"]

    # Beside the effect ---------------------------------------------------------------------------

    def fit(self, held: Mapping[str, Any], name: str = "") -> dict[str, Any]:
        """How well a synthetic control fits before the start, and of how many donors it is."""
        found: dict[str, Any] = {}
        error, donors = held.get("pre_period_rmspe"), held.get("effective_donors")
        if error is not None:
            found["pre_period_rmspe"] = self.rounding.at(error, self.period_step, f"{name}rmspe")
        if donors is not None:
            found["effective_donors"] = self.rounding.at(donors, DONORS_STEP, f"{name}donors")
        return found

    def check(self, name: str, figures: dict[str, Any]) -> None:
        """What a check saw, and what it could have seen."""
        for part in ("size", "seen"):
            value, own = figures[part], f"{name}.{part}"
            if value is None:
                continue
            if name in OF_COMPARISONS:
                figures[part] = self.rounding.magnitude(value, own)
            else:
                step = self.percent_step if "%" in figures["unit"] else self.period_step
                if name == CONTROL and part == "size":
                    step = self.plain_step
                elif name == TREND:
                    step = nice_above(step * self._slope)
                figures[part] = self.rounding.at(value, step, own)

    @property
    def _before(self) -> int:
        """How many periods there are before the first start."""
        first = min(map(Period.parse, self.starts.values()), default=None)
        periods = [Period.parse(one.period) for one in self.outcome.paths]
        return sum(first is not None and one < first for one in periods)

    @property
    def often(self) -> float:
        """In how many periods' effects one person counts who was counted before the start."""
        own = 1.0 if self.base_weight is None else self.base_weight
        return own * (len(self.outcome.paths) - self._before)

    @property
    def _slope(self) -> float:
        """What a figure at an end of the periods before moves their least-squares slope by."""
        # (n - 1) / 2 over n (n^2 - 1) / 12, which is 6 / (n (n + 1)).
        return min(1.0, 6 / (max(self._before, 1) * (self._before + 1)))

    def balanced(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A level or a path before the start, and its difference, which is made of both."""
        name, path = f"balance.{row['characteristic']}", row["characteristic"] == "path"
        part_of = self._slope if path else 1 / max(self._before, 1)
        step = nice_above(self.level_step * part_of)
        shown = {
            part: None if row[part] is None else self.rounding.at(row[part], step, f"{name}.{part}")
            for part in ("pilots", "comparisons")
        }
        pilots, comparisons, raw = row["pilots"], row["comparisons"], row["difference"]
        difference = None
        if raw and None not in (pilots, comparisons, *shown.values()):
            spread = self.rounding.magnitude((pilots - comparisons) / raw, f"{name}.spread")
            apart = (shown["pilots"] or 0.0) - (shown["comparisons"] or 0.0)
            difference = round(apart / spread, 2) + 0.0 if spread else None
            self.rounding.known[one_figure(raw)] = difference
        p = self.chance(row["p_value"], f"{name}.p")
        return {**row, **shown, "difference": difference, "p_value": p}

    def path_at(
        self, rounding: Rounding, value: float | None, name: str, away: int, scale: str, period: str
    ) -> float | None:
        """A figure of a path in a period, on the scale of its estimate."""
        if value is None:
            return None
        if scale == "log":
            step = self.level_period_step(period)
            return rounding.at(value, step, name, away=away, kind="path")
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
        step = nice_above(self.people_step * periods)
        apart = (0.0,) if away else ()
        return rounding.at(value, step, name, away=away, apart=apart, kind="effect")


def nice_above(value: float) -> float:
    """The smallest nice step that is no finer; 1 where none is asked for."""
    return step_of(value, 1) if value > 0 and math.isfinite(value) else 1.0

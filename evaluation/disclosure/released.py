"""Released figures: what may be seen outside, each with what it is printed as and stands for.

Whatever leaves (book, charts, downloads, letters, claims, editions) is made of these and of nothing
else. Counts and effects have rooms of their own (`counts`, `effects`); what is made of them, and
all else that is printed, is here. Each gives an `Entry` for the register.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evaluation.disclosure.effects import step_of, stepped
from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from evaluation.disclosure.counts import Count
    from evaluation.disclosure.key import Key
    from evaluation.disclosure.policy import Policy

Kind = Literal["count", "rate", "effect", "path", "money", "digest", "words", "mean", "chance"]
MONEY_STEP = 10_000.0
"""Pounds: money is printed at this, or at three significant figures where that is coarser."""
MONEY_FIGURES = 3
MOST_DECIMALS = 6
"""Of any number in a table of the book."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A printed value as the register keeps it.

    address : what is printed, whatever page it stands on: study, outcome, figure. printed : as
    printed; None where nothing is shown. low, high : between which ends the true value lies, to
    whoever knows the method and not the key; None without a limit, and for words and digests.
    step : of an estimate or of money, base of a count. support : areas behind it. cell : of a
    count, what names its people and time without telling them (`counts.cell_of`).
    """

    address: str
    kind: Kind
    printed: float | str | None
    low: float | None
    high: float | None
    step: float | None = None
    support: int | None = None
    cell: str = ""

    @classmethod
    def of_count(cls, address: str, shown: Count, policy: Policy, cell: str = "") -> Entry:
        """The line of a count as it is printed; ``cell`` names whose count it is."""
        return cls(
            address=address,
            kind="count",
            printed=shown.printed,
            low=shown.low,
            high=shown.high,
            step=policy.base,
            support=shown.areas if cell else None,
            cell=cell,
        )

    def in_edition(self, edition: str) -> dict[str, object]:
        """The row of the register: ``edition, address, printed, low, high, kind``."""
        return {
            "edition": edition,
            "address": self.address,
            "printed": self.printed,
            "low": self.low,
            "high": self.high,
            "kind": self.kind,
        }


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A printed count over a published denominator, times ``per``.

    printed : None where the count is hidden. low, high : of the count's ends.
    """

    printed: float | None
    low: float
    high: float | None
    count: Count
    denominator: float
    per: float


@dataclass(frozen=True, kw_only=True)
class Path:
    """Rates of one set of areas, one a period; a period whose count is hidden has none."""

    periods: tuple[str, ...]
    rates: tuple[Rate, ...]


@dataclass(frozen=True, kw_only=True)
class Money:
    """Pounds at a step; ends outwards."""

    printed: float
    low: float | None
    high: float | None
    step: float


@dataclass(frozen=True, kw_only=True)
class SurveyMean:
    """A mean of answers at a step worth several respondents; hidden where too few answered."""

    printed: float | None
    low: float | None
    high: float | None
    step: float
    respondents: Count


def rate_of(count: Count, denominator: float, per: float) -> Rate:
    """The rate of a printed count.

    Raises
    ------
    DisclosureError : the denominator is not above zero.
    """
    if not denominator > 0:
        raise DisclosureError(f"a rate of {denominator} people cannot be given.")

    def of(value: float | None) -> float | None:
        # Six figures: more than the rounding of the count bears, and none of binary arithmetic.
        return None if value is None else significant(per * value / denominator, 6)

    low = of(count.low)
    assert low is not None
    return Rate(
        printed=of(count.printed),
        low=low,
        high=of(count.high),
        count=count,
        denominator=denominator,
        per=per,
    )


def money_step(amount: float) -> float:
    """£10,000, or three significant figures where that is coarser."""
    if not math.isfinite(amount) or abs(amount) < MONEY_STEP:
        return MONEY_STEP
    return max(MONEY_STEP, 10.0 ** (math.floor(math.log10(abs(amount))) - MONEY_FIGURES + 1))


def money(
    mean: float,
    low: float | None,
    high: float | None,
    *,
    address: object,
    key: Key,
    least: float = 0.0,
) -> Money:
    """An amount with its range; one of exactly nothing stays so: it hangs on nobody.

    Parameters
    ----------
    least : no finer than this: what several people are worth in it.
    """
    # Of the largest of the three, so that mean and ends are said alike.
    step = max(money_step(max(abs(one) for one in (mean, low, high) if one is not None)), least)
    if mean == 0 and not low and not high:
        return Money(printed=0.0, low=low, high=high, step=step)

    def at(part: str, value: float | None, away: int) -> float | None:
        drawn = key.share_of(["money", part, address])
        return None if value is None else stepped(value, step, drawn, away)

    printed = at("mean", mean, 0)
    assert printed is not None
    near = 0.1 * step
    lower, upper = at("low", low, -1), at("high", high, 1)
    if low is not None and lower is not None and low > 0:
        lower = max(lower, near)
    if high is not None and upper is not None and high < 0:
        upper = min(upper, -near)
    # An end that stays beside zero takes the best figure with it: none lies outside its own range.
    printed = max(printed, lower) if lower is not None else printed
    printed = min(printed, upper) if upper is not None else printed
    return Money(printed=printed, low=lower, high=upper, step=step)


def survey_step(span: float, largest_weight: float, people: int) -> float:
    """The step of a weighted mean of answers on a scale ``span`` wide.

    One respondent moves it by at most the span times his share of all weight.
    """
    return step_of(span * largest_weight, people)


def chance(value: float) -> float:
    """A chance of the draws, in hundredths."""
    return round(value, 2)


def significant(value: float, figures: int) -> float:
    """To so many significant figures."""
    return float(f"{value:.{figures}g}") + 0.0 if math.isfinite(value) else value


def each_number(content: Any, how: Callable[[float], float]) -> Any:
    """Plain data with every number as ``how`` gives it."""
    if isinstance(content, Mapping):
        return {key: each_number(value, how) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [each_number(value, how) for value in content]
    return how(content) if isinstance(content, float) else content


def readable(value: float) -> float:
    """A number as a table writes it: to six decimal places, or to as many figures if it is small.

    Differences of printed figures have digits of binary arithmetic below any step; constants have
    more than anybody reads.
    """
    if not math.isfinite(value) or round(value, MOST_DECIMALS) == value:
        return value
    small = abs(value) < 1
    return significant(value, MOST_DECIMALS) if small else round(value, MOST_DECIMALS) + 0.0


def entries_of_path(address: str, path: Path) -> list[Entry]:
    """A path's rates, one entry a period."""
    return [
        Entry(
            address=f"{address}.{period}",
            kind="path",
            printed=one.printed,
            low=one.low,
            high=one.high,
            support=one.count.areas,
        )
        for period, one in zip(path.periods, path.rates, strict=True)
    ]

"""The lottery of starts: an order that nobody chose, which anybody can draw again.

A secret is fixed by its hash before anybody can know the draw, and mixed with a public number that
appears on a later day (a beacon: a national lottery's draw, a randomness beacon's round). Neither
who holds the secret nor who publishes the number can choose the order. Within each stratum the
sites are sorted by SHA-256 of secret, beacon and site, and dealt to the starts in that order.

What is compared by lottery alone is early against late starters: there, exchangeability is a fact
and not a belief, and re-assignment runs over the orders that could have been drawn.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import yaml
from pydantic import ConfigDict, Field, model_validator

from evaluation.declared import Frozen, PeriodField, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.estimate.inference import TIE
from evaluation.estimate.samples import masked_mean
from evaluation.quarters import Period
from evaluation.wording import Sentence, count, number
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

# Orders are written out one by one up to so many; beyond, as many are drawn.
ENUMERATED = 10_000
DRAWN = 9_999


class Beacon(Frozen):
    """The public number that the draw waits for: where it appears, on which day, who watches."""

    source: str = Field(min_length=1)
    day: date
    witness: str = Field(min_length=1)


class Revealed(Frozen):
    """What was opened: the secret, the beacon's number, and on which day."""

    secret: str
    beacon_value: str
    on: date


class Lottery(Frozen):
    """``lottery.yaml``: who takes part, in which strata, for which starts; then what was drawn.

    strata : site -> stratum; sites that are not named are one stratum. starts : the periods that
    are dealt out, earliest first; the sites of a stratum are dealt to them in equal shares, earlier
    ones first. order : the sites as drawn. drawn : site -> its start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    sites: tuple[str, ...] = Field(min_length=2)
    strata: dict[str, str] = Field(default_factory=dict)
    # The file has another word for them, which this house does not use.
    starts: tuple[PeriodField, ...] = Field(alias="slots", min_length=2)
    commitment: str = ""
    beacon: Beacon | None = None
    revealed: Revealed | None = None
    order: tuple[str, ...] = ()
    drawn: dict[str, PeriodField] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.sites)) != len(self.sites):
            raise ValueError("a site takes part twice")
        if odd := sorted(set(self.strata) - set(self.sites)):
            raise ValueError(f"strata names {odd[0]}, which takes no part")
        if list(self.starts) != sorted(set(self.starts)):
            raise ValueError("slots are not in the order of their starts, each once")
        return self

    @classmethod
    def load(cls, path: Path) -> Lottery:
        """Read a lottery.

        Raises
        ------
        ProtocolError : it cannot be read, or has another shape.
        """
        if not path.is_file():
            raise ProtocolError(
                "there is no lottery.",
                where=str(path),
                expected="a file with sites, strata and slots (the starts)",
            )
        return validated(cls, read_yaml(path), path, ProtocolError)

    def write(self, path: Path) -> None:
        """Write it as YAML."""
        held = self.as_dict()
        write_whole(path, yaml.safe_dump(held, sort_keys=False, allow_unicode=True))

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)

    @property
    def by_stratum(self) -> dict[str, list[str]]:
        """Stratum -> its sites by code."""
        found: dict[str, list[str]] = {}
        for site in sorted(self.sites):
            found.setdefault(self.strata.get(site, ""), []).append(site)
        return dict(sorted(found.items()))

    @property
    def fixed(self) -> str:
        """What the commitment binds beside the secret: sites with strata, and the starts."""
        sites = [f"{site} {self.strata.get(site, '')}" for site in sorted(self.sites)]
        return "\n".join([*sites, *(start.label for start in self.starts)])

    @property
    def orders(self) -> int:
        """How many different assignments of sites to starts could have been drawn."""
        total = 1
        for sites in self.by_stratum.values():
            total *= math.factorial(len(sites))
            for share in _shares(len(sites), len(self.starts)):
                total //= math.factorial(share)
        return total

    @property
    def smallest_p(self) -> float:
        """The smallest one-sided p-value that re-assignment over the orders can give.

        What is compared is early against late starters: orders that differ within either half are
        one and the same to it, and tie.
        """
        early, splits = _early(self), 1
        for sites in self.by_stratum.values():
            shares = _shares(len(sites), len(self.starts))
            splits *= math.comb(len(sites), sum(itertools.compress(shares, early)))
        return 1 / splits


def _shares(sites: int, starts: int) -> list[int]:
    """How many of so many sites each start takes."""
    places = [place * starts // sites for place in range(sites)]
    return [places.count(start) for start in range(starts)]


def commitment_of(secret: str, lottery: Lottery) -> str:
    """SHA-256 of the secret and of what is drawn for, so that neither can be changed later."""
    return hashlib.sha256(f"{secret}\n{lottery.fixed}".encode()).hexdigest()


def drawn_starts(lottery: Lottery, secret: str, beacon: str) -> dict[str, Period]:
    """Site -> its start, in the order of the starts and then as drawn."""
    found = []
    for sites in lottery.by_stratum.values():
        keys = {
            site: hashlib.sha256(f"{secret}\n{beacon}\n{site}".encode()).hexdigest()
            for site in sites
        }
        for place, site in enumerate(sorted(sites, key=lambda one: keys[one])):
            start = lottery.starts[place * len(lottery.starts) // len(sites)]
            found.append((start, keys[site], site))
    return {site: start for start, _, site in sorted(found)}


def commit(
    lottery: Lottery, beacon: Beacon, *, today: date, secret: str = ""
) -> tuple[Lottery, str]:
    """The lottery with its commitment, and the secret that has to be kept until the draw.

    Raises
    ------
    ProtocolError : it was committed already, or the beacon's day is not later than today.
    """
    if lottery.commitment:
        raise ProtocolError(
            "this lottery was committed already, and is committed once.",
            mend="reveal it on its day, or make a new file and say why",
        )
    if beacon.day <= today:
        raise ProtocolError(
            f"the beacon's number of {beacon.day} can be known today ({today}).",
            expected="a public number of a later day, which nobody can know yet",
        )
    held = secret or secrets.token_hex(32)
    fixed = lottery.model_copy(
        update={"commitment": commitment_of(held, lottery), "beacon": beacon}
    )
    return fixed, held


def reveal(lottery: Lottery, *, secret: str, value: str, today: date) -> Lottery:
    """The lottery with its secret opened and its order drawn.

    Raises
    ------
    ProtocolError : it was not committed, or was revealed; the beacon's day has not come; or the
        secret is not the one that was committed to.
    """
    if lottery.beacon is None or not lottery.commitment:
        raise ProtocolError("it was never committed.", mend="newstart design lottery commit FILE")
    if lottery.revealed is not None:
        raise ProtocolError("it was drawn already.", mend="newstart design lottery check FILE")
    if today < lottery.beacon.day:
        raise ProtocolError(f"the beacon's day is {lottery.beacon.day}; today is {today}.")
    if not value.strip():
        raise ProtocolError("the beacon's number is empty.", expected="the number as published")
    if commitment_of(secret, lottery) != lottery.commitment:
        raise ProtocolError(
            "the secret, or what is drawn for, is not what was committed to.",
            expected="the secret as it was written by commit, and the file as it was then",
        )
    drawn = drawn_starts(lottery, secret, value.strip())
    return lottery.model_copy(
        update={
            "revealed": Revealed(secret=secret, beacon_value=value.strip(), on=today),
            "order": tuple(drawn),
            "drawn": drawn,
        }
    )


def faults(lottery: Lottery) -> list[str]:
    """What does not hold of a lottery that was drawn; nothing where all can be drawn again."""
    if lottery.revealed is None or lottery.beacon is None:
        return ["it was not revealed yet"]
    found, opened = [], lottery.revealed
    if commitment_of(opened.secret, lottery) != lottery.commitment:
        found.append(
            "the secret, the sites, the strata or the starts are not what was committed to"
        )
    if opened.on < lottery.beacon.day:
        found.append("it was revealed before the beacon's day")
    drawn = drawn_starts(lottery, opened.secret, opened.beacon_value)
    if tuple(drawn) != lottery.order or drawn != lottery.drawn:
        found.append("the order is not the one that secret and beacon give")
    return found


def told(lottery: Lottery, *, level: float = 0.05) -> list[Sentence]:
    """How many orders there are, the smallest p, and what that can find."""
    said = [
        Sentence.of(
            "{sites} sites in {strata} strata have {orders} orders: the smallest p-value that "
            "re-assignment of early and late starts can give is {p}, in the direction hoped for.",
            sites=count(len(lottery.sites)),
            strata=count(len(lottery.by_stratum)),
            orders=count(lottery.orders),
            p=number(lottery.smallest_p, 4 if lottery.smallest_p < 0.01 else 3),
        )
    ]
    if lottery.smallest_p > level:
        said.append(
            Sentence.of(
                "By the lottery alone no effect, however large, can be told at {level}: pool it "
                "with the comparison areas, or let more sites take part.",
                level=number(level),
            )
        )
    return said


@dataclass(frozen=True, kw_only=True)
class Power:
    """The chance that an effect is found by the lottery alone; effect in errors of a site."""

    effect: float
    power: float
    error: float


EFFECTS = (0.0, 0.5, 1.0, 2.0, 3.0)


def power_of(
    lottery: Lottery, *, level: float = 0.05, simulations: int = 500, seed: int = 0
) -> list[Power]:
    """Power of the one-sided test of early against late starters, by effect.

    Sites differ by noise of one error each; those that start in the first half of the starts carry
    the effect in the periods in which the others have not started.
    """
    rng, members = np.random.default_rng(seed), _members(lottery)
    early = _early(lottery)
    found = []
    for effect in EFFECTS:
        met = 0
        for _ in range(simulations):
            real = members[rng.integers(len(members))]
            noise = rng.normal(0, 1, len(lottery.sites)) + effect * early[real]
            met += _p(noise, lottery, members, real) <= level
        share = met / simulations
        found.append(
            Power(effect=effect, power=share, error=math.sqrt(share * (1 - share) / simulations))
        )
    return found


def _early(lottery: Lottery) -> NDArray[np.bool_]:
    """(S) whether each start is among the first half of them."""
    half = len(lottery.starts) / 2
    return np.arange(len(lottery.starts)) < half


def _members(lottery: Lottery) -> NDArray[np.int64]:
    """(orders, J) the start of each site (by code) under every order, or under as many drawn."""
    groups = list(lottery.by_stratum.values())
    place = {site: k for k, site in enumerate(sorted(lottery.sites))}
    dealt = [[k * len(lottery.starts) // len(g) for k in range(len(g))] for g in groups]
    if lottery.orders <= ENUMERATED:
        rows = itertools.product(*(_distinct(one) for one in dealt))
        listed = list(rows)
    else:
        rng = np.random.default_rng(0)
        listed = [tuple(tuple(rng.permutation(one)) for one in dealt) for _ in range(DRAWN)]
    out = np.zeros((len(listed), len(lottery.sites)), dtype=np.int64)
    for k, row in enumerate(listed):
        for sites, starts in zip(groups, row, strict=True):
            for site, start in zip(sites, starts, strict=True):
                out[k, place[site]] = start
    return out


def _distinct(values: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every different order of values some of which are alike."""
    if not values:
        yield ()
        return
    for first in sorted(set(values)):
        rest = list(values)
        rest.remove(first)
        for tail in _distinct(rest):
            yield (first, *tail)


def _p(
    values: Floats, lottery: Lottery, members: NDArray[np.int64], real: NDArray[np.int64]
) -> float:
    """One-sided p: the share of orders whose early starters stand out at least as far.

    Where orders are drawn the one that came out counts as one more of them, so that p is never
    nothing (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9: 39); where all are there it is
    among them.
    """
    at = np.vstack([real[None, :], members])
    first = _early(lottery)[at]
    gaps = (first * values).sum(axis=1) / first.sum(axis=1)
    gaps = gaps - (~first * values).sum(axis=1) / (~first).sum(axis=1)
    # Ties count against the effect; sums of the same sites in another order differ in the last bit.
    counted = gaps[1:] if lottery.orders <= ENUMERATED else gaps
    return float((counted >= gaps[0] - TIE * max(1.0, abs(gaps[0]))).mean())


@dataclass(frozen=True, kw_only=True)
class ByLottery:
    """Early against late starters by the drawn order.

    effect : of early starters over late ones while these had not started, in the outcome's unit.
    p_value : two-sided, over the orders. orders : how many there are. kept : whether every site
    started when it was drawn to. grade : what the contrast earns, in a sentence that a person has
    to sign.
    """

    effect: float
    p_value: float
    orders: int
    kept: bool
    grade: Sentence


def effect_by_order(lottery: Lottery, panel: Panel, outcome: str) -> ByLottery:
    """The effect by the drawn order, with re-assignment over the orders of the actual lottery.

    Each site is the mean of its areas. The statistic is the mean of early starters less that of
    late ones, in the periods in which the early have started and the late have not, less the same
    before the first start.

    Raises
    ------
    ProtocolError : the lottery does not hold, a site has no area in the panel or no figures on one
        side of the first start, or no period lies between early and late starts.
    """
    if wrong := faults(lottery):
        raise ProtocolError(f"the lottery cannot be used: {wrong[0]}.")
    sites = sorted(lottery.sites)
    paths = _site_paths(panel, outcome, sites)
    starts, early = list(lottery.starts), _early(lottery)
    last_early = max(start for start, first in zip(starts, early, strict=True) if first)
    first_late = min(start for start, first in zip(starts, early, strict=True) if not first)
    between = [k for k, one in enumerate(panel.periods) if last_early <= one < first_late]
    before = [k for k, one in enumerate(panel.periods) if one < starts[0]]
    if not between or not before:
        raise ProtocolError(
            "no period lies between the early and the late starts, or none before them.",
            expected=f"figures from before {starts[0]} to {first_late + -1}",
        )
    change = masked_mean(paths[:, between].T) - masked_mean(paths[:, before].T)
    if (lacking := np.flatnonzero(np.isnan(change))).size:
        raise ProtocolError(
            f"the site {sites[lacking[0]]} has no figure before the first start, or none between "
            "the early and the late starts.",
            mend="bring its figures, or choose another outcome",
        )
    real = np.array([starts.index(lottery.drawn[site]) for site in sites])
    members = _members(lottery)
    up, down = (_p(side * change, lottery, members, real) for side in (1, -1))
    gap = float(change[early[real]].mean() - change[~early[real]].mean())
    kept = _kept(panel, lottery)
    return ByLottery(
        effect=gap,
        p_value=min(1.0, 2 * min(up, down)),
        orders=lottery.orders,
        kept=kept,
        grade=_grade(lottery, kept=kept),
    )


def _site_paths(panel: Panel, outcome: str, sites: Sequence[str]) -> Floats:
    """(J, T) the mean of each site's areas."""
    held, figures = panel.areas["site"].astype(str).to_numpy(), panel.array(outcome)
    if lost := [site for site in sites if not (held == site).any()]:
        raise ProtocolError(f"the site {lost[0]} of the lottery has no area in the panel.")
    return np.array([masked_mean(figures[held == site]) for site in sites])


def _kept(panel: Panel, lottery: Lottery) -> bool:
    """Whether every site started when it was drawn to."""
    drawn = lottery.drawn
    for site, start in zip(panel.areas["site"], panel.areas["start"], strict=True):
        if str(site) in drawn and (pd.isna(start) or Period.parse(str(start)) != drawn[str(site)]):
            return False
    return True


def _grade(lottery: Lottery, *, kept: bool) -> Sentence:
    """What the contrast earns on the Maryland scale; other contrasts keep theirs."""
    if not kept:
        return Sentence.of(
            "Not every site started when it was drawn to, so by the lottery this is an effect of "
            "being drawn early and not of starting; level 4 at most, for that contrast alone, "
            "if a person signs it."
        )
    if lottery.smallest_p > 0.05:
        return Sentence.of(
            "Early and late starters were drawn by lottery; with {orders} orders no effect can be "
            "told at 0.05, so the contrast earns no level above that of the comparison areas.",
            orders=count(lottery.orders),
        )
    return Sentence.of(
        "Early and late starters were drawn by a lottery that can be drawn again: level 5 of the "
        "Maryland scale for that contrast alone, if a person signs it; all others keep theirs."
    )

"""Assignments: which areas start when; the real one, and placebo ones that re-draw it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.errors import EstimateError
from evaluation.estimate import arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Positions = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TreatedAreas:
    """The real assignment: the treated areas, grouped into sites with a start.

    ``units`` (M) are positions of areas in the panel, ordered by cohort; ``cohort_of`` (M) their
    cohort; ``starts`` (S) each cohort's start as a position among the periods; ``names`` (S) the
    sites, twice where areas of one site start at two times.
    """

    units: NDArray[np.int64]
    cohort_of: NDArray[np.int64]
    starts: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel) -> TreatedAreas:
        """The cohorts of a panel: its sites; without sites, each start cohort is one.

        Raises
        ------
        EstimateError : nothing has started, nothing is left to compare with, or a site starts
            before there is a period to compare with.
        """
        start = panel.start_index
        units = np.flatnonzero(start != -1)
        if len(units) == 0:
            raise EstimateError("no area has started within the panel, so there is no effect yet.")
        labels = pd.Series(panel.areas["site"].to_numpy()[units]).astype(object)
        if labels.isna().any():
            labels = pd.Series(panel.areas["start"].to_numpy()[units], dtype=object)
        early = np.flatnonzero(start[units] < 1)
        if len(early):
            raise EstimateError(
                f"{labels.iloc[early[0]]} starts in {panel.areas['start'].iloc[units[early[0]]]}, "
                f"at or before the first period of the panel ({panel.periods[0]}).",
                expected="at least one period before every start",
                mend="leave that site out of the panel, or extend the panel backwards",
            )
        codes, values = pd.factorize(labels)
        # Each start and label once: areas are many and sites few.
        pairs, which = np.unique(start[units] * len(values) + codes, return_inverse=True)
        named = [(int(pair // len(values)), str(values[pair % len(values)])) for pair in pairs]
        keys = sorted(set(named))
        number = {key: k for k, key in enumerate(keys)}
        cohort = np.array([number[key] for key in named])[which]
        order = np.lexsort((units, cohort))
        return cls(
            units=units[order],
            cohort_of=cohort[order],
            starts=np.array([g for g, _ in keys]),
            names=tuple(name for _, name in keys),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drawn:
    """Assignments as `Assignments` holds them, how many there are, and whether these are all."""

    pseudo_treated: Positions
    distinct: int
    enumerated: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Blocks:
    """The treated areas of each authority, which move together, and where they may go.

    members : of each block, the largest first, which of the treated areas. strata : of each block.
    size, band : of every authority, how many areas it has and its stratum. kind : what is called an
        authority here: a family of areas that were split out of one moves together alike.
    """

    members: list[Positions]
    strata: list[int]
    size: Positions
    band: Positions
    kind: str = "authority"

    @classmethod
    def of(
        cls, treated: TreatedAreas, strata: Positions, authority: Positions, kind: str = "authority"
    ) -> _Blocks:
        """The blocks of the real assignment.

        Raises
        ------
        EstimateError : an authority has areas in several strata, between which it would not be
            known which of its areas are compared with which.
        """
        # Areas that joined after a drawing are in no stratum (-1) and can hold nothing.
        drawn = np.flatnonzero(strata >= 0)
        size = np.bincount(authority[drawn], minlength=int(authority.max()) + 1)
        band = np.full(len(size), -1, dtype=np.int64)
        band[authority[drawn]] = strata[drawn]
        if (torn := drawn[band[authority[drawn]] != strata[drawn]]).size:
            raise EstimateError(
                f"a whole {kind} moves, and {len(np.unique(authority[torn]))} of them have areas "
                "in several strata.",
                expected=f"all areas of one {kind} in one stratum",
                mend="draw with strata that do not cut through them, or with strata=()",
            )
        held = authority[treated.units]
        members = [np.flatnonzero(held == a) for a in np.unique(held)]
        members = sorted(members, key=lambda block: (-len(block), int(block[0])))
        own = [int(strata[treated.units[block[0]]]) for block in members]
        return cls(members=members, strata=own, size=size, band=band, kind=kind)

    def hosts(self, k: int) -> NDArray[np.bool_]:
        """Which authorities can hold block ``k``, whether or not they hold another one."""
        hosts: NDArray[np.bool_] = self.band == self.strata[k]
        return np.logical_and(hosts, self.size >= len(self.members[k]))

    def count(self, treated: TreatedAreas) -> int:
        """How many arrangements over authorities there are; alike blocks count once.

        Raises
        ------
        EstimateError : no authority can hold a block.
        """
        distinct, alike = 1, []
        for k, block in enumerate(self.members):
            # Blocks go from the largest down, so whichever hosts the earlier ones took could hold
            # this one too: the number left never depends on which they were.
            hosts = int(self.hosts(k).sum()) - self.strata[:k].count(self.strata[k])
            if hosts < 1:
                names = ", ".join(sorted({treated.names[s] for s in treated.cohort_of[block]}))
                raise EstimateError(
                    f"no {self.kind} of its stratum can hold the {len(block)} areas of {names}.",
                    mend="use fewer strata, or block='area' and say that shared shocks are ignored"
                    if self.kind == "authority"
                    else "put the areas that were split out of one together as one area",
                )
            distinct *= hosts
            starts = sorted(treated.starts[treated.cohort_of[block]].tolist())
            alike.append((tuple(starts), self.strata[k]))
        for key in set(alike):
            distinct //= math.factorial(alike.count(key))
        return distinct


def _draw_blocks(
    treated: TreatedAreas, blocks: _Blocks, authority: Positions, n: int, rng: np.random.Generator
) -> _Drawn:
    """Move all treated areas of an authority together into one authority of the same stratum.

    The pattern of the real assignment is copied: sites that share an authority go on sharing one,
    and a site in two authorities stays in two. Blocks are served from the largest down, each from
    the unused authorities that can hold it. The number of choices left never depends on earlier
    ones, so every arrangement is equally likely.
    """
    distinct = blocks.count(treated)
    pseudo_treated = np.empty((n + 1, len(treated.units)), dtype=np.int64)
    pseudo_treated[0] = treated.units
    used = np.zeros((n, len(blocks.size)), dtype=bool)
    pick = rng.random((n, len(authority)))
    for k, block in enumerate(blocks.members):
        keys = np.where(blocks.hosts(k) & ~used, rng.random(used.shape), -1.0)
        host = keys.argmax(axis=1)
        used[np.arange(n), host] = True
        chance = np.where(authority[None, :] == host[:, None], pick, -1.0)
        pseudo_treated[1:, block] = np.argsort(-chance, axis=1, kind="stable")[:, : len(block)]
    return _Drawn(pseudo_treated=pseudo_treated, distinct=distinct, enumerated=False)


# Rounds of reweighted least squares, more than two parameters need.
REWEIGHED = 10


@dataclass(frozen=True, kw_only=True)
class VarianceModel:
    """Variance of an area's change: A + B / population, or A + what sampling adds to it.

    common : A, in squared units of the outcome's scale. by_size : B, the same times people.
    sampling : area -> variance of its change by sampling alone, in squared units of the scale; it
        takes the place of B / population where it is known.
    shared : the part of A that areas of one authority have in common.
    """

    common: float
    by_size: float = 0.0
    shared: float = 0.0
    sampling: Mapping[str, float] | None = None

    def of(self, panel: Panel) -> Floats:
        """(N) standard deviation of each area's change.

        Raises
        ------
        EstimateError : an area has no population, where one is asked for.
        """
        if self.sampling is None:
            own = self.by_size / populations(panel)
        else:
            own = np.array([self.sampling[area] for area in panel.areas.index])
        deviation: Floats = np.sqrt(self.common + own)
        return deviation


def populations(panel: Panel) -> Floats:
    """(N) populations.

    Raises
    ------
    EstimateError : an area has none, or one that is not positive.
    """
    found = panel.areas["population"].to_numpy(dtype=float)
    lacking = ~(found > 0)
    if lacking.any():
        raise EstimateError(
            f"{int(lacking.sum())} areas have no population to scale their gaps by (first: "
            f"{panel.areas.index[int(np.flatnonzero(lacking)[0])]}).",
            mend="give every area a population, or leave the gaps as they are",
        )
    return found


def variance_by_population(panel: Panel, figures: Floats, first: int) -> VarianceModel:
    """The spread that the periods before the first start tell of; every area is taken alike.

    The squared deviation of each area's change (mean of later periods less mean of earlier ones,
    over the middle splits of the periods before) from the mean change is regressed on a constant
    and one over the population, neither part below zero. The paper's least squares, weighed by
    the fitted variance, since the square of a noisy area's change is the noisiest.

    Parameters
    ----------
    figures : (N, T) on the estimate's scale. first : position of the first start.

    Raises
    ------
    EstimateError : fewer than four complete periods before the first start, or no population.
    """
    from scipy.optimize import nnls

    before = figures[:, :first]
    held = np.isfinite(before).all(axis=1)
    if first < 4 or held.sum() < 4:
        raise EstimateError(
            f"{first} periods before the first start and {int(held.sum())} areas without a gap in "
            "them do not tell how the spread of gaps goes with population.",
            expected="at least four of each",
        )
    # Ferman and Pinto (2019): only differences before the first start are used, so that the effect
    # cannot widen the variance that it is judged by.
    size = populations(panel)[held]
    changes = np.stack([_change(before[held], t) for t in _splits(first)])
    squares = (changes**2).mean(axis=0)
    scale = float(np.exp(np.log(size).mean()))
    design = np.column_stack([np.ones(len(size)), scale / size])
    fitted = np.full(len(size), squares.mean())
    if not fitted.any():
        raise EstimateError("no area's figures move before the first start.")
    for _ in range(REWEIGHED):
        (common, by_size), _ = nnls(design / fitted[:, None], squares / fitted)
        fitted = design @ np.array([common, by_size])
    shared = _shared(changes, panel.areas["authority"].to_numpy()[held])
    return VarianceModel(
        common=float(common), by_size=float(by_size) * scale, shared=min(shared, float(common))
    )


def variance_by_sampling(
    panel: Panel, figures: Floats, sampling_error: Floats, first: int
) -> VarianceModel:
    """The spread of changes where the figures' sampling errors are known.

    An area's change is its mean from the first start on less its mean before. Sampling adds the sum
    of the cells' variances over the squared number of periods, on either side. What areas vary by
    beside that is the variance of the never treated areas' changes less their mean sampling
    variance, and not below zero: an effect cannot widen it.

    Parameters
    ----------
    figures, sampling_error : (N, T) on the estimate's scale. first : position of the first start.

    Raises
    ------
    EstimateError : fewer than four comparison areas with figures on both sides of the start, or
        nothing varies at all.
    """
    held = np.isfinite(figures)
    variance = np.where(held, sampling_error, 0.0) ** 2
    sampling, change = np.zeros(len(figures)), np.zeros(len(figures))
    for sign, side in ((1, np.s_[:, first:]), (-1, np.s_[:, :first])):
        count = held[side].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            sampling += variance[side].sum(axis=1) / count**2
            change += sign * np.where(held, figures, 0.0)[side].sum(axis=1) / count
    compared = ~panel.treated & np.isfinite(change)
    if compared.sum() < 4:
        raise EstimateError(
            f"{int(compared.sum())} comparison areas with figures before and after the first start "
            "do not tell how much areas vary beside their sampling error.",
            expected="at least four",
            mend="bring more comparison areas, or leave sampling_error out of the panel",
        )
    common = max(float(change[compared].var(ddof=1) - sampling[compared].mean()), 0.0)
    centred = change[compared] - change[compared].mean()
    shared = _shared(centred[None], panel.areas["authority"].to_numpy()[compared])
    # An area without figures on one side has no change, and no placebo effect that could be scaled.
    sampling = np.where(np.isfinite(sampling), sampling, np.nanmean(sampling))
    if (common + sampling <= 0).any():
        raise EstimateError(
            "some areas' figures have no sampling error and areas vary no more than by sampling, "
            "so that nothing is left to judge them by.",
            mend="leave sampling_error out of the panel",
        )
    return VarianceModel(
        common=common,
        sampling=dict(zip(panel.areas.index, sampling.tolist(), strict=True)),
        shared=min(shared, common),
    )


def _splits(first: int) -> range:
    quarter = max(1, first // 4)
    return range(quarter, first - quarter + 1)


def _change(before: Floats, split: int) -> Floats:
    """(N) change of each area, centred; its square has the expectation of the variance."""
    change = before[:, split:].mean(axis=1) - before[:, :split].mean(axis=1)
    n = len(change)
    centred: Floats = (change - change.mean()) * np.sqrt(n / (n - 1))
    return centred


def _shared(changes: Floats, authority: NDArray[np.object_]) -> float:
    """What changes of two areas of one authority have in common: mean product, not below zero.

    changes : (K, n) centred changes.
    """
    codes = pd.factorize(authority)[0]
    codes, changes = codes[codes >= 0], changes[:, codes >= 0]
    if not len(codes):
        return 0.0
    count = np.bincount(codes)
    pairs = float((count * (count - 1)).sum())
    sums = np.stack([np.bincount(codes, weights=change) for change in changes])
    products = (sums**2).sum(axis=1) - (changes**2).sum(axis=1)
    return max(float(products.mean()) / pairs, 0.0) if pairs else 0.0


Block = Literal["site", "authority", "area"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignments:
    """The real assignment (row 0) and placebo ones.

    Attributes
    ----------
    pseudo_treated : (B + 1, M) positions of the areas that stand for the M treated ones; row 0 is
        the treated ones themselves.
    treated : the treated areas and their cohorts.
    strata : (N) stratum number of every area of the panel; -1 for one that joined after the
        drawing, which is never drawn.
    distinct : how many different assignments there are, the real one among them.
    enumerated : whether the rows are all of them, rather than a draw.
    block, reason : what moves together, and why.
    seed, asked, banded_by : the plan: seed, number asked for, bands of the strata.
    variance_model, deviation : where placebos are `studentised`: how an area's change varies with
        population or sampling error, and (N) the standard deviation of each area's.
    in_common : (M) variance that a treated area's change has in common with those that move with
        it: that of the authority, times the number of these.
    """

    pseudo_treated: NDArray[np.int64]
    treated: TreatedAreas
    strata: NDArray[np.int64]
    distinct: int
    enumerated: bool
    block: Block
    reason: str
    seed: int
    asked: int
    banded_by: tuple[str, ...]
    variance_model: VarianceModel | None = None
    deviation: NDArray[np.float64] | None = None
    in_common: NDArray[np.float64] | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of which areas stand for which treated ones in every assignment."""
        return fingerprint.of_bytes(
            np.ascontiguousarray(self.pseudo_treated, dtype="<i8").tobytes()
        )

    def redrawn(self, panel: Panel) -> Assignments:
        """The same plan drawn anew for a panel with other areas."""
        again = Assignments.draw(
            panel, n=self.asked, block=self.block, strata=self.banded_by, seed=self.seed
        )
        again = replace(again, reason=self.reason)
        return (
            again if self.variance_model is None else again.studentised(self.variance_model, panel)
        )

    def studentised(self, variance_model: VarianceModel, panel: Panel) -> Assignments:
        """The same, with every placebo brought to the scale of the unit that it stands for.

        Where pseudo-treated areas are measured worse than treated ones, placebo effects are too
        wide and hardly anything is found; where better, too narrow, and far too much is.

        Raises
        ------
        EstimateError : an area has no population, where the model asks for one.
        """
        beside = np.zeros(len(self.treated.units))
        if self.block != "area":
            held = pd.factorize(panel.areas["authority"].to_numpy()[self.treated.units])[0]
            beside += np.bincount(held)[held] - 1
        return replace(
            self,
            variance_model=variance_model,
            deviation=variance_model.of(panel),
            in_common=beside * variance_model.shared,
        )

    def scale_of(self, pseudo_treated: Positions, compared: Floats | None = None) -> Floats | None:
        """(b, M) how much more each treated area's change varies than its pseudo-treated one's.

        Only an area's own part is brought to scale. What areas that move together have in common,
        and what they are compared with where that is no mean of them all, varies alike in both.

        Parameters
        ----------
        compared : (N) variance of what each area is compared with, say its synthetic control.

        Returns
        -------
        None where placebos are taken as they are.
        """
        if self.deviation is None:
            return None
        variance, alike = self.deviation**2, np.zeros(pseudo_treated.shape)
        if self.in_common is not None:
            alike += self.in_common
        if compared is not None:
            alike += compared[pseudo_treated]
        treated, pseudo = variance[self.treated.units], variance[pseudo_treated]
        scale: Floats = np.sqrt((treated + alike) / (pseudo + alike))
        return scale

    def known(self, panel: Panel) -> Assignments:
        """The same assignments for the sites that have started in an earlier state of the panel.

        Raises
        ------
        EstimateError : a site of the panel is none of these, or its areas or start differ.
        """
        treated = TreatedAreas.of(panel)
        drawn = list(zip(self.treated.names, self.treated.starts.tolist(), strict=True))
        columns = []
        for s, name in enumerate(treated.names):
            # By its start as well: areas of one site may start at two times.
            cohort = (name, int(treated.starts[s]))
            number = drawn.index(cohort) if cohort in drawn else -1
            mine = np.flatnonzero(self.treated.cohort_of == number)
            if not np.array_equal(self.treated.units[mine], treated.units[treated.cohort_of == s]):
                raise EstimateError(
                    f"{name} is another site, or has other areas, than in these assignments.",
                    mend="draw assignments for this panel",
                )
            columns.append(mine)
        pseudo_treated = self.pseudo_treated[:, np.concatenate(columns)]
        together = _together(panel, self.block)
        if together is None:
            distinct = _count_areas(treated, self.strata, treated.starts[treated.cohort_of])
        else:
            kind = _kind_of(self.block)
            distinct = _Blocks.of(treated, self.strata, together, kind).count(treated)
        known = replace(self, pseudo_treated=pseudo_treated, treated=treated, distinct=distinct)
        return (
            known if self.variance_model is None else known.studentised(self.variance_model, panel)
        )

    def fewer(self, n: int) -> Assignments:
        """The real assignment and at most ``n`` of the others, for what is dear under each.

        Where all are there they stand in order, and the first of them would draw on the first areas
        alone: some are then chosen at random, by the plan's own seed.
        """
        if len(self) <= n + 1:
            return self
        rows = np.arange(n + 1)
        if self.enumerated:
            others = np.random.default_rng(self.seed).permutation(len(self) - 1)[:n] + 1
            rows = np.concatenate([[0], np.sort(others)])
        return replace(self, pseudo_treated=self.pseudo_treated[rows], enumerated=False)

    @property
    def is_identity(self) -> NDArray[np.bool_]:
        """(B + 1, S) whether each site is filled by just its own areas, in whatever order."""
        out = np.empty((len(self), len(self.treated.names)), dtype=bool)
        for s in range(out.shape[1]):
            own = np.flatnonzero(self.treated.cohort_of == s)
            apart = np.sort(self.pseudo_treated[:, own], axis=1) != np.sort(self.treated.units[own])
            out[:, s] = ~apart.any(axis=1)
        return out

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that these assignments can give."""
        return max(1 / len(self.pseudo_treated), 1 / self.distinct)

    def __len__(self) -> int:
        return len(self.pseudo_treated)

    @classmethod
    def draw(
        cls,
        panel: Panel,
        *,
        n: int = 9_999,
        block: Block | None = None,
        strata: Sequence[str] = ("level", "population"),
        seed: int = 0,
    ) -> Assignments:
        """Draw the assignments of a panel; areas one by one are enumerated where they can be.

        Parameters
        ----------
        n : placebo assignments to draw. Where areas move one by one in no more ways than that, all
            are listed; blocks are always drawn, so that one way of few may come out several times.
        block : what moves together: ``area`` re-draws areas one by one; ``site`` and ``authority``
            move all treated areas of an authority together into one, copying the real pattern. By
            default ``authority`` where treated areas share an authority, else ``area``.
        strata : bands within which cohorts are re-drawn: ``level`` (thirds of the first outcome's
            mean before the first start), ``population`` (thirds), ``stratum`` (the panel's own
            column), or none. With blocks, bands are those of the authority's mean.
        seed : of NumPy's default generator.

        Raises
        ------
        EstimateError : a stratum holds too few areas or authorities to re-draw its cohorts, an
            authority that moves as a whole lies in several strata, or an area names none.
        """
        arguments.a_panel(panel)
        if block is not None and block not in get_args(Block):
            raise EstimateError(
                f"block cannot be {block!r}.", expected=" or ".join(map(repr, get_args(Block)))
            )
        if not arguments.is_whole(n, 1):
            raise EstimateError(f"{n!r} assignments cannot be drawn.", expected="a count, say 9999")
        if not arguments.is_whole(seed, 0):
            raise EstimateError(f"{seed!r} is no seed.", expected="a whole number from 0 on")
        strata = (strata,) if isinstance(strata, str) else strata
        strata = tuple(arguments.several("strata", strata, "('level', 'population')"))
        treated = TreatedAreas.of(panel)
        chosen, reason = _choose_block(panel, treated) if block is None else (block, "as asked")
        rng = np.random.default_rng(seed)
        together = _together(panel, chosen)
        if together is None:
            bands = _bands(panel, strata, treated, by=np.arange(len(panel.areas)))
            drawn = _draw_areas(treated, bands, n, rng)
        else:
            bands = _bands(panel, strata, treated, by=together)
            blocks = _Blocks.of(treated, bands, together, _kind_of(chosen))
            drawn = _draw_blocks(treated, blocks, together, n, rng)
            reason += _families_said(panel, chosen)
        return cls(
            pseudo_treated=drawn.pseudo_treated,
            treated=treated,
            strata=bands,
            distinct=drawn.distinct,
            enumerated=drawn.enumerated,
            block=chosen,
            reason=reason,
            seed=seed,
            asked=n,
            banded_by=strata,
        )


def _choose_block(panel: Panel, treated: TreatedAreas) -> tuple[Block, str]:
    authority = panel.areas["authority"]
    if authority.isna().any():
        return "area", "the panel names no authorities, so areas are re-drawn one by one"
    held = authority.to_numpy()[treated.units]
    shared = len(set(held)) < len(held)
    if shared:
        return "authority", (
            "started areas share an authority and its shocks, so whole blocks move: re-drawn one "
            "by one they would look more alike than chance allows"
        )
    return "area", "every started area lies in an authority of its own"


def _together(panel: Panel, block: Block) -> Positions | None:
    """(N) number of the group that each area moves with; None where areas move one by one.

    Areas whose figures were shared out of one older area have one rate by construction: drawn one
    by one they would count as several, and pretend to more arrangements than there are.
    """
    if block != "area":
        authorities: Positions = pd.factorize(panel.areas["authority"], sort=True)[0]
        if lacking := int((authorities < 0).sum()):
            raise EstimateError(
                f"whole authorities cannot be moved: {lacking} areas name none.",
                mend="name the authority of every area, or draw with block='area'",
            )
        return authorities
    if "family" not in panel.areas:
        return None
    family = panel.areas["family"].fillna(panel.areas.index.to_series())
    families: Positions = pd.factorize(family, sort=True)[0]
    return families if len(np.unique(families)) < len(families) else None


def _kind_of(block: Block) -> str:
    return "family" if block == "area" else "authority"


def _families_said(panel: Panel, block: Block) -> str:
    if block != "area":
        return ""
    sizes = panel.areas["family"].value_counts()
    split = int((sizes > 1).sum())
    return (
        f"; {int(sizes[sizes > 1].sum())} areas were split out of {split} older ones, and each "
        "such family counts as one area"
    )


def _bands(
    panel: Panel, strata: Sequence[str], treated: TreatedAreas, by: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Stratum number of each area; thirds are taken over the groups ``by`` (areas, authorities)."""
    keys = np.zeros(len(panel.areas), dtype=np.int64)
    for name in strata:
        if name == "stratum":
            keys = 1_000 * keys + pd.factorize(panel.areas["stratum"], sort=True)[0]
            continue
        if name == "level":
            before = panel.array(panel.outcomes[0])[:, : treated.starts.min()]
            held = np.isfinite(before)
            with np.errstate(invalid="ignore", divide="ignore"):
                measure = np.where(held, before, 0.0).sum(axis=1) / held.sum(axis=1)
        elif name == "population":
            measure = panel.areas["population"].to_numpy(dtype=float)
            if np.isnan(measure).any() and not np.isnan(measure).all():
                raise EstimateError(
                    f"{int(np.isnan(measure).sum())} areas have no population to band them by.",
                    mend="give every area a population, or leave 'population' out of the strata",
                )
        else:
            raise EstimateError(
                f"unknown stratum {name!r}.", expected="level, population or stratum"
            )
        if np.isnan(measure).all():
            continue
        grouped = pd.Series(measure).groupby(by).mean()
        # Groups that are alike go into one third, or their names would decide; those without a
        # figure into the highest.
        rank = grouped.rank(method="average", pct=True, na_option="bottom").to_numpy()
        # The 1e-9 keeps a rank of exactly one third in the lower third, whatever the rounding.
        third = np.minimum((rank * 3 - 1e-9).astype(np.int64), 2)
        keys = 3 * keys + third[np.searchsorted(grouped.index.to_numpy(), by)]
    return np.unique(keys, return_inverse=True)[1]


# Random keys drawn at once, so that they stay at hand and a national panel fits memory.
KEYS = 250_000


def _draw_areas(
    treated: TreatedAreas, strata: NDArray[np.int64], n: int, rng: np.random.Generator
) -> _Drawn:
    by_start, by_site = treated.starts[treated.cohort_of], treated.cohort_of
    distinct = _count_areas(treated, strata, by_start)
    if _count_areas(treated, strata, by_site) <= n + 1:
        every = _every_assignment(treated, strata, by_site)
        return _Drawn(pseudo_treated=every, distinct=distinct, enumerated=True)
    if distinct <= n + 1:
        every = _every_assignment(treated, strata, by_start)
        # Which site of one start an area goes to is drawn, so that no site is dealt the first ones.
        for columns in _interchangeable(treated, strata, by_start):
            every[1:, columns] = rng.permuted(every[1:, columns], axis=1)
        return _Drawn(pseudo_treated=every, distinct=distinct, enumerated=True)
    pseudo_treated = np.empty((n + 1, len(treated.units)), dtype=np.int64)
    pseudo_treated[0] = treated.units
    for stratum in np.unique(strata[treated.units]):
        columns = np.flatnonzero(strata[treated.units] == stratum)
        members = np.flatnonzero(strata == stratum)
        for rows in np.array_split(np.arange(1, n + 1), max(1, n * len(members) // KEYS)):
            keys = rng.random((len(rows), len(members)))
            # The areas with the smallest keys, in their order: only these are sorted.
            first = np.argpartition(keys, len(columns) - 1, axis=1)[:, : len(columns)]
            order = np.take_along_axis(keys, first, axis=1).argsort(axis=1)
            chosen = members[np.take_along_axis(first, order, axis=1)]
            pseudo_treated[rows[:, None], columns] = chosen
    return _Drawn(pseudo_treated=pseudo_treated, distinct=distinct, enumerated=False)


def _count_areas(treated: TreatedAreas, strata: NDArray[np.int64], alike: NDArray[np.int64]) -> int:
    """How many ways there are to draw the pseudo-treated area by area, those ``alike`` (M) as one.

    Raises
    ------
    EstimateError : a stratum has no area left to compare.
    """
    ways = 1
    for stratum in np.unique(strata[treated.units]):
        pool = int((strata == stratum).sum())
        m = int((strata[treated.units] == stratum).sum())
        if pool <= m:
            raise EstimateError(
                f"a stratum holds {pool} areas for {m} treated ones: nothing is left to compare.",
                mend="use fewer strata",
            )
        ways *= math.perm(pool, m)
    for columns in _interchangeable(treated, strata, alike):
        ways //= math.factorial(len(columns))
    return ways


def _interchangeable(
    treated: TreatedAreas, strata: NDArray[np.int64], alike: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Places of one stratum that are alike, so that order does not matter among them."""
    keys = np.stack([strata[treated.units], alike], axis=1)
    return [np.flatnonzero((keys == key).all(axis=1)) for key in np.unique(keys, axis=0)]


def _every_assignment(
    treated: TreatedAreas, strata: NDArray[np.int64], alike: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Each assignment once, the real one first; order among units that are alike is none."""
    cells = _interchangeable(treated, strata, alike)

    def fill(k: int, taken: frozenset[int], row: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        if k == len(cells):
            yield row.copy()
            return
        own_stratum = strata[treated.units[cells[k][0]]]
        pool = [i for i in np.flatnonzero(strata == own_stratum).tolist() if i not in taken]
        for chosen in itertools.combinations(pool, len(cells[k])):
            row[cells[k]] = chosen
            yield from fill(k + 1, taken | set(chosen), row)

    def identity(row: NDArray[np.int64]) -> list[frozenset[int]]:
        return [frozenset(row[columns].tolist()) for columns in cells]

    real = identity(treated.units)
    rows = fill(0, frozenset(), np.empty(len(treated.units), dtype=np.int64))
    others = [row for row in rows if identity(row) != real]
    return np.array([treated.units, *others], dtype=np.int64)

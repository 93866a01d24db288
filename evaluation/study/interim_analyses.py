"""Interim analyses of a study: all outcomes tested at once, and a record never rewritten."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation import fingerprint
from evaluation.errors import EstimateError, LedgerError
from evaluation.estimate import interim, registry, samples
from evaluation.estimate.did import DidSettings
from evaluation.estimate.did_looks import Window, did_looks, did_tested
from evaluation.estimate.interim import Look, LookPlan, repeated_interval, sequential_p, take_look
from evaluation.estimate.multiple_testing import closed_look, rejected
from evaluation.estimate.registry import Choices
from evaluation.finding.sentences import Looked
from evaluation.panel import Panel
from evaluation.workspace import alone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol

    Floats = NDArray[np.float64]
    Statistics = Mapping[str, tuple[Floats, Floats]]


ROWS = "looks.jsonl"
START = "0" * 64


@dataclass(frozen=True)
class Hypothesis:
    """What one test of a look is of.

    of : an outcome, a set of primary outcomes (closed testing needs every one), or harm to one.
    codes : of its outcomes.
    """

    of: Literal["outcome", "set", "harm"]
    codes: tuple[str, ...]

    @classmethod
    def outcome(cls, code: str) -> Hypothesis:
        return cls("outcome", (code,))

    @classmethod
    def harm(cls, code: str) -> Hypothesis:
        return cls("harm", (code,))

    @property
    def name(self) -> str:
        """As it stands in the file: ``arrears``, ``set:arrears+claims``, ``harm:arrears``."""
        joined = "+".join(self.codes)
        # An outcome by itself has a bare name, as the first looks were written; codes hold neither
        # colon nor plus.
        return joined if self.of == "outcome" else f"{self.of}:{joined}"

    @classmethod
    def named(cls, name: str) -> Hypothesis:
        """The test of a name in the file."""
        of, found, joined = name.partition(":")
        if not found:
            return cls.outcome(name)
        return cls("set" if of == "set" else "harm", tuple(joined.split("+")))


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One look, as written.

    known : what the look rested on: quarter, vintage, and the fingerprints of panel, protocol,
    assignments and code. time : looks elapsed over the horizon. looks : each test's look.
    """

    number: int
    known: Mapping[str, str]
    time: float
    looks: Mapping[Hypothesis, Look]
    statistics: str
    previous: str

    @property
    def content(self) -> dict[str, Any]:
        """The row as plain data; alive and lost assignments as bits in base64."""
        return {
            "number": self.number,
            "known": dict(self.known),
            "time": self.time,
            "statistics": self.statistics,
            "previous": self.previous,
            # In order of names: what is hashed must not hang on the order in which tests were
            # taken.
            "looks": {name: _content(look) for name, look in sorted(self._by_name.items())},
        }

    @property
    def _by_name(self) -> dict[str, Look]:
        return {test.name: look for test, look in self.looks.items()}

    @property
    def hash(self) -> str:
        return fingerprint.of_data(self.content)

    @property
    def sets(self) -> dict[tuple[str, ...], Look]:
        """The look at each set of primary outcomes."""
        return {test.codes: look for test, look in self.looks.items() if test.of == "set"}

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Codes of the outcomes that it looked at."""
        return tuple(test.codes[0] for test in self.looks if test.of == "outcome")

    def look_at(self, code: str) -> Look:
        """The look at one outcome by itself."""
        return self.looks[Hypothesis.outcome(code)]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Row:
        """A row from plain data."""
        looks = {}
        for name, held in content["looks"].items():
            many = held["assignments"]
            lost = _flags(held["lost"], many) if "lost" in held else np.zeros(many, dtype=bool)
            # JSON has no infinity: no threshold, so that nothing could have crossed.
            threshold = np.inf if held["threshold"] is None else held["threshold"]
            looks[Hypothesis.named(name)] = Look(
                time=content["time"],
                spent=held["spent"],
                threshold=threshold,
                alive=_flags(held["alive"], many),
                lost=lost,
            )
        return cls(
            number=content["number"],
            known=content["known"],
            time=content["time"],
            looks=looks,
            statistics=content["statistics"],
            previous=content["previous"],
        )


@dataclass(frozen=True, kw_only=True)
class LookSeries:
    """The looks of one study under one set of assignments."""

    folder: Path

    def rows(self) -> list[Row]:
        """Every look so far, checked.

        Raises
        ------
        LedgerError : a row or its statistics were changed, or a row is missing.
        """
        path = self.folder / ROWS
        if not path.is_file():
            return []
        rows, previous = [], START
        for number, line in enumerate(_whole(path).decode().splitlines(), start=1):
            try:
                row = Row.of(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise _broken(path, number, "it cannot be read") from None
            # The hash covers the row before it, so a row taken out, changed or moved breaks the
            # chain here.
            if row.previous != previous or row.number != number:
                raise _broken(path, number, "it does not follow from the look before it")
            held = self._statistics_path(number)
            # The row names the hash of its statistics: both must be what they were.
            if not held.is_file() or fingerprint.of_bytes(held.read_bytes()) != row.statistics:
                raise _broken(path, number, f"its statistics ({held.name}) are not what it saw")
            rows.append(row)
            previous = row.hash
        return rows

    @property
    def head(self) -> str:
        """Hash of the last row; zeros before the first."""
        rows = self.rows()
        return rows[-1].hash if rows else START

    def statistics(self, row: Row) -> dict[str, tuple[Floats, Floats]]:
        """Outcome -> (raw, shift) under every assignment, as a look saw them."""
        with np.load(self._statistics_path(row.number)) as held:
            return {code: (held[f"raw_{code}"], held[f"shift_{code}"]) for code in row.outcomes}

    def append(
        self,
        before: Sequence[Row],
        known: Mapping[str, str],
        time: float,
        looks: Mapping[Hypothesis, Look],
        statistics: Mapping[str, tuple[Floats, Floats]],
    ) -> Row:
        """Write the row after ``before``; its statistics first, so that no row is without them.

        Raises
        ------
        LedgerError : a run beside this one is writing a look, or wrote one since ``before`` was
            read: what this one spends would be spent twice.
        """
        with self._undisturbed(before):
            number = len(before) + 1
            path = self._statistics_path(number)
            arrays: dict[str, Floats] = {}
            for code, (raw, shift) in statistics.items():
                arrays |= {f"raw_{code}": raw, f"shift_{code}": shift}
            # A file left by a run that died before its row is written over: no row vouches for it.
            with path.open("wb") as handle:
                # Plain arrays only: reading a pickle could run code.
                np.savez(handle, allow_pickle=False, **arrays)
                handle.flush()
                os.fsync(handle.fileno())
            row = Row(
                number=number,
                known=dict(known),
                time=time,
                looks=dict(looks),
                statistics=fingerprint.of_bytes(path.read_bytes()),
                previous=before[-1].hash if before else START,
            )
            # Appended and never rewritten: the bytes of earlier looks stay as they were. What a
            # full disk or a kill left of a row after them goes first.
            with (self.folder / ROWS).open("ab") as handle:
                whole = _whole(self.folder / ROWS)
                handle.truncate(min(len(whole), handle.tell()))
                handle.write(whole[handle.tell() :])
                handle.write(fingerprint.canonical(row.content) + b"\n")
                handle.flush()
                # A look that was shown and lost in a power cut would be taken, and spent, again.
                os.fsync(handle.fileno())
            return row

    @contextlib.contextmanager
    def _undisturbed(self, before: Sequence[Row]) -> Iterator[None]:
        with alone(self.folder / ".lock") as held:
            if not held or len(self.rows()) != len(before):
                raise LedgerError(
                    "another run of this study took a look at the same time; this one is not "
                    "written.",
                    where=str(self.folder / ROWS),
                    mend="run the study again once the other has ended",
                )
            yield

    def _statistics_path(self, number: int) -> Path:
        return self.folder / f"{number:03d}.npz"


def _whole(path: Path) -> bytes:
    """The rows of a file that were written to their end: one cut short was shown to nobody."""
    content = path.read_bytes() if path.is_file() else b""
    last = content.rfind(b"\n") + 1
    if last == len(content):
        return content
    try:
        json.loads(content[last:])
    except ValueError:
        return content[:last]
    # A row that lacks its line's end alone, as an editor may leave it, is one.
    return content + b"\n"


def _content(look: Look) -> dict[str, Any]:
    """A look as plain data; that none is lost goes without saying."""
    content = {
        "spent": look.spent,
        "crossed": look.crossed,
        "threshold": look.threshold if np.isfinite(look.threshold) else None,
        "assignments": len(look.alive),
        "alive": _bits(look.alive),
    }
    return content | ({"lost": _bits(look.lost)} if look.lost.any() else {})


def _bits(flags: NDArray[np.bool_]) -> str:
    # 10,000 flags as bits are 1.7 kB a look in base64; as JSON they would be 50.
    return base64.b64encode(np.packbits(flags).tobytes()).decode()


def _flags(bits: str, count: int) -> NDArray[np.bool_]:
    held = np.frombuffer(base64.b64decode(bits), dtype=np.uint8)
    # packbits fills the last byte up.
    return np.unpackbits(held)[:count].astype(bool)


def _broken(path: Path, number: int, why: str) -> LedgerError:
    return LedgerError(
        f"look {number} of the look ledger does not hold: {why}.",
        where=str(path),
        mend="restore the folder from a back-up; a look is never mended by hand",
    )


# In looks of earlier releases, where an estimator left areas out and drew assignments without them.
DRAWN_ANEW = "drawn_anew"


def plan_of(protocol: Protocol) -> LookPlan:
    """How the protocol spends alpha; without planned looks, all of it at one."""
    # 1 - 0.95 is 0.05000000000000004 in doubles, and a budget of assignments is a whole number.
    looks, alpha = protocol.looks, round(1 - protocol.level, 10)
    if looks is None:
        # One look at the end spends everything; without looks there is nothing to reserve.
        return LookPlan(alpha=alpha, horizon=1, reserve=0.0)
    return LookPlan(
        alpha=alpha, spending=looks.spending, horizon=looks.horizon, reserve=looks.reserve
    )


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a look tests: the plan, the families, and the direction of harm of each outcome."""

    plan: LookPlan
    primary: tuple[str, ...]
    harm_side: Mapping[str, Literal["greater", "less"]]
    harm_margin: Mapping[str, float]

    @classmethod
    def of(cls, protocol: Protocol, programme: Programme, panel: Panel) -> Watched:
        """From a protocol that plans looks; the panel gives the level that a percentage is of."""
        looks = protocol.looks
        assert looks is not None  # the caller looks only where looks are planned
        margin = {}
        side: dict[str, Literal["greater", "less"]] = {}
        for code in protocol.primary:
            polarity = programme.outcome_by_code[code].polarity
            # Without a better direction there is no harm to watch for.
            if polarity == "care":
                continue
            side[code] = "greater" if polarity == "down" else "less"
            # A margin in per cent is log(1 + p) on the log scale, where effects lie.
            size = float(np.log1p(looks.harm_margin / 100))
            if protocol.scale_of(code) == "level":
                # On the outcome's own scale a percentage needs a level: that of the started areas
                # before the first start, which no effect can have moved. Its size: harm keeps its
                # side where levels lie below zero.
                size = looks.harm_margin / 100 * abs(_level_before(panel, code))
            # Signed towards harm: up where less is better.
            margin[code] = size if polarity == "down" else -size
        return cls(
            plan=plan_of(protocol), primary=protocol.primary, harm_side=side, harm_margin=margin
        )

    def harm_plan(self, code: str) -> LookPlan:
        """Harm is watched apart, one-sided, by Pocock's spending, with an alpha of its own."""
        return LookPlan(
            alpha=self.plan.alpha,
            spending="pocock",
            horizon=self.plan.horizon,
            reserve=self.plan.reserve,
            side=self.harm_side[code],
        )


def _level_before(panel: Panel, code: str) -> float:
    """Mean figure of the started areas before the first start."""
    started = panel.treated
    first = int(panel.start_index[started].min())
    # Missing cells are left out, not taken for zeros.
    return float(np.nanmean(panel.array(code)[started, :first]))


def elapsed(panel: Panel, horizon: int) -> float:
    """Looks elapsed over the horizon: periods since the first start, by calendar."""
    first = int(panel.start_index[panel.treated].min())
    # By calendar and not by looks taken, so that a skipped look saves no alpha and an extra one
    # spends none.
    return (len(panel.periods) - first) / horizon


def statistics_of(panel: Panel, protocol: Protocol, assignments: Assignments) -> Statistics:
    """Outcome -> (raw, shift) of the primary estimator, as known now.

    Difference-in-differences takes a faster way; the figures are the same.
    """
    name, plan = protocol.estimators[0], protocol.did
    score = protocol.looks.score if protocol.looks else "mean"
    found: dict[str, tuple[Floats, Floats]] = {}
    # A base that varies by period has no single mean before the start, which the fast way needs.
    base = plan.base if plan.base != "varying" else None
    usual = name == "did" and plan.comparison == "never" and base and score == "mean"
    usual = usual and protocol.assignments.gaps == "as_they_are"
    for code in protocol.looked_at:
        sample = samples.take(panel, code, protocol.scale_of(code))
        # The fast way takes every area as it is, however well its figures are known.
        fast = usual and sample.sampling_error is None
        # The fast way averages over fixed sets of areas: a missing cell would change them.
        if fast and base and np.isfinite(sample.figures).all():
            window = Window(
                first=protocol.window[0],
                last=protocol.window[1],
                base=base,
                # The last period only: earlier looks are kept and never computed again.
                looks=(len(panel.periods) - 1,),
                anticipation=plan.anticipation,
            )
            raw, shift = did_looks(sample.figures[None], assignments, window)
            found[code] = (raw[0, 0], shift[0])
            continue
        if fast and base:
            settings = DidSettings(
                base=base, anticipation=plan.anticipation, scale=protocol.scale_of(code)
            )
            at = interim.statistic(did_tested(code, sample, assignments, settings), protocol.window)
            found[code] = (at.raw, at.shift)
            continue
        choices = Choices.of(protocol, code)
        estimate = registry.to_test(name, panel, code, choices, assignments)
        at = interim.statistic(estimate, protocol.window, score)
        found[code] = (at.raw, at.shift)
    return found


def look(
    statistics: Statistics, time: float, watched: Watched, before: Row | None
) -> dict[Hypothesis, Look]:
    """One look at every test: each outcome, each set of primaries, harm of each primary."""
    raw = {code: pair[0] for code, pair in statistics.items()}
    # Each test follows its own look before: assignments removed once stay removed.
    last = before.looks if before else {}

    def at(test: Hypothesis, values: Floats, plan: LookPlan) -> Look:
        return take_look(values, time, plan, last.get(test))

    taken = {
        test: at(test, row, watched.plan)
        for test, row in ((Hypothesis.outcome(code), row) for code, row in raw.items())
    }
    primary = {code: raw[code] for code in watched.primary}
    earlier = (before.sets if before else None) or None
    for chosen, one in closed_look(primary, time, watched.plan, earlier).items():
        taken[Hypothesis("set", chosen)] = one
    for code in watched.harm_side:
        row, shift = statistics[code]
        # A null of harm no larger than the margin: the margin's own effect, shift times margin, is
        # taken out under every assignment before the one-sided test.
        beyond = row - watched.harm_margin[code] * shift
        taken[Hypothesis.harm(code)] = at(Hypothesis.harm(code), beyond, watched.harm_plan(code))
    return taken


def verdicts(rows: list[Row], seen: list[Statistics], watched: Watched) -> dict[str, Looked]:
    """What the looks so far say of each outcome.

    Parameters
    ----------
    rows, seen : the looks in order, and the statistics that each saw.
    """
    found = {}
    times = [row.time for row in rows]
    for code in seen[-1]:
        # As each look saw them: restated figures move no past look, and the interval stays valid
        # over all of them.
        raw, shift = (np.stack([one[code][k] for one in seen]) for k in (0, 1))
        low, high = repeated_interval(raw, shift, times, watched.plan)
        crossed = [_crossed(row, code, watched) for row in rows]
        at = crossed.index(True) if True in crossed else None
        found[code] = Looked(
            number=len(rows),
            crossed=at is not None,
            # The first crossing counts, also if a later look would not cross: error has been spent
            # on it.
            crossed_at=rows[at].known["quarter"] if at is not None else None,
            low=low,
            high=high,
            p=sequential_p(raw, times, watched.plan),
            spent=rows[-1].look_at(code).spent,
            alpha=watched.plan.alpha,
            harmed=code in watched.harm_side and rows[-1].looks[Hypothesis.harm(code)].crossed,
        )
    return found


def _crossed(row: Row, code: str, watched: Watched) -> bool:
    if code not in watched.primary:
        return row.look_at(code).crossed
    # Closed testing: a primary counts once every set that holds it has crossed.
    return rejected(row.sets)[code]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The looks that a run of a study rests on, and whether the last of them is written down."""

    rows: list[Row]
    statistics: list[Statistics]
    watched: Watched
    written: bool

    def verdicts(self) -> dict[str, Looked]:
        """What the looks so far say of each outcome."""
        return verdicts(self.rows, self.statistics, self.watched)

    def story(self, code: str) -> list[dict[str, object]]:
        """One row a look: what was known of an outcome then, with the interval of all looks so far.

        ``effect, low, high`` are on the estimate's scale.
        """
        times, told = [row.time for row in self.rows], []
        raw, shift = (np.stack([one[code][k] for one in self.statistics]) for k in (0, 1))
        for k, row in enumerate(self.rows):
            low, high = repeated_interval(
                raw[: k + 1], shift[: k + 1], times[: k + 1], self.watched.plan
            )
            told.append(
                {
                    "quarter": row.known["quarter"],
                    "vintage": row.known["vintage"],
                    # Row 0 is the real assignment; raw over shift is the effect, since raw = effect
                    # times shift there.
                    "effect": float(raw[k, 0] / shift[k, 0]),
                    "low": low,
                    "high": high,
                    "spent": row.look_at(code).spent,
                    "crossed": _crossed(row, code, self.watched),
                }
            )
        return told


def look_at(
    series: LookSeries,
    panel: Panel,
    protocol: Protocol,
    programme: Programme,
    assignments: Assignments,
    known: Mapping[str, str],
    *,
    record: bool = True,
) -> Seen:
    """Take the look of this vintage, or find it again.

    A vintage that was looked at before gives the verdict that was written then. A vintage older
    than the last look, but not one of them, is looked at after the looks before it and not
    written: the past gets no new verdict.

    Raises
    ------
    EstimateError : the look before was judged by other assignments.
    """
    watched = Watched.of(protocol, programme, panel)
    written = series.rows()
    # Instants as text in one format sort as time.
    rows = [row for row in written if row.known["vintage"] <= known["vintage"]]
    newest = len(rows) == len(written)
    earlier: list[Statistics] = [series.statistics(row) for row in rows]
    # By the panel's fingerprint and not its instant: two instants that know the same figures are
    # one look, and alpha is spent once.
    if rows and rows[-1].known["panel"] == known["panel"]:
        return Seen(rows=rows, statistics=earlier, watched=watched, written=True)
    # Assignments still alive are carried from look to look by their number: under other assignments
    # number b would be another one.
    if rows and DRAWN_ANEW in rows[-1].known:
        raise EstimateError(
            "the looks before were judged by assignments without the areas that lacked a figure, "
            "as two-way effects were until every figure counted: they cannot be followed.",
            mend="begin a study of its own for the looks from here on: newstart protocol new "
            f"{programme.name}/OTHER",
        )
    now = statistics_of(panel, protocol, assignments)
    last = rows[-1] if rows else None
    # A panel that lost its last quarter is no earlier than the look that saw it.
    time = max(elapsed(panel, watched.plan.horizon), last.time if last else 0.0)
    taken = look(now, time, watched, last)
    # Written only at the end of the chain: a look between two old ones would change what follows
    # it.
    if record and newest:
        row = series.append(rows, known, time, taken, now)
    else:
        row = Row(
            number=len(rows) + 1, known=known, time=time, looks=taken, statistics="", previous=""
        )
    return Seen(
        rows=[*rows, row], statistics=[*earlier, now], watched=watched, written=record and newest
    )

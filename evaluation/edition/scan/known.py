"""Which numbers may stand in a built book: released ones, and those that are declared.

Where constants are declared is data: ``constants.yaml``, beside this module.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.declared import read_yaml
from evaluation.disclosure.released import readable
from evaluation.edition import shape, words
from evaluation.edition.pages import claim_page, donors, learning, money, places, quality
from evaluation.edition.pages.claims import Claims
from evaluation.edition.scan.numbers import HASH, Explained, numbers
from evaluation.ledger.receipt import CHAIN_VERSION
from evaluation.release.protected import hidden_by_outcome, median_widening, widenings
from evaluation.workspace import package

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition
    from evaluation.study.record import OutcomeResult, Results
    from evaluation.workspace import Workspace

EXACT_FIGURES = 12
"""Figures by which a number in a table is one of the released ones."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What may be printed.

    released : every figure that was released, and what sentences say of them. exact : the same as
    tables hold them. declared : constants. measured : figures of the machinery. digests : hashes
    that hold no protected count bare. constants : ``constants.yaml`` as it stands. open : names of
    pages of open data, which are printed as their sources print them.
    """

    released: Explained
    exact: frozenset[float]
    declared: Explained
    measured: frozenset[float]
    digests: frozenset[str]
    constants: Mapping[str, Any]
    open: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace, edition: Edition) -> Known:
        """What an edition may print."""
        constants = read_yaml(Path(__file__).with_name("constants.yaml"))
        figures = {*_figures(edition), *_practised(workspace, edition)}
        declared = {
            one.value
            for path in _files(workspace, constants)
            for one in numbers(path.read_text(encoding="utf-8"))
        }
        declared |= {float(one["number"]) for one in constants["written"]}
        measured = {
            value
            for path in sorted(workspace.book.glob("*.json"))
            for value in _derived(_walk(json.loads(path.read_text(encoding="utf-8"))))
        }
        return cls(
            released=Explained.of(figures),
            exact=_in_tables(figures),
            declared=Explained.of(declared | {*_things(edition), *_returns(workspace, edition)}),
            measured=_in_tables(measured),
            digests=frozenset(_digests(edition)),
            constants=constants,
            open=frozenset(open_names(edition)),
        )


def open_names(edition: Edition) -> set[str]:
    """Names of pages of open data: of its studies, and of the tutorial beside them.

    Never one that a page of other data has too: that is read in full, and the open one beside it.
    """
    found: set[str] = set()
    taken = {*shape.MAIN, *(part for one in shape.PARTS for part in Path(one.begins).parts)}
    taken -= {Path(shape.TUTORIAL).name}
    for one in edition.studies:
        names = (one.study, f"{one.programme}-{one.study}")
        if one.programme in edition.open_data:
            found.update(names)
        else:
            taken.update(names, (outcome.code for outcome in one.outcomes))
            taken.update(site.code for site in one.sites)
    if shape.has_tutorial(edition):
        found.add(Path(shape.TUTORIAL).name)
    return found - taken


def exactly(value: float) -> float:
    """A number without its sign and without the last digits of binary arithmetic."""
    return abs(float(f"{value:.{EXACT_FIGURES}g}"))


def _in_tables(figures: Iterable[float]) -> frozenset[float]:
    """Figures as tables hold them: as they are, or to as many digits as any table has."""
    held = [one for one in figures if math.isfinite(one)]
    return frozenset(exactly(one) for value in held for one in (value, readable(value)))


def _figures(edition: Edition) -> Iterator[float]:
    """Every released figure: of this edition's studies, and of what editions before said."""
    for study in edition.studies:
        yield from _walk(study.plain())
    for one in edition.released.values():
        yield from _walk(one.results.plain())
        yield from (e.printed for e in one.entries if isinstance(e.printed, float | int))
        yield from _made_of(one.results)
    for past in edition.history.editions:
        yield from _walk([past.headline, past.change, past.claims])
    yield from _walk(edition.history.coming)


def _practised(workspace: Workspace, edition: Edition) -> Iterator[float]:
    """What sites did, as it is printed."""
    found = learning.known(workspace, edition)
    for strip in found.strips if found else ():
        yield from (one.figure for one in strip.cells if one.figure is not None)
    for chart in found.charts if found else ():
        # Limits are made of printed figures and of nothing else.
        yield from _walk([[m.value, m.low, m.high] for m in chart.months])
        yield from _walk(chart.centre)


def _made_of(study: Results) -> Iterator[float]:
    """What pages make of released figures and of nothing else."""
    for outcome in study.outcomes:
        if outcome.estimate.scale == "log":
            for value in _walk(outcome.plain()):
                yield from _of_logarithm(value)
        yield from _compared(study, outcome)
        for row in outcome.honest_range.rows if outcome.honest_range else ():
            if row.low is not None and row.high is not None:
                # The middle of a range is where a chart draws its mark.
                yield words.shown(outcome.estimate, {"effect": (row.low + row.high) / 2})["effect"]
        if outcome.synthetic_unit is not None and study.starts:
            rows = donors.levels(outcome.synthetic_unit)
            yield from _walk(rows)
            yield donors.apart_before(rows, study.starts[0])
        yield from map(float, quality.asked_for(study, outcome))
    for fifth in study.equity:
        for one in fifth.effects:
            for end in (one.effect, one.low, one.high):
                yield from () if end is None else _of_logarithm(end)
    for item in study.lives.items if study.lives else ():
        # How many answered an item, over arms and waves.
        yield float(sum(wave.respondents or 0 for wave in item.waves))
    for priced in study.value.by_outcome if study.value else ():
        yield from _walk(money.in_weeks(priced.events_avoided.plain()))


def _compared(study: Results, outcome: OutcomeResult) -> Iterator[float]:
    """Effects on a rate in per cent: of all and of sites by each way, of fifths, of a new site."""
    new = outcome.new_site
    rows: list[words.Range] = [
        *(
            row
            for estimate in outcome.estimates
            for by, _, row in estimate.entries()
            if by in ("overall", "site")
        ),
        *(one for row in study.equity for one in row.effects if one.outcome == outcome.code),
        *([] if new is None else [{"effect": new.mean, "low": new.low, "high": new.high}]),
    ]
    for row in rows:
        yield from _walk(words.compared(outcome, row))


def _of_logarithm(value: float) -> Iterator[float]:
    """A released logarithm as a level, and in per cent, as the book says it."""
    if abs(value) < math.log(1e9):
        yield float(f"{math.exp(value):.4g}")
        yield round(100 * math.expm1(value), 3)


def _walk(content: Any) -> Iterator[float]:
    """Every number of plain data, those that its sentences say among them."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _walk(key)
            yield from _walk(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _walk(value)
    elif isinstance(content, str):
        yield from (one.value for one in numbers(content))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield float(content)


def _derived(values: Iterable[float]) -> Iterator[float]:
    """Figures of the machinery and what its charts make of them."""
    for value in values:
        yield value
        yield 100 * value
        yield value / 1000


def _things(edition: Edition) -> Iterator[float]:
    """How many returns, rows, rounds and counts there are, and who lives where: none was sent."""
    for role in ("pilot", "comparison", "excluded", None):
        held = [one for one in edition.programme.areas if role in (None, one.role)]
        yield places.residents(held) or 0.0
    yield from (float(len(one.receipts)) for one in edition.rounds)
    yield from (float(one.new) for one in edition.rounds)
    yield from (float(one.figures_restated) for one in edition.rounds)
    yield from (float(row.figures) for one in edition.rounds for row in one.restated)
    yield from (float(receipt["rows"]) for receipt in edition.receipts)
    yield float(len(edition.receipts))
    if edition.audit is not None:
        last = edition.audit
        told = (last.figures, last.protected, last.fewest, last.insiders, last.insiders_fewest)
        yield from (float(many) for many in told if many is not None)
    for one in edition.released.values():
        yield float(len(one.entries))
        yield float(len(one.counts))
        yield quality.hidden_share(one)
        for row in hidden_by_outcome(one):
            yield float(row.counts)
            yield row.widening or 0.0
        wider = list(widenings(one.entries).values())
        yield from (max(wider, default=0.0), statistics.median(wider or [0.0]))
        yield median_widening(one) or 0.0


def _returns(workspace: Workspace, edition: Edition) -> Iterator[float]:
    """How many returns fed each headline figure."""
    claims = Claims(edition)
    fed = claim_page.returns_by_outcome(workspace, edition.headline)
    for claim in claims.headline().values():
        yield float(len(claim_page.receipts(edition, edition.headline, claim, fed)))


def _files(workspace: Workspace, constants: Mapping[str, Any]) -> Iterator[Path]:
    folders = {
        "book": workspace.book,
        "studies": workspace.studies,
        "schemas": workspace.schemas,
        "root": workspace.root,
    }
    for name, patterns in constants["declared"].items():
        for pattern in patterns:
            yield from (one for one in sorted(folders[name].glob(pattern)) if one.is_file())
    for pattern in constants["packaged"]:
        yield from (one for one in sorted(package().glob(pattern)) if one.is_file())


def _digests(edition: Edition) -> Iterator[str]:
    """Hashes that may be seen: released ones, of code and of protocols, and keyed ones."""
    for one in edition.released.values():
        yield from HASH.findall(one.results.as_json())
    for receipt in edition.receipts:
        yield str(receipt.get("keyed_hash", ""))
        if receipt.get("chain_version", 1) >= CHAIN_VERSION:
            yield str(receipt["chain_hash"])
    for past in edition.history.editions:
        yield from HASH.findall(json.dumps([past.headline, past.change, past.manifest]))

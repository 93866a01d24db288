"""What a study has learned: its chain, practice, rules and log, put together from what is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation import fingerprint
from evaluation.errors import ProtocolError
from evaluation.finding.theory import FILE as THEORY
from evaluation.finding.theory import Theory
from evaluation.finding.verdict import Direction, Size
from evaluation.learning import decisions as rules
from evaluation.learning import practice as practices
from evaluation.learning.chain import Chain, Failure, Seen, State, chain_of
from evaluation.learning.decisions import Decisions, Rivals, RuleState, vocabulary_of
from evaluation.learning.practice import Delivery, Practice, Printed, SitePeriod
from evaluation.learning.practice_charts import AsDrawn, SiteChart, site_charts
from evaluation.ledger.learning_log import LogEntry, PublishedQuarter, Shown, changes_inside, shown
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.quarters import Period, parse_instant
from evaluation.study.results import read_results
from evaluation.study.study import Study, StudyName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evaluation.learning.predicates import Predicate, Value
    from evaluation.study.lock import Lock
    from evaluation.study.record import NewSite, OutcomeResult, Results
    from evaluation.wording import Sentence
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What is known beside the findings of a study.

    theory, chain, practice, rivals : None where none is declared. strips : every site and period
    from its start. rules : each with whether it is met. changed : what was changed since the lock,
    a sentence each. changed_inside : site -> entries of changes of practice inside its window.
    charts : of practice, month by month.
    """

    study: str
    theory: Theory | None
    chain: Chain | None
    practice: Practice | None
    strips: tuple[SitePeriod, ...]
    rules: tuple[RuleState, ...]
    rivals: Rivals | None
    entries: tuple[Shown, ...]
    changed: tuple[str, ...]
    changed_inside: Mapping[str, tuple[str, ...]]
    charts: tuple[SiteChart, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AsPrinted:
    """What readers see in place of what is known inside: released results, figures of practice.

    practice : how a site's figure is printed. out_of : those whom it could have reached.
    """

    results: Results
    practice: Printed
    out_of: Printed


def learned(
    workspace: Workspace,
    name: str,
    *,
    published: Sequence[PublishedQuarter] = (),
    shown_as: AsPrinted | None = None,
) -> Learned:
    """What ``programme/study`` has learned, at the vintage of its last results.

    Parameters
    ----------
    published : the editions so far, by which an entry counts as late. shown_as : for whatever
        leaves: chain, practice and rules are then told, and judged, by what is printed.

    Raises
    ------
    ProtocolError : a declaration cannot be read, or names what is no fact or figure.
    """
    study = Study.load(workspace, name)
    results = _results(workspace, name) if shown_as is None else shown_as.results
    practice, strips = _practice(study, results, None if shown_as is None else shown_as.practice)
    chain = _chain(study, results, practice, strips)
    entries = tuple(shown(_entries(study), published))
    found, parsed = rules_of(study)
    facts = facts_of(results, chain, strips, entries) if results else {}
    inside = {
        site.code: tuple(
            one.entry_id
            for one in changes_inside(
                [held.held for held in entries], site.code, site.start, study.protocol.window
            )
        )
        for site in study.programme.sites
    }
    return Learned(
        study=name,
        theory=Theory.load(study.folder),
        chain=chain,
        practice=practice,
        strips=strips,
        rules=rules.states_of(found, parsed, facts) if found else (),
        rivals=Rivals.load(study.folder),
        entries=entries,
        changed=tuple(_changed(study.lock, study.folder)),
        changed_inside={code: held for code, held in inside.items() if held},
        charts=_charts(study, results, practice, shown_as),
    )


def rules_of(study: Study) -> tuple[Decisions | None, dict[str, Predicate]]:
    """The decision rules of a study and their predicates; None and none where there are none.

    Raises
    ------
    ProtocolError : the file cannot be read, or a rule names what is no fact.
    """
    found = Decisions.load(study.folder)
    if found is None:
        return None, {}
    return found, found.parsed(vocabulary_of(study.protocol), study.folder)


def studies_with_rules(workspace: Workspace, programme: str) -> list[str]:
    """The studies of a programme that declare decision rules, by ``programme/study``."""
    folder = workspace.studies / programme
    return sorted(f"{programme}/{path.parent.name}" for path in folder.glob(f"*/{rules.FILE}"))


def _results(workspace: Workspace, name: str) -> Results | None:
    """The last results; None where the study was never run."""
    path = StudyName.parse(name).results(workspace) / "results.json"
    return read_results(workspace, name) if path.is_file() else None


def _entries(study: Study) -> list[LogEntry]:
    with study.ledger() as ledger:
        return ledger.entries(study.programme.name)


def practice_of(
    workspace: Workspace, programme: Programme
) -> tuple[list[dict[str, Any]], Sentence | None]:
    """The strip of every site as rows for programs, and what it says of any estimate.

    Raises
    ------
    ProtocolError : the programme declares no practice.
    """
    folder = workspace.studies / programme.name
    declared = Practice.load(folder, programme)
    if declared is None:
        raise ProtocolError(
            "no components of practice are declared.",
            where=str(folder / practices.FILE),
            mend="name figures that are measured_in: pilot areas only, each with a floor",
        )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        codes = [one.figure for one in declared.components]
        observations = ledger.observations(programme.name, outcomes=codes)
    of = programme.first.frequency
    held = [Period.parse(label) for label in observations["quarter"].unique()]
    last = max((p.within(of) if p.frequency == "M" else p for p in held), default=programme.last)
    strips = practices.strip(declared, programme, observations, last)
    return practices.rows(strips), practices.said_of_estimate(strips)


def _practice(
    study: Study, results: Results | None, printed: Printed | None
) -> tuple[Practice | None, tuple[SitePeriod, ...]]:
    practice = Practice.load(study.folder.parent, study.programme)
    if practice is None:
        return None, ()
    as_of = parse_instant(results.vintage) if results and results.vintage else study.as_of
    with study.ledger() as ledger:
        observations = ledger.observations(
            study.programme.name, as_of=as_of, outcomes=[one.figure for one in practice.components]
        )
    last = Period.parse(results.sample.last) if results else study.programme.last
    strips = practices.strip(practice, study.programme, observations, last, printed)
    return practice, tuple(strips)


def _charts(
    study: Study, results: Results | None, practice: Practice | None, shown_as: AsPrinted | None
) -> tuple[SiteChart, ...]:
    """The charts of practice up to the last period of the results."""
    if practice is None or not practice.charts:
        return ()
    as_of = parse_instant(results.vintage) if results and results.vintage else study.as_of
    last = Period.parse(results.sample.last) if results else study.programme.last
    with study.ledger() as ledger:
        observations = ledger.observations(
            study.programme.name, as_of=as_of, outcomes=[one.figure for one in practice.charts]
        )
    printed = (
        None if shown_as is None else AsDrawn(figure=shown_as.practice, out_of=shown_as.out_of)
    )
    month = Period.around(last.last_day, "M")
    return site_charts(practice, study.programme, observations, month, printed)


def charts_of(workspace: Workspace, programme: Programme) -> tuple[SiteChart, ...]:
    """The charts of practice of a programme as its figures were sent, for whoever works inside.

    Raises
    ------
    ProtocolError : the programme declares none.
    """
    folder = workspace.studies / programme.name
    declared = Practice.load(folder, programme)
    if declared is None or not declared.charts:
        raise ProtocolError(
            "no charts of practice are declared.",
            where=str(folder / practices.FILE),
            mend="add charts: [{figure: CODE}], CODE being one that is returned by month and "
            "measured_in: pilot areas only",
        )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        codes = [one.figure for one in declared.charts]
        observations = ledger.observations(programme.name, outcomes=codes)
    last = max((Period.parse(one) for one in observations["quarter"].unique()), default=None)
    month = last or Period.around(programme.last.last_day, "M")
    return site_charts(declared, programme, observations, month)


def _chain(
    study: Study, results: Results | None, practice: Practice | None, strips: Sequence[SitePeriod]
) -> Chain | None:
    theory = Theory.load(study.folder)
    if theory is None or not theory.links:
        return None
    refuse_unknown_figures(theory, study.programme, study.folder)
    last = Period.parse(results.sample.last) if results else study.programme.last
    elapsed = [max(0, last - site.start + 1) for site in study.programme.sites]
    seen: dict[str, Seen] = {}
    for one in results.outcomes if results else ():
        # A finding of an analysis that was not fixed before stands for nothing.
        stands = results is not None and results.label == "confirmatory"
        if stands and one.finding.direction is not None:
            seen[one.code] = Seen(title=one.plain_title, direction=one.finding.direction)
    for component in practice.components if practice else ():
        outcome = study.programme.outcome_by_code[component.figure]
        held = practices.component_delivery(strips, component.figure)
        seen[component.figure] = Seen(title=outcome.plain_title, delivery=held)
    together = practices.programme_delivery(strips) if practice else None
    return chain_of(theory, seen, elapsed, delivery=together)


def refuse_unknown_figures(theory: Theory, programme: Programme, folder: Path) -> None:
    """Refuse a link whose figure the programme does not have.

    Raises
    ------
    ProtocolError : there is one.
    """
    for link in theory.links:
        if link.figure and link.figure not in programme.outcome_by_code:
            raise ProtocolError(
                f"the link {link.name} is measured by {link.figure!r}, which is no outcome of the "
                "programme.",
                where=str(folder / THEORY),
                expected=", ".join(programme.outcome_by_code),
            )


def facts_of(
    results: Results, chain: Chain | None, strips: Sequence[SitePeriod], entries: Sequence[Shown]
) -> dict[str, Value]:
    """Every fact that is known; verdicts of an analysis that was not fixed before are not."""
    last = Period.parse(results.sample.last)
    starts = [Period.parse(site.start) for site in results.sites]
    started = [start for start in starts if start <= last]
    facts: dict[str, Value] = {
        "sites.started": float(len(started)),
        "programme.quarters": float(max((last - start + 1 for start in started), default=0)),
        "log.harms": float(sum(one.held.entry.kind == "harm" for one in entries)),
    }
    if strips:
        states = [practices.latest(strips, site.code) for site in results.sites]
        # Of a site whose figures did not come it is not known whether it counts.
        if Delivery.NOT_KNOWN not in states:
            facts["sites.as_designed"] = float(states.count(Delivery.AS_DESIGNED))
            facts["sites.partly"] = float(states.count(Delivery.PARTLY))
    if chain is not None:
        # A link whose figure is named and not seen could be the broken one.
        unseen = any(one.state is State.NOT_MEASURED and one.link.figure for one in chain.links)
        if chain.broken is not None or not unseen:
            facts["chain.broken"] = chain.broken is not None
            facts["chain.not_delivered"] = chain.failure is Failure.DELIVERY
            facts["chain.failure"] = str(chain.failure) if chain.failure else "none"
    if results.value is not None and results.value.stands:
        totals = results.value.totals
        facts["value.chance"] = totals.p_npsv_positive
        facts["value.npsv"] = totals.npsv.mean
        facts["value.spent"] = totals.cost.mean
    if results.label == "confirmatory":
        facts |= _verdicts(results)
    return facts


def _verdicts(results: Results) -> dict[str, Value]:
    facts: dict[str, Value] = {}
    for one in results.outcomes:
        facts |= {f"{one.code}.{word}": held for word, held in _of_outcome(one)}
    for role, name in (("primary", "primaries"), ("secondary", "secondaries")):
        group = [one for one in results.outcomes if one.role == role]
        facts[f"{name}.improved"] = float(sum(one.finding.better is True for one in group))
        facts[f"{name}.worsened"] = float(sum(one.finding.better is False for one in group))
    primaries = [one for one in results.outcomes if one.role == "primary"]
    # Without looks nobody watches for harm, and none is known.
    if all(one.finding.looked is not None for one in primaries):
        facts["primaries.harmed"] = float(
            sum(one.finding.looked.harmed for one in primaries if one.finding.looked)
        )
    facts["controls.moved"] = float(
        sum(
            one.role == "negative_control"
            and one.finding.direction not in (None, Direction.CANNOT_TELL)
            for one in results.outcomes
        )
    )
    return facts


def _of_outcome(one: OutcomeResult) -> Iterator[tuple[str, Value]]:
    finding = one.finding
    yield "improved", finding.better is True
    yield "worsened", finding.better is False
    yield "direction", str(finding.direction)
    yield "worth_having", finding.size is Size.WORTH_HAVING
    if finding.looked is not None:
        yield "harmed", finding.looked.harmed
    change = finding.effect_percent
    for word, held in (("effect", change.effect), ("low", change.low), ("high", change.high)):
        if held is not None:
            yield word, held
    better = {"up": 1.0, "down": -1.0}.get(one.polarity)
    if better is None:
        return
    if change.effect is not None:
        yield "benefit", better * change.effect
    if change.low is not None and change.high is not None:
        low, high = sorted((better * change.low, better * change.high))
        yield "benefit_low", low
        yield "benefit_high", high
    if one.new_site is not None and (ends := _percent(one, one.new_site)) is not None:
        low, high = sorted(better * end for end in ends)
        yield "next_site_low", low
        yield "next_site_high", high


def _percent(one: OutcomeResult, new: NewSite) -> tuple[float, float] | None:
    """The ends of the range for the next site in per cent of what would have been."""
    if one.estimate.scale == "log":
        return 100 * math.expm1(new.low), 100 * math.expm1(new.high)
    # On the level scale a percentage is one of the pilots' mean, which the finding's own has in it.
    whole, shown_as = one.estimate.overall.effect, one.finding.effect_percent.effect
    if not whole or shown_as is None:
        return None
    return new.low * shown_as / whole, new.high * shown_as / whole


def learning_part(folder: Path, programme: Programme) -> dict[str, str]:
    """What the lock holds of theory, rules and floors: the SHA-256 of each file that there is.

    Raises
    ------
    ProtocolError : one of them cannot be read.
    """
    # Read and not only hashed: what is fixed must be such that it can be judged by.
    Theory.load(folder)
    Practice.load(folder.parent, programme)
    return _hashes(folder)


def _hashes(folder: Path) -> dict[str, str]:
    """Of theory, rules and floors: the SHA-256 of each file that there is."""
    files = {
        "theory": folder / THEORY,
        "decisions": folder / rules.FILE,
        "practice": folder.parent / practices.FILE,
    }
    return {
        name: fingerprint.of_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
        for name, path in files.items()
        if path.is_file()
    }


def _changed(lock: Lock | None, folder: Path) -> Iterator[str]:
    """What of theory, rules and floors is not as it was fixed."""
    if lock is None:
        yield "Nothing of this was fixed before the data were seen: the study is not locked."
        return
    held, now = lock.content.get("learning", {}), _hashes(folder)
    said = {"theory": "The links of the chain", "decisions": "The rules", "practice": "The floors"}
    day = lock.first["frozen"][:10]
    for name, what in said.items():
        if name not in now:
            if name in held:
                yield f"{what} that stood at the lock of {day} are gone."
        elif name not in held:
            yield f"{what} came after the lock of {day}."
        elif held[name] != now[name]:
            yield f"{what} are not as they were at the lock of {day}."

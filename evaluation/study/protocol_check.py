"""Check a protocol before it is frozen, and where it meets its areas, sites, theory and figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.declared import read_text
from evaluation.errors import EstimateError, PanelError, ProtocolError, ValueChainError
from evaluation.estimate.assignments import variance_by_population
from evaluation.estimate.samples import unlike_precision
from evaluation.finding.feasibility import FEWEST_AUTHORITIES, first_decisive_look
from evaluation.finding.theory import Theory
from evaluation.geography import MOST_APPORTIONED, apportioned_people, blocks
from evaluation.ledger.events import read_events
from evaluation.programme import Programme
from evaluation.study import stored_assignments
from evaluation.study.interim_analyses import plan_of
from evaluation.study.lock import PROTOCOL
from evaluation.study.prospect import prospects
from evaluation.study.protocol_rules import Case, Remark, said_by_itself, shape
from evaluation.study.study import Study, StudyName, of_sites
from evaluation.study.survey_rules import surveys
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import priced_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.ledger.events import Event
    from evaluation.panel import Panel
    from evaluation.study.prospect import Prospect
    from evaluation.workspace import Workspace

    Floats = NDArray[np.float64]


# A year of quarters, below which level and season cannot be told apart; two years show each season
# twice.
FEWEST_BEFORE, A_SEASON_TWICE = 4, 8
# Below ten a count's own noise on the log scale passes thirty per cent (one over the root of ten).
SMALL_FIGURE = 10
SEEN_AFTER_START = "P122"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What a protocol stands on, as far as there is any.

    panel : of what the ledger holds now; None before the first return. drawn : the assignments of
    the plan on it, or why they cannot be drawn.
    """

    theory: Theory | None
    events: tuple[Event, ...]
    panel: Panel | None = None
    drawn: Assignments | None = None
    undrawn: str = ""


def on_the_ground(case: Case, ground: Ground) -> list[Remark]:
    """Every remark that areas, sites, theory and figures give rise to."""
    found = [
        *sites(case),
        *areas(case, ground),
        *theory(case, ground),
        *seen(case, ground),
        *prices(case),
        *surveys(case, ground.panel),
    ]
    if ground.panel is not None:
        found += [*figures(case, ground.panel), *precision(case, ground.panel)]
        found += drawn(case, ground)
    return found


def sites(case: Case) -> Iterator[Remark]:
    """Starts, announcements, and the quarters before."""
    programme = case.programme
    for site in programme.sites:
        if site.announced is not None and site.announced > site.start:
            yield case.remark(
                "P095",
                "error",
                ("programme",),
                f"Site {site.code} starts in {site.start}, before it is announced "
                f"({site.announced}).",
                "Mend its dates in programme.yaml.",
            )
        if not any(area.site == site.code for area in programme.areas):
            yield case.remark(
                "P093",
                "error",
                ("programme",),
                f"Site {site.code} has no pilot area.",
                "Give it areas in areas.csv, or take it out.",
            )
    yield from _announced(case)
    first = min((site.start for site in programme.sites), default=None)
    if first is None:
        yield case.remark(
            "P093",
            "error",
            ("programme",),
            "The programme has no site.",
            "Declare its sites in programme.yaml.",
        )
    elif first - programme.first < FEWEST_BEFORE:
        yield case.not_confirmatory(
            "P094",
            ("programme",),
            f"There are {first - programme.first} periods before the first start.",
            f"At least {FEWEST_BEFORE} are needed to compare with.",
        )
    elif first - programme.first < A_SEASON_TWICE and programme.first.frequency == "Q":
        yield case.remark(
            "P097",
            "question",
            ("programme",),
            f"There are {first - programme.first} quarters before the first start: "
            "no season is seen twice.",
            "Ask for more of the past.",
        )


def _announced(case: Case) -> Iterator[Remark]:
    """Sites announced so early that something may move before their start."""
    ahead = {s.code: s.start - s.announced for s in case.programme.sites if s.announced is not None}
    # An announcement inside the allowed window is already left out of the base.
    early = {code: n for code, n in ahead.items() if n > case.protocol.did.anticipation}
    if early:
        allowed, most = case.protocol.did.anticipation, max(early.values())
        yield case.remark(
            "P084",
            "question",
            ("did", "anticipation"),
            f"{len(early)} sites are announced up to {most} periods ahead, and the "
            f"protocol allows for {allowed} of anticipation.",
            f"Say why nothing moves before the start, or set did: {{anticipation: {most}}}.",
        )


def areas(case: Case, ground: Ground) -> Iterator[Remark]:
    """Which areas are compared with, and how many authorities can be re-drawn."""
    protocol, programme = case.protocol, case.programme
    eligible = [a for a in programme.areas if a.role != "excluded"]
    comparisons = [a for a in eligible if a.role == "comparison"]
    pilots = [a for a in eligible if a.role == "pilot"]
    if not comparisons:
        yield case.remark(
            "P091",
            "error",
            ("eligibility",),
            "There is no comparison area.",
            "Declare them in areas.csv.",
        )
        return
    buffer = protocol.eligibility.buffer_km
    placed = [(a.x, a.y) for a in pilots if a.x is not None and a.y is not None]
    if (buffer is not None or protocol.ring_km is not None) and not placed:
        place = ("eligibility", "buffer_km") if buffer is not None else ("ring_km",)
        yield case.remark(
            "P096",
            "question",
            place,
            "Areas have no coordinates, so no distance can be kept or tested.",
            "Give x and y in areas.csv.",
        )
    if buffer is not None:
        for area in comparisons:
            # An area without coordinates is not refused: a distance that is unknown breaks no rule.
            if area.x is None or area.y is None:
                continue
            away = min((math.dist((area.x, area.y), spot) for spot in placed), default=math.inf)
            if away < buffer:
                yield case.remark(
                    "P090",
                    "error",
                    ("eligibility", "buffer_km"),
                    f"Comparison area {area.code} lies {away:.1f} km from a pilot "
                    f"area, inside the buffer of {buffer:g} km.",
                    "Exclude it in areas.csv with this reason.",
                )
    homes = {a.authority for a in pilots}
    shared = [a.code for a in comparisons if a.authority in homes]
    if shared and not protocol.eligibility.shared_authority:
        yield case.remark(
            "P092",
            "question",
            ("eligibility", "shared_authority"),
            f"{len(shared)} comparison areas share an authority with a site, whose "
            f"services merge there too (first: {shared[0]}).",
            "Exclude them, or say why not: eligibility: {shared_authority: true}",
        )
    yield from _other_programmes(case, ground)
    yield from _converted(case, ground.panel)
    yield from _instruments(case, ground)
    authorities = {a.authority for a in eligible}
    # Two pilots of one authority move together when starts are drawn again, so authorities, not
    # areas, are what can be exchanged.
    moves = len(homes) < len(pilots) and protocol.assignments.block != "area"
    if moves and len(authorities) < FEWEST_AUTHORITIES:
        yield case.not_confirmatory(
            "P071",
            ("assignments",),
            f"Pilot areas share authorities, so whole authorities are re-drawn, and "
            f"{len(authorities)} are eligible: too few to bear a confirmatory claim.",
            f"Take in areas of at least {FEWEST_AUTHORITIES} authorities.",
        )


def _converted(case: Case, panel: Panel | None) -> Iterator[Remark]:
    """Areas whose figures are shared out of areas of an older vintage."""
    shares = case.programme.code_shares
    cut = apportioned_people(shares)
    for area in case.programme.areas:
        # What the returns say of their figures counts as what the table of codes says: an area may
        # be made of several, of which one is a part of an older one.
        most = max(cut.get(area.code, 0.0), _apportioned(panel, case, area.code))
        if area.role == "pilot" and most > MOST_APPORTIONED:
            older = shares[0].vintage_from if shares else "an older vintage"
            yield case.remark(
                "P130",
                "error",
                ("programme",),
                f"{100 * most:.0f} % of pilot area {area.code} is shared out of areas "
                f"of {older} that were split: its figures would be its "
                "neighbours' as much as its own.",
                f"Take an area that holds whole ones; at most {100 * MOST_APPORTIONED:.0f} % may "
                "be shared out.",
            )
    block = blocks(shares)
    eligible = {area.code for area in case.programme.areas if area.role != "excluded"}
    families = Counter(block[code] for code in eligible if code in block)
    if siblings := [name for name, count in families.items() if count > 1]:
        yield case.remark(
            "P131",
            "question",
            ("assignments",),
            f"{len(siblings)} areas of {shares[0].vintage_from} were split into several of these "
            f"(first: {siblings[0]}): their parts have one rate by construction, and are one unit "
            "wherever starts are drawn again.",
            "Put each family together as one area if its parts are not wanted apart.",
        )


def _apportioned(panel: Panel | None, case: Case, area: str) -> float:
    """The largest share of an area's figures, of any outcome, that was shared out."""
    if panel is None or area not in panel.areas.index:
        return 0.0
    row = panel.areas.index.get_loc(area)
    held = [panel.apportioned[code] for code in case.protocol.outcomes if code in panel.apportioned]
    return max((float(one[row].max()) for one in held), default=0.0)


def _instruments(case: Case, ground: Ground) -> Iterator[Remark]:
    """Breaks of the record that an outcome is taken from, while the programme is watched."""
    programme = case.programme
    for event in ground.events:
        if event.kind not in ("instrument change", "benefit roll-out"):
            continue
        codes = [c for c in case.protocol.outcomes if not event.outcomes or c in event.outcomes]
        # What was so before the first period breaks nothing.
        begins = event.since > programme.first.last_day
        if not codes or not begins or not event.overlaps(programme.first, programme.last):
            continue
        everywhere = not event.areas and not event.authority
        where = "everywhere" if everywhere else "in some areas and not in others"
        yield case.remark(
            "P132",
            "question",
            case.role_place(codes[0]),
            f"{', '.join(codes)}: {event.what}, {where}, from {event.since} ({event.source}).",
            "A break that is the same in both arms moves no difference, if the figures of both "
            "come from the same record: say in what_it_can_bear why they do."
            if everywhere
            else "The difference would measure it as well: exclude the areas, or say in "
            "what_it_can_bear what is left without them (the results show it).",
        )


def _other_programmes(case: Case, ground: Ground) -> Iterator[Remark]:
    programme, allowed = case.programme, case.protocol.eligibility.allowed
    for event in ground.events:
        if event.kind != "other programme" or not event.overlaps(programme.first, programme.last):
            continue
        if event.outcomes and not set(event.outcomes) & set(case.protocol.outcomes):
            continue
        touched = [
            a.code
            for a in programme.areas
            if a.role == "comparison" and a.code not in allowed and event.happened_to(a)
        ]
        if touched:
            yield case.remark(
                "P098",
                "error",
                ("eligibility",),
                f"{len(touched)} comparison areas are in another programme ({event.what}, from "
                f"{event.since}; first: {touched[0]}).",
                "Exclude them in areas.csv, or say why: eligibility: {allowed: {CODE: why}}",
            )
    for code in allowed:
        if code not in programme.area_by_code:
            yield case.remark(
                "P099",
                "error",
                ("eligibility", "allowed", code),
                f"The programme has no area {code!r}.",
                "Mend its code.",
            )


def theory(case: Case, ground: Ground) -> Iterator[Remark]:
    """What the theory of change asks of the analysis."""
    graph, protocol = ground.theory, case.protocol
    if graph is None:
        yield case.remark(
            "P120",
            "question",
            ("adjust_for",),
            "No theory of change is drawn: what would have to be held fixed cannot be checked.",
            "Draw it in theory.yaml beside the protocol.",
        )
        return
    for number, name in enumerate(protocol.adjust_for):
        if name not in graph.causes:
            yield case.remark(
                "P101",
                "error",
                ("adjust_for", number),
                f"The theory of change has no cause {name!r}.",
                f"It has {', '.join(graph.causes)}.",
            )
    # Unknown names are reported above: the graph would refuse them.
    held = [name for name in protocol.adjust_for if name in graph.causes]
    for code in protocol.primary:
        if code not in graph.outcomes:
            yield case.remark(
                "P104",
                "question",
                case.role_place(code),
                f"The theory of change does not lead to {code}.",
                "Draw how the programme is to move it.",
            )
            continue
        bad = graph.bad_controls(code, held)
        for name, why in bad.items():
            yield case.remark(
                "P100",
                "error",
                ("adjust_for", protocol.adjust_for.index(name)),
                f"{name} is a bad control for {code}: {why}.",
                "Take it out of adjust_for.",
            )
        if not bad and not graph.closes(code, held):
            needed = graph.adjustment_set(code)
            mend = (
                "Hold fixed: " + ", ".join(needed)
                if needed is not None
                else "Nothing at hand closes it: say so in what_it_can_bear."
            )
            yield case.remark(
                "P102",
                "question",
                ("adjust_for",),
                f"With what is held fixed a path stays open by which {code} and the "
                "choice of pilots share a cause.",
                mend,
            )
    moved = graph.descendants(graph.treatment)
    for code in protocol.negative_control:
        if code in graph.causes and code in moved:
            yield case.remark(
                "P103",
                "error",
                case.role_place(code),
                f"By the theory of change the programme moves {code}: it is no negative control.",
                "Choose another one.",
            )


def prices(case: Case) -> Iterator[Remark]:
    """Whether each unit cost is known, and of whom; and what two outcomes count twice."""
    protocol, declared = case.protocol, case.programme.outcome_by_code
    if not protocol.value:
        return
    entered = [declared[c] for c in (*protocol.primary, *protocol.secondary) if c in declared]
    try:
        params = Parameters.load().of(case.programme)
    except ValueChainError as error:
        yield case.remark("P105", "error", ("value",), error.what, error.mend)
        return
    names = {*case.programme.agencies, *params.agency_names()}
    for outcome in (one for one in entered if one.unit_cost):
        place = case.role_place(outcome.code)
        try:
            costs = params.costs_of(outcome.unit_cost or "")
            # Whether it can be priced at all: by its unit, and by an index for its year.
            priced_lines(outcome, params, protocol.price_base, ())
        except ValueChainError as error:
            yield case.remark(
                "P105",
                "error",
                place,
                f"{outcome.code}: {error.what}",
                f"One of {error.expected}." if error.expected else error.mend,
            )
            continue
        for agency in sorted({cost.agency for cost in costs} - names):
            yield case.remark(
                "P106",
                "error",
                place,
                f"The unit cost of {outcome.code} ({outcome.unit_cost}) is of the agency "
                f"{agency!r}, which the programme does not declare.",
                f"Add it in programme.yaml: agencies: {{{agency}: NAME}}",
            )
        table = params.tables["overlap"]
        held = set(zip(table["group"], table["outcome"], strict=True))
        if outcome.overlap_group and (outcome.overlap_group, outcome.code) not in held:
            yield case.remark(
                "P107",
                "question",
                place,
                f"No share says how much of {outcome.code} other outcomes of the group "
                f"{outcome.overlap_group!r} count already: all of it is counted.",
                "Say why it overlaps with none of them, or leave overlap_group out.",
            )


def seen(case: Case, ground: Ground) -> Iterator[Remark]:
    """What is said to have been seen, against what the ledger holds."""
    panel = ground.panel
    first = min((site.start for site in case.programme.sites), default=None)
    # Before the first start nothing that was seen can have guided the protocol.
    if panel is None or first is None or panel.periods[-1] < first:
        return
    said = case.protocol.data_seen.strip().lower()
    if said in ("none", "no", "nothing", "no data", "none."):
        yield case.remark(
            "P114",
            "error",
            ("data_seen",),
            f"It says that no data were seen, and the ledger holds figures up to "
            f"{panel.periods[-1]}, after the first start ({first}).",
            "Say what was seen.",
        )
    else:
        yield case.remark(
            SEEN_AFTER_START,
            "question",
            ("data_seen",),
            f"Figures up to {panel.periods[-1]} are held already, after the first "
            f"start ({first}): frozen now, every look stays exploratory.",
            "Register what was seen, or plan a study of sites yet to start.",
        )


def figures(case: Case, panel: Panel) -> Iterator[Remark]:
    """Whether the panel's own figures can be taken as the protocol takes them."""
    protocol = case.protocol
    for code in protocol.outcomes:
        values, place = panel.array(code), ("scale", code)
        log, status = protocol.scale_of(code) == "log", panel.statuses[code]
        if log and bool((values[np.isfinite(values)] <= 0).any()):
            yield case.remark(
                "P032",
                "error",
                place,
                f"{code} has figures of 0, and no logarithm of it can be taken.",
                "Set scale: {" + code + ": level}",
            )
        elif log and code in panel.denominators:
            # A rate per head back to the count that it was made of.
            counts = values * panel.denominators[code] / panel.per.get(code, 1.0)
            small = float(np.mean(counts[np.isfinite(counts)] < SMALL_FIGURE))
            # Half a per cent, below which the sentence would say 0 %.
            if small >= 0.005:
                yield case.remark(
                    "P033",
                    "question",
                    place,
                    f"{100 * small:.0f} % of the counts of {code} are below "
                    f"{SMALL_FIGURE}: logarithms of them are noisy and off-centre.",
                    "Set scale: {" + code + ": level}",
                )
        if bool((status == "[c]").any()) and not protocol.suppressed:
            yield case.remark(
                "P123",
                "question",
                case.role_place(code),
                f"Small counts of {code} are withheld, and what is done with them is not stated.",
                "Say it: suppressed: ...",
            )


def precision(case: Case, panel: Panel) -> Iterator[Remark]:
    """Whether pilot areas are measured better or worse than those that they are compared with.

    Re-assignment lets comparison areas stand for pilot areas: where these are the noisier, it finds
    effects that are none; where they are the better measured, it misses some.
    """
    protocol, panel = case.protocol, panel.eligible()
    pilot = (panel.areas["role"] == "pilot").to_numpy()
    by_size = protocol.assignments.gaps == "by_population"
    within = "population" in protocol.assignments.strata
    for code in protocol.outcomes:
        errors, of = panel.sampling_error.get(code), "Sampling errors"
        mend = (
            "Ask as many people in both, or let did or a synthetic estimator come first: they "
            "bring placebo areas to scale."
        )
        if errors is None:
            if by_size or within:
                continue
            of, mend = (
                "By their populations, errors",
                "Bring placebo areas to scale, gaps: by_population, or re-draw within bands, "
                "strata: [population]",
            )
            errors = _error_by_population(panel, code, protocol.scale_of(code))
        ratio = None if errors is None else unlike_precision(errors[pilot], errors[~pilot])
        if ratio is not None:
            yield case.remark(
                "P078",
                "question",
                ("assignments", "gaps"),
                f"{of} of {code} in pilot areas are {ratio:.2f} times those in comparison areas.",
                mend,
            )


def _error_by_population(panel: Panel, code: str, scale: str) -> Floats | None:
    """(N) what an area's change varies by, as far as its population says; None without one."""
    size = panel.areas["population"].to_numpy(dtype=float)
    if not (size > 0).all():
        return None
    figures = panel.array(code)
    first = int(min(panel.start_index[panel.treated], default=len(panel.periods)))
    if scale == "log":
        figures = np.log(np.where(figures > 0, figures, np.nan))
    try:
        return variance_by_population(panel, figures, first).of(panel)
    except EstimateError:  # too little of the past: by the share that chance alone would have
        smaller: Floats = 1 / np.sqrt(size)
        return smaller


def drawn(case: Case, ground: Ground) -> Iterator[Remark]:
    """Whether the assignments can bear a confirmatory claim."""
    alpha = 1 - case.protocol.level
    if ground.drawn is None:
        yield case.remark(
            "P072",
            "error",
            ("assignments", "strata"),
            f"The assignments cannot be drawn: {ground.undrawn}",
            "Use fewer strata, or more comparison areas.",
        )
        return
    smallest = ground.drawn.smallest_p
    # 1 - 0.95 is above 0.05 and 1 - 0.9 below 0.1 in doubles: a smallest p of exactly alpha can
    # reject.
    if smallest > alpha + 1e-9:
        yield case.not_confirmatory(
            "P070",
            ("assignments",),
            f"{ground.drawn.distinct} assignments are possible, so no p-value is "
            f"below {smallest:.3f}, and alpha is {alpha:.3g}: they cannot bear a "
            "confirmatory claim.",
            "More pilot areas, or more to compare with.",
        )
    # Above alpha over their number no outcome can stand out alone, only all of them together.
    elif smallest > alpha / len(case.protocol.primary):
        yield case.remark(
            "P076",
            "question",
            ("assignments",),
            f"No p-value is below {smallest:.3f}: with "
            f"{len(case.protocol.primary)} primary outcomes only joint evidence "
            "could be found.",
            "Fewer primary outcomes, or more areas.",
        )
    if case.protocol.looks is not None and smallest <= alpha:
        plan = plan_of(case.protocol)
        first = first_decisive_look(ground.drawn, plan)
        # In the first half few assignments may be removed yet: alpha spent times their number is
        # below one.
        if first > plan.horizon / 2:
            yield case.remark(
                "P077",
                "question",
                ("looks",),
                f"By so few assignments ({ground.drawn.distinct}) no look before "
                f"number {first} of {plan.horizon} could rule out “no effect”.",
                "More areas, spending: pocock, or say that early looks cannot speak.",
            )


def too_small(case: Case, detectable: dict[str, float]) -> Iterator[Remark]:
    """Outcomes whose hoped effect is below what the last planned look could find.

    Parameters
    ----------
    detectable : primary outcome -> percent found four times in five by the last planned look.
    """
    for code, seen_percent in detectable.items():
        hoped = case.protocol.hoped_percent.get(code)
        if hoped is not None and abs(hoped) < seen_percent:
            shown = _percent(seen_percent)
            yield case.remark(
                "P061",
                "question",
                ("hoped_percent", code),
                f"The effect hoped for on {code} is {hoped:+g} %, and what the "
                f"planned looks would find four times in five is {shown}.",
                "More areas, a longer window, or say that it may go unseen.",
            )


def prospect(case: Case, found: Sequence[Prospect]) -> Iterator[Remark]:
    """Whether the share reached times the effect among them can be found, and would pay."""
    for one in found:
        if one.share is None or one.among is None:
            # Asked with what could be found, beside which alone it says something.
            if one.found is None:
                continue
            yield case.remark(
                "P063",
                "question",
                ("reach",),
                f"How many residents are reached, and by how much {one.outcome} changes for them, "
                "is not stated: whether the study can ever find it is not known.",
                "Say it: reach: {share: 0.2, effect_percent: {" + one.outcome + ": -10}}",
            )
            continue
        hoped = case.protocol.hoped_percent.get(one.outcome)
        everybody = one.everybody or 0.0
        if hoped is not None and abs(hoped) > abs(everybody) + FAR_APART:
            yield case.remark(
                "P064",
                "question",
                ("hoped_percent", one.outcome),
                f"{one.sentences[0]} Hoped for is {hoped:+g} %, which is more than that.",
                "Let the two say the same.",
            )
        if one.can_be_found is False or one.would_pay is False:
            yield case.remark(
                "P065", "question", ("reach",), " ".join(one.sentences), WITHOUT_PROSPECT
            )


WITHOUT_PROSPECT = "Reach more people, take in more areas, or say that it may go unseen."
# Percentage points: below it two numbers that people wrote down say the same.
FAR_APART = 0.5


def _percent(size: float) -> str:
    return f"{size:.1f} %" if math.isfinite(size) else "nothing, however large"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The remarks on a protocol, and the study as it was read; None where it cannot be read."""

    remarks: list[Remark]
    study: Study | None

    @property
    def errors(self) -> list[Remark]:
        return [one for one in self.remarks if one.severity == "error"]

    @property
    def needed(self) -> list[Remark]:
        """What keeps the study from being confirmatory, and not from being locked."""
        return [one for one in self.errors if one.confirmable_by]


def check_protocol(workspace: Workspace, name: str, *, power: bool = False) -> list[Remark]:
    """Every remark on the protocol of ``programme/study``, errors first, then by line.

    Parameters
    ----------
    power : also ask what the planned looks could find, which takes a minute or so.

    Raises
    ------
    ProtocolError : there is no such study or no protocol.
    """
    return checked(workspace, name, power=power).remarks


def checked(workspace: Workspace, name: str, *, power: bool = False) -> Checked:
    """The same with the study that was read on the way, for who goes on with it."""
    parts = StudyName.parse(name)
    path = parts.folder(workspace) / PROTOCOL
    if not parts.study or not path.is_file():
        raise ProtocolError(
            f"no protocol of {name!r}.", where=str(path), mend=f"newstart protocol new {name}"
        )
    source, protocol, remarks = shape(read_text(path))
    study = None
    if source is not None and protocol is not None:
        whole = Programme.load(workspace, parts.programme)
        programme = of_sites(whole, protocol.sites, where=str(path))
        case = Case(protocol=protocol, source=source, programme=programme, name=name)
        remarks += said_by_itself(case)
        if all(code in programme.outcome_by_code for code in protocol.outcomes):
            study = Study.of(workspace, programme, protocol)
            ground = _ground(study)
            remarks += on_the_ground(case, ground)
            # A minute of simulation is not spent on a protocol that has to change anyway.
            if ground.panel is not None and not _any_hard_error(remarks):
                detectable: dict[str, float] | None = None
                try:
                    if power and protocol.looks is not None:
                        detectable = _detectable(study)
                except EstimateError as error:
                    remarks.append(_not_worked_out(case, error))
                remarks += too_small(case, detectable or {})
                remarks += prospect(case, prospects(study, detectable))
    # Errors first, then in the order of the file, as an editor would go through it.
    remarks.sort(key=lambda one: (one.severity != "error", one.line, one.rule))
    return Checked(remarks=remarks, study=study)


def _not_worked_out(case: Case, error: EstimateError) -> Remark:
    return case.remark(
        "P066",
        "question",
        ("looks",),
        f"What the planned looks could find cannot be worked out: {error.what}",
        f"It takes {error.expected}: {error.mend}." if error.expected else error.mend,
    )


def _any_hard_error(remarks: list[Remark]) -> bool:
    return any(one.severity == "error" and not one.confirmable_by for one in remarks)


def _ground(study: Study) -> Ground:
    protocol = study.protocol
    theory = Theory.load(study.folder)
    events = read_events(study.workspace, study.programme)
    if not study.workspace.has_ledger:
        return Ground(theory=theory, events=events)
    # A panel needs every outcome: before the first full returns there is none.
    if set(protocol.outcomes) - set(study.observations["outcome"]):
        return Ground(theory=theory, events=events)
    try:
        panel = study.panel
    except PanelError:  # a fault of the protocol that has its own remark (P030)
        return Ground(theory=theory, events=events)
    try:
        by_the_plan, _ = stored_assignments.drawn(study.programme, protocol, panel)
    except EstimateError as error:
        return Ground(theory=theory, events=events, panel=panel, undrawn=str(error.what))
    return Ground(theory=theory, events=events, panel=panel, drawn=by_the_plan)


def _detectable(study: Study) -> dict[str, float]:
    """Primary outcome -> percent that the last planned look would find four times in five."""
    from evaluation.study.planning import last_looks, study_power

    return last_looks(study_power(study))

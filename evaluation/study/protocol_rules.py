"""What a protocol says that is unreadable, missing, contradictory or unwise; without figures."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import ValidationError

from evaluation.declared import fields_at, parsed_yaml
from evaluation.estimate.registry import SUMS_OF_GAPS
from evaluation.protocol import Protocol
from evaluation.quarters import NAMES

if TYPE_CHECKING:
    from evaluation.programme import Programme


Severity = Literal["error", "question"]
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One remark on a protocol: an error keeps it from being frozen, a question asks for a reason.

    line : in ``protocol.yaml``; where something is missing, 1. field : dotted name of the entry.
    confirmable_by : what a confirmatory study would need here; an exploratory one may be locked
    without it. Empty for what no study may be locked with, and for questions.
    """

    rule: str
    severity: Severity
    line: int
    field: str
    message: str
    mend: str
    confirmable_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return asdict(self)

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} ({self.rule}, {self.severity})\n    {self.mend}"


@dataclass(frozen=True, kw_only=True)
class LinedYaml:
    """A YAML mapping with the line of each of its entries.

    twice : keys that stand twice, with their lines; YAML itself keeps the last one in silence.
    """

    content: dict[str, Any]
    lines: dict[Place, int]
    twice: tuple[tuple[str, int], ...] = ()

    def line(self, *place: str | int) -> int:
        """The line of an entry, or of the nearest one that holds it; 1 where there is none."""
        # From the innermost outwards: a field that is missing is reported where it belongs.
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1

    def says(self, *place: str) -> bool:
        """Whether the file has the entry at all."""
        return tuple(place) in self.lines


def read_lined(text: str) -> LinedYaml:
    """The mapping of a YAML text, with its lines.

    Raises
    ------
    yaml.YAMLError : it is no YAML, or holds a day that no calendar has.
    """
    # Twice: composed for the lines, loaded for the values. YAML's own loader keeps no line and
    # drops the first of two equal keys.
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    content = parsed_yaml(text)
    lines: dict[Place, int] = {}
    twice: list[tuple[str, int]] = []
    for place, line, again in _entries((), node):
        if again:
            twice.append((".".join(map(str, place)), line))
        lines[place] = line
    return LinedYaml(
        content=content if isinstance(content, dict) else {}, lines=lines, twice=tuple(twice)
    )


def _entries(place: Place, node: Any) -> Iterator[tuple[Place, int, bool]]:
    """Every entry below a node: its place, its line, and whether its key stood there before."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*place, str(key.value))
            # YAML counts lines from 0, editors from 1.
            yield here, key.start_mark.line + 1, key.value in seen
            seen.add(key.value)
            yield from _entries(here, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*place, number), value.start_mark.line + 1, False
            yield from _entries((*place, number), value)


# Characters: below this nobody has said who chose and by what.
SHORTEST_REASON = 20
# Ten years of quarters.
LONGEST_HORIZON = 40
WIDE_MARGIN = 30.0
# p-values in steps of a thousandth; at 199 a p of 0.05 rests on ten assignments.
FEW_DRAWN = 999
STATED = {
    "registered": (
        "P113",
        "Where the protocol is registered is not stated.",
        "Register it (newstart protocol export) and give the number: registered: ...",
    ),
    "data_seen": (
        "P114",
        "Which data had been seen before is not stated.",
        "Say it, also if none were: data_seen: ...",
    ),
    "intervention": (
        "P118",
        "What the sites do that others do not is not stated.",
        "Say it in two sentences: intervention: ...",
    ),
    "estimand": (
        "P117",
        "What is estimated is not stated in words.",
        "Say population, contrast and quarters: estimand: ...",
    ),
    "missing": ("P116", "What is done with missing figures is not stated.", "Say it: missing: ..."),
    "suppressed": (
        "P121",
        "What is done with withheld small counts is not stated.",
        "Say it: suppressed: ...",
    ),
    "decision_rules": (
        "P115",
        "What will be done on which verdict is not stated.",
        "Say who decides what: decision_rules: ...",
    ),
    "publication": (
        "P112",
        "When the results are published, whatever they are, is not stated.",
        "Give a date: publication: 2027-06-30",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A protocol beside its file and its programme."""

    protocol: Protocol
    source: LinedYaml
    programme: Programme
    name: str

    def not_confirmatory(
        self, rule: str, place: tuple[str | int, ...], message: str, mend: str
    ) -> Remark:
        """What no confirmatory study can stand on, and an exploratory one may."""
        other = f"Or lock it as exploratory: newstart protocol freeze {self.name} --exploratory"
        found = self.remark(rule, "error", place, message, f"{mend} {other}")
        return replace(found, confirmable_by=mend)

    def remark(
        self, rule: str, severity: Severity, place: tuple[str | int, ...], message: str, mend: str
    ) -> Remark:
        """A remark at the line of an entry."""
        field = ".".join(map(str, place))
        return Remark(
            rule=rule,
            severity=severity,
            line=self.source.line(*place),
            field=field,
            message=message,
            mend=mend,
        )

    def role_place(self, code: str) -> tuple[str | int, ...]:
        """Where an outcome is named, by its first role."""
        for role in ("primary", "secondary", "lives", "negative_control"):
            listed = self.source.content.get(role)
            if isinstance(listed, list) and code in listed:
                return (role, listed.index(code))
        return ("primary",)


Rule = Callable[[Case], Iterator[Remark]]


def said_by_itself(case: Case) -> list[Remark]:
    """Every remark that protocol and programme alone give rise to."""
    return [found for rule in RULES for found in rule(case)]


def names(case: Case) -> Iterator[Remark]:
    """Folder, words."""
    protocol, (programme, study) = case.protocol, case.name.split("/")
    for field, said, folder in (
        ("study", protocol.study, study),
        ("programme", protocol.programme, programme),
    ):
        if said != folder:
            yield case.remark(
                "P006",
                "error",
                (field,),
                f"{field} is {said!r}, and the folder's name is {folder!r}.",
                "Let both be the same.",
            )
    for field in ("title", "question"):
        if not getattr(protocol, field).strip():
            yield case.remark("P011", "error", (field,), f"The {field} is empty.", "Write it.")
    if len(protocol.how_pilots_were_chosen.strip()) < SHORTEST_REASON:
        yield case.remark(
            "P010",
            "error",
            ("how_pilots_were_chosen",),
            "How the pilots were chosen is not told, and no result can be read without it.",
            "Say who chose, by what, and whether any place asked or was refused.",
        )


def stated(case: Case) -> Iterator[Remark]:
    """Fields that a reader will look for."""
    for field, (rule, message, mend) in STATED.items():
        if not getattr(case.protocol, field):
            yield case.remark(rule, "question", (field,), message, mend)


def roles(case: Case) -> Iterator[Remark]:
    """Which outcomes, in which roles."""
    protocol, known = case.protocol, case.programme.outcome_by_code
    seen: set[str] = set()
    for code in protocol.outcomes:
        if code in seen:
            yield case.remark(
                "P021", "error", case.role_place(code), f"{code} has two roles.", "Let it have one."
            )
        seen.add(code)
        if code not in known:
            yield case.remark(
                "P020",
                "error",
                case.role_place(code),
                f"The programme has no outcome {code!r}.",
                f"It has {', '.join(known)}.",
            )
    if not protocol.negative_control:
        yield case.remark(
            "P027",
            "question",
            ("negative_control",),
            "No outcome is named that the programme cannot move.",
            "Name one: if it moves, the comparison is at fault.",
        )
    # Effects of years and of quarters share no assignment and no look.
    frequencies = {known[code].period_frequency for code in protocol.outcomes if code in known}
    if len(frequencies) > 1:
        yield case.remark(
            "P030",
            "error",
            ("primary",),
            "Quarterly and yearly outcomes stand in one protocol.",
            "Give the yearly ones a study of their own.",
        )


def instruments(case: Case) -> Iterator[Remark]:
    """Whether each outcome can bear its role."""
    protocol, known = case.protocol, case.programme.outcome_by_code
    for code in (code for code in protocol.outcomes if code in known):
        outcome, place = known[code], case.role_place(code)
        primary, control = code in protocol.primary, code in protocol.negative_control
        severity: Severity = "error" if primary else "question"
        if outcome.measured_in == "pilot areas only":
            yield case.remark(
                "P023",
                "error",
                place,
                f"{code} is measured in pilot areas only: there is no comparison.",
                "Report it as descriptive, outside the protocol.",
            )
        elif not outcome.comparison_source or (
            # Two sources are one instrument only where the declaration says so.
            outcome.source != outcome.comparison_source and not outcome.instrument
        ):
            yield case.remark(
                "P024",
                severity,
                place,
                f"{code} has no one instrument in both arms: a contrast would measure the "
                "instruments.",
                "Name the record that both are taken from, or choose another one.",
            )
        if without := case.programme.unsubmitted(outcome):
            yield case.remark(
                "P034",
                "question",
                place,
                f"Nobody returns {code} for {len(without)} areas (first: {without[0].code}), which "
                "then have no figure of it.",
                "Give their site the agency, or say why not: missing: ...",
            )
        if outcome.negative_control and not control:
            yield case.remark(
                "P025",
                severity,
                place,
                f"{code} is declared as an outcome that the programme cannot move.",
                "Let it be a negative control, or declare it otherwise.",
            )
        if control and not outcome.negative_control:
            yield case.remark(
                "P026",
                "question",
                place,
                f"{code} is a negative control here and is not declared as one.",
                "Say in its declaration why the programme cannot move it.",
            )
        if primary and outcome.polarity == "care":
            yield case.remark(
                "P028",
                "question",
                place,
                f"{code} is read with care, so no verdict can call a change of it better or worse.",
                "Choose one with a direction.",
            )
    groups = [known[c].overlap_group for c in protocol.primary if c in known]
    for group in {g for g in groups if g and groups.count(g) > 1}:
        yield case.remark(
            "P031",
            "question",
            ("primary",),
            f"Two primary outcomes count the same people (group {group!r}).",
            "Choose one of them, or say why both are needed.",
        )


def keys(case: Case) -> Iterator[Remark]:
    """Settings by outcome that name one which the protocol does not have."""
    protocol = case.protocol
    for field in ("scale", "margin_percent", "hoped_percent"):
        for code in getattr(protocol, field):
            if code not in protocol.outcomes:
                yield case.remark(
                    "P029",
                    "error",
                    (field, code),
                    f"{field} names {code!r}, which is no outcome of the protocol.",
                    "Mend its name, or take it out.",
                )
    for number, one in enumerate(protocol.published):
        if one.outcome not in protocol.outcomes:
            yield case.remark(
                "P111",
                "error",
                ("published", number, "outcome"),
                f"A published figure is of {one.outcome!r}, no outcome here.",
                "Mend its name, or take it out.",
            )


def margins(case: Case) -> Iterator[Remark]:
    """What is worth having, which a size is held against, and the effect hoped for."""
    protocol, known = case.protocol, case.programme.outcome_by_code
    for code in protocol.outcomes:
        margin, hoped = protocol.margin_of(code), protocol.hoped_percent.get(code)
        held = code in protocol.margin_percent
        place = ("margin_percent", code) if held else ("default_margin_percent",)
        primary = code in protocol.primary
        if margin <= 0:
            yield case.remark(
                "P051",
                "error",
                place,
                f"What is worth having of {code}, its margin, is {margin:g} %.",
                "It is the smallest change worth having: above 0.",
            )
        # Whether it was written and not what it is: a default is nobody's choice.
        if primary and not held and not case.source.says("default_margin_percent"):
            yield case.remark(
                "P050",
                "question",
                ("margin_percent",),
                f"The smallest change of {code} that is worth having is not stated.",
                "Give it: margin_percent: {" + code + ": 5}",
            )
        if margin > WIDE_MARGIN:
            yield case.remark(
                "P052",
                "question",
                place,
                f"A change of {code} by less than {margin:g} % would be called smaller than worth "
                "having.",
                "Choose a margin below what would matter to people.",
            )
        if hoped is None:
            if primary:
                yield case.remark(
                    "P060",
                    "question",
                    ("hoped_percent",),
                    f"The effect hoped for on {code} is not stated.",
                    "Give it: hoped_percent: {" + code + ": -8}",
                )
            continue
        if 0 < abs(hoped) < margin:
            yield case.remark(
                "P053",
                "question",
                ("hoped_percent", code),
                f"The effect hoped for on {code} ({hoped:+g} %) is smaller than what is worth "
                f"having ({margin:g} %), and would be called so.",
                "Lower the margin, or say what is hoped for.",
            )
        # An unknown outcome has its own remark (P020): here it must not be judged a second time.
        polarity = known[code].polarity if code in known else "care"
        if hoped == 0 or (polarity == "down" and hoped > 0) or (polarity == "up" and hoped < 0):
            yield case.remark(
                "P062",
                "error",
                ("hoped_percent", code),
                f"The effect hoped for on {code} is {hoped:+g} %, and better is {polarity}.",
                "Give it the sign of an improvement.",
            )


def window(case: Case) -> Iterator[Remark]:
    """The quarters of the estimand."""
    protocol, programme = case.protocol, case.programme
    first, last = protocol.window
    if first > last:
        yield case.remark(
            "P040",
            "error",
            ("window",),
            f"The window runs from {first} to {last}.",
            "Let the first period come first.",
        )
    if first < 0:
        yield case.remark(
            "P041",
            "error",
            ("window",),
            f"The window begins {-first} periods before the start.",
            "Begin at 0; periods of anticipation belong in did.anticipation.",
        )
    ends = max((site.start + last for site in programme.sites), default=None)
    if ends is not None and first <= last and ends > programme.last:
        yield case.remark(
            "P042",
            "question",
            ("window",),
            f"The window of the last site ends in {ends}; the programme's calendar "
            f"ends in {programme.last}.",
            "Until then some outcomes are too early to say; or shorten it.",
        )


def first_periods(case: Case) -> Iterator[Remark]:
    """Sites that began inside a period, and what becomes of it."""
    inside = [site for site in case.programme.sites if site.first_share < 1]
    told = case.protocol.partial
    if inside and told is None:
        one = inside[0]
        yield case.remark(
            "P140",
            "question",
            ("window",),
            f"{len(inside)} of {len(case.programme.sites)} sites began inside a period, {one.code} "
            f"with {one.first_share:.0%} of {one.start} left; that period is left out.",
            "Say so: partial: drop. Or partial: scale, where the effect comes at once and in full: "
            "it is then divided by the share.",
        )
    if told is not None and not inside:
        yield case.remark(
            "P141",
            "question",
            ("partial",),
            "No site began inside a period, so that partial does nothing.",
            "Write the day as the site's start in programme.yaml, or take partial out.",
        )
    if inside and told != "scale" and case.protocol.window == (0, 0):
        yield case.remark(
            "P142",
            "error",
            ("window",),
            "The window is the first period alone, and sites began inside it: nothing is left.",
            "End the window later.",
        )


def looks(case: Case) -> Iterator[Remark]:
    """How often it is looked, and how alpha is spent."""
    protocol = case.protocol
    alpha = 1 - protocol.level
    # 1 - 0.9 is 0.09999999999999998 in doubles.
    if alpha > 0.1 + 1e-9:
        yield case.remark(
            "P048",
            "question",
            ("level",),
            f"At level {protocol.level:g} one verdict in {1 / alpha:.0f} is false "
            "where there is no effect.",
            "Choose 0.95, or say why not.",
        )
    if protocol.looks is None:
        yield case.not_confirmatory(
            "P043",
            ("looks",),
            "No looks are planned.",
            "Add looks: {horizon: 8}; a single look is {horizon: 1}.",
        )
        return
    plan, length = protocol.looks, protocol.window[1] + 1
    if plan.reserve >= alpha - 1e-9:
        yield case.remark(
            "P045",
            "error",
            ("looks", "reserve"),
            f"The looks would spend more than there is: {plan.reserve:g} in "
            f"reserve of {alpha:.3g} in all.",
            "Keep a part of it: reserve: 0.01",
        )
    if plan.reserve == 0:
        yield case.remark(
            "P046",
            "question",
            ("looks", "reserve"),
            "Nothing is kept for looks past the horizon: they could find nothing.",
            "Keep a part of it: reserve: 0.01",
        )
    if plan.horizon > LONGEST_HORIZON:
        yield case.remark(
            "P049",
            "question",
            ("looks", "horizon"),
            f"{plan.horizon} looks are planned, so each may find very little.",
            "Plan the looks at which something will be decided.",
        )
    if plan.horizon < length:
        yield case.remark(
            "P044",
            "question",
            ("looks", "horizon"),
            f"The looks end after {plan.horizon} periods, before the window of "
            f"{length} is complete.",
            "Let the horizon cover the window.",
        )


def assignments(case: Case) -> Iterator[Remark]:
    """The plan of re-assignment, before any is drawn."""
    plan, alpha = case.protocol.assignments, 1 - case.protocol.level
    # With n drawn, the smallest p is 1 / (n + 1): the real assignment counts among them.
    if (plan.n + 1) * alpha < 1 - 1e-9:
        yield case.remark(
            "P070",
            "error",
            ("assignments", "n"),
            f"With {plan.n} assignments no p-value below {1 / (plan.n + 1):.3f} is "
            f"possible, and alpha is {alpha:.3g}.",
            "Draw more: n: 9999",
        )
    elif plan.n < FEW_DRAWN:
        yield case.remark(
            "P074",
            "question",
            ("assignments", "n"),
            f"With {plan.n} assignments every p-value is coarse.",
            "Draw more: n: 9999",
        )
    if len(set(plan.strata)) < len(plan.strata):
        yield case.remark(
            "P075", "error", ("assignments", "strata"), "A stratum is named twice.", "Name it once."
        )
    if plan.block in ("area", "site") and _authorities_shared(case, plan.block):
        yield case.remark(
            "P073",
            "error",
            ("assignments", "block"),
            f"Pilot {plan.block}s share authorities and their shocks, and {plan.block}s would be "
            "re-drawn one by one: p-values come out too small.",
            "Leave block out: whole authorities then move.",
        )


def _authorities_shared(case: Case, block: Literal["area", "site"]) -> bool:
    """Whether an authority holds more than one of the pilot blocks that would be re-drawn."""
    pilots = [a for a in case.programme.areas if a.role == "pilot"]
    blocks = {(a.authority, a.code if block == "area" else a.site) for a in pilots}
    return len({authority for authority, _ in blocks}) < len(blocks)


def estimators(case: Case) -> Iterator[Remark]:
    """The fallbacks of estimators, the first of them primary."""
    fallbacks = case.protocol.estimators
    if not fallbacks:
        yield case.remark(
            "P081",
            "error",
            ("estimators",),
            "No estimator is named.",
            "Name at least the primary one.",
        )
        return
    if len(set(fallbacks)) < len(fallbacks):
        yield case.remark(
            "P081", "error", ("estimators",), "An estimator is named twice.", "Name it once."
        )
    if len(set(fallbacks)) == 1:
        yield case.remark(
            "P083",
            "question",
            ("estimators",),
            "Only one estimator is named, so nothing can agree with it.",
            "Add a second one that rests on another assumption.",
        )
    starts = {site.start for site in case.programme.sites}
    if fallbacks[0] in ("fixed_effects", "first_differences") and len(starts) > 1:
        yield case.remark(
            "P082",
            "error",
            ("estimators", 0),
            f"The primary estimator is {fallbacks[0]}, and sites start at different "
            "times: started areas would serve as comparisons.",
            "Choose did, imputation, synthetic_control or synthetic_did.",
        )
    # Bringing placebo gaps to scale needs a gap for each area; a refitted estimator has only the
    # whole effect.
    refitted = [name for name in fallbacks if name not in SUMS_OF_GAPS]
    if case.protocol.assignments.gaps == "by_population" and refitted:
        yield case.remark(
            "P086",
            "error",
            ("estimators", fallbacks.index(refitted[0])),
            f"Placebo gaps are to be brought to scale by population, and "
            f"{refitted[0]} is refitted under every assignment and has none.",
            "Leave it out, or re-draw within bands: strata: [population].",
        )
    if case.protocol.did.anticipation < 0:
        yield case.remark(
            "P085",
            "error",
            ("did", "anticipation"),
            "A negative number of periods cannot anticipate a start.",
            "Give the periods before the start that may be moved by it: 0 or more.",
        )


def money(case: Case) -> Iterator[Remark]:
    """Value, where it is asked for."""
    protocol, known = case.protocol, case.programme.outcome_by_code
    if not protocol.value:
        return
    if case.programme.first.frequency != "Q":
        yield case.remark(
            "P143",
            "error",
            ("value",),
            f"The programme counts in {NAMES[case.programme.first.frequency]}s, and pounds are "
            "reckoned by the quarter.",
            "Set value: false; what is gained is then said in events.",
        )
        return
    # Better lives are valued too, as a sum of their own.
    judged = (*protocol.primary, *protocol.secondary, *(protocol.lives or ()))
    if not any(known[code].unit_cost for code in judged if code in known):
        yield case.remark(
            "P110",
            "error",
            ("value",),
            "No outcome has a unit cost, so nothing has a value.",
            "Name one that has, or set value: false.",
        )
    if not case.programme.costs and case.programme.money is None:
        yield case.remark(
            "P119",
            "question",
            ("value",),
            "The programme declares no costs: its value would be gains without their price.",
            "Let finance departments send them: money: {} in programme.yaml, and newstart status.",
        )


RULES: tuple[Rule, ...] = (
    names,
    stated,
    roles,
    instruments,
    keys,
    margins,
    window,
    first_periods,
    looks,
    assignments,
    estimators,
    money,
)


def shape(text: str) -> tuple[LinedYaml | None, Protocol | None, list[Remark]]:
    """The lines and the protocol of a text, as far as it can be read, and what is wrong with it."""
    try:
        source = read_lined(text)
    except yaml.YAMLError as error:
        # A bracket left open is noticed lines later: the context is where it was opened.
        in_brackets = "flow" in (getattr(error, "context", None) or "")
        mark = getattr(error, "context_mark" if in_brackets else "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        said, line = f"This is no YAML: {problem}.", mark.line + 1 if mark else 1
        mend = "Mend the line: names end with a colon and a space, lists stand in brackets."
        return None, None, [_error("P001", line, "", said, mend)]
    if not source.content:
        said = "The file holds no mapping of names to values."
        mend = "Begin with: newstart protocol new PROGRAMME/STUDY"
        return source, None, [_error("P001", 1, "", said, mend)]
    remarks = [
        _error(
            "P002",
            line,
            field,
            f"{field} stands twice; only the last one would count.",
            "Keep one of them.",
        )
        for field, line in source.twice
    ]
    try:
        # Every fault of the shape at once, each with its line, and not one at a time.
        return source, Protocol.model_validate(source.content), remarks
    except ValidationError as error:
        remarks += [_told(one, source) for one in error.errors()]
        return source, None, remarks


def _error(rule: str, line: int, field: str, message: str, mend: str) -> Remark:
    return Remark(rule=rule, severity="error", line=line, field=field, message=message, mend=mend)


def _told(error: Any, source: LinedYaml) -> Remark:
    place = tuple(error["loc"])
    field, line = ".".join(map(str, place)), source.line(*place)
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        near = next(iter(_nearest(str(place[-1]), place)), "")
        mend = f"Did you mean {near}?" if near else "Take it out, or see `newstart protocol new`."
        return _error("P003", line, field, f"A protocol has no {field!r}.", mend)
    if kind == "missing":
        return _error("P004", line, field, f"{field} is missing.", f"Add a line: {field}: ...")
    if field == "primary" and kind == "too_long":
        return _error(
            "P022",
            line,
            field,
            f"{len(given)} outcomes are named as primary, and three are the most.",
            "Choose up to three; the others are secondary.",
        )
    if kind == "literal_error":
        expected = error["ctx"]["expected"]
        rule = "P080" if place[0] == "estimators" else "P005"
        return _error(rule, line, field, f"{field} is {given!r}.", f"It is one of {expected}.")
    return _error(
        "P005",
        line,
        field,
        f"{field} is {_plain(given)}: {error['msg'].lower()}.",
        "Give a value of that kind and range.",
    )


def _plain(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(name: str, place: tuple[Any, ...]) -> Iterator[str]:
    yield from difflib.get_close_matches(name, list(fields_at(Protocol, place[:-1])), n=1)

"""Figures: the column rules of each outcome, and symbols beside figures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from evaluation.agreements import Arm, Figures
from evaluation.check.before import Key, parameters
from evaluation.check.read import Cells, Fault
from evaluation.check.report import Problem, in_digits, shown
from evaluation.check.rules import Severity, rules
from evaluation.programme import Bounds, Outcome, Programme, Source
from evaluation.returns.form import ROUNDED, common_base, form, rounding_base
from evaluation.tables import Failure, counts_some_of_all

LOW = "[low]"
_TOO_MUCH = ("R044", "R045")
_HALF = 0.5  # from here on a figure rounds to one
# What stands beside a figure of a sample, and the rule whose mend says what belongs there.
_BESIDE = {"se": "R101", "respondents": "R102"}


def _by_outcome(cells: Cells, programme: Programme) -> Mapping[str, list[int]]:
    entries: dict[str, list[int]] = defaultdict(list)
    for entry, code in enumerate(cells.outcome):
        if code is not None and code in programme.outcome_by_code:
            entries[code].append(entry)
    return entries


def figure_failures(
    outcome: Outcome, numerator: Sequence[float | None], denominator: Sequence[float | None]
) -> list[Failure]:
    """Every figure of one outcome that breaks one of its column rules, row by row.

    The rules of ``tables.column_failures`` without pandas and pandera: loading the two takes longer
    than checking a return. A test holds both to the same failures.
    """
    rows = enumerate(zip(numerator, denominator, strict=True))
    return [
        failure
        for position, (above, below) in rows
        for failure in _row_failures(outcome, position, _known(above), _known(below))
    ]


def _known(figure: float | None) -> float | None:
    return None if figure is None or math.isnan(figure) else figure


def _row_failures(
    outcome: Outcome, position: int, above: float | None, below: float | None
) -> Iterator[Failure]:
    """One fault is named once: what follows from a fault of a part is not judged."""
    ratio = outcome.form == "ratio"
    # A sheet can hold 1e400, which reads as infinity: comparisons with limits would pass it.
    if above is not None and math.isinf(above):
        yield Failure(position, "numerator", "R042")
    elif above is not None:
        if outcome.whole and above % 1:
            yield Failure(position, "numerator", "R040")
        if ratio and above < 0:
            yield Failure(position, "numerator", "R041")
    if below is not None and (math.isinf(below) or below <= 0):
        yield Failure(position, "denominator", "R042" if math.isinf(below) else "R043")
    if above is None or (ratio and (below is None or below <= 0 or above < 0)):
        return
    share = above / below if ratio and below is not None else above
    value = share * (outcome.per if ratio else 1.0)
    if not math.isfinite(share):
        return
    # Most specific first: more than all there are is told as that and not as a bound.
    if share > 1 and counts_some_of_all(outcome):
        yield Failure(position, "numerator_share", "R044")
    elif _outside(value, outcome.bounds):
        yield Failure(position, "value", "R045")
    elif _outside(value, outcome.soft_limits):
        yield Failure(position, "value", "R046")


def _outside(value: float, limits: Bounds) -> bool:
    low, high = limits.low, limits.high
    return (low is not None and value < low) or (high is not None and value > high)


def check_columns(
    cells: Cells, programme: Programme, fixed: Mapping[Key, float] | None = None
) -> list[Problem]:
    """Every figure beyond what its outcome allows, or beyond what has been seen so far.

    ``fixed`` are the accepted denominators: a figure that is one stands in the wrong column.
    """
    problems: list[Problem] = []
    for code, entries in _by_outcome(cells, programme).items():
        outcome = programme.outcome_by_code[code]
        numerator = [cells.numerator[entry] for entry in entries]
        denominator = [cells.denominator[entry] for entry in entries]
        for failure in figure_failures(outcome, numerator, denominator):
            entry = entries[failure.position]
            column = "denominator" if failure.column == "denominator" else "numerator"
            rule = failure.rule
            # The two columns exchanged explain the fault better than a bound, and have another
            # mend.
            if rule in _TOO_MUCH and _swapped(cells, entry, fixed or {}):
                rule = "R049"
            if cells.room(rule, entry, column):
                problems.append(_column_problem(rule, entry, column, outcome, cells, fixed))
    return problems


def _column_problem(
    rule: str,
    entry: int,
    column: str,
    outcome: Outcome,
    cells: Cells,
    fixed: Mapping[Key, float] | None,
) -> Problem:
    above, below = cells.numerator[entry], cells.denominator[entry]
    if rule == "R049":
        message = f"{shown(above)} is the denominator of this area."
        mend = f"Write {shown(below)} in numerator and {shown(above)} in denominator."
        return cells.problem(rule, entry, column, message, value=above, mend=mend)
    message = _message(rule, outcome, cells, entry)
    mend = _as_accepted(cells, entry, fixed) if rule == "R043" else ""
    value = below if column == "denominator" else above
    return cells.problem(rule, entry, column, message, value=value, mend=mend)


def check_types(cells: Cells, programme: Programme, fixed: Mapping[Key, float]) -> list[Problem]:
    """Every cell that could not be read, with a mend that fits the rest of its row."""
    values = {one.code for one in programme.outcomes if one.form == "value"}
    return [
        cells.problem(
            fault.rule,
            entry,
            column,
            fault.message,
            value=value,
            mend=_mend(cells, entry, column, fault, fixed)
            if column != "denominator" or cells.outcome[entry] not in values
            else rules()["R048"].mend,
        )
        for column, faults in cells.faults.items()
        for entry, (value, fault) in faults.items()
    ]


def _mend(cells: Cells, entry: int, column: str, fault: Fault, fixed: Mapping[Key, float]) -> str:
    """The mend of a cell that could not be read.

    A denominator is the accepted one, not a figure to be withheld, and so are a sampling error and
    its respondents none; a symbol for no figure, once spelt right, would contradict the figure
    beside it.
    """
    if column in _BESIDE and fault.rule != "R022":
        return rules()[_BESIDE[column]].mend
    if column == "denominator" and fault.rule != "R022":
        return _as_accepted(cells, entry, fixed) or rules()["R043"].mend
    figure_of = form().figure_of
    if cells.numerator[entry] is not None and figure_of.get(fault.symbol) == "empty":
        return f"Leave the status empty; if there is no figure, write {fault.symbol} alone."
    return fault.mend


def _as_accepted(cells: Cells, entry: int, fixed: Mapping[Key, float] | None) -> str:
    """The mend of a denominator that was accepted before; empty where none was."""
    known = (fixed or {}).get((cells.area_code[entry] or "", cells.outcome[entry] or ""))
    return "" if known is None else f"Write {shown(known)}."


def _swapped(cells: Cells, entry: int, fixed: Mapping[Key, float]) -> bool:
    """More than there are, because what there are stands in its place."""
    above = cells.numerator[entry]
    key = cells.area_code[entry] or "", cells.outcome[entry] or ""
    # Exactly equal: near the accepted denominator a figure may be right.
    return above is not None and cells.denominator[entry] is not None and fixed.get(key) == above


def _message(rule: str, outcome: Outcome, cells: Cells, entry: int) -> str:
    people = outcome.people[:1].upper() + outcome.people[1:]
    if rule == "R040":
        return f"{people} are counted in whole numbers."
    if rule == "R041":
        return f"There cannot be fewer than no {outcome.people}."
    if rule == "R042":
        return "This number is too large to hold."
    if rule == "R043":
        return "The denominator must be more than zero."
    if rule == "R044":
        out_of = shown(cells.denominator[entry])
        return f"More {outcome.people} than there are in all ({out_of} in column denominator)."
    limits = outcome.bounds if rule == "R045" else outcome.soft_limits
    value = f"{in_digits(_rate(outcome, cells, entry))} {outcome.unit}"
    low, high = limits.low, limits.high
    span = (
        f"{_limit(low)} to {_limit(high)}"
        if low is not None and high is not None
        else (f"at most {_limit(high)}" if low is None else f"at least {_limit(low)}")
    )
    what = "possible is" if rule == "R045" else "usual is"
    return f"This makes {value}; {what} {span}."


def _limit(limit: float | None) -> str:
    return "" if limit is None else in_digits(limit)


def _rate(outcome: Outcome, cells: Cells, entry: int) -> float:
    numerator, denominator = cells.numerator[entry], cells.denominator[entry]
    if outcome.form == "ratio" and denominator:
        return outcome.per * (numerator or 0.0) / denominator
    return numerator or 0.0


@dataclass(frozen=True, kw_only=True)
class SmallCounts:
    """Whether true counts under the threshold may be sent.

    source : of whom the return is, if it is of a source. on : the day; None where no clock counts.
    """

    programme: Programme
    source: Source | None = None
    on: date | None = None

    def severity(self, outcome: Outcome, area: str) -> Severity | None:
        """How a small count is told; None where it was agreed to."""
        if self.programme.synthetic or (self.source is not None and self.source.open):
            return "note"
        held = self.programme.area_by_code.get(area)
        arm: Arm = "pilot" if held is not None and held.site else "comparison"
        asked = Figures(agency=outcome.agency, outcome=outcome.code, arm=arm)
        return None if self.programme.agreements.small_counts_allowed(asked, self.on) else "error"


NO_AGREEMENT = (
    "Withhold it: empty the cell and put [c] in status. True small counts may be sent once their "
    "controllers have agreed to it in agreements.yaml."
)


def check_across(
    cells: Cells,
    programme: Programme,
    fixed: Mapping[Key, float] | None = None,
    small: SmallCounts | None = None,
) -> list[Problem]:
    """A missing figure has its symbol, a symbol fits its figure, a ratio has its denominator.

    ``fixed`` are the accepted denominators, for the mend of one that is missing; ``small`` says
    whether small counts may be sent.
    """
    small = small or SmallCounts(programme=programme)
    problems: list[Problem] = []
    unread = cells.unread
    for code, entries in _by_outcome(cells, programme).items():
        outcome = programme.outcome_by_code[code]
        for entry in entries:
            figure, status = cells.numerator[entry], cells.status[entry]
            if entry not in unread["numerator"] and entry not in unread["status"]:
                problems += _check_symbol(cells, entry, outcome, status or "", small)
            if entry in unread["denominator"]:
                continue
            below = cells.denominator[entry]
            if outcome.form == "ratio" and figure is not None and below is None:
                message = f"The denominator is missing: {outcome.denominator}."
                mend = _as_accepted(cells, entry, fixed)
                problems += cells.listed(
                    "R047", entry, "denominator", message, value=None, mend=mend
                )
            elif outcome.form == "value" and below is not None:
                message = f"{outcome.title} is a value and has no denominator."
                problems += cells.listed("R048", entry, "denominator", message, value=below)
    return problems


def _check_symbol(
    cells: Cells, entry: int, outcome: Outcome, status: str, small: SmallCounts
) -> list[Problem]:
    figure = cells.numerator[entry]
    asks = form().figure_of.get(status, "given")
    if figure is None and asks == "given":
        message = "The figure is missing and no symbol says why."
        if status:
            message = f"{status} belongs beside a figure, and there is none."
        return cells.listed("R050", entry, "numerator", message, value=None)
    if figure is not None and asks == "empty":
        message = f"{status} says that there is no figure, but there is one."
        return cells.listed("R051", entry, "numerator", message, value=figure)
    # Of a survey the symbol says that few answered.
    if figure is not None and status == LOW and abs(figure) >= _HALF and not outcome.sampled:
        message = f"{shown(figure)} does not round to zero."
        return cells.listed("R054", entry, "status", message, value=status)
    # Zero is no small count: nobody can be found in it.
    if figure is not None and outcome.whole and 0 < figure < outcome.disclosure.threshold:
        message = f"Fewer than {outcome.disclosure.threshold} {outcome.people}."
        severity = small.severity(outcome, cells.area_code[entry] or "")
        mend = NO_AGREEMENT if severity == "error" else ""
        told = cells.listed("R052", entry, "numerator", message, value=figure, mend=mend)
        return [replace(one, severity=severity) for one in told] if severity else []
    return []


LEAST_SHOWN = 10
"""Respondents: below it a survey's figure is withheld, since it may be about people one knows."""
LEAST_SURE = 30
"""Respondents: below it a survey's figure is marked, since it says little."""


def check_samples(cells: Cells, programme: Programme) -> list[Problem]:
    """Each figure of a survey has its sampling error and its respondents, and no other has."""
    problems: list[Problem] = []
    absent = [name for name in ("se", "respondents") if name not in cells.columns]
    for code, entries in _by_outcome(cells, programme).items():
        outcome = programme.outcome_by_code[code]
        given = [entry for entry in entries if cells.numerator[entry] is not None]
        if outcome.sampled and absent and given:
            message = f"{outcome.title} is a survey's figure, and there is no column"
            message += f" {' nor '.join(absent)}."
            problems += cells.listed("R100", given[0], absent[0], message, value=None)
            continue
        for entry in entries:
            problems += _check_sample(cells, entry, outcome)
    return problems


def _check_sample(cells: Cells, entry: int, outcome: Outcome) -> list[Problem]:
    se, answered = cells.se[entry], cells.respondents[entry]
    if not outcome.sampled:
        column = "se" if se is not None else "respondents"
        if se is None and answered is None:
            return []
        message = f"{outcome.title} is no survey's figure and has no sampling error."
        value = se if column == "se" else answered
        return cells.listed("R103", entry, column, message, value=value)
    if cells.numerator[entry] is None:
        return []
    problems: list[Problem] = []
    widest = _range(outcome)
    if entry not in cells.unread["se"]:
        if se is None:
            message = "This figure has no standard error."
            problems += cells.listed("R100", entry, "se", message, value=None)
        elif not 0 <= se <= widest:
            message = f"A standard error lies between 0 and {_limit(widest)} here."
            problems += cells.listed("R101", entry, "se", message, value=se)
        elif _too_exact(outcome, cells.numerator[entry] or 0.0, se, answered):
            message = (
                f"{shown(answered)} answers cannot be so exact: were they modelled or shrunken?"
            )
            problems += cells.listed("R106", entry, "se", message, value=se)
    if entry not in cells.unread["respondents"]:
        problems += _check_respondents(cells, entry, answered)
    return problems


def _check_respondents(cells: Cells, entry: int, answered: float | None) -> list[Problem]:
    if answered is None:
        message = "Nothing says how many answered."
        return cells.listed("R100", entry, "respondents", message, value=None)
    if not answered.is_integer() or answered < 1:
        message = "Respondents are people: a whole number, 1 or more."
        return cells.listed("R102", entry, "respondents", message, value=answered)
    if answered < LEAST_SHOWN:
        message = f"Only {shown(answered)} answered: the figure is withheld below {LEAST_SHOWN}."
        return cells.listed("R104", entry, "respondents", message, value=answered)
    if answered < LEAST_SURE and cells.status[entry] != LOW:
        message = f"Only {shown(answered)} answered; fewer than {LEAST_SURE} say little."
        return cells.listed("R105", entry, "respondents", message, value=answered)
    return []


# Areas' answers vary somewhat less or more than the declared spread of persons; weights only ever
# make a mean less exact. An error below this share of that of a plain sample is none of a sample.
_LEAST_ERROR = 0.4


def _too_exact(outcome: Outcome, figure: float, se: float, answered: float | None) -> bool:
    """Whether a standard error is far below what so many people can give; 0 tells nothing."""
    if outcome.survey is None or not answered or answered < LEAST_SURE or se == 0:
        return False
    spread = outcome.survey.person_sd
    if outcome.survey.score == "share":  # whose spread hangs on itself
        spread = math.sqrt(max(figure * (100 - figure), 0.0))
    return se < _LEAST_ERROR * spread / math.sqrt(answered)


def _range(outcome: Outcome) -> float:
    """The largest standard error that a mean within the outcome's bounds can have."""
    low, high = outcome.bounds.low, outcome.bounds.high
    # Half the range is the largest deviation of one answer (Popoviciu 1935); one is the fewest.
    return math.inf if low is None or high is None else (high - low) / 2


def check_rounding(cells: Cells, programme: Programme) -> list[Problem]:
    """Figures that look rounded and do not say so; figures that say so and not to what."""
    problems: list[Problem] = []
    asked: list[int] = []
    once = set(cells.once)
    for code, entries in _by_outcome(cells, programme).items():
        outcome = programme.outcome_by_code[code]
        said = {e for e in entries if cells.status[e] == ROUNDED and cells.numerator[e] is not None}
        problems += _bases(cells, outcome, sorted(said))
        # Zeros are multiples of everything and tell nothing.
        if outcome.whole and outcome.rounded_to is None:
            asked += [e for e in entries if e in once and e not in said and cells.numerator[e]]
    return problems + _looks_rounded(cells, programme, asked)


def _bases(cells: Cells, outcome: Outcome, entries: Sequence[int]) -> list[Problem]:
    """Whether what rounded figures were rounded to is known, and they are multiples of it."""
    unsaid = [e for e in entries if _base(cells, outcome, e) is None]
    common = common_base(cells.numerator[e] or 0.0 for e in unsaid)
    problems: list[Problem] = []
    for entry in entries:
        figure, base = cells.numerator[entry] or 0.0, _base(cells, outcome, entry)
        if base is None and common is not None:
            message = f"Nothing says to what; it is taken as rounded to {shown(common)}."
            mend = f"Write in the note: rounded to {shown(common)}."
            problems += _rounded(cells, entry, message, mend=mend, severity="note")
        elif base is None:
            message = "Neither the note nor the outcome says what this was rounded to."
            problems += _rounded(cells, entry, message)
        elif not _is_multiple(figure, base):
            message = f"{shown(figure)} is no multiple of {shown(base)}, to which it was rounded."
            problems += _rounded(cells, entry, message)
    return problems


def _is_multiple(figure: float, base: float) -> bool:
    times = figure / base
    # Infinite is told as that. A base of 0.1 has no exact double, and large figures fewer decimals.
    return math.isinf(times) or abs(times - round(times)) <= max(1e-9, 4 * math.ulp(times))


def _base(cells: Cells, outcome: Outcome, entry: int) -> float | None:
    return rounding_base(cells.note[entry] or "") or outcome.rounded_to


def _rounded(
    cells: Cells, entry: int, message: str, *, mend: str = "", severity: Severity | None = None
) -> list[Problem]:
    if not cells.room("R059", entry, "status"):
        return []
    return [
        cells.problem("R059", entry, "status", message, value=ROUNDED, mend=mend, severity=severity)
    ]


def _looks_rounded(cells: Cells, programme: Programme, entries: Sequence[int]) -> list[Problem]:
    """One question for the column, or else one for the first outcome of it."""
    columns = {"figures": entries}
    for outcome in programme.outcomes:
        own = [e for e in entries if cells.outcome[e] == outcome.code]
        columns[f"figures of {outcome.title}"] = own
    for what, some in columns.items():
        for base in (10, 5):
            if (many := _multiples(cells, some, base)) is None:
                continue
            message = f"{many} of {len(some)} {what} are multiples of {base}."
            message += " Were they rounded before they came to you?"
            first = cells.numerator[some[0]]
            return [cells.problem("R058", some[0], "numerator", message, value=first)]
    return []


def _multiples(cells: Cells, entries: Sequence[int], base: int) -> int | None:
    """How many figures are multiples of a base, if that is more than chance makes so."""
    ask = parameters().questions
    count = len(entries)
    many = sum((cells.numerator[e] or 0.0) % base == 0 for e in entries)
    if count < ask.round_figures or many < ask.round_share * count:
        return None
    # The last digit of a count is as good as any: with p = 1 / base each, the odds of a binomial
    # tail, bounded by its first term and a geometric rest.
    log_odds = -math.log(base - 1)
    log_first = (
        math.lgamma(count + 1)
        - math.lgamma(many + 1)
        - math.lgamma(count - many + 1)
        + many * log_odds
        + count * math.log(1 - 1 / base)
    )
    rest = math.log(2) if many < count else 0.0
    return many if log_first + rest <= math.log(ask.round_chance) else None

"""The charts of the money page with the words that stand for them: the finding, then the table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.study.accounts_record import (
    Accounts,
    CategoryChance,
    Mean,
    PublicFunds,
    Ratio,
    Step,
    Swing,
    WorthKnowing,
)
from evaluation.study.record import Results
from evaluation.value.ratios import NOT_WITHIN
from evaluation.value.sensitivity import effect_on

_ROOT, _UP = "", "../"
"""The way to the book's root from the page of money, and from the annex."""


def over_time(study: Results, value: Accounts, out: Generated) -> Markup:
    """The payback fan."""
    rows = value.by_quarter
    if not rows:
        return Markup("")
    said = payback(value)
    name, kind = f"{study.study}/cumulative", "Line chart with a range"
    drawn = [row.plain() for row in rows]
    return out.chart(name, _ROOT, kind, said, figures.fan, drawn, heads=True)


def payback(value: Accounts) -> str:
    """When what was released covers what was spent, as far as it can be said."""
    last = value.by_quarter[-1]
    said = (
        f"By {last.quarter} what was released less what was spent came to "
        f"{words.money_with_range(last.cumulative_net)}."
    )
    found = value.payback
    if found.quarter == NOT_WITHIN:
        said += f" It had not paid for itself by {found.last}"
    elif last.cumulative_net.low is None or last.cumulative_net.low <= 0:
        said += (
            f" The best figure has been above zero since {found.quarter}, but its range is "
            "not, so whether it has paid for itself cannot be told yet"
        )
    else:
        said += f" By the estimate it has paid for itself since {found.quarter}"
    return f"{said}."


def over_time_table(value: Accounts) -> Markup:
    """The figures behind the fan."""
    rows = [
        [
            row.quarter,
            words.money_with_range(row.gain),
            words.pounds(row.cost),
            words.money_with_range(row.cumulative_net),
        ]
        for row in value.by_quarter
    ]
    heads = ["Quarter", "Released (range)", "Spent", "Balance so far (range)"]
    title = "Public spending released less what was spent"
    return table(title, heads, rows, numeric="tnnn", style="dense")


def to_budget(study: Results, value: Accounts, out: Generated) -> Markup:
    """The waterfall from everything gained to what could leave a budget."""
    steps = value.waterfall
    if not steps:
        return Markup("")
    by_step = {step.step: step for step in steps}
    said = (
        f"Of {words.money_with_range(by_step['gross'])} gained in all, "
        f"{words.money_with_range(by_step['released'])} is public spending released, and at most "
        f"{words.money_with_range(by_step['cashable'])} of it could leave a budget so far."
    )
    name, drawn = f"{study.study}/waterfall", [step.plain() for step in steps]
    return out.chart(name, _ROOT, "Waterfall chart", said, figures.waterfall, drawn, heads=True)


def to_budget_table(value: Accounts) -> Markup:
    """The figures behind the waterfall."""
    rows = [[step.title, words.pounds(step.mean), span(step)] for step in value.waterfall]
    heads = ["Step", "Best figure", "Range"]
    return table("From everything gained to what could leave a budget", heads, rows, numeric="tnn")


def hangs_on(study: Results, value: Accounts, out: Generated) -> Markup:
    """The tornado."""
    rows = value.tornado
    if not rows:
        return Markup("")
    widest = rows[0]
    said = (
        f"The net present social value hangs most on {_within(value, widest)}: at the ends of "
        f"its range it would be {words.pounds(widest.low)} or {words.pounds(widest.high)}, "
        f"all else as estimated ({words.pounds(widest.best)})."
    )
    name, drawn = f"{study.study}/tornado", [row.figures() for row in rows]
    return out.chart(name, _UP, "Bar chart", said, figures.tornado, drawn)


def hangs_on_table(value: Accounts) -> Markup:
    """The figures behind the tornado, and what knowing each input would be worth."""
    worth = {row.title: row.worth for row in value.information.of_one}
    rows = [
        [
            row.title,
            words.pounds(row.low),
            words.pounds(row.high),
            words.pounds(worth[row.title]) if row.title in worth else "",
        ]
        for row in value.tornado
    ]
    heads = ["Input", "At its worse end", "At its better end", "Worth of knowing it"]
    title = "Net present social value with one input at the ends of its range"
    return table(title, heads, rows, numeric="tnnn", style="dense")


def information(value: Accounts) -> str:
    """What it would be worth to know more before the decision."""
    found = value.information
    most = found.of_one[0] if found.of_one else None
    said = (
        f"If these figures had to settle {found.decision}, it would be worth "
        f"{words.pounds(found.perfect)} to know every input exactly beforehand"
    )
    if most is not None and found.perfect and most.worth:
        said += f", and {words.pounds(most.worth)} to know only {_within(value, most)}"
    return f"{said}."


def public_funds(study: Results, value: Accounts, out: Generated) -> Markup:
    """The plane of net cost and gain to people."""
    found = value.public_funds
    if not found.points:
        return Markup("")
    chances = {
        "gain_cost": found.finite - found.people_lose,
        "gain_save": found.infinite,
        "lose_cost": found.people_lose,
        "lose_save": found.ambiguous,
    }
    name, drawn = f"{study.study}/plane", (found.points, found.best, chances)
    return out.chart(name, _UP, "Scatter of draws", each_pound(found), figures.plane, *drawn)


def each_pound(found: PublicFunds) -> str:
    """The marginal value of public funds, with the shares that say whether a ratio means much."""
    people, purse = map(words.money_with_range, (found.willingness_to_pay, found.net_cost))
    shares = (
        f"People gain {people}; the net cost to the purse is {purse}. In "
        f"{words.in_hundred(found.finite)} draws the programme costs the purse on balance, in "
        f"{words.in_hundred(found.infinite)} it pays for itself and people gain, in "
        f"{words.in_hundred(found.ambiguous)} it pays for itself and people lose"
    )
    point = found.mvpf
    if point is None:
        return (
            "By its best figure alone the programme pays for itself, so no ratio is given. "
            f"{shares}."
        )
    said = f"For each pound of net public cost people gain {words.ratio(point)}"
    if found.low is None:
        return f"{said}, without a range, since the net cost may be zero or less. {shares}."
    return f"{said} ({words.ratio(found.low)} to {words.ratio(found.high)}). {shares}."


def categories(value: Accounts) -> Markup:
    """The chance of each category of value for money."""
    rows = [
        [
            row.category.capitalize() + (" (the estimate)" if row.estimate else ""),
            _between(row),
            words.in_hundred(row.p),
        ]
        for row in value.categories
    ]
    heads = ["Category", "Back for each pound", "Chance"]
    title = "Value for money, by the transport department's categories"
    return table(title, heads, rows, numeric="tnn")


def later(value: Accounts) -> Markup:
    """Scenarios after the last quarter; nothing of them is in any total."""
    rows: list[Sequence[str]] = [
        ["Nothing after the last quarter", *_npsv(value.totals.npsv, value.totals.p_npsv_positive)],
        *([row.scenario.capitalize(), *_npsv(row.npsv, row.p_positive)] for row in value.scenarios),
    ]
    heads = ["If", "Net present social value (range)", "Chance that it is above zero"]
    return table("What would follow from assumptions", heads, rows, numeric="tnn")


def break_even(value: Accounts) -> str:
    """How long effects would have to last for gains to equal costs."""
    found = value.break_even
    never = words.in_hundred(found.p_never)
    if found.already:
        return "By the estimate gains already exceed costs, without anything that lasts."
    if found.never:
        return (
            f"By the estimate gains would not equal costs within {found.years} years even if "
            f"what was gained in the last year never faded; the same holds in {never} draws."
        )
    return (
        "To break even by the estimate, what was gained in the last year would have to fade no "
        f"faster than by half in {words.number(found.half_life, 1)} years, at no further cost. "
        f"In {words.in_hundred(found.p_already)} draws gains exceed costs already; in {never} "
        f"they would not within {found.years} years, however slowly they faded."
    )


def span(figure: Mean | Ratio | Step) -> str:
    """``£1.1m to £4.7m``; empty where both ends are said alike."""
    if figure.low is None or words.pounds(figure.low) == words.pounds(figure.high):
        return ""
    return f"{words.pounds(figure.low)} to {words.pounds(figure.high)}"


def _npsv(figure: Mean, chance: float) -> tuple[str, str]:
    return words.money_with_range(figure), words.in_hundred(chance)


def _between(row: CategoryChance) -> str:
    if row.at_least is None:
        return f"below {words.ratio(row.below)}"
    if row.below is None:
        return f"{words.ratio(row.at_least)} or more"
    return f"{words.ratio(row.at_least)} to {words.ratio(row.below)}"


def _within(value: Accounts, row: Swing | WorthKnowing) -> str:
    """An input as it stands inside a sentence; a choice begins with a name, and keeps it."""
    effects = {effect_on(priced.title): priced.title for priced in value.by_outcome}
    if row.title in effects:
        return f"the effect on {words.within(effects[row.title])}"
    return words.within(row.title) if row.what == "price" else row.title

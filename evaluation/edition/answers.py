"""The answer in one sentence each: lives, money, how sure, and the points that follow from them."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.edition import words
from evaluation.finding.verdict import Size, Unclear
from evaluation.study.accounts_record import Accounts, Gain, Ratio
from evaluation.study.record import OutcomeResult, Results
from evaluation.wording import Sentence, apart_digits, half_away, listed

NOT_VALUED = Sentence.of("Not valued: no outcome of this study has a price.")
NO_COSTS = Sentence.of(
    "No costs are declared, so no gain is set against what it cost: there is no balance and no "
    "ratio."
)


def not_valued(study: Results) -> Sentence:
    """Why there are no accounts: nothing has a price, or nothing says what it cost."""
    return NO_COSTS if study.gross is not None else NOT_VALUED


def explores(study: Results) -> bool:
    """Whether it was locked as exploratory: nothing of it is called better or worse."""
    return study.lock is not None and study.lock.exploratory


def when(outcome: OutcomeResult, period: str) -> str:
    """``a quarter``; ``at any one time`` of a stock, which no quarter adds to."""
    return f"a {period}" if outcome.kind == "flow" else "at any one time"


def people(outcome: OutcomeResult, period: str) -> str:
    """``about 31 fewer A&E attendances a quarter``."""
    figures = outcome.finding.people
    if figures is None:
        return "not counted in people"
    many = words.fewer_or_more(figures.per_quarter, outcome.people)
    return f"{many} {when(outcome, period)}"


def people_range(outcome: OutcomeResult) -> str:
    """``12 to 50 fewer``."""
    figures = outcome.finding.people
    return "no range" if figures is None else words.people_range(figures.per_quarter)


def ratio(figure: Ratio) -> str:
    """``£0.51 back for each £1 (£0.24 to £0.78)``."""
    return words.with_range(figure, "mean", words.ratio)


def told(outcome: OutcomeResult) -> bool:
    """Whether it can be told which way the outcome moved."""
    return outcome.finding.ruling.verdict.directed


def style(outcome: OutcomeResult) -> str:
    """The class of the outcome's verdict: better, worse, moved, none, early, unknown."""
    return words.verdict(outcome.finding).style


def asked_first(study: Results) -> OutcomeResult | None:
    """The survey item that is asked and judged first: life satisfaction, in a usual survey."""
    if study.lives is None:
        return None
    judged = {one.code: one for one in study.outcomes}
    return next((judged[i.outcome] for i in study.lives.items if i.outcome in judged), None)


def in_own_unit(outcome: OutcomeResult) -> tuple[float, float, float] | None:
    """Effect and range of a survey item in its own unit; None where there are none."""
    row = outcome.estimate.overall
    if row.effect is None or row.low is None or row.high is None:
        return None
    return row.effect, row.low, row.high


def signed(value: float) -> str:
    """As in ``+0.21``: a survey's points need their sign and two digits."""
    return f"{'+' if half_away(value, 2) > 0 else ''}{words.number(value, 2)}"


def people_said(study: Results) -> Sentence:
    """The first item of the survey: which way, by how much, what was hoped and worth having."""
    first = asked_first(study)
    overall = None if first is None else in_own_unit(first)
    if first is None or overall is None:
        return Sentence.of("No item of the survey is judged yet.")
    effect, low, high = map(signed, overall)
    return Sentence.of(
        "In people's own answers, {title}{joined}{word}. {percent}, which is {effect} ({low} to "
        "{high}) {unit}.{hoped}{margin}",
        title=words.within(first.plain_title),
        # As in "rose: better", which follows its subject; "cannot tell" has none.
        joined=" " if told(first) else ": ",
        word=words.verdict(first.finding).word,
        percent=words.finding_percent(first.finding),
        effect=effect,
        low=low,
        high=high,
        unit="points" if first.people == "points" else "in a hundred adults",
        hoped=""
        if first.finding.hoped_percent is None
        else f" Hoped for: {words.hoped_for(first.finding)}.",
        margin=worth_having(first),
    )


def worth_having(outcome: OutcomeResult) -> str:
    """As in `` Worth having: 6%.``; empty where the verdict beside it says so already."""
    margin = words.worth_having(outcome.finding)
    said = words.verdict(outcome.finding).word
    return "" if f"({margin}" in said else f" Worth having: {margin}."


def how_many(study: Results) -> str:
    """As in ``2 of 3 main outcomes moved for the better, none for the worse; 1 is open.``.

    How many of those that moved are known to have moved by what is worth having stands beside it:
    alone, the count would be read as that of aims that were reached.
    """
    main = study.with_role("primary")
    if explores(study) or not main:
        return ""
    styles = [style(one) for one in main]
    better, worse = styles.count("better"), styles.count("worse")
    worth = sum(
        kind == "better" and one.finding.ruling.size is Size.WORTH_HAVING
        for kind, one in zip(styles, main, strict=True)
    )
    ruled = styles.count("none")
    left = len(styles) - better - worse - ruled
    many = f"{_count(better)} of {words.counted(len(main), 'main outcome')} moved for the better"
    many += f" ({_count(worth)} known to be worth having)" if better else ""
    rest = f"; for {words.number(ruled)} a change worth having is ruled out" if ruled else ""
    rest += f"; {words.number(left)} {'is' if left == 1 else 'are'} open" if left else ""
    return words.capital(f"{many}, {_count(worse)} for the worse{rest}.")


def lives(study: Results) -> Sentence:
    """What happened to people: what they say themselves, then what was counted of them."""
    counted = _counted_lives(study)
    if asked_first(study) is None:
        return counted
    return Sentence.of("{said} {counted}", said=people_said(study), counted=counted)


def _counted_lives(study: Results) -> Sentence:
    """From the primary outcomes alone."""
    primary = study.with_role("primary")
    if explores(study):
        return listed([o.finding.sentence for o in primary], " ")
    clear = [o for o in primary if told(o)]
    rest = "".join(f" {one}" for one in _by_verdict([o for o in primary if o not in clear]))
    about = {"sites": words.counted(len(study.sites), "site"), "rest": rest}
    if not clear:
        return Sentence.of(
            "No main outcome has moved clearly across {sites} so far.{rest}", **about
        )
    moved = [_moved(o, study.period_word) for o in clear]
    if len(clear) == 1 and clear[0].finding.people is not None:
        return Sentence.of(
            "Across {sites} there were {people} than there would have been without the programme "
            "(likely {range}): {point}, {size}.{rest}",
            **moved[0].figures,
            **about,
        )
    return Sentence.of(
        "Across {sites}, compared with no programme: {clear}.{rest}",
        clear=listed(moved, ". Also "),
        **about,
    )


def _moved(outcome: OutcomeResult, period: str) -> Sentence:
    if outcome.finding.people is None:
        word = words.verdict(outcome.finding).word
        return Sentence.of("{title} {word}", title=outcome.plain_title, word=word)
    return Sentence.of(
        "{people} (likely {range}): {point}, {size}",
        people=_people(outcome, period),
        range=people_range(outcome),
        point=words.finding_point(outcome.finding),
        size=_size(outcome),
    )


def _size(outcome: OutcomeResult) -> Sentence:
    """As in ``smaller than worth having (6%)``, also where that cannot be told."""
    ruling = outcome.finding.ruling
    if ruling.sized:
        return ruling.sized.spelled(words.BOOK)
    unsized = ruling.unsized.spelled(words.BOOK)
    return Sentence.of("of which it cannot be told whether it is {size}", size=unsized)


def undone(study: Results) -> list[str]:
    """What would undo each main outcome that moved, a sentence each."""
    return [
        f"{o.plain_title}: {words.within(str(o.finding.undo.sentence))}"
        for o in study.with_role("primary")
        if o.finding.undo is not None and o.finding.undo.sentence
    ]


def undone_briefly(study: Results) -> list[str]:
    """The same in a line each, for the front page; a finding's own page says it whole."""
    lines = []
    for outcome in study.with_role("primary"):
        undo = outcome.finding.undo
        if undo is None or not undo.sentence:
            continue
        if undo.breaks == 0:
            said = "judged by the path before the start alone, it may be no change at all"
        elif undo.breaks is not None:
            times = words.number(undo.breaks, apart_digits(undo.breaks, (0.0,), 2))
            said = (
                f"undone by a later break in the pilots' path over {times} times the largest "
                "before the start"
            )
        elif undo.cause is not None:
            times = words.number(undo.cause, 2)
            said = f"undone by an unmeasured cause {times} times as common among pilots"
        else:
            said = undo.sentence
        lines.append(words.whole(f"{outcome.plain_title}: {said}"))
    return lines


def _people(outcome: OutcomeResult, period: str) -> str:
    """As `people`, with the whole title where what is counted is only its first word."""
    title = words.within(outcome.plain_title)
    whole = title.lower().startswith(f"{outcome.people.lower()} ")
    return people(outcome.model_copy(update={"people": title}) if whole else outcome, period)


def _by_verdict(outcomes: Sequence[OutcomeResult]) -> list[str]:
    """As in ``Too early to say: claims.``."""
    grouped: dict[str, list[str]] = {}
    for outcome in outcomes:
        word = words.verdict(outcome.finding).word
        grouped.setdefault(word, []).append(words.within(outcome.plain_title))
    return [words.whole(f"{word}: {words.listed(titles)}") for word, titles in grouped.items()]


def money(study: Results) -> Sentence:
    """The one story of money: released for spent, chance, ratio; and with what is objected to.

    The headline is of every registered outcome with a price whose checks hold, clear or not.
    """
    value = study.value
    if value is None:
        return not_valued(study)
    if not value.stands:
        return Sentence.of(
            "{cost} was spent to date. A check objects to every outcome that has a price, so no "
            "gain is set against it.{beside}",
            cost=words.pounds(value.totals.cost.mean),
            beside=_beside(value),
        )
    totals = value.totals
    return Sentence.of(
        "{released} of public spending released for {cost} spent, by the {counted} whose checks "
        "hold; at most {cash} of it could leave a budget. {chance}; back for each £1: {back}."
        "{beside}",
        released=words.money_with_range(totals.gross_fiscal),
        # Beside it, since what is released would else be read as money that can be spent.
        cash=words.pounds(totals.cashable.mean),
        cost=words.pounds(totals.cost.mean),
        counted=words.counted(len(counted(value)), "priced outcome", "priced outcomes"),
        chance=chance_of_gain(value),
        back=words.with_range(totals.bcr, "mean", words.ratio),
        beside=_beside(value),
    )


def _beside(value: Accounts) -> Sentence | str:
    """The same four figures with the outcomes that a check objects to; empty where none is."""
    if value.with_objected is None:
        return ""
    totals = value.with_objected.totals
    return Sentence.of(
        " With {named}, to which a check objects: {released}, {chance}, {back}.",
        named=objected(value),
        released=words.money_with_range(totals.gross_fiscal),
        chance=words.in_hundred(totals.p_npsv_positive),
        back=words.with_range(totals.bcr, "mean", words.ratio),
    )


def counted(value: Accounts) -> list[str]:
    """The outcomes with a price whose checks hold, in their order."""
    return list(dict.fromkeys(row.outcome for row in value.by_outcome if not row.objected))


def objected(value: Accounts) -> str:
    """As in ``people claiming benefits``: the outcomes with a price that a check objects to."""
    return words.listed([words.within(row.plain_title) for row in value.not_standing])


OF_KIND = {"gross_economic": "economic", "gross_social": "social"}
"""Totals of one kind of gain alone; every other one is fiscal, or holds all kinds."""


def valued(value: Accounts, key: str, *, with_objected: bool = False) -> bool:
    """Whether anything of a total has a price.

    Of none that has, a zero would say that it was looked for and not found.
    """
    totals = value.with_objected.totals if with_objected and value.with_objected else value.totals
    priced = [row for row in value.by_outcome if with_objected or not row.objected]
    kinds = {row.kind for row in priced}
    return bool(totals.accounts()[key].mean) or OF_KIND.get(key, "fiscal") in kinds


NONE_COUNTED = "none counted"


def lives_apart(study: Results) -> bool:
    """Whether better lives have a worth of their own, which is in no sum of money."""
    return study.lives is not None and study.lives.worth is not None


def unvalued(key: str, *, apart: bool) -> str:
    """What stands where nothing of a total has a price; ``apart`` as `lives_apart` gives it."""
    return "not counted here" if apart and key == "gross_social" else "not valued"


def gained(value: Accounts, row: Gain, *, with_objected: bool = False) -> str:
    """What an agency gained, with its range; ``none counted`` where no price falls to it."""
    priced = any(
        (one.kind, one.agency, one.budget) == ("fiscal", row.agency, row.budget)
        and not one.given_up
        and (with_objected or not one.objected)
        for one in value.by_outcome
    )
    if not priced and not any(row.gain.plain().values()):
        return NONE_COUNTED
    return words.money_with_range(row.gain)


HOLD = "Outcomes whose checks hold"
"""What the headline's column is called wherever it stands."""


def columns(value: Accounts) -> list[str]:
    """The two columns of money, the same everywhere; one where nothing is objected to."""
    return [HOLD] if value.with_objected is None else [HOLD, f"With {objected(value)}"]


def taken_out(value: Accounts) -> str:
    """What was reported as taken out of a budget; where nothing was, a saving is none."""
    if not value.taken_out:
        return "nothing is reported as taken out of one, so this is capacity released, no saving"
    total = sum(row.amount for row in value.taken_out)
    return f"{words.pounds(total)} is reported as taken out of one so far"


def chance_of_gain(value: Accounts) -> str:
    """The one chance: that all gains, those to people among them, exceed the cost."""
    chance = words.in_hundred(value.totals.p_npsv_positive)
    return f"Chance that all gains exceed the cost: {chance}"


_WORST_FIRST = ("fails", "cannot tell", "holds")


def checks(study: Results) -> dict[str, int]:
    """How many distinct checks of the main outcomes hold, fail and cannot tell.

    A control stands among the checks of every outcome and is one check all the same: it holds only
    where it reassures of each.
    """
    distinct: dict[tuple[str, ...], str] = {}
    for outcome in study.with_role("primary"):
        for check in outcome.diagnostics:
            shared = check.code == "negative_control"
            names = check.figures.names if check.figures else (check.sentence,)
            key = (check.code, *(names if shared else (outcome.code,)))
            found = {check.result, distinct.get(key, check.result)}
            distinct[key] = next(word for word in _WORST_FIRST if word in found)
    results = list(distinct.values())
    return {word: results.count(word) for word in ("holds", "fails", "cannot tell")}


def how_sure(study: Results) -> str:
    """The standing of the evidence: fixed in advance or not, against what, checks passed."""
    lock = study.lock
    clock = " (on a synthetic clock)" if lock is not None and lock.synthetic_clock else ""
    fixed = "not all is as it was locked beforehand."
    if lock is not None and lock.exploratory:
        fixed = f"it was locked as such{clock}, and nothing was tested to be called an effect."
    label = {
        "confirmatory": f"Confirmatory{clock}: the analysis was fixed before the data were seen.",
        "exploratory": f"Exploratory: {fixed}"
        if lock is not None
        else "Exploratory: the analysis was not fixed before the data were seen.",
    }[study.label]
    found = checks(study)
    parts = [words.counted(found["holds"], "check holds", "checks hold")]
    if found["fails"]:
        parts.append(words.counted(found["fails"], "fails", "fail"))
    if found["cannot tell"]:
        parts.append(f"{words.number(found['cannot tell'])} cannot tell")
    drawn = study.assignments.drawn
    against = f"Tested against {words.number(drawn)} re-drawn start dates."
    return f"{label} {against} " + (words.listed(parts) + "." if sum(found.values()) else "")


def unknowns(study: Results) -> list[OutcomeResult]:
    """Outcomes whose question is open, in the order of the results."""
    open_ones = study.with_role("primary", "secondary")
    return [o for o in open_ones if style(o) in ("early", "unknown")]


def measures_lives(study: Results) -> bool:
    """Whether people themselves were asked, in pilot and comparison areas alike."""
    return study.lives is not None


MOST = 6
_TAIL = 0.025
"""The share of ranges that would lie wholly on the worse side if nothing had changed."""


def main_points(study: Results) -> list[str]:
    """The sentences, what happened first."""
    if explores(study):
        said = [o.finding.sentence for o in study.with_role("primary", "secondary")]
        return [*said, sites_worse(study), _agreement(study)][:MOST]
    found = [
        _tally("Main outcomes", study.with_role("primary")),
        _tally("Further outcomes", study.with_role("secondary")),
        sites_worse(study),
        _control(study),
        _agreement(study),
        _who_pays(study),
    ]
    return [point for point in found if point][:MOST]


def _tally(name: str, outcomes: Sequence[OutcomeResult]) -> str:
    """As in ``Main outcomes: of 3, 2 moved for the better (1 worth having, 1 smaller) ...``."""
    if not outcomes:
        return ""
    by_style: dict[str, list[OutcomeResult]] = {}
    for outcome in outcomes:
        by_style.setdefault(style(outcome), []).append(outcome)
    better, worse, moved, nothing = (
        by_style.get(key, []) for key in ("better", "worse", "moved", "none")
    )
    still_open = len(by_style.get("early", [])) + len(by_style.get("unknown", []))
    parts = [
        f"{_count(len(better))} moved for the better{_sizes(better, Size.WORTH_HAVING)}",
        f"{_count(len(worse))} for the worse{_sizes(worse, Size.MATTERS)}"
        + (f": {_named(worse)}" if worse else ""),
    ]
    if moved:
        parts.append(f"{_count(len(moved))} moved that is read with care ({_named(moved)})")
    if nothing:
        every = "all " if len(nothing) == len(outcomes) > 1 else ""
        early = any(o.finding.ruling.unclear is Unclear.TOO_EARLY for o in nothing)
        ruled_out = f"a change worth having is ruled out{' so far' if early else ''}"
        parts.append(f"for {every}{_count(len(nothing))} {ruled_out}")
    if still_open:
        parts.append(f"{_count(still_open)} {'is' if still_open == 1 else 'are'} open")
    harmed = [o for o in outcomes if o.finding.looked is not None and o.finding.looked.harmed]
    watch = f" The watch for harm has crossed its line: {_named(harmed)}." if harmed else ""
    return f"{name}: of {len(outcomes)}, {words.listed(parts)}.{watch}"


def _named(outcomes: Sequence[OutcomeResult]) -> str:
    return words.listed([words.within(o.plain_title) for o in outcomes])


def _sizes(outcomes: Sequence[OutcomeResult], large: Size) -> str:
    """As in `` (1 worth having, 1 smaller)``; empty where none moved."""
    sizes = [o.finding.ruling.size for o in outcomes]
    if not sizes:
        return ""
    parts = [f"{_count(sizes.count(large))} {large.value}"]
    parts += [f"{_count(few)} smaller"] if (few := sizes.count(Size.SMALLER)) else []
    unsure = sizes.count(Size.CANNOT_TELL)
    parts += [f"{_count(unsure)} by how much cannot be told"] if unsure else []
    return f" ({', '.join(parts)})"


def _count(count: int) -> str:
    return words.number(count) if count else "none"


def sites_worse(study: Results) -> str:
    """Site effects that lie wholly on either side, and how many chance would put there."""
    if explores(study):
        return "Site by site nothing was judged for harm: the study was locked as exploratory."
    names = {site.code: site.name for site in study.sites}
    judged, unjudged, better, worse = 0, 0, 0, []
    for outcome in study.with_role("primary", "secondary"):
        for row in outcome.estimate.site if outcome.polarity != "care" else ():
            if row.effect is None:
                continue
            if row.low is None or row.high is None:
                unjudged += 1
                continue
            judged += 1
            if row.low * row.high > 0:
                if (row.low > 0) == (outcome.polarity == "up"):
                    better += 1
                else:
                    worse.append(f"{names[row.site]}, {words.within(outcome.plain_title)}")
    if not judged + unjudged:
        return ""
    return _said_of_sites(judged, unjudged, better=better, worse=worse)


def _said_of_sites(judged: int, unjudged: int, *, better: int, worse: Sequence[str]) -> str:
    without = "since re-drawn start dates give no limit for them"
    if not judged:
        unknown = words.counted(unjudged, "effect")
        return f"Site by site, {unknown} could not be judged, {without}."
    could_not = f" and {words.number(unjudged)} could not, {without}" if unjudged else ""
    which = f" ({'; '.join(worse)})" if worse else ""
    by_chance = words.number(max(1.0, _TAIL * judged))
    about = "about" if _TAIL * judged >= 0.5 else "fewer than"
    return (
        f"Site by site, {words.counted(judged, 'effect')} could be judged{could_not}: "
        f"{_count(better)} clearly for the better, {_count(len(worse))} clearly for the worse"
        f"{which}. Chance alone would give {about} {by_chance} each way."
    )


def untold(outcome: OutcomeResult) -> str:
    """What stands beside a count of sites where all of them together tell no direction."""
    if told(outcome):
        return ""
    early = style(outcome) == "early"
    return f" (overall: {'too early to say' if early else 'cannot tell'})"


def sites(study: Results) -> str:
    """How many sites each main outcome is better at and where it is worse; then what is clear."""
    names = {site.code: site.name for site in study.sites}
    lines = []
    for outcome in study.with_role("primary"):
        rows = [row for row in outcome.estimate.site if row.effect is not None]
        if not rows or outcome.polarity == "care":
            continue
        up = outcome.polarity == "up"
        worse = [names[r.site] for r in rows if r.effect and (r.effect < 0) == up]
        good = sum(1 for r in rows if r.effect and (r.effect > 0) == up)
        of = f"better at {good} of {words.counted(len(rows), 'site')}"
        lines.append(
            f"{words.within(outcome.plain_title)}{untold(outcome)} {of}"
            + (f", worse at {words.listed(worse)}" if worse else "")
        )
    said = f"By best figures alone, {'; '.join(lines)}. " if lines else ""
    return f"{said}{sites_worse(study)}".strip() or "No site has an effect of its own yet."


def _control(study: Results) -> str:
    """Whether the controls moved, and whether they could have seen what is in question."""
    controls, primary = study.with_role("negative_control"), study.with_role("primary")
    if not controls:
        return ""
    asked = [(o, c) for o in primary for c in o.diagnostics if c.code == "negative_control"]
    fired = {
        name for _, c in asked if c.result == "fails" and c.figures for name in c.figures.names
    }
    moved = [o for o in controls if told(o) or o.plain_title in fired]
    if moved:
        return (
            f"The control moved: {_named(moved)}. Something other than the programme may be at "
            "work."
        )
    blind = list(dict.fromkeys(o.code for o, c in asked if c.result == "cannot tell"))
    seen = {o.code for o, c in asked if c.result == "holds"}
    unseen = [o for o in primary if o.code in blind and o.code not in seen]
    if unseen and not seen:
        return (
            f"The control, {_named(controls)}, did not move visibly, but it could not have seen a "
            "change of the size in question: it does not reassure."
        )
    held = f"The control, {_named(controls)}, did not move by more than chance could explain"
    if unseen:
        return (
            f"{held}; for {_named(unseen)} it could not have seen a change of the size in question."
        )
    return f"{held}."


def _agreement(study: Results) -> str:
    """Whether every estimator of each main outcome has the same sign."""
    apart = [o for o in study.with_role("primary") if not _agree(o)]
    if not study.with_role("primary"):
        return ""
    if not apart:
        return "For every main outcome, all ways of estimating it point the same way."
    names = words.listed([words.within(o.plain_title) for o in apart])
    return f"Ways of estimating do not all point the same way for {names}."


def _agree(outcome: OutcomeResult) -> bool:
    effects = (e.overall.effect for e in outcome.estimates)
    known = [effect for effect in effects if effect is not None]
    return all(e < 0 for e in known) or all(e > 0 for e in known)


def _who_pays(study: Results) -> str:
    if study.value is None or not study.value.by_agency or not study.value.stands:
        return ""
    rows = study.value.by_agency
    payer = max(rows, key=lambda row: row.cost.mean)
    gainer = max(rows, key=lambda row: row.gain.mean)
    cost = words.pounds(payer.cost.mean)
    return (
        f"The largest cost so far falls on {payer.name} ({cost}). "
        f"The largest gain is at {gainer.name} ({gainer.budget}): "
        f"{words.money_with_range(gainer.gain)}."
    )

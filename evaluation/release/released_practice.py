"""What sites did, as it leaves: figures of practice at five people's worth."""

from __future__ import annotations

from evaluation.disclosure.counts import Atom, rounded
from evaluation.disclosure.effects import step_of, stepped
from evaluation.learning.practice import Practised, Printed
from evaluation.release.rounding import Terms


def practice_printed(programme: str, terms: Terms) -> Printed:
    """How a site's figures of practice are printed.

    Whom a practice reached is counted of people, as an outcome is: so its figure stands at a step
    worth several of those who could have been reached, with an offset of its own, and is hidden
    where these are hidden themselves. The mean of what single areas say stands at a step that
    several people in one of them are worth.
    """

    def printed(one: Practised) -> float | None:
        if terms.open_data:
            return one.value
        policy = terms.policy(one.figure)
        if one.per == 1.0:
            step = step_of(1 / one.out_of, policy.step_people)
        else:
            atom = Atom.of(programme, f"{one.figure}|out of", one.areas, one.period)
            shown = rounded(round(one.out_of), atom, terms.key, policy)
            if shown.printed is None:
                return None
            step = step_of(one.per / shown.printed, policy.step_people)
        drawn = terms.key.share_of(
            ["practice", programme, one.figure, one.site, one.period.label, list(one.areas)]
        )
        return max(0.0, stepped(one.value, step, drawn))

    return printed

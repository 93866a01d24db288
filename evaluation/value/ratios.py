"""When it pays for itself, what each pound brings, and where the draws lie on the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.value.cashable import Plane, mvpf, paid_back_by, plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.accounts import Value

    Floats = NDArray[np.float64]

# Enough to show the cloud, few enough for a page that opens from disk.
SHOWN_DRAWS = 400
NOT_WITHIN = "not within the horizon"


def payback_quarter(value: Value) -> dict[str, Any]:
    """The quarter from which the net fiscal position stays at or above zero, and its chance.

    ``quarter`` is the estimate's, ``earliest`` and ``latest`` the quantiles of the draws; each may
    be "not within the horizon", whose share of draws is ``p_not_within``.
    """
    running = np.cumsum(value.by_quarter(value.fiscal) - value.cost_by_quarter, axis=1)
    paid = paid_back_by(running)
    n_quarters = len(value.grid.quarters)
    # argmax of all False is 0, the first quarter: whether any is true has to be asked first.
    first = np.where(paid.any(axis=1), paid.argmax(axis=1), n_quarters)
    tail = (1 - value.level) / 2
    # Nearest: a quantile between two quarters would be no quarter.
    low, high = np.quantile(first[1:], [tail, 1 - tail], method="nearest")
    names = (*value.grid.quarters, NOT_WITHIN)
    return {
        "quarter": names[first[0]],
        "earliest": names[int(low)],
        "latest": names[int(high)],
        "p_within": float((first[1:] < n_quarters).mean()),
        "p_not_within": float((first[1:] == n_quarters).mean()),
        "last": value.grid.quarters[-1],
    }


def willingness_to_pay(value: Value) -> Floats:
    """(D + 1) present value of what people themselves gain, less the benefits that they lose."""
    people = [line for line in value.lines if not line.fiscal]
    transfers = [line for line in value.fiscal if line.cost.transfer]
    # A benefit saved by the purse is lost by the person who had it: a transfer counts on both sides
    # of the MVPF (Hendren and Sprung-Keyser 2020) and cancels in public value.
    return value.total(people, discounted=True) - value.total(transfers, discounted=True)


def net_cost_to_the_purse(value: Value) -> Floats:
    """(D + 1) present value of the cost less everything that the public purse saves."""
    return value.discounted_cost - value.total(value.fiscal, discounted=True)


def value_of_public_funds(value: Value) -> dict[str, Any]:
    """MVPF of the estimate, the shares of the plane, quantiles only where every draw is finite.

    ``points`` are some draws of (net cost, willingness to pay), for the cost-effect plane.
    """
    people, purse = willingness_to_pay(value), net_cost_to_the_purse(value)
    where: Plane = plane(people[1:], purse[1:])
    point = mvpf(float(people[0]), float(purse[0]))
    low = high = None
    # With any draw at zero or negative net cost the ratios have no order, and their quantiles no
    # meaning.
    if where.finite == 1:
        tail = (1 - value.level) / 2
        low, high = (float(q) for q in np.quantile(people[1:] / purse[1:], [tail, 1 - tail]))
    shown = slice(1, 1 + SHOWN_DRAWS)
    return {
        "mvpf": point,
        "low": low,
        "high": high,
        "finite": where.finite,
        "infinite": where.infinite,
        "ambiguous": where.ambiguous,
        "people_lose": where.loses,
        "best": [float(purse[0]), float(people[0])],
        "willingness_to_pay": value.summary(people),
        "net_cost": value.summary(purse),
        "points": [
            [round(float(x)), round(float(y))]
            for x, y in zip(purse[shown], people[shown], strict=True)
        ],
    }


def category_chances(value: Value) -> list[dict[str, Any]]:
    """The share of draws in each value-for-money category of the public benefit-cost ratio.

    None where no cost is declared, or none was paid: there is no ratio then.
    """
    if not value.discounted_cost > 0:
        return []
    ratio = value.total(value.public, discounted=True) / value.discounted_cost
    # Bands lie edge to edge only when sorted; each runs to the next one's start, the last without
    # end.
    table = value.parameters.tables["categories"].sort_values("at_least")
    edges = [*table["at_least"], float("inf")]
    return [
        {
            "category": name,
            # JSON has no infinity.
            "from": low if np.isfinite(low) else None,
            "below": high if np.isfinite(high) else None,
            "p": float(((ratio[1:] >= low) & (ratio[1:] < high)).mean()),
            "estimate": bool(low <= ratio[0] < high),
        }
        for name, low, high in zip(table["category"], edges[:-1], edges[1:], strict=True)
    ]


def waterfall(value: Value) -> list[dict[str, Any]]:
    """From gross benefit to what could leave a budget, each step with its range; sums exactly."""
    fiscal = value.total(value.fiscal)
    people = value.total([line for line in value.lines if not line.fiscal])
    # The three steps are taken in the order of `tally`: share, lag, lumps. The lag of a sum is a
    # cut of its last quarters.
    shared: Floats = np.zeros_like(fiscal)
    lagged: Floats = np.zeros_like(fiscal)
    for budget, rule in value.rules.rule.items():
        lines = [ln for ln in value.fiscal if (ln.cost.agency, ln.cost.budget) == budget]
        pounds = value.by_quarter(lines) * value.rules.share[budget][:, None]
        shared = shared + pounds.sum(axis=1)
        kept = pounds.shape[1] - rule.lag_quarters
        lagged = lagged + pounds[:, : max(kept, 0)].sum(axis=1)
    cashable = value.cashable_by_quarter().sum(axis=1)
    steps = [
        ("gross", "Everything gained", people + fiscal, True),
        ("people", "Gains to people, in no budget", -people, False),
        ("released", "Public spending released", fiscal, True),
        ("capacity", "Capacity released, not money", shared - fiscal, False),
        ("lag", "Not out of a budget yet", lagged - shared, False),
        ("lumps", "Too little for a whole post", cashable - lagged, False),
        ("cashable", "Could leave a budget, at most", cashable, True),
    ]
    return [
        {"step": step, "title": title, "total": total, **value.summary(vector)}
        for step, title, vector, total in steps
    ]

"""A programme's own unit costs, and its own rows of what outcomes count twice.

The tables that are shipped price what a shared outcome counts. An outcome of a programme's own has
no row there; the programme states one, with its source and the year of its prices, in files of its
own beside ``programme.yaml``.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from pydantic import Field, model_validator

from evaluation.declared import Frozen
from evaluation.errors import WorkspaceError

NO_AGENCY: Mapping[str, str] = {
    "people": "People themselves",
    "exchequer": "Exchequer (benefits and tax, not split)",
    "several": "Several agencies (not split by the source)",
}
"""Who may bear a cost or have a gain without being an agency that a programme declares."""
_TIMED = ("person_year", "point_year", "week")


class OwnCost(Frozen):
    """What one event, entry, week or person-year of an outcome costs whom.

    Several rows may share a key: one an agency, budget and kind. ``value`` is in pounds of
    ``price_year``, a financial year ``2023/24`` or a calendar year ``2023``. ``composite_of`` names
    the agency whose own outcomes may count this part already.
    """

    key: str = Field(pattern="^[a-z][a-z0-9_]*$")
    agency: str
    budget: Literal["AME", "DEL", "none"]
    kind: Literal["fiscal", "economic", "social"]
    value: float = Field(gt=0, allow_inf_nan=False)
    price_year: str
    cost_per: Literal["event", "entry", "person_year", "week"]
    stock_timing: Literal["mean", "snapshot", ""] = ""
    confidence: Literal["green", "amber", "red"]
    source: str = Field(min_length=5)
    transfer: bool = False
    composite_of: str = ""
    basis: Literal["average", "marginal"] = "average"
    note: str = ""

    @model_validator(mode="after")
    def _of_one_kind(self) -> OwnCost:
        first = self.price_year[:4]
        if not _financial(first) or self.price_year not in (first, _financial(first)):
            raise ValueError(f"the price year {self.price_year!r} is none: 2023/24 or 2023")
        if (self.kind == "fiscal") == (self.budget == "none"):
            raise ValueError(
                "what is fiscal leaves a budget (AME or DEL), and what is economic or social none"
            )
        if (self.cost_per in _TIMED) != (self.stock_timing != ""):
            raise ValueError(
                f"a cost by the {self.cost_per.replace('_', '-')} "
                + (
                    "says how its stock was counted: stock_timing mean (over the period) or "
                    "snapshot (on one day)"
                    if self.cost_per in _TIMED
                    else "has no stock_timing: leave it empty"
                )
            )
        return self


def _financial(year: str) -> str:
    """The financial year that begins in a calendar year; of what is no year, none."""
    if len(year) != 4 or not year.isdecimal() or not year.isascii():
        return ""
    return f"{year}/{(int(year) + 1) % 100:02}"


class OwnOverlap(Frozen):
    """The share of an outcome's events that no other outcome of its group counts already."""

    group: str = Field(pattern="^[a-z][a-z0-9_]*$")
    outcome: str
    share: float = Field(ge=0, le=1)
    source: str = Field(min_length=5)
    confidence: Literal["green", "amber", "red"] = "red"
    note: str = ""


class Priced(Protocol):
    """What is asked here of an outcome."""

    @property
    def code(self) -> str: ...

    @property
    def unit_cost(self) -> str | None: ...

    @property
    def overlap_group(self) -> str | None: ...


def refuse_wrong_prices(
    costs: Sequence[OwnCost],
    overlaps: Sequence[OwnOverlap],
    outcomes: Sequence[Priced],
    *,
    agencies: Iterable[str],
    where: str,
) -> None:
    """Refuse own prices of nobody, of nothing, or stated twice.

    Parameters
    ----------
    outcomes, agencies : those of the programme.

    Raises
    ------
    WorkspaceError : an agency is declared nowhere, a row stands twice, an own unit cost prices no
        outcome, or an overlap is of an outcome that is none here or belongs to another group.
    """
    known = [*agencies, *NO_AGENCY]
    for one in costs:
        for field, code in (("agency", one.agency), ("composite_of", one.composite_of)):
            if code and code not in known:
                _refuse(f"unit cost {one.key}: its {field} {code!r} is none", where, code, known)
    rows = [(one.key, one.agency, one.budget, one.kind) for one in costs]
    _refuse_twice([f"unit cost {' '.join(row)}" for row in rows], where)
    used = [one.unit_cost for one in outcomes if one.unit_cost]
    for key in dict.fromkeys(one.key for one in costs):
        if key not in used:
            what = f"unit cost {key} prices no outcome: none has unit_cost: {key}"
            _refuse(what, where, key, used)
    of = {one.code: one.overlap_group for one in outcomes}
    _refuse_twice([f"overlap {one.group} {one.outcome}" for one in overlaps], where)
    for share in overlaps:
        if share.outcome not in of:
            what = f"overlap {share.group}: {share.outcome!r} is no outcome here"
            _refuse(what, where, share.outcome, list(of))
        if of[share.outcome] != share.group:
            raise WorkspaceError(
                f"overlap {share.group}: {share.outcome} is declared of "
                f"{of[share.outcome] or 'no overlap group'}, so the share would be taken off "
                "nothing.",
                where=where,
                mend=f"write overlap_group: {share.group} in its declaration, or take the row out",
            )


def _refuse(what: str, where: str, code: str, known: Sequence[str]) -> None:
    near = difflib.get_close_matches(code, known, n=1)
    raise WorkspaceError(
        f"{what}.",
        where=where,
        expected=", ".join(dict.fromkeys(known)),
        mend=f"did you mean {near[0]}?" if near else "mend it, or take the row out",
    )


def _refuse_twice(rows: Sequence[str], where: str) -> None:
    if twice := [row for row, times in Counter(rows).items() if times > 1]:
        raise WorkspaceError(
            f"{twice[0]} stands twice: it would be counted twice.",
            where=where,
            mend="keep one of its rows",
        )

"""Parameters: the tables of one vintage, and what is looked up in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evaluation.errors import ValueChainError
from evaluation.value.parameters.sources import FIELDS, read_table

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.prices import OwnCost
    from evaluation.programme import Programme

Schedule = Literal["standard", "health", "sensitivity"]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A parameter's low, central and high value."""

    low: float
    central: float
    high: float


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """What one event, person-year or week costs whom, in pounds of ``price_year``.

    ``transfer`` : a benefit or tax: what one side gains the other loses. ``composite_of`` : the
    agency whose own outcomes may count this part already. ``basis`` : average or marginal.
    ``spread`` : low and high where the source gives them, as for a WELLBY; otherwise the grade
    says how uncertain it is. ``benefit`` : it is what having one more is worth, not what one costs.
    ``confirm`` : what is to be confirmed before real use.
    """

    key: str
    code: str
    agency: str
    budget: str
    kind: str
    value: float
    price_year: str
    cost_per: str
    stock_timing: str
    confidence: str
    transfer: bool
    composite_of: str
    basis: str
    vintage: str
    approximate: bool
    confirm: str
    source: str
    note: str
    schedule: Schedule = "standard"
    spread: Spread | None = None
    benefit: bool = False


@dataclass(frozen=True, kw_only=True)
class Cashable:
    """What of a budget's released spending can leave it: share, quarters later, in whole lumps.

    ``lump`` is in pounds a year of ``price_year`` at one site; zero where there are none.
    """

    share: Spread
    lag_quarters: int
    lump: float
    price_year: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """The tables of one vintage set, and which discount rates and deflator it uses.

    ``tables`` hold every vintage; ``discount`` and ``deflator`` name the ones in use.
    """

    name: str
    tables: Mapping[str, pd.DataFrame]
    discount: str
    deflator: str

    @classmethod
    def load(cls, name: str = "2026", folder: Path | None = None) -> Parameters:
        """Read and check the tables shipped with the package, or those of a folder like it.

        Raises
        ------
        ValueChainError : no such vintage set, a table is missing, or a cell holds what it cannot.
        """
        tables = _shipped() if folder is None else _read(folder)
        _refuse_unknown_agency(tables)
        sets = tables["vintages"].set_index("name")
        if name not in sets.index:
            raise ValueChainError(
                f"no parameters of vintage {name!r}.", expected=", ".join(sets.index)
            )
        return cls(
            name=name,
            tables=tables,
            discount=str(sets.loc[name, "discount"]),
            deflator=str(sets.loc[name, "deflator"]),
        )

    @classmethod
    def known(cls, given: str | Parameters, programme: Programme) -> Parameters:
        """Parameters as they were given, or those of a vintage with the programme's own."""
        return given if isinstance(given, Parameters) else cls.load(given).of(programme)

    def of(self, programme: Programme) -> Parameters:
        """The same parameters with the programme's own unit costs and overlaps added.

        A shipped price is never changed by one of the same name: a reader who knows the table would
        take the one for the other.

        Raises
        ------
        ValueChainError : an own key, or share of an outcome in a group, stands in the table.
        """
        if not (programme.unit_costs or programme.overlaps):
            return self
        costs, overlap = self.tables["unit_costs"], self.tables["overlap"]
        shipped = {*costs["key"], *self.tables["lives"]["key"]}
        where = f"studies/{programme.name}"
        if taken := [one.key for one in programme.unit_costs if one.key in shipped]:
            raise ValueChainError(
                f"the unit cost {taken[0]} is one of the shipped table.",
                where=f"{where}/unit_costs.csv",
                mend="give your own another key, and name it in the outcome's declaration (of a "
                "shared outcome, in a copy in outcomes/)",
            )
        held = set(zip(overlap["group"], overlap["outcome"], strict=True))
        if again := [one for one in programme.overlaps if (one.group, one.outcome) in held]:
            raise ValueChainError(
                f"the share of {again[0].outcome} in the group {again[0].group} stands in the "
                "shipped table.",
                where=f"{where}/overlaps.csv",
                mend="take the row out, or declare the outcome of a group of your own",
            )
        added = {
            "unit_costs": [_own_cost(one) for one in programme.unit_costs],
            "overlap": [one.model_dump() | _OWN for one in programme.overlaps],
        }
        tables = {name: _with_rows(self.tables[name], rows) for name, rows in added.items()}
        return replace(self, tables={**self.tables, **tables})

    def using(self, *, discount: str | None = None, deflator: str | None = None) -> Parameters:
        """The same parameters with another vintage of discount rates or deflator.

        Raises
        ------
        ValueChainError : the table holds no such vintage.
        """
        for table, vintage in (("discount", discount), ("deflator", deflator)):
            held = sorted(set(self.tables[table]["vintage"]))
            if vintage is not None and vintage not in held:
                raise ValueChainError(
                    f"{table}.csv has no vintage {vintage!r}.", expected=", ".join(held)
                )
        return replace(self, discount=discount or self.discount, deflator=deflator or self.deflator)

    @cached_property
    def price_indices(self) -> Mapping[str, float]:
        """Year -> index of the deflator in use."""
        table = self.tables["deflator"]
        rows = table[table["vintage"] == self.deflator]
        return dict(zip(rows["year"], rows["index"], strict=True))

    def costs_of(self, key: str) -> tuple[UnitCost, ...]:
        """The rows of a unit cost: one an agency, budget and kind.

        Raises
        ------
        ValueChainError : neither table of costs holds such a key.
        """
        held, lives = self.tables["unit_costs"], self.tables["lives"]
        rows = [_unit_cost(row) for row in held[held["key"] == key].to_dict("records")]
        rows += [_life(row) for row in lives[lives["key"] == key].to_dict("records")]
        if not rows:
            known = sorted({*held["key"], *lives["key"]})
            raise ValueChainError(f"no unit cost {key!r}.", expected=", ".join(known))
        return tuple(rows)

    def overlap_share(self, group: str | None, outcome: str) -> float:
        """The share of an outcome's events that no other outcome of its group counts already.

        Raises
        ------
        ValueChainError : the table knows no such group, so that nothing would be taken off.
        """
        table = self.tables["overlap"]
        if group is not None and group not in set(table["group"]):
            raise ValueChainError(
                f"{outcome} is declared of the overlap group {group!r}, which the table of "
                "overlaps does not know: what other outcomes count already would be counted twice.",
                expected=", ".join(dict.fromkeys(table["group"])),
                mend="mend overlap_group in the outcome's declaration, or take it out",
            )
        rows = table[(table["group"] == group) & (table["outcome"] == outcome)]
        return float(rows["share"].iloc[0]) if group is not None and len(rows) else 1.0

    def variation(self, grade: str) -> tuple[float, float]:
        """Coefficient of variation of a unit cost of a grade, and how far such costs err together.

        Raises
        ------
        ValueChainError : there is no such grade.
        """
        rows = {row["grade"]: row for row in self.tables["confidence"].to_dict("records")}
        if grade not in rows:
            raise ValueChainError(f"unknown confidence grade {grade!r}.", expected=", ".join(rows))
        return rows[grade]["coefficient_of_variation"], rows[grade]["shared"]

    def cashable(self, agency: str, budget: str) -> Cashable | None:
        """What of an agency's budget is cashable: its own row, else that of any such budget."""
        table = self.tables["cashable"]
        for whose in (agency, "any"):
            rows = table[(table["agency"] == whose) & (table["budget"] == budget)]
            if len(rows):
                row = rows.iloc[0]
                share = Spread(low=row["low"], central=row["share"], high=row["high"])
                return Cashable(
                    share=share,
                    lag_quarters=int(row["lag_quarters"]),
                    lump=float(row["lump"]),
                    price_year=row["price_year"],
                )
        return None

    def spread(self, parameter: str) -> Spread:
        """Low, central and high of a general parameter (``eta``, ``excess_burden``)."""
        rows = self.tables["weights"].to_dict("records")
        row = next(row for row in rows if row["parameter"] == parameter)
        return Spread(low=row["low"], central=row["central"], high=row["high"])

    def optimism(self, applies_to: Literal["capital", "projected"], bucket: str) -> float:
        """The share to add for optimism, 0.24 for 24 %; below zero on projected benefits.

        Raises
        ------
        ValueChainError : there is no such bucket.
        """
        table = self.tables["optimism"]
        rows = table[(table["applies_to"] == applies_to) & (table["bucket"] == bucket)]
        if rows.empty:
            known = table.loc[table["applies_to"] == applies_to, "bucket"]
            raise ValueChainError(
                f"no {applies_to} bucket {bucket!r} for optimism.", expected=", ".join(known)
            )
        return float(rows["percent"].iloc[0]) / 100

    def agency_names(self) -> dict[str, str]:
        """Names of agencies that no programme declares (people, the Exchequer)."""
        return dict(self.tables["agencies"].itertuples(index=False, name=None))

    def with_unit_costs(self, published: pd.DataFrame, vintage: str) -> Parameters:
        """The same parameters with the values of a published workbook (`read_gmca`), by code.

        Where our table splits a printed value between agencies and the workbook does not, the
        split is kept in proportion and marked approximate. Codes that the workbook lacks stay.
        """
        new = self.tables["unit_costs"].copy()
        found = {row["code"]: row for row in reversed(published.to_dict("records"))}
        for code, kind in new[["code", "kind"]].drop_duplicates().itertuples(index=False):
            row = found.get(code)
            if row is None or row[kind] != row[kind]:
                continue
            rows = new[(new["code"] == code) & (new["kind"] == kind)]
            share = rows["value"] / rows["value"].sum()
            new.loc[rows.index, "value"] = share * row[kind]
            new.loc[rows.index, "price_year"] = row["price_year"]
            new.loc[rows.index, ["vintage", "source"]] = [vintage, f"GMCA, {row['cell']}"]
            new.loc[rows.index, "approximate"] = "yes" if len(rows) > 1 else "no"
            if row["confidence"] in ("green", "amber", "red"):
                new.loc[rows.index, "confidence"] = row["confidence"]
                new.loc[rows.index, "confirm"] = [_still(held) for held in rows["confirm"]]
        return replace(self, tables={**self.tables, "unit_costs": new})


def _still(confirm: object) -> str | None:
    """What is to be confirmed of a cost once its workbook has said its price year and its grade."""
    parts = str(confirm).split("; ") if isinstance(confirm, str) else []
    return "; ".join(one for one in parts if one not in ("grade", "price year")) or None


OWN_VINTAGE = "declared by the programme"
_OWN = {"vintage": OWN_VINTAGE, "approximate": "no"}


def _own_cost(one: OwnCost) -> dict[str, Any]:
    """A declared unit cost as a row of the shipped table."""
    row = {name: None if held == "" else held for name, held in one.model_dump().items()}
    row |= {"code": one.key, "transfer": "yes" if one.transfer else "no", "confirm": None}
    return row | _OWN | {"note": one.note or "Declared by the programme"}


def _with_rows(table: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    if not rows:
        return table
    # From rows, since columns of nothing would change the type of what they are put to.
    return pd.DataFrame([*table.to_dict("records"), *rows], columns=list(table.columns))


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, pd.DataFrame]:
    return _read(Path(str(resources.files("evaluation.value.parameters"))))


def _read(folder: Path) -> Mapping[str, pd.DataFrame]:
    return {table: read_table(folder, table) for table in FIELDS}


def _refuse_unknown_agency(tables: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a part of a composite cost of an agency that no row of costs has.

    By a code that is spelt otherwise the part would never be given up, and be counted twice.
    """
    costs = tables["unit_costs"]
    known = {*costs["agency"], *tables["agencies"]["code"]}
    for code, part in costs[["code", "composite_of"]].dropna().itertuples(index=False):
        if part not in known:
            raise ValueChainError(
                f"the unit cost {code} is composite of the agency {part!r}, which has no cost.",
                where="unit_costs.csv",
                expected=", ".join(sorted(known)),
                mend="mend composite_of",
            )


def _unit_cost(row: Mapping[Any, Any]) -> UnitCost:
    held: dict[str, Any] = {
        key: "" if value != value or value is None else value for key, value in row.items()
    }
    yes = {key: held[key] == "yes" for key in ("transfer", "approximate")}
    return UnitCost(**held | yes)


def _life(row: Mapping[Any, Any]) -> UnitCost:
    """A WELLBY or QALY as a unit cost: social value, of people themselves, on its own schedule."""
    confirm = row["confirm"] if isinstance(row["confirm"], str) else ""
    return UnitCost(
        key=row["key"],
        code=str(row["key"]).upper(),
        agency="people",
        budget="none",
        kind="social",
        value=row["central"],
        price_year=row["price_year"],
        cost_per=row["cost_per"],
        stock_timing="mean",
        confidence=row["confidence"],
        transfer=False,
        composite_of="",
        basis="average",
        vintage=row["vintage"],
        approximate=row["approximate"] == "yes",
        confirm=confirm,
        source=row["source"],
        note=row["note"],
        schedule=row["schedule"],
        benefit=True,
        spread=Spread(low=row["low"], central=row["central"], high=row["high"]),
    )

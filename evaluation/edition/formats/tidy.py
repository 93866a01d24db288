"""The edition as tidy tables: one row one figure, columns described once for every form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.edition.claims import Claims
from evaluation.edition.edition import Edition, StudyResults

Kind = Literal["string", "number", "integer", "boolean"]
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its name, what it holds, its kind."""

    name: str
    says: str
    kind: Kind = "string"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with the words that stand for it; ``key`` names the columns that tell rows apart."""

    name: str
    title: str
    says: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    key: tuple[str, ...]

    def cells(self) -> list[list[Any]]:
        """The rows as lists, in the order of the columns."""
        return [[row.get(column.name) for column in self.columns] for row in self.rows]


def _numbers(*named: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, says=says, kind="number") for name, says in named)


STUDY = Column(name="study", says="programme and study")
OUTCOME = Column(name="outcome", says="code of the outcome, as in the data dictionary")
RANGE = _numbers(
    ("low", "lower end of the range, in the unit; empty where none can be given"),
    ("high", "upper end of the range, in the unit; empty where none can be given"),
)
_PARTS = {"event_time": "event_time", "site": "site", "cohort": "cohort", "quarter": "quarter"}


def tables(edition: Edition, claims: Claims) -> tuple[Table, ...]:
    """Every table of an edition: headline figures, findings, effects, paths, accounts."""
    return (
        _headline(claims),
        _findings(edition),
        _effects(edition),
        _paths(edition),
        *_money(edition.headline),
    )


def _headline(claims: Claims) -> Table:
    rows = tuple(
        {
            "id": key,
            "study": c.source,
            "outcome": c.outcome,
            "account": c.account,
            "kind": c.kind,
            "value": c.value,
            "low": c.low,
            "high": c.high,
            "unit": c.unit,
            "text": c.text,
        }
        for key, c in claims.headline().items()
    )
    return Table(
        name="headline",
        title="Headline figures",
        rows=rows,
        key=("id",),
        says="Every figure that has a page of its own, under the id by which it is cited.",
        columns=(
            Column(name="id", says="the id by which the figure is cited"),
            STUDY,
            OUTCOME,
            Column(name="account", says="total of the accounts that it is, if it is one"),
            Column(name="kind", says="effect, people, money or ratio"),
            *_numbers(("value", "the best figure, in the unit")),
            *RANGE,
            Column(name="unit", says="what the figure is counted in"),
            Column(name="text", says="as the book prints it"),
        ),
    )


def _findings(edition: Edition) -> Table:
    rows = tuple(
        {
            "study": f"{s.programme}/{s.study}",
            "outcome": o["code"],
            "title": o["plain_title"],
            "role": o["role"],
            "verdict": o["finding"]["verdict"],
            "effect_percent": (o["finding"]["effect_percent"] or {}).get("effect"),
            "low": (o["finding"]["effect_percent"] or {}).get("low"),
            "high": (o["finding"]["effect_percent"] or {}).get("high"),
            "p_value": o["finding"]["p_value"],
            "label": s.raw["label"],
            "vintage": s.raw["vintage"],
            "sentence": o["finding"]["sentence"],
        }
        for s in edition.studies
        for o in s.outcomes
    )
    return Table(
        name="findings",
        title="Findings",
        rows=rows,
        key=("study", "outcome"),
        says="The verdict on every outcome of every study, whatever it is.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="title", says="the outcome in plain words"),
            Column(name="role", says="primary, secondary or negative_control"),
            Column(
                name="verdict",
                says="improved, worsened, no effect larger than, too early, cannot tell",
            ),
            *_numbers(("effect_percent", "effect in per cent of what would have been")),
            *RANGE,
            *_numbers(("p_value", "by re-drawn start dates, or analytic where the study says so")),
            Column(name="label", says="confirmatory or exploratory"),
            Column(name="vintage", says="the instant up to which data were known"),
            Column(name="sentence", says="the finding in a sentence"),
        ),
    )


def _effects(edition: Edition) -> Table:
    return Table(
        name="effects",
        title="Effects",
        rows=tuple(_effect_rows(edition)),
        key=("study", "outcome", "estimator", "by", "entry"),
        says="Every effect of every estimator, on the scale that it was estimated on.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="estimator", says="how it was estimated"),
            Column(name="scale", says="log (log points), level (the outcome's unit) or ratio"),
            Column(name="by", says="overall, event_time, site, cohort or quarter"),
            Column(name="entry", says="which of these; empty for overall"),
            *_numbers(("effect", "the estimate"), ("se", "standard error of the re-drawn effects")),
            *RANGE,
            *_numbers(("p_value", "of no effect")),
        ),
    )


def _effect_rows(edition: Edition) -> Iterator[Row]:
    for study in edition.studies:
        for outcome in study.outcomes:
            for e in outcome["estimates"]:
                parts = [("overall", "", e["overall"])]
                parts += [(part, str(r[key]), r) for part, key in _PARTS.items() for r in e[part]]
                for part, entry, row in parts:
                    found = ("effect", "se", "low", "high", "p_value")
                    yield {
                        "study": f"{study.programme}/{study.study}",
                        "outcome": outcome["code"],
                        "estimator": e["estimator"],
                        "scale": e["scale"],
                        "by": part,
                        "entry": entry,
                        **{key: row.get(key) for key in found},
                    }


def _paths(edition: Edition) -> Table:
    rows = tuple(
        {"study": f"{s.programme}/{s.study}", "outcome": o["code"], "unit": o["unit"], **row}
        for s in edition.studies
        if edition.may_be_passed_on(s)
        for o in s.outcomes
        for row in o["paths"]
    )
    return Table(
        name="paths",
        title="Paths of pilots and comparisons",
        rows=rows,
        key=("study", "outcome", "period"),
        says="Pilot areas, what they would have been, and comparison areas, period by period. "
        "Sources that forbid it are left out.",
        columns=(
            STUDY,
            OUTCOME,
            Column(name="unit", says="the outcome's unit"),
            Column(name="period", says="quarter or year"),
            *_numbers(
                ("pilot", "pilot areas together"),
                ("comparison", "comparison areas"),
                ("counterfactual", "pilot areas without the programme, by the estimate"),
            ),
            *RANGE,
        ),
    )


def _money(study: StudyResults) -> Iterator[Table]:
    if study.value is None:
        return
    value = study.value
    pounds = f"pounds of {value['price_base']}"
    agencies = tuple(
        {
            "agency": row["name"],
            "budget": row["budget"],
            **{
                f"{part}_{end}": row[part][end]
                for part in ("gain", "cost", "net")
                for end in ("mean", "low", "high")
            },
        }
        for row in value["by_agency"]
    )
    yield Table(
        name="agencies",
        title="Who pays and who gains",
        rows=agencies,
        key=("agency", "budget"),
        says=f"To date, in {pounds}; AME apart from DEL.",
        columns=(
            Column(name="agency", says="who pays or gains"),
            Column(name="budget", says="DEL, a department's own; AME, set by need"),
            *_numbers(
                *(
                    (f"{part}_{end}", f"{word}, {ending}")
                    for part, word in (
                        ("gain", "spending released"),
                        ("cost", "cost paid"),
                        ("net", "released less paid"),
                    )
                    for end, ending in (
                        ("mean", "best figure"),
                        ("low", "low end"),
                        ("high", "high end"),
                    )
                )
            ),
        ),
    )
    quarters = tuple(
        {
            "quarter": row["quarter"],
            "released": row["gain"]["mean"],
            "paid": row["cost"],
            **{f"balance_{end}": row["cumulative_net"][end] for end in ("mean", "low", "high")},
        }
        for row in value["by_quarter"]
    )
    yield Table(
        name="over_time",
        title="Released and paid over time",
        rows=quarters,
        key=("quarter",),
        says=f"Each quarter, and the balance so far, in {pounds}.",
        columns=(
            Column(name="quarter", says="the quarter"),
            *_numbers(
                ("released", "public spending released in the quarter"),
                ("paid", "cost of the quarter"),
                ("balance_mean", "released less paid, added up: best figure"),
                ("balance_low", "its low end"),
                ("balance_high", "its high end"),
            ),
        ),
    )


def named(held: Sequence[Table], name: str) -> Table:
    """The table of a name."""
    return next(table for table in held if table.name == name)

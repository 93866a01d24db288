"""Costs that a workspace declared in a table, made into returns of finance departments.

Each agency's costs of a site and quarter become one return, whose plan is not known; what lies
ahead stays a table, of what is planned. The table as it was is kept apart.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.check.stages import check_return, day_of_check
from evaluation.declared import read_yaml
from evaluation.errors import WorkspaceError
from evaluation.finance import FINANCE, lines_of, of_money
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.submission import accept_into
from evaluation.programme import Cost, Money, Programme
from evaluation.returns.form import form
from evaluation.returns.template import write_return
from evaluation.returns.workbook import csv_name, read_return
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluation.quarters import Period
    from evaluation.workspace import Workspace

BY = "newstart upgrade, from the table of costs"
UNKNOWN = "[x]"
PLANNED = "planned_costs.csv"
_FILE = r"""[ \t]*(?P<quote>["']?)(?P<file>[^\s#\[{"']+)(?P=quote)[ \t]*(#.*)?$"""
_LINE = re.compile(rf"^costs:{_FILE}", re.MULTILINE)
_PLANNED = re.compile(rf"^planned_costs:{_FILE}", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Converted:
    """How many returns a table of costs became, how many of its rows lie ahead, where it is now."""

    returns: int
    planned: int
    kept: Path


def costs_to_returns(workspace: Workspace, programme: Programme) -> Converted:
    """Make returns of a programme's table of costs, and declare ``money`` in its place.

    Raises
    ------
    WorkspaceError : the amounts are in prices of several years that are not their own, the
        declaration does not name the table on a line of its own, or a row cannot be a return.
        Nothing is written then.
    """
    path = workspace.studies / programme.name / "programme.yaml"
    text = path.read_text(encoding="utf-8")
    line = _LINE.search(text)
    if line is None:
        raise WorkspaceError(
            "its costs stand in the declaration itself and not in a table.",
            where=str(path),
            mend="write them to costs.csv and costs: costs.csv, and run newstart upgrade again",
        )
    planned = _PLANNED.search(text)
    if planned is None and programme.planned_costs:
        raise WorkspaceError(
            "its planned costs stand in the declaration itself and not in a table.",
            where=str(path),
            mend=f"write them to {PLANNED} and planned_costs: {PLANNED}, and run newstart upgrade "
            "again",
        )
    over = day_of_check(workspace, programme) or programme.last.last_day
    paid = [c for c in programme.costs if c.period <= programme.last and c.period.last_day <= over]
    ahead = [cost for cost in programme.costs if cost not in paid]
    money = Money(
        agencies=tuple(dict.fromkeys(cost.agency for cost in programme.costs)),
        price_year=_price_year(programme.costs, path),
        since=min(cost.period for cost in programme.costs),
    )
    held = {name: getattr(programme, name) for name in Programme.model_fields}
    asked = Programme(**held | {"money": money, "costs": ()})
    files = _write_returns(workspace, asked, paid)
    _accept(workspace, asked, files)
    said = [f"money: {{agencies: [{', '.join(money.agencies)}], since: {money.since}"]
    said[0] += f", price_year: {money.price_year}}}" if money.price_year else "}"
    apart = workspace.var / "before_upgrade" / programme.name
    # Both tables are kept apart before anything is written; the one of costs goes last, when
    # nothing names it any more: cut short at any point, the same command goes on from there.
    aside = _kept_apart(path.parent / line["file"], apart)
    if ahead:
        table = path.with_name(planned["file"] if planned else PLANNED)
        if planned:
            _kept_apart(table, apart)
        new = [cost for cost in ahead if cost not in programme.planned_costs]
        write_whole(table, _as_table([*programme.planned_costs, *new]))
        said += [] if planned else [f"planned_costs: {PLANNED}"]
    write_whole(path, text[: line.start()] + "\n".join(said) + text[line.end() :])
    read_yaml(path)
    (path.parent / line["file"]).unlink()
    return Converted(returns=len(files), planned=len(ahead), kept=aside)


def _kept_apart(table: Path, apart: Path) -> Path:
    """A copy of a table as it is; never over one that was kept before."""
    content, kept, number = table.read_bytes(), apart / table.name, 1
    while kept.exists() and kept.read_bytes() != content:
        number += 1
        kept = kept.with_name(f"{table.stem}-{number}{table.suffix}")
    write_whole(kept, content)
    return kept


def _price_year(costs: Sequence[Cost], path: Path) -> int | None:
    years = {cost.price_year for cost in costs}
    if len(years) == 1:
        return years.pop()
    if all(cost.price_year == cost.period.year for cost in costs):
        return None
    raise WorkspaceError(
        f"its costs are in prices of {len(years)} years, which are not those in which they were "
        "paid.",
        where=str(path),
        mend="bring them to prices of one year, and run newstart upgrade again",
    )


def _write_returns(workspace: Workspace, asked: Programme, paid: Sequence[Cost]) -> list[Path]:
    folder = workspace.incoming(asked.name) / "from_costs"
    folder.mkdir(parents=True, exist_ok=True)
    by_return: dict[tuple[Period, str, str], dict[str, float]] = {}
    for cost in paid:
        kinds = by_return.setdefault((cost.period, cost.site, cost.agency), {})
        kinds[cost.kind] = kinds.get(cost.kind, 0.0) + cost.amount
    files = []
    for (period, site, agency), kinds in sorted(by_return.items(), key=str):
        sender, name = f"{agency}{FINANCE}", asked.site_by_code[site].name
        rows: list[list[str | float | None]] = []
        for line in lines_of(asked):
            if line.agency == agency:
                unknown = line.stage == "plan"
                figure = None if unknown else kinds.get(str(line.kind), 0.0)
                status = UNKNOWN if unknown else None
                head = [site, name, period.label, line.code]
                rows.append([*head, figure, None, status, None, None])
        path = folder / csv_name(site, sender, period)
        write_return(path, [form().template_version, asked.name, site, sender, str(period)], rows)
        files.append(path)
    return files


def _accept(workspace: Workspace, asked: Programme, files: Sequence[Path]) -> None:
    view = of_money(asked)
    raws = [read_return(path) for path in files]
    checks = [check_return(raw, view) for raw in raws]
    for checked in checks:
        # All before the first is accepted: a question has nobody here to answer it.
        if wrong := [*checked.of("error"), *checked.of("confirm")]:
            fault = wrong[0]
            raise WorkspaceError(
                f"a row of its costs cannot be a return: {fault.message}", where=checked.file
            )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        for raw, checked in zip(raws, checks, strict=True):
            accept_into(ledger, workspace, raw, checked, (), by=BY, history=True)


def _as_table(costs: Sequence[Cost]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(Cost.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cost.model_dump(mode="json") for cost in costs)
    return text.getvalue()

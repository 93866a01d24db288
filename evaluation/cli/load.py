"""The verb that takes a programme's history in one go."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli.session import (
    GOOD,
    PROBLEMS,
    AsJson,
    By,
    Session,
    print_json,
    say,
    without_collector,
)

if TYPE_CHECKING:
    from evaluation.ledger.intake import Loaded, Told

SHOWN = 20
"""Problems that are told one by one; the rest are counted, and stand in the JSON."""


def load(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A file, or a folder of them: .csv, .xlsx, .parquet.")
    ],
    mapping: Annotated[
        Path | None, typer.Option(help="A YAML file: which column of the table holds what.")
    ] = None,
    reasons: Annotated[
        Path | None,
        typer.Option(
            help="A CSV: rule, reason, by; for one figure also area_code, quarter, outcome."
        ),
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take many returns, or any tidy table, into the ledger; run again, it goes on.

    Each return is checked and accepted as one that is submitted alone.

    A mapping names columns: area, period, outcome, numerator, denominator, status, site, agency.

    Or outcomes: {column: code}, a column each; missing: SYMBOL says what empty cells mean.

    One reason answers all that a rule asks, but for three kinds, each figure of which takes a row:

    pilots after their start; about ten times what is usual; the fifty most surprising.
    """
    from evaluation.ledger.intake import Reasons, gather, load_returns, read_reasons
    from evaluation.returns.tidy import read_mapping

    session: Session = context.obj
    programme = session.programme
    given = read_reasons(reasons) if reasons else Reasons()
    with without_collector():
        gathered = gather(path, read_mapping(mapping) if mapping else None, programme)
        for text in gathered.left_out:
            say(text)
        done = load_returns(
            session.workspace,
            programme,
            gathered.returns,
            given,
            by=by,
            progress=lambda m: say(f"· {m}"),
        )
    done = replace(
        done,
        refused=done.refused + len(gathered.unreadable),
        problems=(*gathered.unreadable, *done.problems),
    )
    if as_json:
        print_json(done.as_dict())
    else:
        _tell(done)
    raise typer.Exit(PROBLEMS if done.refused else GOOD)


def _tell(done: Loaded) -> None:
    print(
        f"{done.accepted} returns accepted ({done.rows:,} figures), {done.already_held} held"
        f" already, {done.refused} refused."
    )
    for one in done.problems[:SHOWN]:
        print(f"  {_where(one)}: {one.problem.rule}  {one.problem.message}")
        if one.alone:
            print(f"    To be answered by itself: {one.alone}.")
        elif one.problem.mend:
            print(f"    {one.problem.mend}")
    if rest := done.problems[SHOWN:]:
        counts = Counter(one.problem.rule for one in rest)
        listed = ", ".join(f"{rule} {count:,} times" for rule, count in sorted(counts.items()))
        print(f"  and {len(rest):,} more: {listed}")
    if done.questions is not None:
        say(f"What is asked stands in {done.questions}: fill in reason and by, and give it as")
        say("--reasons. A row without an area answers all that its rule asks, but for those that")
        say("are to be answered by themselves.")


def _where(one: Told) -> str:
    if one.place is not None:
        return f"{one.place.file}, row {one.place.row}, {one.place.column}"
    return f"{one.file}{' ' + one.problem.cell if one.problem.cell else ''}"

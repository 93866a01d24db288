"""The verbs of what is drawn by lot: the order of starts, and small trials inside a site."""

from __future__ import annotations

from datetime import date
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
    print_table,
    say,
    writable,
)
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.design.lottery import Lottery

lottery_app = typer.Typer(help="A public lottery of starts, which anybody can draw again.")
trial_app = typer.Typer(help="Small trials of a change of practice, judged once and exactly.")

LotteryFile = Annotated[Path, typer.Argument(help="lottery.yaml: sites, strata, slots.")]
PlanFile = Annotated[Path, typer.Argument(help="The plan of the trial, a YAML file.")]


def _secret_of(path: Path) -> Path:
    return path.with_suffix(".secret")


@lottery_app.command("commit")
def lottery_commit(
    context: typer.Context,
    file: LotteryFile,
    beacon: Annotated[str, typer.Option(help="Where the public number will appear.")] = "",
    on: Annotated[str, typer.Option(help="On which later day, like 2027-01-15.")] = "",
    witness: Annotated[str, typer.Option(help="Who watches the draw.")] = "",
    as_json: AsJson = False,
) -> None:
    """Fix the sites, the strata, the starts and a secret, before the public number is known."""
    from evaluation.design.lottery import Beacon, Lottery, commit
    from evaluation.workspace import write_whole

    session: Session = context.obj
    lottery, hidden = Lottery.load(file), _secret_of(file)
    if hidden.exists():
        raise UserError(
            "a secret lies there already, and is never written over.", where=str(hidden)
        )
    stated = lottery.beacon
    if stated is None and not (beacon and on and witness):
        raise UserError(
            "it is not said which public number the draw waits for.",
            where=str(file),
            expected="--beacon WHERE --on DAY --witness NAME, or beacon: {source, day, witness}",
        )
    asked = Beacon(
        source=beacon or (stated.source if stated else ""),
        day=_day(on) if on or stated is None else stated.day,
        witness=witness or (stated.witness if stated else ""),
    )
    fixed, secret = commit(lottery, asked, today=_today(session))
    # The secret first: a commitment whose secret is lost can never be opened.
    write_whole(hidden, secret + "\n", private=True)
    fixed.write(file)
    _show(fixed, as_json)
    say(f"Keep {hidden} where nobody reads it and nothing loses it, and publish {file}.")


@lottery_app.command("reveal")
def lottery_reveal(
    context: typer.Context,
    file: LotteryFile,
    value: Annotated[str, typer.Option(help="The public number, as it was published.")],
    secret: Annotated[
        Path | None, typer.Option(help="The file of the secret; by default beside the lottery.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open the secret, mix it with the public number, and draw the order."""
    from evaluation.declared import read_text
    from evaluation.design.lottery import Lottery, reveal

    session: Session = context.obj
    path = secret or _secret_of(file)
    if not path.is_file():
        raise UserError(
            "the secret is not there.", where=str(path), mend="name its file: --secret FILE"
        )
    held = read_text(path).strip()
    drawn = reveal(Lottery.load(file), secret=held, value=value, today=_today(session))
    drawn.write(file)
    _show(drawn, as_json)
    if not as_json:
        for site in drawn.order:
            print(f"{drawn.drawn[site]}  {site}")


@lottery_app.command("check")
def lottery_check(
    context: typer.Context,
    file: LotteryFile,
    study: Annotated[
        str, typer.Option(help="PROGRAMME/STUDY: its effects by the drawn order.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Draw it again from what was opened; with a study, its effects by the drawn order."""
    from evaluation.design.lottery import Lottery, effect_by_order, faults
    from evaluation.study.study import Study

    lottery = Lottery.load(file)
    wrong = faults(lottery)
    effects = []
    if study and not wrong:
        held = Study.load(context.obj.workspace, study)
        for code in held.protocol.primary:
            found = effect_by_order(lottery, held.panel, code)
            effects.append(
                {
                    "outcome": code,
                    "effect": found.effect,
                    "p_value": found.p_value,
                    "orders": found.orders,
                    "kept": found.kept,
                    "grade": str(found.grade),
                }
            )
    if as_json:
        print_json({"ok": not wrong, "faults": wrong, "orders": lottery.orders, "effects": effects})
    else:
        _show(lottery, as_json=False)
        for what in wrong:
            print(f"It does not hold: {what}.")
        for one in effects:
            print(f"{one['outcome']}: {one['effect']:+.3g}, p = {one['p_value']:.3f}")
            say(str(one["grade"]))
        if not wrong:
            say("The order is the one that secret and beacon give.")
    raise typer.Exit(PROBLEMS if wrong else GOOD)


def _show(lottery: Lottery, as_json: bool) -> None:
    from rich.table import Table

    from evaluation.design.lottery import power_of, told

    if as_json:
        print_json(lottery.as_dict() | {"orders": lottery.orders, "smallest_p": lottery.smallest_p})
        return
    for said in told(lottery):
        say(str(said))
    # Where no order can reach .05, at the smallest that one can.
    level = max(0.05, lottery.smallest_p)
    table = Table("effect, in errors of a site", f"found at p = {level:.3g}", box=None)
    for one in power_of(lottery, level=level, simulations=200):
        table.add_row(f"{one.effect:g}", f"{100 * one.power:.0f} %")
    print_table(table)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no day.", expected="like 2027-01-15") from None


def _today(session: Session) -> date:
    return session.workspace_or_new().now().date()


def more(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")],
    as_json: AsJson = False,
) -> None:
    """Say what one more quarter, six more sites or a survey would let be found."""
    from evaluation.study.planning import one_more
    from evaluation.study.study import Study

    found = one_more(Study.load(context.obj.workspace, study))
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    for one in found:
        now, then = (
            "not known" if end is None else "nothing" if end == float("inf") else f"{end:.1f}"
            for end in (one.now, one.then)
        )
        what = f"{one.outcome}: " if one.outcome else ""
        why = f" ({one.why})" if one.why else ""
        print(f"{what}{one.what}: from {now} to {then} {one.unit}{why}")


@trial_app.command("new")
def trial_new(context: typer.Context, plan: PlanFile, as_json: AsJson = False) -> None:
    """Freeze a plan and fix its seed by its hash, before the list of units is known."""
    from evaluation.learning.site_trial import TrialPlan, freeze_trial
    from evaluation.quarters import format_instant

    session: Session = context.obj
    held = freeze_trial(plan, now=format_instant(session.workspace_or_new().now()))
    if as_json:
        print_json(held)
        return
    asked = TrialPlan.load(plan)
    print(held["seed_sha256"])
    say(f"Frozen: {asked.n} units, judged once, from {asked.stop} on.")
    say(f"Keep {plan.with_suffix('.seed')} closed until then.")


@trial_app.command("assign")
def trial_assign(
    plan: PlanFile,
    units: Annotated[Path, typer.Argument(help="A CSV with the column unit.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.csv: unit, arm.")],
) -> None:
    """Draw each unit's arm, by hash of the seed and the unit."""
    from evaluation.learning.site_trial import assign_trial

    writable(output, (".csv",))
    counts = assign_trial(plan, units, output)
    for arm, held in counts.items():
        say(f"{arm}: {held}")
    print(output)


@trial_app.command("result")
def trial_result(
    context: typer.Context,
    plan: PlanFile,
    results: Annotated[Path, typer.Argument(help="A CSV with the columns unit, outcome (1 or 0).")],
    log: Annotated[
        bool, typer.Option("--log", help="Write it into the learning log of the programme.")
    ] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Judge the trial, once: Fisher's exact test, the difference with its range."""
    from evaluation.learning.site_trial import TrialPlan, result_of

    session: Session = context.obj
    found = result_of(plan, results, today=_today(session))
    if as_json:
        print_json(found.as_dict())
    else:
        print(found.sentence)
    if log:
        from evaluation.ledger.learning_log import Entry
        from evaluation.ledger.submission import permit_entry

        asked, workspace = TrialPlan.load(plan), session.workspace
        permit_entry(session.programme, by, asked.site)
        with session.ledger() as ledger:
            entry = Entry(
                programme=session.programme.name,
                site=asked.site,
                kind="trial",
                what=str(found.sentence),
                why=asked.question,
            )
            held = ledger.note(
                entry, received=workspace.now(), by=by, synthetic_clock=workspace.synthetic_clock
            )
        say(f"Entry {held.entry_id} of the learning log.")

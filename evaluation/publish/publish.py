"""Publish an edition: run what changed, say why the headlines moved, build the book, freeze it."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.disclosure.bundle import refuse_publisher, refuse_unreleased
from evaluation.edition import words
from evaluation.edition.build import book_inputs, build_book
from evaluation.edition.edition import Edition, programmes_shown
from evaluation.edition.past import COMING, FOLDER, History, PastEdition
from evaluation.errors import BookError, EditionRefused
from evaluation.ledger.calendar import due
from evaluation.programme import Programme
from evaluation.progress import Progress
from evaluation.publish import difference as sentences
from evaluation.publish import refresh
from evaluation.publish.attribution import COSTS
from evaluation.publish.difference import ORDER, difference
from evaluation.publish.editions import CODE_ARCHIVE, MAKING, MANIFEST, STATE, freeze, restamp, size
from evaluation.publish.headline import objected_of, of_results
from evaluation.publish.outputs import enter
from evaluation.publish.refresh import Draft, Name, refresh_studies, studies_of
from evaluation.publish.snapshot import Between, Snapshot, figures_by, take_snapshot, unpack
from evaluation.quarters import Period, format_instant
from evaluation.release import stepped_figures, terms_of, with_steps
from evaluation.study.code import figures_fingerprint
from evaluation.study.record import Results
from evaluation.study.study import Study, StudyName
from evaluation.study.written import read_record
from evaluation.workspace import alone, write_whole

if TYPE_CHECKING:
    from evaluation.workspace import Workspace


LOCK, UNPACKED = ".publishing.lock", ".code"
ROOM = 200_000_000
"""Bytes that must be free beside what the book itself takes."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a publication left. new : whether there was anything to publish. grown : in bytes."""

    edition: PastEdition
    new: bool
    grown: int


def publish(
    workspace: Workspace,
    *,
    programme: str,
    quarter: str = "",
    reason: str = "",
    pages: bool = True,
    now: datetime | None = None,
    by: str = "",
    progress: Progress = print,
) -> Published:
    """Publish what the ledger knows as an edition; nothing where nothing changed since the last.

    Parameters
    ----------
    quarter : the quarter that is meant; refused if the data end with another.
    reason : why a quarter that was published already is corrected.
    pages : whether the book is built and frozen too.
    by : the person who publishes; empty for the account of the machine.

    Raises
    ------
    EditionRefused : see `refresh.name_for`; or another publication runs, or there is no room.
    BookError, ProtocolError, LedgerError : a step on the way fails; the last edition stands.
    NotForPublication : a programme whose figures it would hold is closed; nothing is run.
    DisclosureError : the person is no publisher, or the only one who checked.
    """
    refuse_publication(workspace, programme, by=by)
    editions = workspace.var / FOLDER
    with _alone(editions), tempfile.TemporaryDirectory(prefix="newstart-edition-") as scratch:
        _enough_room(workspace, pages)
        history = History.read(workspace)
        before = size(editions)
        # Every study of the workspace and not this programme's alone: the book shows them all.
        for study in studies_of(workspace):
            refresh_studies(workspace, study, progress)
        released = Edition.read(workspace, programme)
        headline = released.headline
        _is_meant(quarter, str(headline.sample.last))
        snapshot = take_snapshot(
            workspace,
            f"{programme}/{headline.study}",
            refresh.vintage_of(workspace, programme),
            Path(scratch) / STATE,
            objected_of(headline),
        )
        book = book_inputs(workspace, programme) if pages else ""
        made_of = refresh.digest(workspace, programme, snapshot, book)
        if (stands := _unchanged(history, made_of)) is not None:
            progress(f"Nothing changed since edition {stands.name}.")
            # An earlier publication may have been stopped between freezing and stamping.
            restamp(workspace)
            return Published(edition=stands, new=False, grown=size(editions) - before)
        name = refresh.name_for(history, str(headline.sample.last), reason)
        made = _draft(
            workspace,
            headline,
            snapshot,
            name,
            _written(released, Path(scratch) / "released"),
            released.steps,
            now=now or workspace.now(),
            reason=reason,
        )
        # Pages name the edition that they belong to, so it is announced before they are built.
        with _coming(workspace, made, history, released.steps, progress) as change:
            built = None
            if pages:
                built = build_book(workspace, programme=programme, progress=progress).parent
            claims = workspace.book / "_edition" / "claims.json" if pages else None
            whole = replace(made, change=change, pages=built, claims=claims)
            # Before the edition is there: what was printed stands in the register, or more than it.
            enter(workspace, name.address, released, by=by)
            edition = freeze(workspace, whole, made_of)
        progress(f"Edition {edition.name} is published.")
        return Published(edition=edition, new=True, grown=size(editions) - before)


def refuse_publication(workspace: Workspace, programme: str, *, by: str = "") -> None:
    """Refuse a publication that lacks something, or a person who may not, before anything is run.

    Raises
    ------
    NotForPublication : a programme whose figures it would hold is closed.
    DisclosureError : the person is no publisher, or the only one who checked.
    """
    shown = _programmes_published(workspace, programme)
    refuse_unreleased(workspace, shown)
    if programme in shown:
        refuse_publisher(workspace, shown[programme], by)


def _programmes_published(workspace: Workspace, programme: str) -> dict[str, Programme]:
    """Every programme that an edition shows: of all studies that it runs, of all results there."""
    names = {StudyName.parse(study).programme for study in studies_of(workspace)}
    run = {name: Programme.load(workspace, name, collecting=False) for name in sorted(names)}
    return run | programmes_shown(workspace, programme)


def changed_since(
    workspace: Workspace,
    before: PastEdition | None,
    after: Snapshot,
    name: str,
    headline: Mapping[str, Any],
    steps: Mapping[str, float],
) -> dict[str, Any] | None:
    """Why the headlines of a snapshot differ from those of an edition, as pages read it.

    Every amount is a released one (`evaluation.release.change`).

    None where there is no edition before.
    """
    if before is None:
        return None
    found = difference(
        Between.read(workspace, Snapshot.read(before.folder / STATE), after),
        before=before.name,
        after=name,
        sources=sources(workspace, [before]),
    )
    key = terms_of(workspace, after.programme).key
    return sentences.as_record(found, headline, before.headline, steps, key)


def sources(workspace: Workspace, editions: list[PastEdition]) -> dict[str, Path]:
    """Fingerprint -> unpacked source of the code of editions that is not the code that runs."""
    running = figures_fingerprint()
    found = {}
    for edition in editions:
        held = Snapshot.read(edition.folder / STATE)
        if held.figures_code != running:
            found[held.package] = unpack(
                edition.folder / CODE_ARCHIVE, workspace.var / FOLDER / UNPACKED, held.package
            )
    return found


def _written(edition: Edition, folder: Path) -> dict[str, Path]:
    """Every study's results as they leave, in files: path in the edition -> file."""
    found = {}
    for name, one in edition.released.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.results.as_json(), encoding="utf-8")
        found[f"{name}.json"] = path
    return found


def _draft(
    workspace: Workspace,
    headline: Results,
    snapshot: Snapshot,
    name: Name,
    results: Mapping[str, Path],
    steps: Mapping[str, float],
    *,
    now: datetime,
    reason: str,
) -> Draft:
    programme = snapshot.programme
    return Draft(
        name=name,
        published=format_instant(now),
        reason=reason,
        programme=programme.name,
        study=headline.study,
        vintage=snapshot.vintage,
        synthetic=programme.synthetic,
        next_due=refresh.next_due(programme, name.quarter),
        snapshot=snapshot.folder,
        headline=with_steps(of_results(headline), steps),
        results=dict(results),
        stands_on=refresh.stands_on(workspace, programme.name, snapshot.vintage),
    )


@contextlib.contextmanager
def _coming(
    workspace: Workspace,
    made: Draft,
    history: History,
    steps: Mapping[str, float],
    progress: Progress,
) -> Iterator[dict[str, Any] | None]:
    """Let pages know of the coming edition; if it does not come, what they knew stands again.

    Gives the change against the edition before; None where there is none.
    """
    path = workspace.var / FOLDER / COMING
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    last = history.current
    if last is not None:
        progress(f"Comparing with edition {last.name}, cause by cause")
    change = changed_since(
        workspace, last, Snapshot.read(made.snapshot), made.name.address, made.headline, steps
    )
    coming = {
        "name": made.name.address,
        "quarter": made.name.quarter,
        "number": made.name.number,
        "correction": made.name.correction,
        "published": made.published,
        "next_due": made.next_due,
        "reason": made.reason,
        "vintage": made.vintage,
        "headline": made.headline,
        "change": change,
    }
    write_whole(path, json.dumps(coming, indent=1, ensure_ascii=False) + "\n")
    came = False
    try:
        yield change
        came = True
    finally:
        if not came and before is not None:
            write_whole(path, before)
        elif not came:
            path.unlink()


def _unchanged(history: History, made_of: str) -> PastEdition | None:
    """The edition that stands, if it was made of the same."""
    current = history.current
    if current is None:
        return None
    return current if read_record(current.folder / MANIFEST)["made_of"] == made_of else None


def _is_meant(quarter: str, last: str) -> None:
    if quarter and quarter.replace("-", " ") != last:
        raise EditionRefused(
            f"the edition of {quarter} cannot be made: the last quarter with figures is {last}.",
            mend="submit the returns of that quarter, or leave --quarter",
        )


def _enough_room(workspace: Workspace, pages: bool) -> None:
    html = workspace.book / "_build" / "html"
    wanted = ROOM + (size(html) if pages and html.is_dir() else 0)
    workspace.var.mkdir(parents=True, exist_ok=True)
    # Asked first, before anything is run that may take long.
    free = shutil.disk_usage(workspace.var).free
    if free < wanted:
        raise EditionRefused(
            f"there is too little room on the disk: {free / 1e6:,.0f} MB are free.",
            where=str(workspace.var),
            expected=f"at least {wanted / 1e6:,.0f} MB",
        )


@contextlib.contextmanager
def _alone(editions: Path) -> Iterator[None]:
    """One publication at a time; one that was killed is in nobody's way."""
    lock = editions / LOCK
    with alone(lock) as held:
        if not held:
            raise EditionRefused(
                "another publication is running.", where=str(lock), mend="wait until it has ended"
            )
        try:
            yield
        finally:
            shutil.rmtree(editions / MAKING, ignore_errors=True)


HOW_MANY = 6
NOTE = (
    "Synthetic: made by the demonstration from what its ledger knew then; figures alone, no pages."
)


def publish_past(
    workspace: Workspace, name: str, *, count: int = HOW_MANY, progress: Progress = print
) -> None:
    """Freeze the headline figures of up to ``count`` quarters before the last of a study.

    Nothing is done where any edition was published.

    Raises
    ------
    EditionRefused : the results are not of a synthetic programme.
    NotForPublication : a programme whose figures it would hold is closed.
    """
    refuse_unreleased(workspace, _programmes_published(workspace, StudyName.parse(name).programme))
    if History.read(workspace).editions:
        return
    edition = Edition.read(workspace, StudyName.parse(name).programme)
    results = next(one for one in edition.studies if f"{one.programme}/{one.study}" == name)
    if not results.synthetic:
        raise EditionRefused(f"{name} is real: an edition of a past quarter cannot be made up.")
    last = Period.parse(results.sample.last)
    first = min(Period.parse(site.start) for site in results.sites)
    quarters = [last + -back for back in range(count, 0, -1) if last + -back >= first]
    for quarter in quarters:
        progress(f"Edition {quarter} of figures alone, as known then (synthetic)")
        with tempfile.TemporaryDirectory(prefix="newstart-past-") as scratch:
            _freeze(workspace, name, quarter, results, edition.steps, Path(scratch))


def _freeze(
    workspace: Workspace,
    name: str,
    quarter: Period,
    results: Results,
    steps: Mapping[str, float],
    scratch: Path,
) -> None:
    programme_name = StudyName.parse(name).programme
    limit = due(quarter, Study.load(workspace, name).programme)
    vintage = refresh.vintage_of(workspace, programme_name, format_instant(limit))
    # What was objected to then is not known: a past edition made up now leaves out the same.
    left_out = objected_of(results)
    snapshot = take_snapshot(workspace, name, vintage, scratch / "snapshot", left_out)
    alone = Between.read(workspace, snapshot, snapshot)
    (found,) = figures_by(None, [alone.write_state(scratch / "state", ())])
    history = History.read(workspace)
    known = refresh.name_for(history, quarter.label, "")
    terms = terms_of(workspace, snapshot.programme)
    address = f"{results.programme}.{results.study}"
    shown = stepped_figures(found, of_results(results), terms, steps, address)
    headline = with_steps(_headline(shown, results, quarter), steps)
    made = Draft(
        name=known,
        # Published on the day after the returns were due.
        published=format_instant(limit + timedelta(days=1)),
        reason="",
        programme=programme_name,
        study=snapshot.study,
        vintage=vintage,
        synthetic=True,
        next_due=refresh.next_due(snapshot.programme, quarter.label),
        snapshot=snapshot.folder,
        headline=headline,
        stands_on=refresh.stands_on(workspace, programme_name, vintage),
        change=changed_since(workspace, history.current, snapshot, known.address, headline, steps),
        note=NOTE,
    )
    freeze(workspace, made, json.dumps(asdict(known)))


def _headline(
    found: Mapping[str, float], results: Results, quarter: Period
) -> dict[str, dict[str, Any]]:
    """The figures with titles; effects in logs, and their ranges, are those of that look."""
    shown = of_results(results)
    headline = {
        key: {
            "title": shown[key]["title"],
            "unit": shown[key]["unit"],
            "effect": value,
            "low": None,
            "high": None,
        }
        for key, value in found.items()
    }
    for one in results.outcomes:
        looks = [row for row in one.looks if row.quarter == quarter.label]
        # A look's interval in logs becomes per cent by itself; on the level scale it would need the
        # baseline of then.
        if looks and one.estimates[0].scale == "log":
            # The effect too: the page of looks tells the same quantity, at the step of then.
            told = {part: getattr(looks[0], part) for part in ("effect", "low", "high")}
            headline[f"{one.code}.percent"] |= {
                part: round(float(100 * np.expm1(value)), 3) + 0.0
                for part, value in told.items()
                if value is not None
            }
    return headline


def compared(workspace: Workspace, a: str, b: str, order: str = "") -> dict[str, Any]:
    """How each headline moved from edition ``a`` to the later ``b``.

    Parameters
    ----------
    order : the causes in order of substitution, with commas between; "" for the usual one.

    Raises
    ------
    BookError : no such edition, the later one is named first, or the order is not one.
    """
    history = History.read(workspace)
    before, after = history.named(a), history.named(b)
    # By number and not by quarter: a correction follows the edition that it corrects.
    if before.number >= after.number:
        raise BookError(
            f"edition {after.name} was not published after {before.name}.",
            mend=f"newstart edition diff {after.name} {before.name}",
        )
    was, now = (Snapshot.read(one.folder / STATE) for one in (before, after))
    wanted = tuple(one.strip() for one in order.split(",")) if order else ORDER
    found = difference(
        Between.read(workspace, was, now),
        before=before.name,
        after=after.name,
        order=wanted,
        sources=sources(workspace, [before, after]),
    )
    key = terms_of(workspace, now.programme).key
    return sentences.as_record(found, after.headline, before.headline, {}, key)


def lines(record: Mapping[str, Any]) -> Iterator[str]:
    """The difference as it is read on a terminal: the causes, then each figure with its parts."""
    yield f"From {record['before']} to {record['after']}"
    if not record["order"]:
        yield "Nothing that a headline rests on changed."
        return
    for cause in record["order"]:
        yield f"  {record['titles'][cause]}: {record['reasons'][cause]}"
    yield f"Substituted in this order: {', '.join(record['order'])}."
    for figure in record["figures"].values():
        unit = figure["unit"]
        ends = [sentences.level(figure[name], unit) for name in ("before", "after")]
        yield ""
        yield f"{figure['title']}: {ends[0]} -> {ends[1]}"
        for part in figure["parts"]:
            amount, shapley, low, high = (
                sentences.amount(part[name], unit) for name in ("amount", "shapley", "low", "high")
            )
            over = "" if low == high else f"   mean of orders {shapley}, from {low} to {high}"
            yield f"  {words.within(record['titles'][part['cause']]):<28} {amount:>14}{over}"
        yield from _restated(figure, unit)


def _restated(figure: Mapping[str, Any], unit: str) -> Iterator[str]:
    """What restated or late figures moved by themselves: by side, then by area, largest first."""
    if not any(figure["revised"].values()):
        return
    yield "    restated or late figures by themselves, where they were:"
    for role, moved in figure["revised"].items():
        side = role if role == COSTS else f"{role} areas"
        yield f"      {side:<48} {sentences.amount(moved, unit):>14}"
    yield "    and by area, pilots put in first, largest first:"
    for row in figure["areas"]:
        if row["amount"]:
            known = f"{row['name']} ({row['area']})" if row["area"] else row["name"]
            where = f"{known}, {row['role']}" if row["area"] else known
            moved = sentences.amount(row["amount"], unit)
            figures = words.counted(row["figures"], "figure") if row["figures"] else ""
            yield f"      {where:<48} {moved:>14}   {figures}".rstrip()

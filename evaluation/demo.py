"""The demonstration: invented files, submitted quarter by quarter; studies, real cases, book.

It goes the way that a real programme goes, verb by verb, only in one process and with the clock set
by the folders that the files lie in. What has been done already is not done again.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path

import yaml

from evaluation import fingerprint
from evaluation.agreements import FILE as AGREEMENTS
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before
from evaluation.check.report import Checked, Confirmation, report
from evaluation.check.stages import as_asked, check_return
from evaluation.connect import fetch_returns, installed_recipes
from evaluation.disclosure import key as keys
from evaluation.disclosure.policy import needed
from evaluation.disclosure.protection import submitters_tried
from evaluation.edition import past
from evaluation.edition.build import refuse_without_builders
from evaluation.errors import WorkspaceError
from evaluation.finance import paying_agency
from evaluation.ledger.calendar import due
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.submission import keep_receipt
from evaluation.programme import Person, Programme
from evaluation.progress import Progress
from evaluation.publish.outputs import audit_of
from evaluation.publish.publish import publish, publish_past
from evaluation.publish.refresh import refresh_studies
from evaluation.quarters import Period, format_instant
from evaluation.release import terms_of
from evaluation.returns.workbook import RawReturn, read_return
from evaluation.simulate import (
    Scenario,
    draw_figures,
    invent_programme,
    truth_table,
    write_programme,
    write_returns,
)
from evaluation.study.freeze import freeze
from evaluation.study.lock import FILE as LOCK
from evaluation.study.protocol_check import checked
from evaluation.workspace import Workspace

SYNTHETIC_PROGRAMME, REAL_CASES = "new_start", "real_cases"
STUDY = f"{SYNTHETIC_PROGRAMME}/first_look"
AGAIN = "The demonstration was run again on what changed since."
MARK = "Synthetic: this workspace holds invented figures; NEWSTART_NOW may set its clock.\n"
SIGNED = "The finance department (invented)"
REASON = "Synthetic demonstration: the figure is as drawn."
MORNING, EVENING = time(9, 0, tzinfo=UTC), time(17, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What a demonstration left: the workspace and, where there is a book, its front page."""

    workspace: Workspace
    book: Path | None
    real_cases: bool


def run_demo(
    workspace: Workspace, *, tiny: bool = False, editions: int = 1, progress: Progress = print
) -> Demo:
    """Make, submit, study and publish the synthetic programme (and, full size, the real cases).

    ``tiny`` is for tests: 2 sites, 20 areas, 12 quarters, 3 outcomes, no real cases. A workspace
    that already declares the full programme gets its tiny one in ``var/tiny``.

    Parameters
    ----------
    editions : how many of the last quarters are published one after another as they would have
        been, each with its pages. Before a single one stand editions of figures alone.

    Raises
    ------
    WorkspaceError : the declared programme is not a synthetic one.
    UserError : the workspace has a book, and what books are built with is not installed.
    """
    if workspace.book.is_dir():
        refuse_without_builders()
    workspace = _place(workspace, tiny)
    (workspace.root / "SYNTHETIC").write_text(MARK, encoding="utf-8")
    programme = _declare(workspace, tiny)
    files = _files(workspace, programme, tiny, progress)
    last_day = files[-1].parent.name
    quarters = [programme.last + -back for back in range(editions)][::-1]
    ends = [*(due(q, programme).date().isoformat() for q in quarters[:-1]), last_day]
    cases = _case_files(workspace, ends[0], progress) if not tiny else []
    real_cases = bool(cases)
    lock_day = (min(site.start for site in programme.sites) + -1).last_day
    seen = [path for path in files if path.parent.name <= lock_day.isoformat()]
    submit_files(workspace, seen, progress)
    _freeze(workspace, datetime.combine(lock_day, EVENING), progress)
    begin = lock_day.isoformat()
    for quarter, end in zip(quarters, ends, strict=True):
        came = [path for path in files if begin < path.parent.name <= end]
        submit_files(workspace, [*came, *cases], progress)
        begin, cases = end, []
        if editions == 1:
            refresh_studies(workspace, STUDY, progress)
            publish_past(workspace, STUDY, progress=progress)
            _audit(workspace, programme, due(quarter, programme) + timedelta(days=1), progress)
        _publish(workspace, programme, quarter, progress)
    index = workspace.book / "_build" / "html" / "index.html"
    book = index if workspace.book.is_dir() else None
    return Demo(workspace=workspace, book=book, real_cases=real_cases)


def portal_workspace(workspace: Workspace, *, progress: Progress = print) -> Workspace:
    """A small invented programme for the portal: the returns of its last quarter are still due.

    It lies in ``var/portal-demonstration`` of a workspace, and is made where it is not there.
    """
    own = Workspace(root=workspace.var / "portal-demonstration")
    (own.root / "studies").mkdir(parents=True, exist_ok=True)
    (own.root / "SYNTHETIC").write_text(MARK, encoding="utf-8")
    programme = _declare(own, tiny=True)
    files = _files(own, programme, True, progress)
    came = [path for path in files if f"_{programme.last.slug}" not in path.name]
    submit_files(own, came, progress)
    _people(own, programme)
    key = demonstration_key(workspace)
    if not key.is_file():
        keys.create(key, own.root)
    if workspace.book.is_dir():
        _take_book(workspace, own)
    return own


def _audit(workspace: Workspace, programme: Programme, day: datetime, progress: Progress) -> None:
    """Attack what will be printed, so that the book can say what an attacker is left with.

    As insiders those of the largest site are tried, who know the most; a release tries them all.
    """
    progress("Attacking what would be printed, with every edition")
    areas = Counter(area.site for area in programme.areas if area.site and area.role == "pilot")
    largest = max(sorted(areas), key=lambda site: areas[site])
    found = audit_of(
        workspace,
        programme,
        terms_of(workspace, programme),
        insiders=[one for one in submitters_tried(programme) if one[0] == largest],
        run=day,
    )
    progress(f"{found.protected:,} counts, each left with at least {found.fewest} values")


def demonstration_key(workspace: Workspace) -> Path:
    """Where the disclosure key of the portal's demonstration lies: beside it, never inside."""
    return workspace.var / "portal-demonstration.key"


def invented_people(programme: Programme) -> tuple[Person, ...]:
    """People for an invented programme: who sends, and a team that can release its figures.

    The first return has two officers, since a withdrawal needs two.
    """
    senders = [(s, a) for s, a in programme.submitters if s in programme.site_by_code]
    names = dict(zip(_OFFICERS, [*senders[:1], *senders], strict=False))
    officers = [
        Person(name=name, roles=("submitter",), sites=(site,), agencies=(agency,))
        for name, (site, agency) in names.items()
    ]
    return (*officers, *_TEAM)


_TEAM = (
    Person(name="Esme Evans", roles=("evaluator",)),
    Person(name="Carol Chen", roles=("checker",)),
    Person(name="Colin Cole", roles=("checker",)),
    Person(name="Paula Price", roles=("publisher",)),
)
_OFFICERS = (
    *("Ada Ashworth", "Ben Booth", "Chloe Carr", "Dev Dhillon", "Ella Eastwood", "Femi Fox"),
    *("Grace Gill", "Hugh Hart", "Iris Iqbal", "Jon Jarvis", "Kim Khan", "Leo Lund"),
    *("Maya Moss", "Nia Nash", "Owen Odell", "Priya Patel", "Rosa Reid", "Sam Shaw"),
)
_AGREED = {
    "controllers": ["Whoever sends it (invented)"],
    "legal_basis": "none is needed: the figures are invented",
    "article_9": "none is needed",
    "confidentiality": "none is owed",
    "dpia": "none is needed",
    "opt_outs": "nobody is in the figures",
    "expires": "2099-12-31",
    "retention": "until the demonstration is deleted",
    "agreed": {"by": "nobody: the demonstration wrote it", "on": "2026-01-01"},
}


def _people(workspace: Workspace, programme: Programme) -> None:
    """Declare invented people and agreements, so that a release can be walked to its end."""
    folder = workspace.studies / programme.name
    if not programme.people:
        people = [
            one.model_dump(mode="json", exclude_defaults=True) for one in invented_people(programme)
        ]
        with (folder / "programme.yaml").open("a", encoding="utf-8") as stream:
            stream.write(yaml.safe_dump({"people": people}, sort_keys=False))
    if not (folder / AGREEMENTS).is_file():
        about = dict.fromkeys((one.agency, one.arm) for one in needed(programme))
        agreed = [{"agency": agency, "arm": arm} | _AGREED for agency, arm in about]
        text = yaml.safe_dump({"agreements": agreed}, sort_keys=False)
        (folder / AGREEMENTS).write_text(text, encoding="utf-8")


def _publish(
    workspace: Workspace, programme: Programme, quarter: Period, progress: Progress
) -> None:
    """Publish a quarter on the day after its returns were due."""
    there = {one.quarter for one in past.History.read(workspace).editions}
    publish(
        workspace,
        programme=programme.name,
        reason=AGAIN if quarter.label in there else "",
        pages=workspace.book.is_dir(),
        now=due(quarter, programme) + timedelta(days=1),
        progress=progress,
    )


def _place(workspace: Workspace, tiny: bool) -> Workspace:
    declared = workspace.studies / SYNTHETIC_PROGRAMME / "programme.yaml"
    if not tiny or not declared.is_file() or _is_tiny(workspace):
        return workspace
    root = workspace.var / "tiny"
    (root / "studies").mkdir(parents=True, exist_ok=True)
    own = Workspace(root=root)
    if workspace.book.is_dir():
        _take_book(workspace, own)
    return own


def _take_book(workspace: Workspace, own: Workspace) -> None:
    leave = shutil.ignore_patterns("_build", "_edition")
    shutil.copytree(workspace.book, own.book, ignore=leave, dirs_exist_ok=True)


def _is_tiny(workspace: Workspace) -> bool:
    held = Programme.load(workspace, SYNTHETIC_PROGRAMME)
    preset = Scenario.load(workspace.schemas).presets["tiny"]
    return len(held.sites) == len(preset.areas_per_site)


def _declare(workspace: Workspace, tiny: bool) -> Programme:
    """The programme as declared in the workspace; written there first if it is not."""
    folder = workspace.studies / SYNTHETIC_PROGRAMME
    if not (folder / "programme.yaml").is_file():
        scenario = Scenario.load(workspace.schemas)
        preset = scenario.presets["tiny" if tiny else "full"]
        write_programme(invent_programme(scenario, preset, workspace.schemas), folder)
    study = workspace.studies / STUDY
    if not (study / "protocol.yaml").is_file():
        study.mkdir(parents=True, exist_ok=True)
        name = "protocol_tiny.yaml" if tiny else "protocol_full.yaml"
        shutil.copy(workspace.schemas / "demo" / name, study / "protocol.yaml")
        if not tiny:  # where people were asked, some wrote
            shutil.copy(workspace.schemas / "demo" / "voices.json", study / "voices.json")
    for learnt in ("theory", "decisions") if tiny else ():
        if not (study / f"{learnt}.yaml").is_file():
            held = workspace.schemas / "demo" / f"{learnt}_tiny.yaml"
            shutil.copy(held, study / f"{learnt}.yaml")
    programme = Programme.load(workspace, SYNTHETIC_PROGRAMME)
    if not programme.synthetic:
        raise WorkspaceError(
            f"{SYNTHETIC_PROGRAMME} is not declared synthetic, so no figures are invented for it.",
            where=str(folder),
            mend="run the demonstration in a workspace of its own",
        )
    return programme


def _files(
    workspace: Workspace, programme: Programme, tiny: bool, progress: Progress
) -> list[Path]:
    """The invented returns in order of receipt; drawn once, with the truth kept apart."""
    folder = workspace.incoming(programme.name)
    held = sorted(folder.glob("*/*_*.*"))
    truth = workspace.truth / f"{programme.name}.csv.gz"
    if held and truth.is_file():
        return held
    progress("Inventing the programme's figures (synthetic)")
    scenario = Scenario.load(workspace.schemas)
    preset = scenario.presets["tiny" if tiny else "full"]
    figures = draw_figures(programme, scenario, preset, seed=scenario.seed)
    written = write_returns(programme, scenario, figures, folder)
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth_table(programme, figures).to_csv(
        truth, index=False, compression={"method": "gzip", "mtime": 0}
    )
    return written


def _case_files(workspace: Workspace, last_day: str, progress: Progress) -> list[Path]:
    folder = workspace.studies / REAL_CASES
    missing = [r.package for r in installed_recipes(folder) if find_spec(r.package) is None]
    if not folder.is_dir() or missing:
        if missing:
            progress(f"The real cases are left out: {', '.join(missing)} not installed")
        return []
    return fetch_returns(workspace, Programme.load(workspace, REAL_CASES), last_day)


def _freeze(workspace: Workspace, day: datetime, progress: Progress) -> None:
    """Lock the synthetic studies as a real one would be: on the eve of the first start.

    A ledger that holds later figures is past that; its locks, or that it has none, are left as they
    are. Before, a lock is made anew, since nothing was judged under the one that may be there.
    """
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        latest = max(one.received for one in ledger.receipts(SYNTHETIC_PROGRAMME))
    if latest > format_instant(day):
        return
    for path in sorted(workspace.studies.glob(f"{SYNTHETIC_PROGRAMME}/*/protocol.yaml")):
        name = f"{SYNTHETIC_PROGRAMME}/{path.parent.name}"
        held = path.with_name(LOCK)
        before = held.read_bytes() if held.is_file() else None
        held.unlink(missing_ok=True)
        found = checked(workspace, name)
        if found.errors:
            progress(f"{name} cannot be locked and stays exploratory: {found.errors[0].message}")
            if before is not None:
                held.write_bytes(before)
            continue
        lock = freeze(workspace, name, now=day, found=found)
        progress(f"{name}: locked on {lock.content['frozen'][:10]} (synthetic clock)")


def submit_files(workspace: Workspace, files: list[Path], progress: Progress) -> int:
    """Submit files in order, each at nine in the morning of the day of its folder.

    Returns how many were new. Questions (severity ``confirm``) are answered as synthetic.

    Raises
    ------
    WorkspaceError : a return has an error, which no demonstration file should.
    """
    histories: dict[str, AcceptedFigures] = {}
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        new = [path for path in files if not ledger.holds(fingerprint.of_file(path))]
        for number, path in enumerate(new):
            if number % 100 == 0:
                progress(f"Submitting returns: {number} of {len(new)}")
            name = path.parent.parent.name
            if name not in histories:
                histories[name] = ledger.accepted(Programme.load(workspace, name))
            history = histories[name]
            raw, programme = as_asked(read_return(path), history.programme)
            before = _before(history.asked_by(programme), raw)
            checked = check_return(raw, programme, before=before)
            if checked.returned is None:
                raise WorkspaceError(f"not accepted:\n{report(checked)}", where=str(path))
            received = datetime.combine(datetime.fromisoformat(path.parent.name).date(), MORNING)
            receipt = ledger.submit(
                checked.returned,
                raw.content,
                received=received + timedelta(seconds=number),
                confirmations=_answers(checked),
                by=SIGNED if paying_agency(history.programme, raw.guide["agency"]) else "",
                synthetic_clock=True,
                repeatable=True,
            )
            history.add(checked.returned)
            keep_receipt(workspace, receipt)
    progress(f"Submitted {len(new)} returns; {len(files) - len(new)} were held already")
    return len(new)


def _before(history: AcceptedFigures, raw: RawReturn) -> Before:
    guide = raw.guide
    return history.before((guide["site"], guide["agency"]), Period.parse(guide["quarter"]))


def _answers(checked: Checked) -> tuple[Confirmation, ...]:
    return tuple(
        Confirmation(rule=p.rule, cell=p.cell or "", reason=REASON) for p in checked.of("confirm")
    )

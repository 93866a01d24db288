"""What is asked for, shown to checkers and entered in the register: a programme's outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evaluation.disclosure import bundle as bundles
from evaluation.disclosure import key as keys
from evaluation.disclosure import protection
from evaluation.disclosure.policy import needed
from evaluation.disclosure.protection import submitters_tried
from evaluation.edition.past import History
from evaluation.errors import DisclosureError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signature, Signed
from evaluation.programme import Programme
from evaluation.quarters import format_instant, parse_instant
from evaluation.release import PracticePrinted, audited, inside_of, release, terms_of
from evaluation.release.last_audit import keep_audit
from evaluation.study.learned import AsPrinted, learned
from evaluation.study.results import read_results
from evaluation.study.study import StudyName
from evaluation.study.written import read_record
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from datetime import datetime

    from evaluation.disclosure.bundle import Bundle
    from evaluation.disclosure.protection import Held, Protection
    from evaluation.disclosure.released import Entry
    from evaluation.edition.edition import Edition
    from evaluation.release import Released, Terms
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Requested:
    """A frozen bundle, and what the audit found."""

    bundle: Bundle
    audit: Protection

    def as_dict(self) -> dict[str, Any]:
        """As ``release request --json`` prints it."""
        return {"bundle": self.bundle.name, "hash": self.bundle.hash, "audit": self.audit.as_dict()}


def request_release(
    workspace: Workspace, study: str, *, by: str, exceptions: Sequence[str] = ()
) -> Requested:
    """Freeze what a study would print, audited, for two checkers.

    Parameters
    ----------
    study : ``programme/study``. by : who asks, a person of the programme. exceptions : what is to
        be printed otherwise than the policy says, each with its reason.

    Raises
    ------
    DisclosureError : there is no key, an agreement is missing or ended, or the person is unknown.
    ProtocolError : the study was not run.
    """
    name = StudyName.parse(study)
    programme = Programme.load(workspace, name.programme, collecting=False)
    refuse_request(workspace, programme, name, by=by)
    terms = terms_of(workspace, programme)
    released = release(read_results(workspace, study), terms)
    insiders = submitters_tried(programme)
    audit = audit_of(workspace, programme, terms, insiders=insiders)
    counts = counts_now(workspace, programme)
    content = {
        "programme": programme.name,
        "study": study,
        "asked_by": by,
        "asked": format_instant(workspace.now()),
        "rests_on": bundles.rests_on(workspace, programme, name.study),
        "policy": {code: one.model_dump(mode="json") for code, one in terms.policies.items()},
        "agreements": programme.agreements.model_dump(mode="json")["agreements"],
        "audit": audit.as_dict(),
        "exceptions": list(exceptions),
        **_for_checkers(
            workspace,
            programme,
            [*released.entries, *practised(workspace, study, released, terms)],
            released,
            counts,
        ),
    }
    return Requested(bundle=bundles.freeze(workspace, programme, content), audit=audit)


def released_now(workspace: Workspace, programme: Programme) -> dict[str, Released]:
    """Every study of a programme that was run, as it would leave now; nothing is printed by it.

    Raises
    ------
    DisclosureError : its figures are people's and no disclosure key is named.
    """
    terms = terms_of(workspace, programme)
    folder = workspace.var / "results" / programme.name
    return {
        name: release(read_results(workspace, name), terms)
        for name in (
            f"{programme.name}/{path.parent.name}" for path in sorted(folder.glob("*/results.json"))
        )
    }


def refuse_request(workspace: Workspace, programme: Programme, name: StudyName, *, by: str) -> None:
    """Refuse a release that could not be asked for, before anything of it is computed.

    Raises
    ------
    DisclosureError : as `request_release`.
    """
    known = [one.name for one in programme.people]
    if by not in known:
        raise DisclosureError(
            f"{by} is nobody of the programme." if by else "it is not said who asks.",
            why="no person",
            where=f"people in studies/{programme.name}/programme.yaml",
            expected=f"--as {' or '.join(known)}" if known else "people, two of them checkers",
        )
    keys.read()
    programme.agreements.refuse_release(needed(programme), workspace.now().date())
    bundles.refuse_bare_heads(workspace, programme, name.study)
    _refuse_second_book(workspace, programme)


def _refuse_second_book(workspace: Workspace, programme: Programme) -> None:
    """Refuse to print the same people's counts by two offsets, in the books of two programmes."""
    areas = {area.code for area in programme.areas if area.site}
    counts = {one.numerator.casefold() for one in protection.counted(programme)}
    for other in workspace.programmes:
        if other == programme.name:
            continue
        beside = Programme.load(workspace, other, collecting=False)
        same = counts & {one.numerator.casefold() for one in protection.counted(beside)}
        shared = areas & {area.code for area in beside.areas if area.site}
        if same and shared and not beside.synthetic:
            raise DisclosureError(
                f"{other} prints {min(same)} of {min(shared)} too: two books that round one count "
                "apart close in on it.",
                mend="let one programme have the sites, and print them in one book",
            )


def _for_checkers(
    workspace: Workspace,
    programme: Programme,
    entries: Sequence[Entry],
    released: Released,
    counts: Sequence[Held],
) -> dict[str, Any]:
    """What would be printed, what of it is new or other than before, and the counts behind it."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        last = {one.address: one.printed for one in ledger.register(programme.name)}
    now = {one.address: _text(one) for one in entries}
    return {
        "printed": [one.in_edition("") for one in entries],
        "withheld": [asdict(one) for one in released.withheld],
        "hidden": [one.address for one in entries if one.printed is None],
        "difference": {
            "new": [address for address in now if address not in last],
            "changed": [a for a, text in now.items() if a in last and last[a] != text],
            "dropped": [address for address in last if address not in now],
        },
        "underlying_counts": [{"cell": one.address, "count": one.count} for one in counts],
    }


def counts_now(workspace: Workspace, programme: Programme) -> list[Held]:
    """Every count of a site and a period, as the ledger holds it now."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return protection.held(programme, ledger.observations(programme.name))


def audit_of(
    workspace: Workspace,
    programme: Programme,
    terms: Terms,
    *,
    edition: str = "",
    insider: tuple[str, str] | None = None,
    insiders: Sequence[tuple[str, str]] = (),
    keep: bool = True,
    run: datetime | None = None,
) -> Protection:
    """What is left of a programme's counts to whoever holds every edition and what is next.

    Parameters
    ----------
    edition : he holds this one alone. insider, insiders, keep : see `evaluation.release.audited`.
        run : on whose day it is said to have been; now if none is given.
    """
    editions = instants_of(workspace, programme, edition)
    found = audited(
        workspace,
        programme,
        terms,
        editions,
        with_now=not edition,
        insider=insider,
        insiders=insiders,
        keep=keep,
    )
    if not edition and insider is None:
        keep_audit(workspace, programme, terms, found, len(editions), run)
    return found


def instants_of(
    workspace: Workspace, programme: Programme, edition: str = ""
) -> dict[str, datetime]:
    """Each published edition of a programme, oldest first, and the instant of its figures.

    Parameters
    ----------
    edition : this one alone.
    """
    history = History.read(workspace)
    published = (history.named(edition),) if edition else history.editions
    # Every edition of the workspace is in one history; those of another programme are not ours.
    manifests = {one.name: read_record(one.folder / "manifest.json") for one in published}
    return {
        name: parse_instant(one["vintage"])
        for name, one in manifests.items()
        if one["programme"] == programme.name
    }


def enter(workspace: Workspace, edition: str, read: Edition, *, by: str = "") -> None:
    """Enter what an edition prints in the register, programme by programme, before it is frozen.

    by : the person who publishes; empty where a machine does.
    """
    if not workspace.has_ledger:
        return
    for programme, lines in sorted(_lines(workspace, edition, read).items()):
        declared = read.programmes[programme]
        _keep_inside(workspace, edition, read, programme)
        bundle = "" if declared.synthetic else bundles.read_bundle(workspace, programme).name
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            ledger.print_values(
                Signed(programme=programme, kind="publication", by=by, bundle=bundle),
                lines,
                received=workspace.now(),
                synthetic_clock=workspace.synthetic_clock,
            )


def _keep_inside(workspace: Workspace, edition: str, read: Edition, programme: str) -> None:
    """Keep the results that an edition's figures were made of: audits of later ones need them."""
    for study in sorted(read.released):
        if StudyName.parse(study).programme == programme:
            path = inside_of(workspace, programme, edition, study)
            write_whole(path, read_results(workspace, study).as_json())


def _lines(workspace: Workspace, edition: str, read: Edition) -> dict[str, list[PrintedValue]]:
    found: dict[str, list[PrintedValue]] = {}
    for study, released in sorted(read.released.items()):
        if not released.entries:
            continue
        programme = StudyName.parse(study).programme
        terms = terms_of(workspace, read.programmes[programme])
        entries = list(released.entries)
        if programme not in found:
            # Practice is the programme's, whichever of its studies tells of it.
            entries += practised(workspace, study, released, terms)
        found.setdefault(programme, []).extend(_printed(edition, entries, terms))
    return found


def practised(
    workspace: Workspace, study: str, released: Released, terms: Terms
) -> tuple[Entry, ...]:
    """The lines of the register of what sites did, as the pages of a study print it."""
    name = StudyName.parse(study)
    if not (workspace.studies / name.programme / name.study / "protocol.yaml").is_file():
        return ()
    printed = PracticePrinted(programme=name.programme, terms=terms)
    shown = AsPrinted(results=released.results, practice=printed.figure, out_of=printed.out_of)
    learned(workspace, study, shown_as=shown)
    return tuple(printed.entered.values())


def _printed(edition: str, entries: Sequence[Entry], terms: Terms) -> Iterator[PrintedValue]:
    for one in entries:
        last = terms.before.last.get(one.address)
        # A count that stays as a lost key printed it is of that key.
        kept = one.kind == "count" and last is not None and last.printed == _text(one)
        yield PrintedValue(
            edition=edition,
            address=one.address,
            kind=one.kind,
            printed=_text(one),
            low=one.low,
            high=one.high,
            key=last.key if kept and last is not None else _drawn_by(one, terms),
        )


def _drawn_by(one: Entry, terms: Terms) -> str:
    """What names the key of a value, and for a count its people and time."""
    return f"{terms.key.check_value}:{one.cell}" if one.cell else terms.key.check_value


def _text(one: Entry) -> str:
    """A printed value as the register keeps it."""
    return json.dumps(one.printed, ensure_ascii=False)


def withdraw_cell(workspace: Workspace, address: str, *, by: str, note: str) -> Signature:
    """Withdraw a printed cell: no edition prints it again, and the register keeps that it was.

    Raises
    ------
    DisclosureError : it was never printed, there is no note, or the person is no checker.
    """
    programme = Programme.load(workspace, address.partition(".")[0], collecting=False)
    may = [one.name for one in programme.people if bundles.CHECKER in one.roles]
    if by not in may:
        raise DisclosureError(
            f"{by} is no output checker." if by else "it is not said who withdraws it.",
            why="no checker",
            expected=f"--as {' or '.join(may)}",
        )
    if not note.strip():
        raise DisclosureError(
            "a withdrawal needs its reason.", why="no note", mend='give --note "TEXT"'
        )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        printed = [one for one in ledger.register(programme.name) if one.address == address]
        if not printed:
            raise DisclosureError(
                f"nothing was ever printed at {address}.",
                why="never printed",
                mend="newstart disclosure register lists what was",
            )
        return ledger.sign(
            Signed(programme=programme.name, kind="cell withdrawn", by=by, hash=address, note=note),
            received=workspace.now(),
            synthetic_clock=workspace.synthetic_clock,
        )

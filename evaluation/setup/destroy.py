"""What an agreement ends with: its figures destroyed wherever the workspace holds them.

The ledger destroys its own (`evaluation.ledger.destruction`). What was made of them lies beside it:
results, bundles of releases with the counts behind them, panels and exports, copies of the files.
They go too, and a certificate names each. Editions that were published stand as they were: what is
printed there was released.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation import fingerprint
from evaluation.agreements import FILE, Agreement
from evaluation.errors import NotPermitted, UserError
from evaluation.ledger.destruction import Covers, Found
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.submission import keep_receipt
from evaluation.programme import OPEN_SITE, Programme
from evaluation.quarters import format_instant
from evaluation.workspace import Workspace, write_whole

CERTIFICATES = "certificates"
# A return's id stands in every row of a panel and of an export.
_TABLES = (".csv", ".parquet")
_LEFT_ALONE = ("editions", "keys", "portal", CERTIFICATES)
_STAYS = (
    "Editions that were published, and the register of what they print: released values.",
    "That each return came, from whom, when and how many figures it had; the reasons of acts, the "
    "learning log and the logs of looks, which hold no figure of an area.",
    "Receipts on their senders' own disks, which quote what the sender changed.",
)
_ELSEWHERE = (
    "Back-ups made by newstart ledger backup cannot be read any more where every copy of the data "
    "keys was reached. A copy of the keys that is not named here has to lose the same keys.",
    "Copies made by other means (of the database's file or its server, back-ups of before version "
    "0.2.0, files that people took out) hold figures in the clear: their keepers destroy them.",
)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A destruction that was begun and has no certificate yet.

    removed : what was to be removed beside the ledger. drafts : of the portal that were emptied.
    """

    returns: tuple[Found, ...]
    removed: tuple[str, ...]
    drafts: int


@dataclass(frozen=True, kw_only=True)
class Destruction:
    """What is to be destroyed, before anything is done.

    begun : what an interrupted try left to be finished, its returns among ``returns``.
    """

    programme: Programme
    agreement: Agreement
    returns: tuple[Found, ...]
    begun: Begun | None = None

    @property
    def figures(self) -> int:
        return sum(one.figures for one in self.returns)

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs; no figure is in it."""
        return {
            "programme": self.programme.name,
            "agreement": self.agreement.named,
            "figures": self.figures,
            "returns": [
                {
                    "return_id": one.return_id,
                    "site": one.site,
                    "agency": one.agency,
                    "quarter": one.quarter,
                    "received": one.received,
                    "destroyed": one.figures,
                    "left": one.left,
                }
                for one in self.returns
            ],
        }


def agreement_of(programme: Programme, asked: str) -> Agreement:
    """The agreement that is meant: by its name, or agency/arm, or the agency's only one.

    Raises
    ------
    UserError : there is none of that name, or more than one.
    """
    every = programme.agreements.agreements
    found = [one for one in every if one.named == asked]
    found = found or [one for one in every if f"{one.agency}/{one.arm}" == asked]
    found = found or [one for one in every if one.agency == asked]
    if len(found) == 1:
        return found[0]
    raise UserError(
        f"{len(found)} agreements are called {asked!r}."
        if found
        else f"no agreement is {asked!r}.",
        where=f"studies/{programme.name}/{FILE}",
        expected=", ".join(one.named for one in every),
        mend="name the one that is meant; a name of its own is given by name: in that file",
    )


def covers_of(programme: Programme, agreement: Agreement) -> Covers:
    """Whether a figure of an outcome and an area is one of the agreement's."""
    codes = {
        one.code
        for one in programme.outcomes
        if one.agency == agreement.agency
        and (not agreement.outcomes or one.code in agreement.outcomes)
    }
    # An outcome that is declared no more is still the agreement's that names it.
    codes |= set(agreement.outcomes)
    pilots = {area.code for area in programme.areas if area.role == "pilot"}

    def covers(outcome: str, area: str) -> bool:
        return outcome in codes and (area in pilots) == (agreement.arm == "pilot")

    return covers


def permit_destruction(programme: Programme, by: str) -> None:
    """Refuse who may not destroy: where the programme names people, a publisher may.

    Raises
    ------
    NotPermitted : no name is given where one is needed, or the person may not.
    """
    may = [one.name for one in programme.people if "publisher" in one.roles]
    if not programme.people or by in may:
        return
    raise NotPermitted(
        f"{by} may not destroy figures." if by else "it is not said who destroys the figures.",
        where=f"people in studies/{programme.name}/programme.yaml",
        expected=f"--by {' or '.join(may)}" if may else "a person with the role publisher",
        mend="give your own name" if may else "declare one under people",
    )


def plan(workspace: Workspace, ledger: Ledger, programme: Programme, asked: str) -> Destruction:
    """What an agreement's end would destroy, or what of it is to be finished; nothing is done.

    Raises
    ------
    UserError : there is no such agreement.
    """
    agreement = agreement_of(programme, asked)
    held = ledger.to_destroy(programme.name, covers_of(programme, agreement))
    begun = _begun(_unfinished(workspace, programme.name, agreement))
    # What the tables do not hold any more is known from the try that took it out.
    found = {one.return_id: one for one in (*(begun.returns if begun else ()), *held)}
    return Destruction(
        programme=programme,
        agreement=agreement,
        returns=tuple(sorted(found.values(), key=lambda one: one.seq)),
        begun=begun,
    )


def destroy(
    workspace: Workspace,
    ledger: Ledger,
    planned: Destruction,
    *,
    reason: str,
    by: str,
    drafts: int = 0,
) -> Path:
    """Destroy what was planned, everywhere in the workspace; the certificate's path comes back.

    Called again, it finishes what was interrupted.

    Parameters
    ----------
    drafts : how many drafts of the portal were emptied before.

    Raises
    ------
    LedgerError : a record, file or key cannot be changed, or another program holds the ledger.
    """
    agreement, name = planned.agreement, planned.programme.name
    why = reason or f"the agreement {agreement.named} ended; its retention: {agreement.retention}"
    ids = {one.return_id for one in planned.returns}
    files = {one.file_sha256 for one in planned.returns if one.file_sha256}
    before, unfinished = planned.begun, _unfinished(workspace, name, agreement)
    paths = [*_derived(workspace, name), *_copies(workspace, ids, files)]
    names = [_named(workspace, path) for path in paths]
    begun = Begun(
        returns=planned.returns,
        removed=tuple(dict.fromkeys((*(before.removed if before else ()), *names))),
        drafts=drafts + (before.drafts if before else 0),
    )
    # Before anything goes: once the tables are empty, nothing else knows what is left to be done.
    write_whole(unfinished, json.dumps(asdict(begun), default=list) + "\n", private=True)
    for path in paths:
        _remove(path)
    ledger.destroy(
        name,
        covers_of(planned.programme, agreement),
        reason=why,
        received=workspace.now(),
        by=by,
        synthetic_clock=workspace.synthetic_clock,
    )
    compact = ledger.compact()
    for receipt in ledger.receipts(name):
        if receipt.return_id in ids:
            # The workspace's own copy quotes what changed.
            keep_receipt(workspace, receipt)
    said = _certificate(ledger, planned, begun.removed, why=why, by=by)
    said |= {"database_written_anew": compact, "drafts": begun.drafts}
    said |= {"made": format_instant(workspace.now()), "clock_set": workspace.synthetic_clock}
    path = workspace.var / CERTIFICATES / f"{said['made'][:10]}-{_plain(agreement.named)}.json"
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{said['made'][:10]}-{_plain(agreement.named)}-{number}.json")
    write_whole(path, json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    write_whole(path.with_suffix(".md"), as_page(said))
    unfinished.unlink()
    return path


def _unfinished(workspace: Workspace, programme: str, agreement: Agreement) -> Path:
    """Where a destruction is written down until its certificate is."""
    name = f".unfinished-{programme}-{_plain(agreement.named)}.json"
    return workspace.var / CERTIFICATES / name


def _begun(path: Path) -> Begun | None:
    if not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    returns = tuple(Found(**one | {"gone": ()}) for one in held["returns"])
    return Begun(returns=returns, removed=tuple(held["removed"]), drafts=held["drafts"])


def senders_of(planned: Destruction) -> set[tuple[str, str]]:
    """Everybody who may hold drafts of such figures: who sent some, and who is asked for them."""
    sent = {(one.site, one.agency) for one in planned.returns}
    if planned.agreement.arm == "pilot":
        agency = planned.agreement.agency
        return sent | {(s.code, agency) for s in planned.programme.sites if agency in s.agencies}
    return sent | {(OPEN_SITE, one.code) for one in planned.programme.sources if not one.open}


def _derived(workspace: Workspace, programme: str) -> Iterator[Path]:
    """What was computed of a programme's figures, or holds them for its checkers."""
    for folder in (workspace.var / "results" / programme, workspace.var / "release" / programme):
        if folder.is_dir():
            yield folder


def _named(workspace: Workspace, path: Path) -> str:
    name = path.relative_to(workspace.root).as_posix()
    return f"{name}/" if path.is_dir() else name


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copies(workspace: Workspace, ids: Collection[str], files: Collection[str]) -> Iterator[Path]:
    """Copies of accepted files, and tables that were made of their figures."""
    for path in sorted(workspace.root.rglob("*")):
        inside = path.relative_to(workspace.root).parts
        hidden = any(part.startswith(".") for part in inside)
        if hidden or not path.is_file() or inside[:1] == ("evaluation",):
            continue
        if inside[0] == "var" and inside[1] in _LEFT_ALONE:
            continue  # it is looked after by itself
        if _is_copy(path, files) or _is_table(path, ids):
            yield path


def _is_copy(path: Path, files: Collection[str]) -> bool:
    if path.suffix not in (".csv", ".xlsx", ".ods"):
        return False
    return fingerprint.of_bytes(path.read_bytes()) in files


def _is_table(path: Path, ids: Collection[str]) -> bool:
    if path.suffix not in _TABLES:
        return False
    content = path.read_bytes()
    if path.suffix == ".csv":
        return any(one.encode() in content for one in ids)
    return bool(set(_ids_in(path)) & set(ids)) or any(one in path.stem for one in ids)


def _ids_in(path: Path) -> Sequence[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_schema(path).names
        if "return_id" not in columns or path.name == "sealed.parquet":
            return ()
        table = pq.read_table(path, columns=["return_id"])
    except pa.ArrowException:
        return ()  # no Parquet, whatever its name says
    return [str(one) for one in table.column("return_id").unique().to_pylist()]


def _certificate(
    ledger: Ledger, planned: Destruction, removed: Sequence[str], *, why: str, by: str
) -> dict[str, Any]:
    agreement = planned.agreement
    # By the chain: a try that was interrupted recorded some of them before. The last one counts.
    by_return = {one.return_id: one for one in ledger.acts() if one.kind == "destruction"}
    copies = ledger.keys.copies()
    said = planned.as_dict()
    for one in said["returns"]:
        one["act"] = by_return[one["return_id"]].act_id
    return said | {
        "controllers": list(agreement.controllers),
        "retention": agreement.retention,
        "reason": why,
        "by": by,
        "data_keys": {
            "kept_in": str(ledger.keys.folder),
            "copies_reached": [str(one) for one in copies if one.is_dir()],
            "copies_not_reached": [str(one) for one in copies if not one.is_dir()],
        },
        "removed": list(removed),
        "ledger_head": ledger.head().as_dict(),
        "stays": list(_STAYS),
        "elsewhere": list(_ELSEWHERE),
    }


def as_page(said: dict[str, Any]) -> str:
    """The certificate as a page to sign and to file."""
    keys = said["data_keys"]
    rows = [
        f"| {one['return_id']} | {one['site']} | {one['agency']} | {one['quarter']} "
        f"| {one['destroyed']} | {one['left']} | {one['act']} |"
        for one in said["returns"]
    ]
    lines = [
        f"# Certificate of destruction: {said['agreement']} of {said['programme']}",
        "",
        f"Made {said['made']}" + (" (by a clock that was set)." if said["clock_set"] else "."),
        f"Controllers: {', '.join(said['controllers'])}. Retention agreed: {said['retention']}.",
        f"Reason: {said['reason']}. By: {said['by'] or 'not named'}.",
        "",
        f"{said['figures']} figures of {len(rows)} returns were destroyed, with their raw "
        "files and data keys. `newstart ledger verify` says so of each and finds the chain whole.",
        "",
        "| return | site | agency | period | figures destroyed | left | record of the act |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "## Data keys",
        f"Destroyed in {keys['kept_in']}.",
        *(f"- Destroyed in the copy {one}." for one in keys["copies_reached"]),
        *(f"- **Not reached**: the copy {one}." for one in keys["copies_not_reached"]),
        "",
        "## Removed beside the ledger",
        *(f"- {one}" for one in said["removed"] or ["nothing"]),
        *(
            [f"- {said['drafts']} drafts of the portal, with their files and reports"]
            if said.get("drafts")
            else []
        ),
        "",
        "## The database's files",
        "Written anew without what was destroyed."
        if said["database_written_anew"]
        else "**Still to do**: the owner of the tables runs VACUUM FULL on them, and archived logs "
        "of the server (WAL) of before this day are destroyed.",
        "",
        "## What stays",
        *(f"- {one}" for one in said["stays"]),
        "",
        "## What has to be seen to elsewhere",
        *(f"- {one}" for one in said["elsewhere"]),
        "",
        f"The ledger's head after it: {said['ledger_head']['chain']}",
        "",
        "Signed for the controller: ______________________   for the processor: __________________",
    ]
    return "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)

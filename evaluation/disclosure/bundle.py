"""Output checking: a frozen bundle, two checkers neither of whom asked for it, and the gate.

A bundle holds all that a checker needs to say yes or no: what would be printed, what of it is new,
what was agreed, what an attacker could find, and the counts behind it, for the checkers alone. It
is frozen under a hash with a nonce; whatever it rests on is named in it with a fingerprint, so that
a release of something else is refused.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evaluation import fingerprint
from evaluation.agreements import FILE
from evaluation.disclosure import key as keys
from evaluation.disclosure.policy import needed
from evaluation.errors import DisclosureError, NotForPublication
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import CHAIN_VERSION, FIRST
from evaluation.ledger.signatures import Signature, Signed
from evaluation.ledger.unreleased import Unreleased, refusal, unreleased
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from evaluation.ledger.signatures import SignatureKind
    from evaluation.programme import Programme
    from evaluation.workspace import Workspace

FOLDER = "release"
APPROVALS = 2
CHECKER, PUBLISHER = "checker", "publisher"
Lacks = Literal[
    "key",
    "agreement",
    "no person",
    "no bundle",
    "bundle changed",
    "no checker",
    "own request",
    "no note",
    "stale",
    "audit",
    "refused",
    "changes asked",
    "approvals",
    "no publisher",
    "only checker",
    "never printed",
]
"""What a release can lack, as `DisclosureError.why` names it."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A frozen request for release: its name, its hash, and its content as it was written."""

    name: str
    hash: str
    content: Mapping[str, Any]

    @property
    def asked_by(self) -> str:
        return str(self.content["asked_by"])

    @property
    def study(self) -> str:
        return str(self.content["study"])


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is signed of a bundle, and what of it is no longer so.

    approved, refused, changes : names of who approved, refused, and asked for changes, in order.
    said : every signature of it, the request first. stale : what changed since it was frozen, in
    words.
    """

    bundle: Bundle
    approved: tuple[str, ...]
    refused: tuple[str, ...]
    changes: tuple[str, ...]
    said: tuple[Signature, ...]
    stale: tuple[str, ...]

    @property
    def complete(self) -> bool:
        against = self.refused or self.changes or self.stale
        return len(self.approved) >= APPROVALS and not against

    def as_dict(self) -> dict[str, Any]:
        """As ``release show --json`` prints it."""
        return {
            "bundle": self.bundle.name,
            "hash": self.bundle.hash,
            "study": self.bundle.study,
            "asked_by": self.bundle.asked_by,
            "approvals": list(self.approved),
            "refusals": list(self.refused),
            "changes_asked": list(self.changes),
            "stale": list(self.stale),
            "complete": self.complete,
        }


def folder_of(workspace: Workspace, programme: str) -> Path:
    """Where bundles lie: inside, since they hold counts for the checkers."""
    return workspace.var / FOLDER / programme


def freeze(workspace: Workspace, programme: Programme, content: Mapping[str, Any]) -> Bundle:
    """Freeze a request and sign it; the bundle comes back."""
    held = {**content, "nonce": secrets.token_hex(32)}
    text = json.dumps(held, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    hashed = fingerprint.of_bytes(text.encode())
    bundle = Bundle(name=hashed[:12], hash=hashed, content=held)
    write_whole(folder_of(workspace, programme.name) / f"{bundle.name}.json", text)
    _sign(workspace, programme, bundle, "request", by=bundle.asked_by, note="")
    return bundle


def read_bundle(workspace: Workspace, programme: str, name: str = "") -> Bundle:
    """A bundle by its name; the last that was asked for where none is named.

    Raises
    ------
    DisclosureError : there is none, or its file is not as it was frozen.
    """
    asked = requests(workspace, programme)
    found = [one for one in asked if not name or one.signed.bundle == name]
    if not found:
        raise DisclosureError(
            f"there is no bundle {name!r}." if name else "no release was asked for.",
            why="no bundle",
            expected=", ".join(one.signed.bundle for one in asked),
            mend="newstart release request STUDY --as PERSON",
        )
    return _read(workspace, programme, found[-1])


def requests(workspace: Workspace, programme: str) -> list[Signature]:
    """Every release that was asked for, by the signature of who did, oldest first."""
    return [one for one in signatures(workspace, programme) if one.signed.kind == "request"]


def signatures(workspace: Workspace, programme: str) -> list[Signature]:
    """Everything that was signed of a programme's releases, oldest first."""
    if not workspace.has_ledger:
        return []
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return ledger.signatures(programme)


def _read(workspace: Workspace, programme: str, request: Signature) -> Bundle:
    path = folder_of(workspace, programme) / f"{request.signed.bundle}.json"
    text = path.read_bytes() if path.is_file() else b""
    # By the chain and not by the file's own word.
    if not hmac.compare_digest(fingerprint.of_bytes(text), request.signed.hash):
        raise DisclosureError(
            "the bundle is not as it was frozen." if text else "the bundle's file is missing.",
            why="bundle changed",
            where=str(path),
            mend="ask for the release anew: newstart release request STUDY --as PERSON",
        )
    return Bundle(
        name=request.signed.bundle, hash=request.signed.hash, content=json.loads(text.decode())
    )


def sign_off(
    workspace: Workspace,
    programme: Programme,
    bundle: Bundle,
    kind: SignatureKind,
    *,
    by: str,
    note: str,
) -> Signature:
    """Approve a bundle, ask for changes or refuse it, as a checker who did not ask for it.

    Raises
    ------
    DisclosureError : the person may not, there is no note, or what is approved is stale or was not
        audited, or the audit found too little left.
    """
    may = [one.name for one in programme.people if CHECKER in one.roles]
    where = f"people in studies/{programme.name}/programme.yaml"
    if by not in may:
        raise DisclosureError(
            f"{by} is no output checker." if by else "it is not said who checks.",
            why="no checker",
            where=where,
            expected=f"--as {' or '.join(may)}" if may else "two people with the role checker",
        )
    if by == bundle.asked_by:
        raise DisclosureError(
            f"{by} asked for this release, and nobody checks what they asked for themselves.",
            why="own request",
            expected=f"--as {' or '.join(n for n in may if n != by)}" if len(may) > 1 else "",
        )
    if not note.strip():
        raise DisclosureError(
            "a checker says in a note what was looked at.", why="no note", mend='give --note "TEXT"'
        )
    if kind == "approval" and (gone := stale(workspace, programme, bundle)):
        raise _stale_error(bundle, gone)
    if kind == "approval" and (unsafe := _audit_error(bundle)):
        raise unsafe
    return _sign(workspace, programme, bundle, kind, by=by, note=note.strip())


def _sign(
    workspace: Workspace,
    programme: Programme,
    bundle: Bundle,
    kind: SignatureKind,
    *,
    by: str,
    note: str,
) -> Signature:
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return ledger.sign(
            Signed(
                programme=programme.name,
                kind=kind,
                by=by,
                bundle=bundle.name,
                hash=bundle.hash,
                note=note,
            ),
            received=workspace.now(),
            synthetic_clock=workspace.synthetic_clock,
        )


def standing_of(workspace: Workspace, programme: Programme, bundle: Bundle) -> Standing:
    """What is signed of a bundle and what of it is no longer so."""
    said = [
        one
        for one in signatures(workspace, programme.name)
        if (one.signed.bundle, one.signed.hash) == (bundle.name, bundle.hash)
    ]
    checkers = {one.name for one in programme.people if CHECKER in one.roles} - {bundle.asked_by}
    # The last word of each counts; a person who is no checker any more has none.
    words = ("approval", "changes asked", "refusal")
    last = {one.signed.by: one.signed.kind for one in said if one.signed.kind in words}

    def who(kind: SignatureKind) -> tuple[str, ...]:
        return tuple(by for by, word in last.items() if word == kind and by in checkers)

    return Standing(
        bundle=bundle,
        approved=who("approval"),
        refused=who("refusal"),
        changes=who("changes asked"),
        said=tuple(said),
        stale=stale(workspace, programme, bundle),
    )


def rests_on(
    workspace: Workspace, programme: Programme, study: str, bundle: str = ""
) -> dict[str, str]:
    """What a release rests on, each with a fingerprint that changes when it does.

    bundle : the one that it is of, once it is frozen.
    """
    folder = workspace.studies / programme.name
    files = {
        "the programme's declaration": folder / "programme.yaml",
        "the agreements": folder / FILE,
        "the study's lock": folder / study / "protocol.lock",
        "the study's protocol": folder / study / "protocol.yaml",
        "the study's results": workspace.results(programme.name, study) / "results.json",
    }
    found = {
        name: fingerprint.of_bytes(path.read_bytes()) if path.is_file() else ""
        for name, path in files.items()
    }
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        receipts = ledger.receipts(programme.name)
        own = {one.return_id for one in receipts}
        last = [one.received + one.chain_hash for one in receipts]
        last += [a.received + a.chain_hash for a in ledger.acts() if a.return_id in own]
        # What was printed since was not in the difference that the checkers saw; what was printed
        # of this very bundle was.
        printed = [
            one.signed.hash
            for one in ledger.signatures(programme.name)
            if one.signed.kind == "publication" and one.signed.bundle != bundle
        ]
        found["the register"] = fingerprint.of_data(printed[-1:])
    found["the returns"] = max(last, default=FIRST)
    found["the disclosure key"] = keys.read().check_value
    return found


def stale(workspace: Workspace, programme: Programme, bundle: Bundle) -> tuple[str, ...]:
    """What a bundle rests on that is no longer as it was."""
    then = bundle.content["rests_on"]
    now = rests_on(workspace, programme, bundle.study.partition("/")[2], bundle.name)
    return tuple(name for name in now if now[name] != then.get(name))


def _stale_error(bundle: Bundle, gone: Sequence[str]) -> DisclosureError:
    return DisclosureError(
        f"bundle {bundle.name} is stale: {', '.join(gone)} changed since it was asked for.",
        why="stale",
        mend=f"ask for it anew: newstart release request {bundle.study} --as PERSON",
    )


def _audit_error(bundle: Bundle) -> DisclosureError | None:
    """What is wrong with a bundle's audit; None where it holds."""
    audit = bundle.content.get("audit")
    if audit is None:
        return DisclosureError(
            f"bundle {bundle.name} holds no audit.",
            why="audit",
            mend=f"ask for it anew: newstart release request {bundle.study} --as PERSON",
        )
    if audit["ok"]:
        return None
    return DisclosureError(
        f"the audit of bundle {bundle.name} found a count with fewer values left than "
        "are promised.",
        why="audit",
        mend="newstart disclosure audit names it and what binds it",
    )


def refuse_publisher(workspace: Workspace, programme: Programme, by: str) -> None:
    """Refuse who may not publish: no publisher, or the only one who checked.

    Where ``people`` names no publisher, anybody may; who is named nowhere (``by`` empty) is the
    account of the machine, which the file system lets in.

    Raises
    ------
    DisclosureError : the person is no publisher, or nobody else approved what would be published.
    """
    may = [one.name for one in programme.people if PUBLISHER in one.roles]
    if by and may and by not in may:
        raise DisclosureError(
            f"{by} is no publisher.",
            why="no publisher",
            where=f"people in studies/{programme.name}/programme.yaml",
            expected=f"--as {' or '.join(may)}",
        )
    if not by or programme.synthetic:
        return
    now = standing_of(workspace, programme, read_bundle(workspace, programme.name))
    if set(now.approved) <= {by}:
        raise DisclosureError(
            f"nobody but {by} approved bundle {now.bundle.name}, and who publishes is not the only "
            "checker.",
            why="only checker",
            mend="have another checker approve it, or another publisher publish it",
        )


def refuse_bare_heads(workspace: Workspace, programme: Programme, study: str) -> None:
    """Refuse a study whose lock names a head that binds figures bare.

    Raises
    ------
    DisclosureError : the lock was made on a ledger of before keyed hashes.
    """
    path = workspace.studies / programme.name / study / "protocol.lock"
    if not path.is_file():
        return
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        bare = {r.chain_hash for r in ledger.receipts() if r.chain_version < CHAIN_VERSION}
        bare |= {a.chain_hash for a in ledger.acts() if a.chain_version < CHAIN_VERSION}
    text = path.read_text(encoding="utf-8")
    if any(one in text for one in bare):
        raise DisclosureError(
            "the study's lock names a hash that counts could be tried against: it was made before "
            "hashes were keyed.",
            where=str(path),
            mend=f"lock it anew: newstart protocol freeze {programme.name}/{study} --relock "
            '--reason "keyed hashes"',
        )


def refuse_unreleased(workspace: Workspace, programmes: Mapping[str, Programme]) -> None:
    """Let nothing out of a workspace while one of these programmes is closed.

    A programme whose sites sent real figures opens with a key, live agreements, an audit that holds
    and the approvals of two checkers; without any of them it stays closed, and the sentence says
    which.

    Parameters
    ----------
    programmes : by name, all of which anything would be shown.

    Raises
    ------
    NotForPublication : for the first programme that is closed.
    """
    for programme in programmes.values():
        found = unreleased(workspace, programme)
        if found is None:
            continue
        if found.why != "own returns":
            raise refusal(found)
        if missing := what_is_missing(workspace, programme):
            raise _closed(found, missing)


def _closed(found: Unreleased, missing: DisclosureError) -> NotForPublication:
    closed = refusal(found)
    said = NotForPublication(
        f"{closed.what} {missing.what[:1].upper()}{missing.what[1:]}",
        why=found.why,
        where=missing.where or found.where,
        expected=missing.expected
        or "a release: key, agreements, audit, and the approvals of two checkers",
        mend=missing.mend or closed.mend,
    )
    said.missing = missing
    return said


def what_is_missing(workspace: Workspace, programme: Programme) -> DisclosureError | None:
    """The first thing that a release of a programme lacks; None where it may leave."""
    try:
        keys.read()
        programme.agreements.refuse_release(needed(programme), _today(workspace))
        bundle = read_bundle(workspace, programme.name)
    except DisclosureError as error:
        return error
    if unsafe := _audit_error(bundle):
        return unsafe
    now = standing_of(workspace, programme, bundle)
    if now.stale:
        return _stale_error(bundle, now.stale)
    if now.refused:
        return DisclosureError(
            f"bundle {bundle.name} was refused by {', '.join(now.refused)}.",
            why="refused",
            mend="see to the note (newstart release show), and ask anew",
        )
    if now.changes:
        return DisclosureError(
            f"{', '.join(now.changes)} asked for changes of bundle {bundle.name}.",
            why="changes asked",
            mend="see to the note (newstart release show), and ask anew",
        )
    if len(now.approved) < APPROVALS:
        many = "no checker" if not now.approved else f"{', '.join(now.approved)} alone"
        return DisclosureError(
            f"bundle {bundle.name} is approved by {many}; {APPROVALS} checkers must, neither of "
            "whom asked for it.",
            why="approvals",
            mend=f'newstart release approve {bundle.name} --as CHECKER --note "TEXT"',
        )
    return None


def _today(workspace: Workspace) -> date:
    return workspace.now().date()

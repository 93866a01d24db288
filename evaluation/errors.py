"""Every error that a user can meet: what is wrong, where, what was expected, what to do.

The command line prints ``str(error)`` and ends with ``error.exit_code``; a traceback is shown
only with ``--debug``. Anything else that escapes is a defect of ours.
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. Subclasses name the kind; the text says the rest.

    Parameters
    ----------
    what : what is wrong, one sentence.
    where : the file, cell, study or setting that it concerns, if there is one.
    expected : what would have been right, if it can be said shortly.
    mend : what to do now, as an instruction.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", expected: str = "", mend: str = "") -> None:
        self.what, self.where, self.expected, self.mend = what, where, expected, mend
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.mend:
            lines.append(f"  to mend:  {self.mend}")
        return "\n".join(lines)


EXTRAS = {
    "matplotlib": "book",
    "gptables": "book",
    "jupyter_book": "book",
    "markupsafe": "book",
    "typst": "book",
    "dowhy": "causal",
    "networkx": "causal",
    "duckdb": "national",
    "distributed": "cluster",
    "authlib": "portal",
    "django": "portal",
    "argon2": "portal",
    "govuk_frontend_jinja": "portal",
    "joserfc": "portal",
    "requests": "portal",
    "waitress": "portal",
    "whitenoise": "portal",
    "psycopg": "postgres",
    "s3fs": "s3",
}
"""Package -> the extra that brings it."""


def missing(error: ModuleNotFoundError) -> UserError:
    """What to install for a package that is asked for and not there."""
    name = str(error.name or "").partition(".")[0]
    extra = EXTRAS.get(name)
    wanted = f"newstart-evaluation[{extra}]" if extra else "newstart-evaluation"
    return UserError(
        f"this needs the package {name}, which is not installed"
        + (f": it comes with the extra {extra!r}." if extra else "; it belongs to this one."),
        mend=f'pip install "{wanted}"' + ("" if extra else " again"),
    )


class WorkspaceError(UserError):
    """No workspace, or a file in it cannot be read or has the wrong shape."""


class PeriodError(UserError):
    """A text that names no quarter or year."""


class ReturnFileError(UserError):
    """A return that cannot be opened as a workbook or CSV at all."""

    exit_code = 1


class ReplyTooLong(UserError):
    """A return whose marked copy would take too long to make; its problems are told without."""


class SourceError(UserError):
    """A source of official statistics that cannot be reached, or whose answer cannot be used."""


class GeographyError(UserError):
    """Area codes of one vintage that cannot be brought to another without guessing."""


class LedgerError(UserError):
    """The ledger cannot be read or written, or a record in it does not hold."""


class NotPermitted(UserError):
    """A return, a withdrawal or a redaction by somebody whom the programme does not name for it."""


class PanelError(UserError):
    """Data that are no panel: duplicate cells, unknown columns, nothing started."""


class ProtocolError(UserError):
    """A protocol that is missing, contradictory, or asks for what the panel cannot give."""


class EstimateError(UserError):
    """An estimate that cannot be computed from this panel with these settings."""


class InferenceRefused(EstimateError):
    """An inference that would mislead here; the text says why and what to use instead."""


class ValueChainError(UserError):
    """An effect cannot be turned into pounds: a unit that does not fit, a missing price."""


class BookError(UserError):
    """The book cannot be built from these results."""


class NotForPublication(BookError):
    """Figures of real people or services that nothing protects yet were about to leave.

    Attributes
    ----------
    why : the kind of reason: ``"own returns"``, ``"no licence"`` or ``"not known"`` (see
        `evaluation.ledger.unreleased.Why`).
    missing : what a release lacks, where a release would open the programme.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str, where: str = "", expected: str = "", mend: str = ""):
        self.why = why
        self.missing: DisclosureError | None = None
        super().__init__(what, where=where, expected=expected, mend=mend)


class EditionRefused(UserError):
    """An edition may not be published as things are; the last one stands as it was."""

    exit_code = 1


class DisclosureError(UserError):
    """Figures that may not be printed, a key that is missing, an agreement that does not hold.

    Attributes
    ----------
    why : the kind of what is missing, for who says in words of their own what to do about it; ""
        where only one thing can be done (see `evaluation.disclosure.bundle.Lacks`).
    """

    def __init__(
        self, what: str, *, why: str = "", where: str = "", expected: str = "", mend: str = ""
    ) -> None:
        self.why = why
        super().__init__(what, where=where, expected=expected, mend=mend)

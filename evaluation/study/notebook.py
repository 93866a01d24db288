"""A study's notebook to begin with: one outcome step by step, from the ledger to the checks.

It is written once, beside the protocol, and is the evaluator's from then on. The book executes it
and shows it as the study's technical appendix.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.errors import ProtocolError
from evaluation.study.panels import load_study

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

NOTEBOOK = "study.md"


def new_notebook(workspace: Workspace, name: str) -> Path:
    """Write ``study.md`` for ``programme/study``; returns its path.

    Raises
    ------
    ProtocolError : the study has no protocol yet, or a notebook already.
    """
    programme, protocol = load_study(workspace, name)
    path = workspace.studies / programme.name / protocol.study / NOTEBOOK
    if path.exists():
        raise ProtocolError(
            "the study has a notebook already, and it is not written over.",
            where=str(path),
            mend="move it away first, or go on in it",
        )
    template = resources.files("evaluation") / "study" / "templates" / NOTEBOOK
    text = template.read_text(encoding="utf-8").format(
        title=f"{protocol.title}, step by step", name=name, outcome=protocol.primary[0]
    )
    path.write_text(text, encoding="utf-8")
    return path

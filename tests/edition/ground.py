"""A workspace with a book's results, receipts and frame, for tests that write pages from them."""

import runpy
from pathlib import Path

from evaluation.workspace import Workspace, packaged_schemas

REPOSITORY = Path(__file__).parents[2]


def laid_out(root: Path) -> Workspace:
    """Studies, results and receipts below ``root``."""
    made = runpy.run_path(str(REPOSITORY / "tests" / "browser" / "edition_results.py"))
    made["write_workspace"](root, packaged_schemas())
    (root / "book" / "decisions").mkdir(parents=True)
    return Workspace(root=root)

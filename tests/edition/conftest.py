"""A workspace with invented results, its edition and its claims; no Jupyter Book is run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.edition.edition import Edition
from evaluation.edition.pages.claims import Claims
from evaluation.workspace import Workspace
from tests.edition.ground import laid_out

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return laid_out(tmp_path_factory.mktemp("claims"))


@pytest.fixture(scope="session")
def edition(workspace: Workspace) -> Edition:
    return Edition.read(workspace, "new_start")


@pytest.fixture(scope="session")
def claims(edition: Edition) -> Claims:
    return Claims(edition)

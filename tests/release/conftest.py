"""One study, run once and then only read, under what its figures are released and attacked."""

from __future__ import annotations

import pytest

from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.programme import Programme
from evaluation.release import Terms
from evaluation.study.record import Results
from evaluation.study.results import read_results
from evaluation.study.study import Study
from evaluation.workspace import Workspace
from tests.once import once
from tests.unit.locked import NAME, Ground, run_once

KEY = Key(secret=bytes(range(32)))


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Three sites of one area each, two outcomes in logarithms and one in levels.

    Who wants to change what is in it takes a copy (`Ground.copied`).
    """
    place = once(tmp_path_factory, "release", run_once)
    return Ground(workspace=Workspace(root=place), files=[])


@pytest.fixture(scope="session")
def programme(ground: Ground) -> Programme:
    return Programme.load(ground.workspace, "new_start")


@pytest.fixture(scope="session")
def study(ground: Ground) -> Study:
    return Study.load(ground.workspace, NAME)


@pytest.fixture(scope="session")
def results(ground: Ground) -> Results:
    """Of the study as it was run: what is inside."""
    return read_results(ground.workspace, NAME)


def terms(programme: Programme, key: Key = KEY, **policy: int) -> Terms:
    """A key, and one policy for every outcome."""
    return Terms(key=key, policies={one.code: Policy(**policy) for one in programme.outcomes})

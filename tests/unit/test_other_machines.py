"""Simulations on the workers of a dask scheduler: the same figures, and clear refusals."""

from types import SimpleNamespace

import distributed
import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation import fingerprint
from evaluation.design import many
from evaluation.design.many import Runs, simulate_many
from evaluation.design.simulation import Simulation
from evaluation.errors import UserError

SMALL = Invented(areas=20, quarters=12)
QUICK = Simulation(started=2, looks=4, assignments=99)


@pytest.fixture(scope="module")
def scheduler():
    """Two workers, each a process of its own."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def run(scheduler=None):
    runs = Runs(simulations=60, seed=2, scheduler=scheduler)
    return simulate_many(SMALL.draw, "did", QUICK, (0.0, -5.0), runs, origin="small")


def test_figures_are_the_same_on_the_workers_of_a_scheduler(scheduler):
    here, there = run(), run(scheduler)
    assert all(np.array_equal(here[key], there[key], equal_nan=True) for key in here)


def test_workers_with_other_code_are_refused(scheduler, monkeypatch):
    monkeypatch.setattr(
        many,
        "fingerprint",
        SimpleNamespace(of_data=fingerprint.of_data, of_files=lambda *_: "other code"),
    )
    with pytest.raises(UserError, match="a worker runs other code than this machine: tcp://"):
        run(scheduler)


def test_a_scheduler_without_workers_or_that_is_not_there_is_said(monkeypatch):
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(UserError, match="has no workers"),
    ):
        run(empty.scheduler_address)
    monkeypatch.setattr(many, "WAIT", "1s")
    with pytest.raises(UserError, match="no dask scheduler answers"):
        run("tcp://127.0.0.1:1")
    with pytest.raises(UserError, match="no dask scheduler answers"):
        run("nonsense://")
    monkeypatch.setattr(many, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'newstart-evaluation\[cluster\]'"):
        run("tcp://127.0.0.1:1")

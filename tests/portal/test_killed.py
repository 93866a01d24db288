"""A process that ends between draft and submission: nothing is lost and nothing sent twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.portal_kills import ENGINES, held, kill_again_and_again, portal_on
from benchmarks.postgres import programs
from evaluation.portal.configure import Portal
from tests.portal.conftest import clean, client, person, submit, the_draft, upload


class Died(BaseException):
    """The process ended: nothing after this line is done."""


@pytest.mark.parametrize("where", ["accept", "keep", "record"])
def test_where_a_process_ends_the_next_click_finds_what_was_accepted(
    officer: Any, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from evaluation.ledger import submission
    from evaluation.portal import drafts, event_chain

    def die(*_: Any, **__: Any) -> None:
        raise Died

    draft = the_draft(upload(client(officer), clean(tmp_path)))
    with monkeypatch.context() as dying:
        place, name = {
            "accept": (drafts, "accept"),  # before the ledger
            "keep": (submission, "keep_receipt"),  # after its commit, before the receipt's file
            "record": (event_chain, "record"),  # before the draft's commit
        }[where]
        dying.setattr(place, name, die)
        with pytest.raises(Died):
            drafts.submit(draft, officer)
    draft.refresh_from_db()
    assert draft.state == "submitting"
    assert held(portal) == (0 if where == "accept" else 1)
    first, again = drafts.submit(draft, officer), drafts.submit(draft, officer)
    draft.refresh_from_db()
    assert (draft.state, draft.return_id) == ("submitted", first.return_id)
    assert first == again and held(portal) == 1
    assert (portal.workspace.receipts / f"{first.return_id}.json").is_file()


def test_what_another_sent_meanwhile_is_not_taken_back(
    officer: Any, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft whose process ended after the ledger does not come back over a later correction."""
    from evaluation.portal import drafts, event_chain

    draft = the_draft(upload(client(officer), clean(tmp_path)))

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(event_chain, "record", die)
        with pytest.raises(Died):
            drafts.submit(draft, officer)
    second = client(person("Ben Booth", "officer", "S01", "nhs"))
    submit(second, the_draft(upload(second, clean(tmp_path, attendances="219"))))
    receipt = drafts.submit(draft, officer)
    assert held(portal) == 2
    assert [one.by for one in drafts.receipts()] == ["Ada Ashworth", "Ben Booth"]
    assert receipt == drafts.receipts()[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_by_the_system_it_is_submitted_once(engine: str, tmp_path: Path) -> None:
    if engine == "postgresql" and programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    files = tmp_path / "files"
    files.mkdir()
    with portal_on(engine, tmp_path / "workspace") as portal:
        found = kill_again_and_again(portal, 4, 0, files)
    assert (found.lost, found.double) == (0, 0)
    assert found.died.total() == 4

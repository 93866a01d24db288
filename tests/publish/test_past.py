"""What pages read of editions that were published before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.edition.past import History
from evaluation.errors import BookError
from evaluation.workspace import Workspace

PUBLISHED = [
    ("2026-Q1", "2026 Q1", 0, {"a.effect": "-3 %", "b.effect": "-1 %", "c.effect": "0 %"}),
    ("2026-Q2", "2026 Q2", 0, {"a.effect": "-4 %", "b.effect": "-1 %", "c.effect": "0 %"}),
    ("2026-Q2.1", "2026 Q2", 1, {"a.effect": "-5 %", "b.effect": "-1 %"}),
]


def listed(name: str, quarter: str, number: int, correction: int) -> dict[str, object]:
    return {
        "name": name,
        "quarter": quarter,
        "number": number,
        "correction": correction,
        "published": "2026-10-31T09:00:00.000000Z",
        "next_due": "2027-01-30",
        "reason": "",
        "pages": False,
        "manifest": "0" * 64,
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "var" / "editions"
    lines = []
    for number, (name, quarter, correction, claims) in enumerate(PUBLISHED, start=1):
        (folder / name).mkdir(parents=True)
        (folder / name / "claims.json").write_text(
            json.dumps({key: {"text": text} for key, text in claims.items()})
        )
        lines.append(listed(name, quarter, number, correction))
    (folder / "index.json").write_text(json.dumps({"editions": lines}))
    return Workspace(root=tmp_path)


def test_a_workspace_that_never_published_has_an_empty_history(tmp_path: Path) -> None:
    history = History.read(Workspace(root=tmp_path))
    assert history.editions == ()
    assert history.current is None and history.coming is None
    with pytest.raises(BookError, match=r"(?s)no edition '2026-Q1'.*none was published yet"):
        history.named("2026-Q1")


def test_the_last_correction_of_the_latest_quarter_counts(workspace: Workspace) -> None:
    history = History.read(workspace)
    assert [one.status for one in history.editions] == ["superseded", "corrected", "current"]
    assert [one.replaced_by for one in history.editions] == ["2026-Q2.1", "2026-Q2.1", ""]
    assert history.named("2026 Q2").name == "2026-Q2.1"
    assert history.named("2026-Q2").correction == 0


def test_a_claim_says_what_became_of_it(workspace: Workspace) -> None:
    history = History.read(workspace)
    told = {key: history.standing("2026-Q1", f"{key}.effect") for key in "abc"}
    assert [one.status for one in told.values()] == ["superseded", "current", "withdrawn"]
    assert (told["a"].then, told["a"].now, told["a"].edition) == ("-3 %", "-5 %", "2026-Q2.1")
    with pytest.raises(BookError, match=r"holds no claim 'd\.effect'"):
        history.standing("2026-Q1", "d.effect")


def test_an_index_that_cannot_be_read_says_where_it_is(workspace: Workspace) -> None:
    (workspace.var / "editions" / "index.json").write_text("{")
    with pytest.raises(BookError, match=r"index\.json: no valid JSON"):
        History.read(workspace)

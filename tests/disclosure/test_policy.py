"""What was agreed: small counts only with a live agreement, and no release after its end."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.disclosure.policy import FILE, Agreements, Figures, Policy
from evaluation.errors import DisclosureError
from evaluation.workspace import Workspace

SIGNED: dict[str, Any] = {
    "agency": "nhs",
    "outcomes": ["ae_attendances"],
    "arm": "pilot",
    "controllers": ["An NHS trust"],
    "legal_basis": "public task",
    "article_9": "management of health systems",
    "confidentiality": "approved",
    "dpia": "signed on 2026-01-05",
    "opt_outs": "applied by the controller",
    "small_counts": True,
    "expires": "2027-12-31",
    "retention": "two years after the last edition",
    "agreed": {"by": "The Caldicott guardian", "on": "2026-02-01"},
}
DAY = date(2026, 11, 30)
ASKED = Figures(agency="nhs", outcome="ae_attendances", arm="pilot")


def written(folder: Path, *changes: dict[str, Any]) -> Agreements:
    path = folder / "studies" / "p" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"agreements": [SIGNED | change for change in changes]}))
    return Agreements.load(Workspace(root=folder), "p")


def test_small_counts_need_a_live_agreement_that_says_so(tmp_path: Path) -> None:
    assert not Agreements.load(Workspace(root=tmp_path), "p").small_counts_allowed(ASKED, DAY)
    assert written(tmp_path, {}).small_counts_allowed(ASKED, DAY)
    for change in (
        {"small_counts": False},
        {"expires": "2026-11-29"},
        {"agreed": {"by": "x", "on": "2026-12-01"}},
        {"arm": "comparison"},
        {"outcomes": ["arrears"]},
        {"agency": "council"},
    ):
        assert not written(tmp_path, change).small_counts_allowed(ASKED, DAY)
    unsaid = {key: value for key, value in SIGNED.items() if key != "small_counts"}
    (tmp_path / "studies" / "p" / FILE).write_text(yaml.safe_dump({"agreements": [unsaid]}))
    assert not Agreements.load(Workspace(root=tmp_path), "p").small_counts_allowed(ASKED, DAY)


def test_it_is_read_as_a_person_writes_it(tmp_path: Path) -> None:
    """To YAML 1.1 the key on, and the words yes and no, are truth values."""
    path = tmp_path / "studies" / "p" / FILE
    path.parent.mkdir(parents=True)
    plain = {key: value for key, value in SIGNED.items() if key != "agreed"}
    lines = "".join(f"    {key}: {value}\n" for key, value in plain.items())
    lines = lines.replace("small_counts: True", "small_counts: yes")
    lines = lines.replace("opt_outs: applied by the controller", "opt_outs: no")
    path.write_text(f"agreements:\n  -{lines[3:]}    agreed: {{by: Ada, on: 2026-02-01}}\n")
    (one,) = Agreements.load(Workspace(root=tmp_path), "p").agreements
    assert (one.agreed.on, one.opt_outs, one.small_counts) == (date(2026, 2, 1), "no", True)


def test_an_agreement_without_its_outcomes_is_of_all(tmp_path: Path) -> None:
    held = written(tmp_path, {"outcomes": []})
    assert held.small_counts_allowed(ASKED.model_copy(update={"outcome": "other"}), DAY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"agency": "council"}, "no agreement covers ae_attendances of nhs in pilot areas"),
        ({"expires": "2026-11-29"}, "ended on 2026-11-29"),
        ({"agreed": {"by": "x", "on": "2026-12-01"}}, "begins on 2026-12-01"),
        ({"method": "nhs_2018"}, "asks for the method nhs_2018"),
    ],
)
def test_a_release_stops_without_a_live_one(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    written(tmp_path, {}).refuse_release([ASKED], DAY)
    with pytest.raises(DisclosureError, match=said):
        written(tmp_path, change).refuse_release([ASKED], DAY)


def test_a_file_at_fault_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DisclosureError, match=r"agreements\.0\.expires"):
        written(tmp_path, {"expires": "some day"})
    with pytest.raises(DisclosureError, match="controllers"):
        written(tmp_path, {"controllers": []})


def test_a_policy_cannot_promise_more_than_its_base() -> None:
    with pytest.raises(ValueError, match="more than the base of 5"):
        Policy(base=5, k=6)
    assert Policy(base=10, k=10).shown_from == 30

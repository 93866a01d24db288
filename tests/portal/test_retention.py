"""What a portal forgets: drafts past their time, and those of figures that were destroyed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from evaluation.portal.configure import Portal
from evaluation.quarters import now
from tests.portal.conftest import person

MARK = "8123457"


def draft(portal: Portal, who: object, *, site: str, agency: str, state: str = "ready") -> Path:
    from evaluation.portal.models import Answer, Draft

    number = f"d{Draft.objects.count()}"
    path = portal.uploaded / number
    portal.uploaded.mkdir(exist_ok=True)
    path.write_bytes(f"figures {MARK}".encode())
    made = Draft.objects.create(
        number=number,
        person=who,
        programme="tiny",
        site=site,
        agency=agency,
        quarter="2026 Q3",
        file_name="f.csv",
        file_sha256="0" * 64,
        size=1,
        stored=number,
        rows=1,
        report=f'{{"value": "{MARK}"}}',
        text=MARK,
        changes=[MARK],
        totals=[["x", MARK]],
        state=state,
        made=now(),
        ends=now() + timedelta(days=30),
    )
    Answer.objects.create(draft=made, rule="R060", asked="x", value=MARK, reason=f"it is {MARK}")
    return path


def holds(portal: Portal) -> list[str]:
    files = [path for path in portal.folder.rglob("*") if path.is_file()]
    return [path.name for path in files if MARK.encode() in path.read_bytes()]


def test_drafts_of_destroyed_figures_are_emptied_and_others_stand(portal: Portal) -> None:
    from evaluation.portal.drafts import forget
    from evaluation.portal.models import Draft, Event

    who = person("Ann", "officer", "S01", "nhs")
    mine = [draft(portal, who, site="S01", agency="nhs", state=s) for s in ("ready", "submitted")]
    other = draft(portal, who, site="S01", agency="council")
    assert forget({("S01", "nhs")}, by="Per") == 2
    assert not any(path.exists() for path in mine) and other.exists()
    assert (
        Draft.objects.filter(agency="nhs").values_list("state", flat=True).get(number="d1")
        == "submitted"
    )
    assert Event.objects.filter(what="destroyed").count() == 2
    assert forget({("S01", "council")}, by="Per") == 1
    assert holds(portal) == [], "in no file, no free page and no log of the tables"


def test_a_draft_past_its_time_leaves_no_figure(portal: Portal) -> None:
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    who = person("Ann", "officer", "S01", "nhs")
    path = draft(portal, who, site="S01", agency="nhs")
    Draft.objects.update(ends=now() - timedelta(days=1))
    assert drafts.expire() == 1 and not path.exists()
    row = Draft.objects.get()
    assert (row.report, row.text, row.changes, row.totals) == ("", "", [], [])
    assert row.answers.count() == 0

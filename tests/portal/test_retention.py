"""What a portal forgets: drafts past their time, and those of figures that were destroyed.

The whole folder is looked through, byte by byte: tables, free pages, log, files, and back-ups.
"""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path

import pytest

from evaluation.errors import LedgerError
from evaluation.portal import configure
from evaluation.portal.configure import Portal
from evaluation.quarters import now
from tests.portal.conftest import clean, client, person, submit, the_draft, upload

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


def whole(root: Path, *marks: str | bytes) -> list[str]:
    """Files anywhere below a folder that hold one of these."""
    sought = [mark if isinstance(mark, bytes) else mark.encode() for mark in marks]
    files = [path for path in root.rglob("*") if path.is_file() and "studies" not in path.parts]
    found = {path: path.read_bytes() for path in files}
    return [str(p.relative_to(root)) for p, c in found.items() if any(m in c for m in sought)]


def uploaded(portal: Portal, folder: Path, *, to: str, outcome: str = "", site: str = "") -> object:
    """A file with the mark in it, uploaded by an officer through the pages."""
    folder.mkdir()
    path = clean(folder, attendances=MARK)
    if outcome:
        path.write_text(path.read_text("utf-8").replace("ae_attendances", outcome), "utf-8")
    _, agency = to.split("/")[2:4]
    browser = client(person(f"{agency} {site}", "officer", site or "S01", agency))
    draft = the_draft(upload(browser, path, to=to))
    browser.post(f"/drafts/{draft.number}/answers", {"reason-0": f"it is {MARK}"})
    path.unlink()
    return browser, draft


def test_nothing_of_a_draft_lies_anywhere_in_the_clear_and_its_end_reaches_back_ups(
    portal: Portal, tmp_path: Path
) -> None:
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    root = portal.workspace.root
    browser, draft = uploaded(portal, tmp_path / "in", to="/returns/S01/nhs/2026-Q3")
    assert MARK in browser.get(f"/drafts/{draft.number}").content.decode(), "its sender reads it"
    assert MARK in drafts.content_of(draft).decode()
    assert whole(root, MARK, f"{int(MARK):,}") == []
    backup = tmp_path / "backup"
    assert configure.back_up(portal, backup / "portal") == 1
    assert whole(backup, MARK) == [] and (tmp_path / "backup.keys").is_dir()

    assert drafts.forget({("S01", "nhs")}, by="Per") == 1
    names = [path.name for path in tmp_path.rglob("d-*") if path.is_file()]
    assert names and all(name.endswith(".destroyed.json") for name in names), "here and in the copy"
    # The back-up of before, taken back: the rows are there, and nothing in them can be read.
    for path in (*portal.folder.glob("portal.sqlite*"), *portal.uploaded.iterdir()):
        path.unlink()
    configure.restore(portal, backup / "portal")
    configure.begin(portal)
    with pytest.raises(LedgerError, match="destroyed"):
        Draft.objects.get()
    assert drafts.empty_unreadable() == 1
    assert (Draft.objects.get().report, Draft.objects.get().state) == ("", "expired")
    assert [*portal.uploaded.iterdir()] == []


def test_a_back_up_with_its_keys_gives_drafts_back(portal: Portal, tmp_path: Path) -> None:
    import shutil

    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    _, draft = uploaded(portal, tmp_path / "in", to="/returns/S01/nhs/2026-Q3")
    configure.back_up(portal, tmp_path / "backup" / "portal")
    shutil.rmtree(portal.folder)
    shutil.rmtree(portal.workspace.var / "keys")
    configure.restore(portal, tmp_path / "backup" / "portal")
    configure.begin(portal)
    held = Draft.objects.get()
    assert drafts.empty_unreadable() == 0 and held.report == draft.report
    assert MARK in drafts.content_of(held).decode()


def test_a_draft_of_others_that_holds_what_is_destroyed_goes_too(
    portal: Portal, tmp_path: Path
) -> None:
    """A file uploaded in the wrong place, refused or not yet looked at, holds figures as well."""
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    # The NHS's file on the council's page, and a council's file with a row of the NHS's outcome.
    uploaded(portal, tmp_path / "one", to="/returns/S01/council/2026-Q3")
    other = person("Dee", "officer", "S01", "council")
    rows = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
    for number, outcome in enumerate(("ae_attendances", "arrears")):
        path = tmp_path / "S01_council_2026-Q3.csv"
        path.write_text(f"{rows}E01,x,2026 Q3,{outcome},{MARK}{number},5000,,\n", "utf-8")
        to = f"/returns/S01/council/2026-Q{2 + number}"
        assert upload(client(other), path, to=to).status_code == 303

    def covers(outcome: str, area: str) -> bool:
        return outcome == "ae_attendances"

    assert drafts.forget({("S01", "nhs")}, by="Per", covers=covers) == 2
    left = Draft.objects.exclude(report="")
    assert [f"{MARK}1" in drafts.content_of(one).decode() for one in left] == [True]


def test_after_a_destruction_no_byte_of_the_workspace_holds_a_figure_that_came_by_the_portal(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploaded, submitted and refused by the pages; backed up; destroyed by the verb."""
    import yaml

    from tests.journey.at_the_command_line import newstart
    from tests.ledger.test_destruction import AGREEMENTS

    root, backup = portal.workspace.root, tmp_path / "backup"
    figure = 2_197
    forms = [
        MARK,
        f",{figure},5000",
        f"{figure:,}",
        *(struct.pack(o, figure) for o in ("<d", ">d")),
    ]
    (root / "studies" / "tiny" / "agreements.yaml").write_text(yaml.safe_dump(AGREEMENTS))
    browser = client(person("Ada Ashworth", "officer", "S01", "nhs"))
    path = clean(tmp_path, attendances=str(figure))
    draft = the_draft(upload(browser, path))
    form = {f"reason-{n}": f"it is {MARK}" for n in range(9)}
    browser.post(f"/drafts/{draft.number}/answers", form)
    answer = submit(browser, draft)
    assert answer.status_code == 303, answer.content.decode()[-900:]
    # A second file, which is refused and stays as a draft.
    path = clean(tmp_path, attendances=f"{MARK}x")
    assert upload(browser, path).status_code == 303
    path.unlink()
    assert whole(root, *forms), "the live tables of the ledger hold it"
    newstart(root, "ledger", "backup", str(backup))
    newstart(root, "ledger", "destroy", "--agreement", "nhs-2026")
    assert whole(root, *forms) == [] and whole(backup, *forms) == []
    newstart(root, "ledger", "verify")

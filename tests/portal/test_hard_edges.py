"""What an attacker tries, each with what the portal answers."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.portal import configure
from evaluation.portal.configure import MOST_BYTES, Portal
from evaluation.portal.views.asking import local
from evaluation.portal.views.team import plain_cell
from evaluation.quarters import now
from tests.portal.conftest import PASSWORD, clean, client, person, submit, the_draft, upload

R = "/returns/S01/nhs/2026-Q3"


def with_password(who: Any) -> Any:
    from django.contrib.auth.hashers import make_password

    who.password = make_password(PASSWORD)
    who.save()
    return who


def sign_in(browser: Any, email: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/sign-in", {"email": email, "password": password} | more)


def test_every_answer_has_the_headers_that_keep_a_browser_in_bounds(officer: Any) -> None:
    for browser, address in (
        (client(), "/sign-in"),
        (client(officer), "/"),
        (client(officer), "/nothing/here"),
        (client(), "/health"),
        (client(officer), f"{R}/template.xlsx"),
    ):
        answer = browser.get(address)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'none'" in policy and "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
        assert "unsafe-inline" not in policy
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert b"<script" not in answer.content and b"style=" not in answer.content


def test_asked_by_tls_it_says_to_stay_with_it(officer: Any) -> None:
    answer = client().get("/sign-in", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=31536000"


def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(officer: Any) -> None:
    browser = client()
    answer = sign_in(browser, with_password(officer).email)
    assert answer.status_code == 303
    assert set(browser.cookies) == {"__Host-session", "__Host-csrf"}
    for cookie in browser.cookies.values():
        assert cookie["secure"] and cookie["httponly"] and cookie["path"] == "/"
        assert cookie["samesite"] == "Lax" and not cookie["domain"]


def test_a_form_from_elsewhere_does_nothing(officer: Any, portal: Portal, tmp_path: Path) -> None:
    draft = the_draft(upload(client(officer), clean(tmp_path)))
    browser = client(officer, csrf=True)
    for address in (
        f"/drafts/{draft.number}/submit",
        f"/drafts/{draft.number}/discard",
        "/sign-out",
        f"{R}/upload",
        "/sign-in",
        "/check",
    ):
        answer = browser.post(address, {"declared": "yes", "file": draft.file_sha256})
        assert answer.status_code == 403, address
        assert "too old to be sent" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.state == "ready" and not portal.workspace.has_ledger


def test_a_session_fixed_before_signing_in_is_worth_nothing(officer: Any) -> None:
    browser = client()
    browser.get("/sign-in")
    session = browser.session
    session["planted"] = "by another"
    session.save()
    fixed = session.session_key
    browser.cookies["__Host-session"] = fixed
    sign_in(browser, with_password(officer).email)
    assert browser.session.session_key != fixed and "planted" not in browser.session
    other = client()
    other.cookies["__Host-session"] = fixed
    assert other.get("/")["Location"].startswith("/sign-in")


def test_signing_out_and_a_new_password_end_a_session_that_was_copied(officer: Any) -> None:
    from django.contrib.auth.hashers import make_password

    for end in ("sign out", "new password"):
        browser, copy = client(officer), client()
        copy.cookies["__Host-session"] = browser.cookies["__Host-session"].value
        assert copy.get("/").status_code == 200
        if end == "sign out":
            browser.post("/sign-out")
        else:
            officer.password = make_password("another long pass phrase")
            officer.save()
        assert copy.get("/")["Location"].startswith("/sign-in"), end


@pytest.mark.parametrize(("field", "ago"), [("seen", 31), ("began", 8 * 60 + 1)])
def test_a_session_ends_by_itself_and_the_draft_stays(
    officer: Any, tmp_path: Path, field: str, ago: int
) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    session = browser.session
    session[field] = (now() - timedelta(minutes=ago)).timestamp()
    session.save()
    answer = browser.get(f"/drafts/{draft.number}")
    assert answer["Location"] == f"/sign-in?next=%2Fdrafts%2F{draft.number}&ended=1"
    assert "is kept" in browser.get(answer["Location"]).content.decode()
    again = sign_in(browser, with_password(officer).email, next=f"/drafts/{draft.number}")
    assert browser.get(again["Location"]).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:/evil.example",
        "\\\\evil.example",
        "/\r\nSet-Cookie: a=b",
        "evil",
    ],
)
def test_signing_in_leads_nowhere_else(officer: Any, target: str) -> None:
    assert local(target) == "/"
    answer = sign_in(client(), with_password(officer).email, next=target)
    assert answer["Location"] == "/"


def test_a_stranger_is_not_told_who_has_an_account(officer: Any, monkeypatch: Any) -> None:
    known = with_password(officer).email
    hashed: list[str] = []
    from evaluation.portal import accounts

    make, check = accounts.make_password, accounts.check_password
    monkeypatch.setattr(
        accounts, "make_password", lambda p, *a: hashed.append("made") or make(p, *a)
    )
    monkeypatch.setattr(
        accounts, "check_password", lambda *a: hashed.append("checked") or check(*a)
    )
    pages = []
    for email in (known, "nobody@example.org"):
        hashed.clear()
        answer = sign_in(client(), email, "wrong password here")
        pages.append((answer.status_code, _bare(answer, email)))
        assert len([one for one in hashed if one]) == 1, "as much work for either"
        forgot = client().post("/forgotten", {"email": email})
        pages.append((forgot.status_code, _bare(forgot, email)))
    assert pages[:2] == pages[2:]


def _bare(answer: Any, email: str) -> str:
    import re

    plain = answer.content.decode().replace(email, "ADDRESS")
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", plain)


def test_five_wrong_passwords_lock_a_known_and_an_unknown_address_alike(officer: Any) -> None:
    from evaluation.portal import accounts

    known = with_password(officer).email
    for email in (known.upper(), "nobody@example.org"):
        for _ in range(accounts.MOST_WRONG):
            assert sign_in(client(), email, "wrong").status_code == 422
        assert accounts.locked_out(email)
        assert sign_in(client(), email).status_code == 422


def test_a_link_for_a_new_password_opens_a_locked_account(officer: Any) -> None:
    from evaluation.portal import accounts

    known = with_password(officer).email
    for _ in range(accounts.MOST_WRONG):
        sign_in(client(), known, "wrong")
    link = accounts.make_link(officer, "reset", by="test")
    new = "quite another pass phrase"
    answer = client().post(link.path, {"password": new, "again": new})
    assert answer.status_code == 303
    assert not accounts.locked_out(known)
    assert sign_in(client(), f"  {known.title()} ", new).status_code == 303


def test_names_with_folders_and_control_signs_stay_out_of_paths_headers_and_log(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    for name in (
        "../../../etc/S01_nhs_2026-Q3.csv",
        "..\\..\\S01_nhs_2026-Q3.csv",
        "/etc/passwd/S01_nhs_2026-Q3.csv",
    ):
        draft = the_draft(upload(browser, clean(tmp_path), name=name))
        assert draft.file_name == "S01_nhs_2026-Q3.csv"
        (kept,) = [p for p in portal.uploaded.iterdir() if p.name == draft.stored]
        assert kept.stat().st_mode & 0o777 == 0o600
    wicked = 'x";y=1\r\nX-Evil: yes.csv'
    assert upload(browser, clean(tmp_path), name=wicked).status_code in (303, 422)
    from evaluation.portal.views.officer import attachment

    header = attachment(b"", wicked, "text/csv")["Content-Disposition"]
    assert header == 'attachment; filename="x__y_1__X-Evil_ yes.csv"'
    from evaluation.portal.models import Event

    assert all(one.about.isprintable() for one in Event.objects.all())


def test_a_host_that_is_not_ours_is_refused_and_no_link_is_made_of_it(officer: Any) -> None:
    answer = client().post("/forgotten", {"email": officer.email}, SERVER_NAME="evil.example")
    assert answer.status_code == 400
    from evaluation.portal.drafts import portal
    from evaluation.portal.models import Outgoing
    from evaluation.portal.outbox import mail

    client().post("/forgotten", {"email": officer.email})
    text = mail(portal(), Outgoing.objects.get()).get_content()
    assert portal().address in text and "evil" not in text


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    path.write_bytes(b"x" * (MOST_BYTES + 1))
    answer = upload(client(officer), path)
    assert answer.status_code == 413 and "at most 5 MB" in answer.content.decode()
    assert [*portal.uploaded.iterdir()] == []


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
        made.writestr("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["S01_nhs_2026-Q3.xlsx", "S01_nhs_2026-Q3.csv"])
def test_what_unpacks_to_far_more_is_refused_before_any_parser(
    officer: Any, portal: Portal, tmp_path: Path, monkeypatch: Any, name: str
) -> None:
    from evaluation.returns import workbook

    monkeypatch.setattr(workbook, "_read_xlsx", lambda *_: pytest.fail("a parser was asked"))
    path = tmp_path / name
    path.write_bytes(bomb())
    browser = client(officer)
    page = browser.get(f"/drafts/{the_draft(upload(browser, path)).number}").content.decode()
    assert "To mend" in page and not portal.workspace.has_ledger


def test_more_files_an_hour_than_are_taken_are_refused_and_the_earlier_kept(
    officer: Any, set_portal: Callable[..., Portal], tmp_path: Path
) -> None:
    set_portal(uploads=2)
    browser = client(officer)
    for attendances in ("210", "211"):
        the_draft(upload(browser, clean(tmp_path, attendances=attendances)))
    answer = upload(browser, clean(tmp_path, attendances="212"))
    assert answer.status_code == 422 and "2 files within an hour" in answer.content.decode()
    assert "The file that stands here" in answer.content.decode()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =cmd|' /C calc'!A0", "\r=1"]
)
def test_no_cell_of_a_download_is_a_formula(text: str) -> None:
    assert plain_cell(text) == f"'{text}"
    assert plain_cell("-5.2") == "-5.2" and plain_cell("a walk-in centre") == "a walk-in centre"


def test_a_reason_that_is_a_formula_is_a_text_in_the_download(officer: Any, tmp_path: Path) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="2100")))
    browser.post(f"/drafts/{draft.number}/answers", {"reason-0": '=HYPERLINK("http://e","x")'})
    assert submit(browser, draft).status_code == 303
    shown = (
        client(person("Eve Evans", "evaluator")).get("/questions.csv").content.decode("utf-8-sig")
    )
    assert "'=HYPERLINK" in shown and ",=" not in shown


def test_what_was_typed_is_shown_and_never_run(officer: Any, tmp_path: Path) -> None:
    browser = client(officer)
    path = clean(tmp_path)
    path.write_text(path.read_text("utf-8").replace("210", "<script>alert(1)</script>", 1), "utf-8")
    draft = the_draft(upload(browser, path, name="<img src=x onerror=alert(1)>.csv"))
    page = browser.get(f"/drafts/{draft.number}").content.decode()
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page


def test_an_error_page_has_a_number_that_the_log_has_and_the_log_no_figure(
    officer: Any, portal: Portal, monkeypatch: Any, caplog: Any
) -> None:
    from bs4 import BeautifulSoup

    from evaluation.portal import outbox

    def fall(_: Portal) -> None:
        raise ValueError("the figure 4711 of E01")

    monkeypatch.setattr(outbox, "owed", fall)
    answer = client(officer).get("/")
    assert answer.status_code == 500
    number = BeautifulSoup(answer.content, "html.parser").select_one(".portal-key").text
    assert number in caplog.text and "ValueError" in caplog.text and "4711" not in caplog.text
    assert "kept" in answer.content.decode() and "4711" not in answer.content.decode()


def test_events_are_only_added_and_tell_when_one_was_changed(officer: Any) -> None:
    from django.db import connection
    from django.db.utils import DatabaseError

    from evaluation.portal import event_chain
    from evaluation.portal.models import Event

    event_chain.record("a", "b", "c")
    for change in (lambda: Event.objects.update(who="x"), lambda: Event.objects.all().delete()):
        with pytest.raises(DatabaseError, match="only ever added"):
            change()
    assert event_chain.verify() == []
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER portal_event_no_update")
        cursor.execute("UPDATE portal_event SET who='x' WHERE id=1")
    assert event_chain.verify() == [1]


def test_a_printed_receipt_carries_its_own_style_and_nothing_else(
    officer: Any, tmp_path: Path
) -> None:
    browser = client(officer)
    held = submit(browser, the_draft(upload(browser, clean(tmp_path))))["Location"]
    policy = browser.get(f"{held}.html")["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_passwords_are_kept_by_argon2_as_owasp_says_at_least(portal: Portal) -> None:
    from evaluation.portal.accounts import SmallArgon2

    kept = SmallArgon2().encode("a long enough pass phrase", "somesaltsomesalt")
    assert kept.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_links_token_is_not_in_the_log(officer: Any, caplog: Any) -> None:
    from evaluation.portal import accounts

    link = accounts.make_link(officer, "invitation", by="test")
    assert client(csrf=True).post(link.path, {"password": PASSWORD}).status_code == 403
    assert "/invitations/..." in caplog.text and link.path not in caplog.text


def test_keys_that_others_can_read_are_refused(portal: Portal) -> None:
    from evaluation.errors import WorkspaceError

    first = configure.keys(portal)[0]
    assert configure.rotate_keys(portal) == 2
    assert configure.keys(portal)[1] == first
    assert portal.key_file.stat().st_mode & 0o777 == 0o600
    portal.key_file.chmod(0o644)
    with pytest.raises(WorkspaceError, match="others on this machine"):
        configure.keys(portal)


def test_no_mail_holds_a_figure_or_a_files_name(
    officer: Any, portal: Portal, tmp_path: Path, monkeypatch: Any
) -> None:
    from evaluation.portal import outbox

    browser = client(officer)
    the_draft(upload(browser, clean(tmp_path, attendances="4711")))
    sent: list[Any] = []
    for day in ("2026-10-16", "2026-10-23", "2026-10-29", "2026-10-31", "2026-11-06", "2026-11-06"):
        monkeypatch.setenv("NEWSTART_NOW", f"{day}T09:00:00Z")
        outbox.work(portal, once=True, send=sent.append)
    assert len(sent) == 5, "14, 7 and 1 days before, 1 and 7 after, each once"
    for one in sent:
        text = one.get_content()
        assert one["To"] == officer.email and "2026 Q3" in text
        assert "4711" not in text and ".csv" not in text and "invitations" not in text


def test_mail_that_cannot_be_sent_is_tried_again_and_then_shown(
    officer: Any, portal: Portal
) -> None:
    from evaluation.portal import accounts, outbox
    from evaluation.portal.models import Invitation, Outgoing

    def fails(_: Any) -> None:
        raise outbox.NotSent("ConnectionRefusedError")

    accounts.invite_by_mail(officer)
    outbox.work(portal, once=True, send=fails)
    one = Outgoing.objects.get()
    assert (one.state, one.tries) == ("waiting", 1) and one.due > now()
    Outgoing.objects.update(tries=5, due=now())
    outbox.work(portal, once=True, send=fails)
    assert Outgoing.objects.get().state == "failed"
    admin = client(person("Amy Adams", "admin"))
    assert "ConnectionRefusedError" in admin.get("/people").content.decode()
    Outgoing.objects.update(state="waiting", due=now())
    sent: list[Any] = []
    outbox.work(portal, once=True, send=sent.append)
    token = sent[0].get_content().split("/invitations/")[1].split()[0]
    assert token not in json.dumps(list(Invitation.objects.values("token_hash")))
    assert client().get(f"/invitations/{token}").status_code == 200


def test_drafts_past_their_time_are_removed_with_their_files(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    draft = the_draft(upload(client(officer), clean(tmp_path)))
    assert drafts.expire() == 0
    Draft.objects.update(ends=now() - timedelta(minutes=1))
    assert drafts.expire() == 1 and [*portal.uploaded.iterdir()] == []
    assert client(officer).get(f"/drafts/{draft.number}").status_code == 410


def test_an_address_with_a_zero_byte_or_beyond_all_bounds_is_no_fault_of_ours(officer: Any) -> None:
    browser = client(officer)
    for address in (
        "/drafts/%00",
        "/?x=%00",
        "/returns/S01/nhs/2026-Q3%0d%0aX: y",
        "/" + "a" * 5000,
        "/receipts/%F0%9F%98%80",
        "/people/99999999999999999999/lock",
        "/grants/99999999999999999999/end",
    ):
        assert browser.get(address).status_code in (400, 404, 405), address


def test_no_socket_is_opened_by_a_page(officer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("a connection"))
    assert client(officer).get("/").status_code == 200

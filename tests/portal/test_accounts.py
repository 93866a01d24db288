"""Invitations, passwords, the second factor, people and their roles; what a demonstration may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from evaluation.errors import UserError, WorkspaceError
from evaluation.portal import accounts
from evaluation.portal.configure import Portal, from_environment
from evaluation.portal.server import (
    by_proxy,
    findings,
    invent_people,
    is_loopback,
    refuse_demonstration,
)
from evaluation.quarters import now
from tests.portal.conftest import PASSWORD, client, person

# RFC 6238, appendix B, SHA-1: the last six digits of the eight printed there.
RFC = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(("at", "code"), RFC.items())
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert accounts.code_at(SEED, at // 30) == code


def test_a_link_works_once_and_for_72_hours(officer: Any) -> None:
    from evaluation.portal.models import Invitation

    link = accounts.make_link(officer, "invitation", by="test")
    assert timedelta(hours=71) < link.ends - now() <= timedelta(hours=72)
    browser = client()
    page = browser.get(link.path).content.decode()
    assert "officer of S01 nhs" in page and officer.email in page
    assert browser.post(link.path, {"password": PASSWORD, "again": PASSWORD})["Location"] == "/"
    assert browser.get("/").status_code == 200
    assert client().get(link.path).status_code == 404
    late = accounts.make_link(officer, "invitation", by="test")
    Invitation.objects.filter(used=None).update(ends=now())
    assert client().get(late.path).status_code == 404
    first, second = (accounts.make_link(officer, "invitation", by="test") for _ in range(2))
    assert client().get(first.path).status_code == 404, "a newer one was made"
    assert client().get(second.path).status_code == 200


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "at least 12"),
        ("password1234", "password1234", "too common"),
        ("123456789012345", "123456789012345", "entirely numeric"),
        (PASSWORD, PASSWORD + "x", "not the same"),
        ("ada.ashworth@example", "ada.ashworth@example", "too similar"),
    ],
)
def test_a_weak_password_is_refused_and_the_link_still_works(
    officer: Any, password: str, again: str, said: str
) -> None:
    link = accounts.make_link(officer, "invitation", by="test")
    answer = client().post(link.path, {"password": password, "again": again})
    assert answer.status_code == 422 and said in answer.content.decode()
    assert client().get(link.path).status_code == 200


@pytest.mark.parametrize("role", ["checker", "publisher", "admin"])
def test_who_checks_publishes_or_gives_roles_needs_a_code(portal: Portal, role: str) -> None:
    from evaluation.portal.models import Person

    who = person("Pat Page", role)
    link = accounts.make_link(who, "invitation", by="test")
    browser = client()
    assert (
        browser.post(link.path, {"password": PASSWORD, "again": PASSWORD})["Location"]
        == "/sign-in/set-up"
    )
    assert browser.get("/")["Location"].startswith("/sign-in"), "not yet in"
    assert browser.get("/sign-in/set-up").status_code == 200
    secret = browser.session["secret"]
    assert browser.post("/sign-in/set-up", {"code": "000000"}).status_code == 422
    step = int(now().timestamp()) // 30
    first = accounts.code_at(secret, step)
    assert browser.post("/sign-in/set-up", {"code": first}).status_code == 303
    assert browser.get("/").status_code == 200
    again = client()
    sent = {"email": who.email, "password": PASSWORD}
    assert again.post("/sign-in", sent)["Location"] == "/sign-in/code"
    assert again.get("/")["Location"].startswith("/sign-in")
    assert again.post("/sign-in/code", {"code": first}).status_code == 422, "taken once"
    held = Person.objects.get(pk=who.pk)
    following = accounts.code_at(secret, held.last_step + 1)
    assert (
        again.post("/sign-in/code", {"code": f"{following[:3]} {following[3:]}"}).status_code == 303
    )
    assert again.get("/").status_code == 200


def test_an_admin_invites_ends_locks_and_opens(portal: Portal) -> None:
    from evaluation.portal.models import Grant, Person

    browser = client(person("Amy Adams", "admin"))
    typed = {
        "name": "Ben Booth",
        "email": "Ben@Example.org",
        "role": "officer",
        "sends": "S01 nhs",
        "until": (now() + timedelta(days=30)).date().isoformat(),
    }
    page = browser.post("/people/invite", typed).content.decode()
    path = "/invitations/" + page.split("/invitations/")[1].split("<")[0].strip()
    ben = client()
    ben.post(path, {"password": PASSWORD, "again": PASSWORD})
    assert ben.get("/returns/S01/nhs/2026-Q3").status_code == 200
    number = Person.objects.get(email="ben@example.org").pk
    browser.post(f"/people/{number}/lock")
    assert ben.get("/")["Location"].startswith("/sign-in")
    browser.post(f"/people/{number}/unlock")
    fresh = client()
    assert (
        fresh.post("/sign-in", {"email": "ben@example.org", "password": PASSWORD}).status_code
        == 303
    )
    browser.post(f"/grants/{Grant.objects.get(person_id=number).pk}/end")
    assert fresh.get("/returns/S01/nhs/2026-Q3").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": "a@b\n.org"},
        {"name": ""},
        {"role": "king"},
        {"sends": "S09 nhs"},
        {"sends": ""},
        {"until": "2020-01-01"},
        {"until": "soon"},
        {"until": "2099-01-01"},
        {"role": "admin"},
    ],
)
def test_an_impossible_invitation_is_told_and_nobody_is_made(
    portal: Portal, wrong: dict[str, str]
) -> None:
    from evaluation.portal.models import Person

    browser = client(person("Amy Adams", "admin"))
    typed = {
        "name": "Ben Booth",
        "email": "ben@example.org",
        "role": "officer",
        "sends": "S01 nhs",
        "until": (now() + timedelta(days=30)).date().isoformat(),
    } | wrong
    answer = browser.post("/people/invite", typed)
    assert answer.status_code == 422 and "There is a problem" in answer.content.decode()
    assert Person.objects.count() == 1


def test_who_gives_roles_sends_and_approves_nothing_whatever_else_they_were_given(
    portal: Portal,
) -> None:
    amy = person("Amy Adams", "admin")
    browser = client(amy)
    until = (now() + timedelta(days=30)).date().isoformat()
    typed = {"name": "Amy", "email": amy.email.upper(), "role": "officer", "sends": "S01 nhs"}
    answer = browser.post("/people/invite", typed | {"until": until})
    assert answer.status_code == 422 and "nobody gives a role to themselves" in (
        answer.content.decode()
    )
    person("Amy Adams", "officer", "S01", "nhs")  # by another admin, or the command line
    assert browser.get("/returns/S01/nhs/2026-Q3").status_code == 200
    assert browser.get("/returns/S01/nhs/2026-Q3/upload").status_code == 404


def test_a_name_is_one_persons_and_an_address_is_told_apart_by_no_capital(officer: Any) -> None:
    with pytest.raises(UserError, match="another person is called"):
        accounts.add_grant(_programme(), _wanted("Ada Ashworth", "another@example.org"), by="test")
    same = accounts.add_grant(_programme(), _wanted("A. A.", officer.email.upper()), by="test")
    assert same.pk == officer.pk


def _programme() -> Any:
    from evaluation.portal.drafts import portal as served

    return served().programme


def _wanted(name: str, email: str) -> accounts.Wanted:
    until = (now() + timedelta(days=9)).date()
    return accounts.Wanted(name=name, email=email, role=accounts.Role.EVALUATOR, until=until)


def test_people_are_chosen_only_where_nothing_is_real_and_nobody_else_comes(portal: Portal) -> None:
    refuse_demonstration(portal, "127.0.0.1")
    for host in ("0.0.0.0", "::", "10.0.0.8", "example.org"):
        assert not is_loopback(host)
        with pytest.raises(WorkspaceError, match="other machines"):
            refuse_demonstration(portal, host)
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.9", "::1"))
    (portal.workspace.root / "SYNTHETIC").unlink()
    with pytest.raises(WorkspaceError, match="not marked as invented"):
        refuse_demonstration(portal, "127.0.0.1")


def test_in_a_demonstration_somebody_is_chosen_and_with_accounts_nobody_is(
    set_portal: Callable[..., Portal], portal: Portal
) -> None:
    invent_people(set_portal(demonstration=True))
    browser = client()
    page = browser.get("/sign-in").content.decode()
    assert "officer of S01 nhs" in page and "admin" in page and 'type="password"' not in page
    assert browser.post("/sign-in", {"person": "999"}).status_code == 422
    assert browser.post("/sign-in", {"person": "1"})["Location"] == "/"
    assert browser.get("/").status_code == 200
    set_portal(demonstration=False)
    assert client().post("/sign-in", {"person": "1"}).status_code == 422


ASKED_BY = [
    # (who may stand in front, whom the request came from, what it says, who asked, by TLS)
    ("no", "10.0.0.5", {"FOR": "6.6.6.6", "PROTO": "https"}, "10.0.0.5", False),
    ("yes", "127.0.0.1", {"FOR": "6.6.6.6", "PROTO": "https"}, "6.6.6.6", True),
    ("yes", "10.0.0.5", {"FOR": "6.6.6.6", "PROTO": "https"}, "10.0.0.5", False),
    ("10.0.0.5", "10.0.0.5", {"FOR": "6.6.6.6", "PROTO": "https"}, "6.6.6.6", True),
    ("10.0.0.5", "10.0.0.6", {"FOR": "6.6.6.6", "PROTO": "https"}, "10.0.0.6", False),
    ("10.0.0.5", "127.0.0.1", {"FOR": "6.6.6.6", "PROTO": "https"}, "127.0.0.1", False),
    # What the asker wrote itself stands before what the proxy added, and is not believed.
    (
        "10.0.0.0/24",
        "10.0.0.9",
        {"FOR": "1.1.1.1, 6.6.6.6", "PROTO": "https, http"},
        "6.6.6.6",
        False,
    ),
    ("10.0.0.0/24", "10.0.0.9", {"FOR": "1.1.1.1, 6.6.6.6, 10.0.0.7"}, "6.6.6.6", False),
    ("10.0.0.0/24", "10.0.0.9", {"FOR": "6.6.6.6, <script>"}, "10.0.0.9", False),
    (
        "2001:db8::/32",
        "2001:db8::1",
        {"FOR": "::ffff:1.2.3.4", "PROTO": "https"},
        "::ffff:1.2.3.4",
        True,
    ),
    ("2001:db8::/32", "10.0.0.5", {"FOR": "6.6.6.6"}, "10.0.0.5", False),
]


@pytest.mark.parametrize(("setting", "came_from", "said", "asked", "tls"), ASKED_BY)
def test_who_asked_is_said_by_a_named_proxy_and_by_nobody_else(
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    came_from: str,
    said: dict[str, str],
    asked: str,
    tls: bool,
) -> None:
    monkeypatch.setenv("NEWSTART_PORTAL_PROXY", setting)
    held = from_environment(portal.workspace, "tiny", demonstration=False)
    seen: dict[str, str] = {}
    headers = {f"HTTP_X_FORWARDED_{name}": value for name, value in said.items()}
    environ = {"REMOTE_ADDR": came_from, "wsgi.url_scheme": "http", "HTTP_FORWARDED": "for=7.7.7.7"}
    by_proxy(held.proxies, lambda given, _: seen.update(given))(environ | headers, None)
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"] == "https") == (asked, tls)
    assert not [name for name in seen if "FORWARDED" in name]


@pytest.mark.parametrize("setting", ["0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.5;10.0.0.6"])
def test_a_proxy_is_named_by_its_address(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("NEWSTART_PORTAL_PROXY", setting)
    with pytest.raises(WorkspaceError, match="no address of a server in front"):
        from_environment(portal.workspace, "tiny", demonstration=False)


def test_a_spoofed_address_does_not_reach_what_is_counted(portal: Portal) -> None:
    """Over the wire, by the server that is really run: nobody stands in front, and one who does."""
    import threading
    import urllib.request
    from contextlib import suppress

    import waitress

    from evaluation.portal.server import SERVING

    for proxies, expected in (((), "127.0.0.1 http"), (("127.0.0.1",), "6.6.6.6 https")):

        def told(environ: dict[str, Any], start: Any) -> list[bytes]:
            start("200 OK", [])
            return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}".encode()]

        server = waitress.create_server(
            by_proxy(proxies, told), host="127.0.0.1", port=0, **SERVING
        )

        def serve(run: Callable[[], None] = server.run) -> None:
            with suppress(OSError):  # its loop waits on the sockets that are closed below
                run()

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        asked = urllib.request.Request(f"http://127.0.0.1:{server.effective_port}/")
        asked.add_header("X-Forwarded-For", "6.6.6.6")
        asked.add_header("X-Forwarded-Proto", "https")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.read().decode() == expected
        server.close()
        serving.join(timeout=30)
        assert not serving.is_alive()


def test_a_demonstration_has_who_sends_checks_and_publishes(
    set_portal: Callable[..., Portal], portal: Portal
) -> None:
    from evaluation.demo import invented_people
    from evaluation.portal.models import Grant

    held = set_portal(demonstration=True)
    invent_people(held)
    invent_people(held)
    roles = sorted(Grant.objects.values_list("role", flat=True))
    assert roles.count("checker") == 2 and roles.count("publisher") == roles.count("admin") == 1
    people = invented_people(held.programme)
    first = next(one for one in people if "submitter" in one.roles)
    twice = [one for one in people if (one.sites, one.agencies) == (first.sites, first.agencies)]
    assert len(twice) == 2, "a withdrawal needs two"


def test_what_a_real_portal_should_not_have_is_named(portal: Portal) -> None:
    said = " ".join(one.what for one in findings(portal))
    for part in ("marked as invented", "not encrypted", "sends mail", "Nobody is admin"):
        assert part in said
    person("Amy Adams", "admin")
    assert "Nobody is admin" not in " ".join(one.what for one in findings(portal))


def test_an_invented_officer_who_names_no_agency_sends_for_each_of_their_site(
    portal: Portal,
) -> None:
    """What a person leaves out is not asked for: a site's officer sends all that the site does."""
    from evaluation.portal.models import Grant
    from evaluation.portal.server import invent_people

    declared = portal.workspace.root / "studies/tiny/programme.yaml"
    more = "people:\n  - {name: Una, roles: [submitter], sites: [S01]}\n"
    more += "  - {name: Vic, roles: [submitter], agencies: [council]}\n"
    more += "  - {name: Wim, roles: [evaluator, checker], sites: [S01]}\n"
    declared.write_text(declared.read_text("utf-8") + more, "utf-8")
    served = Portal(workspace=portal.workspace, programme_name="tiny", demonstration=True)
    invent_people(served)
    pairs = {
        name: {(one.site, one.agency) for one in Grant.objects.filter(person__name=name)}
        for name in ("Una", "Vic", "Wim")
    }
    sends = set(served.programme.submitters)
    assert pairs["Una"] == {one for one in sends if one[0] == "S01"} and len(pairs["Una"]) > 1
    assert pairs["Vic"] == {one for one in sends if one[1] == "council"}
    assert pairs["Wim"] == {("", "")}

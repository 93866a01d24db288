"""A portal of the tiny programme, its people, and a way to ask it for pages without a server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from evaluation.portal import configure, sign_on
from evaluation.portal.configure import Portal
from evaluation.portal.sign_on import Service
from evaluation.quarters import Period, now
from evaluation.returns.template import write_template
from evaluation.workspace import Workspace
from tests.conftest import AREAS, OPINION, PROGRAMME

if TYPE_CHECKING:
    from tests.portal.provider import Provider

# Within the time in which the returns of 2026 Q3 are due, and before the workspace's clock moves.
TODAY = "2026-10-10T09:00:00Z"
Q3 = Period.parse("2026 Q3")
PASSWORD = "a long enough pass phrase"


def lay_out(root: Path) -> Workspace:
    """A workspace that holds the tiny programme, marked as invented."""
    folder = root / "studies" / "tiny"
    (folder / "outcomes").mkdir(parents=True)
    (folder / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "outcomes" / "opinion.yaml").write_text(OPINION, encoding="utf-8")
    (root / "SYNTHETIC").touch()
    return Workspace(root=root)


class QuickArgon2(Argon2PasswordHasher):
    """The portal's hasher with the least work: what it costs is not what is tested."""

    time_cost, memory_cost, parallelism = 1, 8, 1


def _begin_once() -> Path:
    """Set Django up before any test is read: pages can be imported only after that.

    What comes back are the portal's tables with nothing in them.
    """
    from django.conf import settings
    from django.db import connections

    # Tests of the browser leave a loop of events behind in a worker that goes on with these, and
    # Django would take each question to its tables for one that is asked from inside the loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    portal = Portal(workspace=lay_out(Path(_FOLDER.name)), programme_name="tiny")
    configure.begin(portal)
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickArgon2"]
    with connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connections["default"].close()
    return portal.folder / "portal.sqlite"


_FOLDER = tempfile.TemporaryDirectory()
EMPTY_TABLES = _begin_once()


@pytest.fixture
def portal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """A portal with accounts in a workspace of its own, before anybody is invited."""
    monkeypatch.setenv("NEWSTART_NOW", TODAY)
    held = Portal(workspace=lay_out(tmp_path), programme_name="tiny")
    held.folder.mkdir(parents=True)
    shutil.copy(EMPTY_TABLES, held.folder / "portal.sqlite")
    configure.begin(held)
    yield held
    from django.db import connections

    connections["default"].close()


@pytest.fixture
def set_portal(portal: Portal) -> Iterator[Callable[..., Portal]]:
    """Change what the portal is set to."""
    from django.conf import settings

    def change(**changed: Any) -> Portal:
        settings.PORTAL = replace(settings.PORTAL, **changed)
        return settings.PORTAL

    yield change
    settings.PORTAL = portal


def person(name: str, role: str, site: str = "", agency: str = "", *, days: int = 100) -> Any:
    """Somebody with a role and a password."""
    from evaluation.portal import accounts
    from evaluation.portal.drafts import portal as served
    from evaluation.portal.models import Person
    from evaluation.portal.permissions import Role

    wanted = accounts.Wanted(
        name=name,
        email=f"{name.replace(' ', '.')}@example.org",
        role=Role(role),
        site=site,
        agency=agency,
        until=(now() + timedelta(days=days)).date(),
    )
    made = accounts.add_grant(served().programme, wanted, by="test")
    return Person.objects.get(pk=made.pk)


def client(who: Any = None, *, csrf: bool = False) -> Any:
    """A browser of the test's own: signed in as somebody, or as nobody."""
    from django.test import Client

    from evaluation.portal.accounts import BACKEND

    made = Client(SERVER_NAME="127.0.0.1", enforce_csrf_checks=csrf, raise_request_exception=False)
    if who is not None:
        made.force_login(who, BACKEND)
        session = made.session
        session["began"] = session["seen"] = now().timestamp()
        session.save()
    return made


@pytest.fixture
def provider(portal: Portal, set_portal: Callable[..., Portal]) -> Iterator[Provider]:
    """A service with an RSA and an EC key, and the portal set to use it, with a secret."""
    from tests.portal.provider import CLIENT, SECRET, Provider, serving
    from tests.portal.signing_in import EC, RSA

    sign_on.forget()
    with serving(Provider({"r": RSA, "e": EC})) as served:
        set_portal(
            service=Service(
                issuer=served.address, client=CLIENT, name="Council login", secret=SECRET
            )
        )
        yield served
    sign_on.forget()


@pytest.fixture
def set_service(provider: Provider, set_portal: Callable[..., Portal]) -> Callable[..., Service]:
    """Set the portal to use the service otherwise."""
    from evaluation.portal.drafts import portal as served

    def change(**changed: Any) -> Service:
        return set_portal(service=replace(served().service, **changed)).service

    return change


@pytest.fixture
def ada(provider: Provider) -> Any:
    """An officer who signs in by the service as ``ada``."""
    from evaluation.portal.models import Person

    made = person("Ada Ashworth", "officer", "S01", "nhs")
    Person.objects.filter(pk=made.pk).update(issued_by=provider.address, subject="ada")
    made.refresh_from_db()
    return made


@pytest.fixture
def officer(portal: Portal) -> Any:
    return person("Ada Ashworth", "officer", "S01", "nhs")


def clean(folder: Path, *, attendances: str = "210", period: Period = Q3) -> Path:
    """A return of S01's NHS against which nothing stands, as a CSV."""
    from evaluation.portal.drafts import portal as served

    path = folder / f"S01_nhs_{period.slug}.csv"
    write_template(served().programme, "S01", "nhs", period, path)
    lines = path.read_text("utf-8-sig").splitlines()
    head = lines[0].split(",")
    at = {name: place for place, name in enumerate(head)}
    rows = [lines[0]]
    for number, line in enumerate(lines[1:]):
        cells = line.split(",")
        figure = attendances if cells[at["outcome"]] == "ae_attendances" else "25"
        cells[at["numerator"]] = figure if number == 0 else str(20 + number)
        cells[at["denominator"]] = "5000"
        rows.append(",".join(cells))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def upload(
    browser: Any, path: Path, *, to: str = "/returns/S01/nhs/2026-Q3", name: str = ""
) -> Any:
    """Send a file to a return's page."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile(name or path.name, path.read_bytes())
    return browser.post(f"{to}/upload", {"file": file})


def the_draft(answer: Any) -> Any:
    """The draft to which an upload led."""
    from evaluation.portal.models import Draft

    assert answer.status_code == 303, answer.content.decode()[-2000:]
    return Draft.objects.get(number=answer["Location"].rpartition("/")[2])


def submit(browser: Any, draft: Any, **typed: str) -> Any:
    """Submit a draft as its page does."""
    form = {"declared": "yes", "file": draft.file_sha256} | typed
    return browser.post(f"/drafts/{draft.number}/submit", form)

"""Serving the portal: its address first, then requests until it is stopped.

One process reads requests, however slowly they come, before a thread is given one: a slow sender
holds nobody up. What is too large is refused before it is read whole.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import threading
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import WorkspaceError
from evaluation.portal import configure
from evaluation.portal.configure import LOOPBACK, Portal

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BODY = 6 * 2**20
_THREADS = 8
_PATIENCE = 60
_STATIC = Path(__file__).parent / "static"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_demonstration(portal: Portal, host: str) -> None:
    """Let people be chosen only where nothing real is and nobody else comes.

    Raises
    ------
    WorkspaceError : the workspace is not marked synthetic, or other machines could reach it.
    """
    if not portal.workspace.synthetic or not portal.programme.synthetic:
        raise WorkspaceError(
            "here people would be chosen from a list and not sign in, and this workspace is not"
            " marked as invented.",
            where=str(portal.workspace.root),
            expected="a file SYNTHETIC, and a programme declared synthetic",
            mend="newstart portal serve --accounts, and newstart portal invite for each person",
        )
    if not is_loopback(host):
        raise WorkspaceError(
            "here people would be chosen from a list and not sign in, and other machines could"
            " reach it.",
            where=host,
            expected="an address of this machine alone, like 127.0.0.1",
            mend="leave --host out, or serve it with --accounts",
        )


def invent_people(portal: Portal) -> None:
    """Give a demonstration its people: an officer a submitter, and one of each other role."""
    from evaluation.portal.accounts import Wanted, add_grant
    from evaluation.portal.models import Person
    from evaluation.portal.permissions import Role
    from evaluation.quarters import now

    if Person.objects.exists():
        return
    until = (now() + timedelta(days=365)).date()
    programme = portal.programme
    names = iter(_NAMES)
    sites = [(s, a) for s, a in programme.submitters if s in programme.site_by_code]
    wanted = [
        Wanted(
            name=next(names, f"Officer of {s} {a}"),
            email=f"{a}.{s}@example.org".lower(),
            role=Role.OFFICER,
            site=s,
            agency=a,
            until=until,
        )
        for s, a in sites
    ]
    # A second officer of the first submitter: a withdrawal needs two people.
    if sites:
        wanted.append(
            Wanted(
                name="Second Officer",
                email="second@example.org",
                role=Role.OFFICER,
                site=sites[0][0],
                agency=sites[0][1],
                until=until,
            )
        )
    wanted += [
        Wanted(
            name=f"{role.capitalize()} of the programme",
            email=f"{role}@example.org",
            role=role,
            until=until,
        )
        for role in Role
        if role is not Role.OFFICER
    ]
    for one in wanted:
        add_grant(programme, one, by="demonstration")


_NAMES = (
    "Ada Ashworth",
    "Ben Booth",
    "Chloe Carr",
    "Dev Dhillon",
    "Ella Eastwood",
    "Femi Fox",
    "Grace Gill",
    "Hugh Hart",
    "Iris Iqbal",
    "Jon Jarvis",
    "Kim Khan",
    "Leo Lund",
    "Maya Moss",
    "Nia Nash",
    "Owen Odell",
    "Priya Patel",
    "Rosa Reid",
    "Sam Shaw",
)


def application(portal: Portal) -> Callable[..., Any]:
    """The portal as a WSGI application, with its stylesheets before it."""
    from django.core.wsgi import get_wsgi_application
    from whitenoise import WhiteNoise

    configure.begin(portal)
    if portal.demonstration:
        invent_people(portal)
    served = WhiteNoise(get_wsgi_application(), max_age=3_600)
    served.add_files(str(_STATIC), prefix="static/")
    if portal.brand is not None:
        served.add_files(str(portal.brand), prefix="brand/")
    return served


def serve(
    portal: Portal, host: str, port: int, *, working: bool, said: Callable[[str], None]
) -> None:
    """Answer requests until stopped; ``said`` is told the address before anything else.

    Parameters
    ----------
    port : 0 for any that is free.
    working : whether what waits in the outbox is done by this process too.

    Raises
    ------
    WorkspaceError : a demonstration where there may be none, or an address that is taken.
    """
    import waitress

    # Requests that wait for a thread are no news to who looks at the terminal.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    if portal.demonstration:
        refuse_demonstration(portal, host)
    served = application(portal)
    try:
        server = waitress.create_server(
            served,
            host=host,
            port=port,
            threads=_THREADS,
            max_request_body_size=MOST_BODY,
            max_request_header_size=32_768,
            channel_timeout=_PATIENCE,
            connection_limit=200,
            ident="portal",
            clear_untrusted_proxy_headers=True,
            **_proxy(portal),
        )
    except OSError as error:
        raise WorkspaceError(
            f"the address cannot be used ({error.strerror}).",
            where=f"{host}:{port}",
            mend="choose another --port, or stop what uses this one",
        ) from None
    taken = server.effective_port if hasattr(server, "effective_port") else port
    shown = f"[{host}]" if ":" in host else host
    said(f"http://{shown}:{taken}/")
    if working:
        threading.Thread(target=_work, args=(portal,), daemon=True).start()
    server.run()


def _proxy(portal: Portal) -> dict[str, Any]:
    """Whose word is taken for where a request came from: nobody's, or the proxy's in front."""
    if not portal.behind_proxy:
        return {}
    return {
        "trusted_proxy": "127.0.0.1",
        "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
    }


def _work(portal: Portal) -> None:
    from evaluation.portal.outbox import work

    work(portal, once=False)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a real portal should not have: what it is, and what to do."""

    what: str
    mend: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def findings(portal: Portal) -> list[Finding]:
    """What stands against using this portal for real returns; its tables are open already."""
    from evaluation.portal import event_chain
    from evaluation.portal.models import Person
    from evaluation.portal.permissions import Role, roles_of

    found = []
    if portal.workspace.synthetic:
        found.append(
            Finding(
                what="This workspace is marked as invented.",
                mend="Take the file SYNTHETIC away before real returns come.",
            )
        )
    if not portal.address.startswith("https://"):
        found.append(
            Finding(
                what=f"Links in mail begin with {portal.address}, which is not encrypted.",
                mend="Set NEWSTART_PORTAL_ADDRESS=https://..., with a server for TLS in front.",
            )
        )
    if not os.environ.get("NEWSTART_PORTAL_SMTP"):
        found.append(
            Finding(
                what="No server is named that sends mail: it lies in var/portal/mail.",
                mend="Set NEWSTART_PORTAL_SMTP=HOST:PORT, or hand links over yourself.",
            )
        )
    if not any(Role.ADMIN in roles_of(one) for one in Person.objects.all()):
        found.append(
            Finding(
                what="Nobody is admin.",
                mend="newstart portal invite NAME --email ADDRESS --role admin --until DAY",
            )
        )
    if broken := event_chain.verify():
        found.append(
            Finding(
                what=f"The events do not hold from number {broken[0]} on.",
                mend="Compare them with the last back-up: somebody changed them.",
            )
        )
    return found

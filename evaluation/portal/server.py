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
SERVING: dict[str, Any] = {
    "max_request_body_size": MOST_BODY,
    "max_request_header_size": 32_768,
    "channel_timeout": _PATIENCE,
    "connection_limit": 200,
    "ident": "portal",
    # Whose word is taken for who asked is settled by the application itself (`by_proxy`).
    "clear_untrusted_proxy_headers": False,
}
"""How requests are taken from the network, for whichever address."""
_STATIC = Path(__file__).parent / "static"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in LOOPBACK or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


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
    """Give a demonstration its people: those that it declares, or invented ones, and an admin."""
    from evaluation.demo import invented_people
    from evaluation.portal.accounts import Wanted, add_grant
    from evaluation.portal.models import Person
    from evaluation.portal.permissions import Role
    from evaluation.quarters import now

    until = (now() + timedelta(days=365)).date()
    programme = portal.programme
    there = {*Person.objects.values_list("name", flat=True)}
    wanted = [
        (one.name, _ROLES[role], site, agency)
        for one in programme.people or invented_people(programme)
        for role in one.roles
        if role in _ROLES
        for site, agency in (
            # Who sends names a site, an agency, both or neither: they send what is theirs of each.
            [
                (site, agency)
                for site, agency in programme.submitters
                if (not one.sites or site in one.sites)
                and (not one.agencies or agency in one.agencies)
            ]
            if role == "submitter"
            else [("", "")]
        )
    ]
    for name, role, site, agency in [*wanted, ("Adil Ahmed", "admin", "", "")]:
        if name in there:
            continue
        email = f"{name.replace(' ', '.').lower()}@example.org"
        given = Wanted(
            name=name, email=email, role=Role(role), site=site, agency=agency, until=until
        )
        add_grant(programme, given, by="demonstration")


_ROLES = {
    "submitter": "officer",
    "evaluator": "evaluator",
    "checker": "checker",
    "publisher": "publisher",
}


def application(portal: Portal) -> Callable[..., Any]:
    """The portal as a WSGI application, with its stylesheets before it."""
    from django.core.wsgi import get_wsgi_application
    from whitenoise import WhiteNoise

    configure.begin(portal)
    if portal.demonstration:
        invent_people(portal)
    # No other site's page has a use for these files.
    served = WhiteNoise(get_wsgi_application(), max_age=3_600, allow_all_origins=False)
    served.add_files(str(_STATIC), prefix="static/")
    if portal.brand is not None:
        served.add_files(str(portal.brand), prefix="brand/")
    return by_proxy(portal.proxies, headed(served))


def headed(answer: Callable[..., Any]) -> Callable[..., Any]:
    """An application whose every answer says what keeps a browser in bounds, stylesheets too.

    What a page says of itself stands (OWASP ASVS 5.0.0, 3.4.1 to 3.4.6).
    """
    from evaluation.portal.middleware import POLICY

    always = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    by_tls = {"Strict-Transport-Security": f"max-age={configure.HSTS_SECONDS}"}

    def answered(environ: dict[str, Any], start: Any) -> Any:
        said = always | (by_tls if environ["wsgi.url_scheme"] == "https" else {})

        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            there = {name.lower() for name, _ in headers}
            left = [(name, text) for name, text in said.items() if name.lower() not in there]
            return start(status, [*headers, *left], *more)

        return answer(environ, begin)

    return answered


_FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_BY",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)


def by_proxy(proxies: tuple[str, ...], answer: Callable[..., Any]) -> Callable[..., Any]:
    """An application that knows who asked: by the word of these proxies, and of nobody else.

    Everybody can write the headers in which a proxy says for whom it asks. They are read where the
    request came from a proxy that is named, from the nearest hop on and no further than the first
    that is none of them; the pages never see them (OWASP ASVS 4.0.3, 1.2 and 14.5).
    """
    networks = [ipaddress.ip_network(one, strict=False) for one in proxies]

    def known(address: str) -> bool:
        return any(ipaddress.ip_address(address) in one for one in networks)

    def answered(environ: dict[str, Any], start: Any) -> Any:
        said = {name: environ.pop(name, "") for name in _FORWARDED}
        asked = str(environ.get("REMOTE_ADDR", ""))
        if _is_address(asked) and known(asked):
            if _parts(said["HTTP_X_FORWARDED_PROTO"])[-1:] == ["https"]:
                environ["wsgi.url_scheme"] = "https"
            for hop in reversed(_parts(said["HTTP_X_FORWARDED_FOR"])):
                if not _is_address(hop):
                    break
                environ["REMOTE_ADDR"] = hop
                if not known(hop):
                    break
        return answer(environ, start)

    return answered


def _parts(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
        server = waitress.create_server(served, host=host, port=port, threads=_THREADS, **SERVING)
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

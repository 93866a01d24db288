"""Where the portal keeps things and how strictly it is set: read from the environment, once.

Secrets come by file or by environment and never from a page; a file that others could read is
refused.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluation.errors import WorkspaceError
from evaluation.ledger.backup import keys_beside
from evaluation.ledger.data_keys import DataKeys, keys_at
from evaluation.portal.sign_on import Service, service_from_environment
from evaluation.programme import Programme
from evaluation.quarters import format_instant
from evaluation.workspace import Workspace, sync_all, write_whole

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_BYTES = 5 * 2**20
"""The largest file that is taken; a proxy in front should refuse bodies above 6 MB."""
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=8)
"""A session ends after so long without a page, and after so long in any case."""
HSTS_SECONDS = 31_536_000
"""A year, for which a browser that came by TLS asks by nothing else."""
_FOLDER = Path(__file__).parent
_KEY_SIGNS = 50
TABLES = "portal.sqlite"


@dataclass(frozen=True, kw_only=True)
class Portal:
    """One programme's portal.

    Attributes
    ----------
    demonstration : whether people are chosen from a list in place of signing in.
    open_check : whether a file is checked for anybody, without an account; nothing of it is kept.
    uploads, megabytes : what one person may upload, in an hour and in a day.
    address : how links in mail begin, like https://returns.example.org; never taken from a request.
    hosts : names under which it answers, beside those of this machine.
    proxies : addresses and networks of servers in front, whose word is taken for who asked, and
        whether by TLS; nobody else's is.
    brand : a folder with a design system's own stylesheet and fonts, for those who may use them.
    help : whom to ask, in a sentence.
    service : who signs people in besides the portal itself; None where nobody does.
    passwords : whether people may sign in with a password of the portal's own.
    """

    workspace: Workspace
    programme_name: str
    demonstration: bool = False
    open_check: bool = True
    uploads: int = 20
    megabytes: int = 200
    address: str = "http://127.0.0.1:8000"
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    brand: Path | None = None
    help: str = "Ask the programme's evaluation team, who invited you."
    service: Service | None = None
    passwords: bool = True

    @property
    def programme(self) -> Programme:
        """The programme as it is declared now."""
        folder = self.workspace.studies / self.programme_name
        files = sorted([*folder.glob("*.*"), *folder.glob("outcomes/*.*")])
        stamps = tuple(f"{one} {one.stat().st_mtime_ns} {one.stat().st_size}" for one in files)
        return _programme(self.workspace, self.programme_name, stamps)

    @property
    def folder(self) -> Path:
        """What only the portal keeps; readable by its own account alone."""
        return self.workspace.var / "portal"

    @property
    def uploaded(self) -> Path:
        return self.folder / "drafts"

    @property
    def log(self) -> Path:
        return self.folder / "portal.log"

    @property
    def key_file(self) -> Path:
        named = os.environ.get("NEWSTART_PORTAL_KEY_FILE")
        return Path(named) if named else self.folder / "keys"


@lru_cache(maxsize=4)
def _programme(workspace: Workspace, name: str, _stamps: tuple[str, ...]) -> Programme:
    # Every file's time is part of the question: a declaration that was changed is read again, and
    # so is one of which a file was taken away.
    return Programme.load(workspace, name)


def from_environment(workspace: Workspace, programme: str, *, demonstration: bool) -> Portal:
    """The portal of a workspace as its environment sets it (``NEWSTART_PORTAL_*``).

    Raises
    ------
    WorkspaceError : a setting that is no number, or a brand folder without a stylesheet.
    """
    plain = Portal(workspace=workspace, programme_name=programme)
    brand = os.environ.get("NEWSTART_PORTAL_BRAND")
    if brand and not (Path(brand) / "govuk-frontend.min.css").is_file():
        raise WorkspaceError(
            "the folder holds no stylesheet of the design system.",
            where=f"NEWSTART_PORTAL_BRAND={brand}",
            expected="govuk-frontend.min.css, and its fonts under assets/",
        )
    hosts = os.environ.get("NEWSTART_PORTAL_HOSTS", "")
    service = service_from_environment()
    return Portal(
        workspace=workspace,
        programme_name=programme,
        demonstration=demonstration,
        open_check=os.environ.get("NEWSTART_PORTAL_OPEN_CHECK", "yes") == "yes",
        uploads=_number("NEWSTART_PORTAL_UPLOADS", plain.uploads),
        megabytes=_number("NEWSTART_PORTAL_MEGABYTES", plain.megabytes),
        address=os.environ.get("NEWSTART_PORTAL_ADDRESS", plain.address).rstrip("/"),
        hosts=tuple(one.strip() for one in hosts.split(",") if one.strip()),
        proxies=_proxies(os.environ.get("NEWSTART_PORTAL_PROXY", "no")),
        brand=Path(brand).resolve() if brand else None,
        help=os.environ.get("NEWSTART_PORTAL_HELP", plain.help),
        service=service,
        # Without a service a portal without passwords would let nobody in.
        passwords=service is None or os.environ.get("NEWSTART_PORTAL_PASSWORDS", "yes") == "yes",
    )


def _proxies(said: str) -> tuple[str, ...]:
    """Who may stand in front: nobody (no), a server of this machine (yes), or addresses."""
    if said.strip() in ("", "no"):
        return ()
    if said.strip() == "yes":
        return ("127.0.0.1", "::1")
    named = tuple(one.strip() for one in said.split(",") if one.strip())
    for one in named:
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            network = None
        # Everybody's word for who they are would be as good as nobody's.
        if network is None or network.prefixlen == 0:
            raise WorkspaceError(
                f"{one} is no address of a server in front.",
                where=f"NEWSTART_PORTAL_PROXY={said}",
                expected="yes (on this machine), no, or its addresses: 10.0.0.5, 10.1.0.0/24",
            )
    return named


def _number(name: str, usual: int) -> int:
    text = os.environ.get(name, str(usual))
    if not text.isdecimal():
        raise WorkspaceError("this is no whole number.", where=f"{name}={text}", expected="like 20")
    return int(text)


def keys(portal: Portal) -> list[str]:
    """The keys that sign sessions and links, the one in use first; made where there is none.

    Raises
    ------
    WorkspaceError : the file can be read by others, or holds no key.
    """
    path = portal.key_file
    if not path.is_file():
        rotate_keys(portal)
    if stat.S_IMODE(path.stat().st_mode) & 0o077 and os.name == "posix":
        raise WorkspaceError(
            "others on this machine can read the portal's keys.",
            where=str(path),
            expected="a file of mode 0600",
            mend=f"chmod 600 {path}, then newstart portal keys rotate",
        )
    held = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not held or min(map(len, held)) < _KEY_SIGNS:
        raise WorkspaceError(
            f"a key has fewer than {_KEY_SIGNS} signs, or there is none.",
            where=str(path),
            expected="a key a line, the one in use first",
            mend="delete the file: a new key is made; everybody has to sign in again",
        )
    return held


def rotate_keys(portal: Portal) -> int:
    """Begin to sign with a new key; the one before still reads what it signed.

    Returns
    -------
    How many keys are held now, at most two: older ones are forgotten.
    """
    path = portal.key_file
    held = path.read_text("utf-8").split() if path.is_file() else []
    _private_folder(path.parent)
    kept = [secrets.token_urlsafe(_KEY_SIGNS), *held[:1]]
    write_whole(path, "\n".join(kept) + "\n", private=True)
    return len(kept)


def _private_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


def database(portal: Portal) -> dict[str, Any]:
    """Django's setting for the portal's own tables: an SQLite file, or PostgreSQL by URL."""
    url = os.environ.get("NEWSTART_PORTAL_DATABASE", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(portal.folder / TABLES),
            # Writers wait for each other from their first statement on: a transaction that read
            # before it writes would fail at once where another had written in between.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                # What a draft held must not be found in the file's free pages.
                "PRAGMA secure_delete=ON;",
            },
            "CONN_MAX_AGE": 600,
        }
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        raise WorkspaceError(
            "the portal's tables lie in an SQLite file or on PostgreSQL.",
            where="NEWSTART_PORTAL_DATABASE",
            expected="postgresql://USER:PASSWORD@HOST/NAME",
        )
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", parts.hostname or "")),
        "PORT": str(query.get("port", parts.port or "")),
        # Whatever else the address asks for, that it be encrypted above all (sslmode).
        "OPTIONS": {
            name: unquote(value) for name, value in query.items() if name not in ("host", "port")
        },
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def begin(portal: Portal) -> None:
    """Set Django up for this portal and bring its tables up to date.

    Called again in one process, it points at another portal.
    """
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    _private_folder(portal.folder)
    _private_folder(portal.uploaded)
    if settings.configured:
        settings.PORTAL = portal
        settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS = keys(portal)
        connections["default"].close()
        del connections["default"]
        # The engine may be another one too, so the connection is made anew and not pointed anew.
        connections.settings = connections.configure_settings({"default": database(portal)})
    else:
        settings.configure(**_settings(portal))
        django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _settings(portal: Portal) -> dict[str, Any]:
    key, *earlier = keys(portal)
    secure_age = int(LONGEST.total_seconds())
    return {
        "PORTAL": portal,
        "DEBUG": False,
        "SECRET_KEY": key,
        "SECRET_KEY_FALLBACKS": earlier,
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]", *portal.hosts],
        "INSTALLED_APPS": ["django.contrib.sessions", "evaluation.portal"],
        "MIDDLEWARE": [
            "evaluation.portal.middleware.headers",
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "evaluation.portal.middleware.who",
            "django.middleware.csrf.CsrfViewMiddleware",
            "evaluation.portal.middleware.plain",
        ],
        "ROOT_URLCONF": "evaluation.portal.addresses",
        "DATABASES": {"default": database(portal)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "AUTH_USER_MODEL": "portal.Person",
        "AUTHENTICATION_BACKENDS": ["evaluation.portal.accounts.LocalAccounts"],
        "PASSWORD_HASHERS": ["evaluation.portal.accounts.SmallArgon2"],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
            for name, options in (
                ("UserAttributeSimilarityValidator", {"user_attributes": ("name", "email")}),
                ("MinimumLengthValidator", {"min_length": 12}),
                ("CommonPasswordValidator", {}),
                ("NumericPasswordValidator", {}),
            )
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "DIRS": [_FOLDER / "templates"],
                "OPTIONS": {"environment": "evaluation.portal.pages.environment"},
            }
        ],
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LANGUAGE_CODE": "en-gb",
        "USE_I18N": False,
        # Browsers take a Secure cookie over plain HTTP from this machine itself, and from nowhere
        # else: a portal on another host needs TLS in front, or nobody can sign in.
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": secure_age,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_FAILURE_VIEW": "evaluation.portal.pages.forged",
        "CSRF_TRUSTED_ORIGINS": [portal.address] if portal.address.startswith("https://") else [],
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "SECURE_HSTS_SECONDS": HSTS_SECONDS,
        "FILE_UPLOAD_HANDLERS": ["evaluation.portal.uploads.Bounded"],
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 2 * 2**20,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 5_000,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 2,
        "LOGGING": _logging(portal),
    }


class Lines(logging.Formatter):
    """A line of JSON for each entry, for a program that gathers logs.

    Never an error's own words or its traceback, which may quote a figure: only what was said.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The entry as one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        said = {
            "at": format_instant(at),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(said, ensure_ascii=False)


def _logging(portal: Portal) -> dict[str, Any]:
    kept = {"level": "WARNING", "handlers": ["file"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "evaluation.portal.configure.Lines"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.WatchedFileHandler",
                "filename": str(portal.log),
                "formatter": "lines",
                "encoding": "utf-8",
                "delay": True,
            }
        },
        # What Django logs of a request names its path and never its body.
        # A traceback may quote a figure: what went wrong is logged with its number, by the portal.
        "loggers": {
            "django": kept,
            "portal": kept,
            "django.request": {"handlers": [], "level": "CRITICAL", "propagate": False},
            # It would log the path of a form as it is, and a link's token with it.
            "django.security.csrf": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }


def back_up(portal: Portal, folder: Path) -> int:
    """Copy the portal's tables and the files of its drafts; how many files there were.

    What drafts hold is sealed, and its keys lie with those of the returns. The keys that sign
    sessions are left out: after a restore everybody signs in again.

    Raises
    ------
    WorkspaceError : the tables lie on PostgreSQL, which has its own way.
    """
    tables = portal.folder / TABLES
    if os.environ.get("NEWSTART_PORTAL_DATABASE"):
        raise WorkspaceError(
            "the portal's tables lie on PostgreSQL and are not in this back-up.",
            where="NEWSTART_PORTAL_DATABASE",
            mend="back them up with pg_dump, and the folder var/portal/drafts beside them",
        )
    if not tables.is_file():
        return 0
    _private_folder(folder / "drafts")
    unfinished = folder / ".tables.part"
    with closing(sqlite3.connect(tables)) as source, closing(_new(unfinished)) as copy:
        source.backup(copy)
        kept = copy.execute("SELECT stored FROM portal_draft").fetchall()
    # After the tables: a file that they name and that is gone was removed on purpose meanwhile.
    there = [name for (name,) in kept if (portal.uploaded / name).is_file()]
    for name in there:
        shutil.copy2(portal.uploaded / name, folder / "drafts" / name)
    held = keys_at(portal.workspace.database, portal.workspace.raw)
    if not held.named and held.folder.is_dir():
        # The ledger's part laid a copy there already; drafts may have come since.
        held.copy_to(keys_beside(folder.parent))
    # Last: without its tables there is no back-up of a portal, so half of one cannot pass for it.
    unfinished.replace(folder / TABLES)
    sync_all()
    return len(there)


def _new(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=False)
    return sqlite3.connect(path)


def restore(portal: Portal, folder: Path) -> int:
    """Take the portal's part of a back-up where there is no portal yet; how many files there were.

    Raises
    ------
    WorkspaceError : there is a portal already.
    """
    if not (folder / TABLES).is_file():
        return 0
    if (portal.folder / TABLES).exists():
        raise WorkspaceError(
            "there is a portal already; its tables and drafts were left as they are.",
            where=str(portal.folder),
            mend="restore into a workspace that has none",
        )
    _private_folder(portal.uploaded)
    # Keys, then files, then the tables: a portal begins with its tables, and would empty drafts
    # whose keys are not there. Cut short before them, the same command goes on.
    _take_keys(portal, DataKeys(folder=keys_beside(folder.parent)))
    files = [*(folder / "drafts").iterdir()]
    for path in files:
        write_whole(portal.uploaded / path.name, path.read_bytes(), private=True)
    write_whole(portal.folder / TABLES, (folder / TABLES).read_bytes(), private=True)
    return len(files)


def _take_keys(portal: Portal, beside: DataKeys) -> None:
    """Take over the keys of drafts that lie beside a back-up, but for those destroyed here."""
    held = keys_at(portal.workspace.database, portal.workspace.raw)
    for path in sorted(beside.folder.glob("d-/d-*")):
        # A note of one that was destroyed has a suffix, and a key has none.
        key = None if path.suffix else beside.read(path.name)
        if key is not None and held.read(path.name) is None and held.note(path.name) is None:
            held.put(path.name, key)

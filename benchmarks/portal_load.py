"""Ask a served portal as a whole programme's officers would at once, and count what comes back.

Fifty officers sign in with passwords, then upload fifty at a time; all of it against the portal as
the command line serves it, over HTTP, from another process on the same machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.ledger.record import record_as
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.template import write_template
from evaluation.workspace import Workspace
from tests.conftest import AREAS, OPINION, PROGRAMME

ROOT = Path(__file__).parents[1]
NOW = "2026-10-10T09:00:00Z"
PASSWORD = "a long enough pass phrase"
ROWS = 400
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9]+)"')


@dataclass
class Officer:
    """A browser: its cookies, and how it asks."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, str]:
        """One request; the status, and where it leads or what it shows."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        headers |= {"Content-Type": kind} if kind else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.strip().partition("=")
                self.cookies[key] = rest.partition(";")[0]
        connection.close()
        if found := _TOKEN.search(text):
            self.token = found[1]
        return answer.status, answer.getheader("Location") or text

    def form(self, path: str, **typed: str) -> tuple[int, str]:
        """Send a form."""
        body = urlencode({"csrfmiddlewaretoken": self.token, **typed}).encode()
        return self.ask("POST", path, body, "application/x-www-form-urlencoded")

    def upload(self, path: str, name: str, content: bytes) -> tuple[int, str]:
        """Send a file."""
        edge = "----------an-edge-that-no-file-holds"
        body = (
            (
                f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
                f'{self.token}\r\n--{edge}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
            ).encode()
            + content
            + f"\r\n--{edge}--\r\n".encode()
        )
        return self.ask("POST", path, body, f"multipart/form-data; boundary={edge}")


def invited(root: Path, many: int) -> list[str]:
    """Officers with a password; their addresses."""
    script = (
        "import sys; from pathlib import Path; from datetime import timedelta;"
        "from evaluation.portal import configure; from evaluation.workspace import Workspace;"
        "p = configure.from_environment(Workspace(root=Path(sys.argv[1])), 'tiny', "
        "demonstration=False); configure.begin(p);"
        "from evaluation.portal import accounts as a; from evaluation.quarters import now;"
        "from evaluation.portal.models import Person;"
        "until = (now() + timedelta(days=9)).date();"
        "[a.add_grant(p.programme, a.Wanted(name=f'Officer {n}', email=f'o{n}@example.org', "
        "role=a.Role.OFFICER, site='S01', agency='nhs', until=until), by='load') "
        "for n in range(int(sys.argv[2]))];"
        "Person.objects.update(password=a.make_password(sys.argv[3]))"
    )
    command = [sys.executable, "-c", script, str(root), str(many), PASSWORD]
    subprocess.run(command, check=True, cwd=ROOT)
    return [f"o{n}@example.org" for n in range(many)]


def laid_out(root: Path) -> bytes:
    """The tiny programme with so many areas that a return has 400 rows; that return, as a CSV."""
    folder = root / "studies" / "tiny"
    (folder / "outcomes").mkdir(parents=True)
    more = "".join(f"F{n:03d},Field {n},A1,pilot,S01,5000\n" for n in range(ROWS // 2 - 2))
    (folder / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS + more, encoding="utf-8")
    (folder / "outcomes" / "opinion.yaml").write_text(OPINION, encoding="utf-8")
    (root / "SYNTHETIC").touch()
    programme = Programme.load(Workspace(root=root), "tiny")
    path = root / "S01_nhs_2026-Q3.csv"
    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path)
    lines = path.read_text("utf-8-sig").splitlines()
    at = {name: place for place, name in enumerate(lines[0].split(","))}
    rows = [lines[0]]
    for number, line in enumerate(lines[1:]):
        cells = line.split(",")
        cells[at["numerator"]], cells[at["denominator"]] = str(20 + number % 7), "5000"
        rows.append(",".join(cells))
    assert len(rows) == ROWS + 1
    return ("\n".join(rows) + "\n").encode()


def timed(work: Any, jobs: list[Any], at_once: int) -> tuple[list[float], Counter[int], float]:
    """Each job's seconds, the statuses, and the seconds of all, so many jobs at once."""

    def one(job: Any) -> tuple[float, int]:
        began = time.monotonic()
        status = work(job)
        return time.monotonic() - began, status

    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(one, jobs))
    return [s for s, _ in done], Counter(status for _, status in done), time.monotonic() - began


def told(seconds: list[float], statuses: Counter[int], whole: float) -> dict[str, Any]:
    """What is recorded of so many requests."""
    cut = statistics.quantiles(seconds, n=20)
    return {
        "requests": len(seconds),
        "statuses": {str(k): v for k, v in sorted(statuses.items())},
        "a_second": round(len(seconds) / whole, 1),
        "p50_seconds": round(statistics.median(seconds), 2),
        "p95_seconds": round(cut[-1], 2),
    }


def measured(root: Path, address: str, logins: int, uploads: int, content: bytes) -> dict[str, Any]:
    """Sign in, and upload, fifty at once."""
    where = urlsplit(address)
    people = [Officer(str(where.hostname), int(where.port or 80)) for _ in range(50)]

    def sign_in(number: int) -> int:
        officer = Officer(str(where.hostname), int(where.port or 80))
        officer.ask("GET", "/sign-in")
        email = f"o{number % 50}@example.org"
        status, on = officer.form("/sign-in", email=email, password=PASSWORD)
        if on == "/":
            people[number % 50] = officer
        return status

    def upload(number: int) -> int:
        officer = people[number % 50]
        return officer.upload(HERE, "S01_nhs_2026-Q3.csv", content)[0]

    found = {"sign_in": told(*timed(sign_in, list(range(logins)), 50))}
    for officer in people:
        officer.ask("GET", HERE)
    found["upload_of_400_rows"] = told(*timed(upload, list(range(uploads)), 50))
    found["drafts_kept"] = len([*(root / "var" / "portal" / "drafts").iterdir()])
    return found


HERE = "/returns/S01/nhs/2026-Q3/upload"


def main() -> None:
    """Serve a portal, ask it, and record what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=500)
    parser.add_argument("--uploads", type=int, default=2_400)
    asked = parser.parse_args()
    os.environ |= {
        "NEWSTART_NOW": NOW,
        "NEWSTART_PORTAL_UPLOADS": "100000",
        "NEWSTART_PORTAL_MEGABYTES": "100000",
    }
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        content = laid_out(root)
        invited(root, 50)
        command = [sys.executable, "-m", "evaluation.cli", "--workspace", name, "portal", "serve"]
        with subprocess.Popen(
            [*command, "--accounts", "--port", "0", "--no-work"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                address = server.stdout.readline().strip() if server.stdout else ""
                before = os.getloadavg()[0]
                result = measured(root, address, asked.logins, asked.uploads, content)
                result["load_of_the_machine"] = [round(before, 1), round(os.getloadavg()[0], 1)]
            finally:
                server.terminate()
    command_line = "python -m benchmarks.portal_load"
    if (asked.logins, asked.uploads) != (500, 2_400):
        command_line += f" --logins {asked.logins} --uploads {asked.uploads}"
    record_as("portal_load", command_line, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

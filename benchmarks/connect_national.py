"""National size: every neighbourhood of England, month by month, through connector and ledger.

``python -m benchmarks.connect_national [QUARTERS]`` serves invented claimant counts of 33,755
neighbourhoods from a server of its own, in pages of 25,000 rows as Nomis cuts them, fetches so many
quarters (4 unless said), checks them and submits them, and reads the same pages with bare pandas
beside it. What a whole history would take (96 months of 4 series: 13 million rows) is those seconds
a quarter times 128; that is arithmetic and is recorded as such.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from evaluation.connect.fetch import Means, fetch
from evaluation.connect.fetches import Order
from evaluation.demo import submit_files
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.workspace import Workspace

RECORD = Path(__file__).parent / "results" / "connect_national.json"
AREAS, PAGE, MONTHS, SERIES = 33_755, 25_000, 96, 4
RETURNS = MONTHS // 3 * SERIES
COLUMNS = "DATE,GEOGRAPHY_CODE,OBS_VALUE,OBS_STATUS,RECORD_OFFSET,RECORD_COUNT"
REQUEST = (
    "/x.csv?geography=TYPE151&date={first}...{last}&select=record_count"
    "&RecordLimit={limit}&RecordOffset={offset}"
)
CODES = [f"E0{1_000_000 + n}" for n in range(AREAS)]


class Nomis(BaseHTTPRequestHandler):
    """Counts in multiples of five, cut at 25,000 rows."""

    def log_message(self, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """One page of the months that were asked for."""
        query = {name: held[0] for name, held in parse_qs(urlsplit(self.path).query).items()}
        first, last = query["date"].split("...")
        months = [f"{first[:5]}{m:02d}" for m in range(int(first[5:]), int(last[5:]) + 1)]
        total, offset = len(months) * AREAS, int(query["RecordOffset"])
        lines = [COLUMNS]
        for place in range(offset, min(offset + PAGE, total)):
            month, area = divmod(place, AREAS)
            count = 5 * (2 + (area * 7 + month + int(first[5:])) % 40)
            lines.append(f"{months[month]},{CODES[area]},{count},A,{place},{total}")
        body = "\n".join(lines).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(ready: Any) -> None:
    """Serve until the process is ended."""
    server = HTTPServer(("127.0.0.1", 0), Nomis)
    ready.put(server.server_port)
    server.serve_forever()


def lay_out(root: Path) -> Workspace:
    """A programme of every neighbourhood, six of them pilots."""
    folder = root / "studies" / "nation"
    folder.mkdir(parents=True)
    (folder / "programme.yaml").write_text(
        "name: nation\ntitle: A nation\nquestion: At that size?\nsynthetic: true\n"
        "first: 2018 Q1\nlast: 2026 Q4\nagencies: {dwp: DWP}\n"
        "sources: [{code: dwp_open, name: DWP, agency: dwp}]\n"
        "sites: [{code: S01, name: One, start: 2025 Q1}]\n"
        "areas: areas.csv\ndenominators: denominators.csv\noutcomes: [claimant_count]\n",
        "utf-8",
    )
    (folder / "sources.yaml").write_text(
        json.dumps(
            {
                "recipes": [
                    {
                        "name": "claimant_count",
                        "kind": "nomis",
                        "source": "dwp_open",
                        "outcome": "claimant_count",
                        "request": REQUEST,
                        "rounding": 5,
                    }
                ]
            }
        ),
        "utf-8",
    )
    areas = ["code,name,authority,role,site"]
    below = ["area,outcome,denominator"]
    for n, code in enumerate(CODES):
        areas.append(f"{code},Place {n},LA{n // 110},{'pilot,S01' if n < 6 else 'comparison,'}")
        below.append(f"{code},claimant_count,1000")
    (folder / "areas.csv").write_text("\n".join(areas) + "\n", "utf-8")
    (folder / "denominators.csv").write_text("\n".join(below) + "\n", "utf-8")
    return Workspace(root=root)


class Clock:
    """Seconds on the wall, and of this process alone: the machine may be busy with others."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()


def measure(workspace: Workspace, port: int, quarters: int) -> dict[str, Any]:
    """Seconds of connector, check and ledger, and of pandas on the same bytes."""
    programme = Programme.load(workspace, "nation")
    first = Period.parse("2018 Q1")
    order = Order(
        name="claimant_count",
        first=first,
        last=first + (quarters - 1),
        out=workspace.incoming("nation") / "2027-01-31",
        bases={"nomis": f"http://127.0.0.1:{port}"},
    )
    begun = Clock()
    done = fetch(workspace, programme, order, Means())
    fetched = Clock()
    accepted = submit_files(workspace, done.written, lambda _: None)
    ended = Clock()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    parts = {"connector": (begun, fetched), "check_and_ledger": (fetched, ended)}
    seconds = {name: round((b.wall - a.wall) / quarters, 2) for name, (a, b) in parts.items()}
    cpu = {name: round((b.cpu - a.cpu) / quarters, 2) for name, (a, b) in parts.items()}
    return {
        "areas": AREAS,
        "quarters": quarters,
        "rows_from_the_source": 3 * AREAS * quarters,
        "returns_accepted": accepted,
        "seconds_a_quarter": seconds,
        "processor_seconds_a_quarter": cpu,
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "bare_pandas_processor_seconds_a_quarter": round(bare(workspace) / quarters, 2),
        "peak_gib": round(peak, 2),
        "minutes_for_96_months_of_4_series_by_arithmetic": {
            "as_it_ran": round(RETURNS * sum(seconds.values()) / 60, 1),
            "processor": round(RETURNS * sum(cpu.values()) / 60, 1),
        },
    }


def bare(workspace: Workspace) -> float:
    """The kept pages read by pandas and averaged by quarter: no check, no record, no lineage."""
    import pandas as pd  # loaded before the clock is read

    begun = time.process_time()
    pages = [path for path in (workspace.var / "connect" / "raw").rglob("*") if path.is_file()]
    frame = pd.concat([pd.read_csv(io.BytesIO(path.read_bytes())) for path in pages])
    quarter = pd.PeriodIndex(frame["DATE"], freq="M").asfreq("Q")
    means = frame.groupby(["GEOGRAPHY_CODE", quarter])["OBS_VALUE"].mean()
    assert np.isfinite(means.to_numpy()).all()
    return time.process_time() - begun


def main() -> None:
    """Run it, print it, keep it."""
    quarters = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    ready: Any = multiprocessing.get_context("spawn").Queue()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(ready,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(lay_out(Path(folder)), ready.get(), quarters)
    finally:
        server.terminate()
    result = {"command": "python -m benchmarks.connect_national [QUARTERS]", **found}
    text = json.dumps(result, indent=2)
    RECORD.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""The small programme of the journeys, locked and waiting for three returns that officers send."""

from __future__ import annotations

from pathlib import Path

from tests.journey import pilot_programme as pilot
from tests.journey.at_the_command_line import newstart

LEFT = ("R1_council_2026-Q2.csv", "R1_health_2026-Q2.csv", "R2_council_2026-Q2.csv")
OFFICERS = ("Ana", "Bo", "Cy")


def lock(place: Path) -> None:
    """Its study locked before three returns of the last quarter came; they lie in ``in``."""
    root = pilot.build(place, pilot.SMALL, LEFT)
    declared = root / "studies/roots/programme.yaml"
    text = declared.read_text("utf-8")
    more = "".join(f"  - {{name: {name}, roles: [submitter]}}\n" for name in OFFICERS)
    assert "  - {name: Eve" in text
    declared.write_text(text.replace("  - {name: Eve", more + "  - {name: Eve"), "utf-8")
    options = ("--exploratory", "--registration", "osf.io/roots")
    newstart(root, "protocol", "freeze", pilot.STUDY, *options)

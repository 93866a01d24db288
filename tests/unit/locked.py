"""A small synthetic programme for locks: 24 authorities of one area, three sites, 14 quarters."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from evaluation.demo import submit_files
from evaluation.quarters import parse_instant
from evaluation.simulate import (
    Scenario,
    draw_figures,
    invent_programme,
    write_programme,
    write_returns,
)
from evaluation.study.freeze import freeze
from evaluation.study.lock import Lock
from evaluation.study.lock_status import standing_of
from evaluation.study.results import results_of
from evaluation.study.run import run_study, take_look
from evaluation.study.study import Study
from evaluation.workspace import Workspace, packaged_schemas, write_whole

NAME = "new_start/first_look"
LOCKED = "2024-12-31"
"""After the returns of 2024 Q3, the last quarter before the first start."""
UNTIL = "2025-12-31"
"""After four quarters with a site running."""
PROTOCOL = {
    "study": "first_look",
    "programme": "new_start",
    "title": "Locked",
    "question": "Does it?",
    "registered": "synthetic, not registered",
    "data_seen": "figures of before the first start",
    "how_pilots_were_chosen": "Invented: drawn like the comparison areas.",
    "intervention": "One front door.",
    "estimand": "Mean of the first four quarters.",
    "primary": ["ae_attendances"],
    "negative_control": ["road_casualties"],
    "scale": {"road_casualties": "level"},
    "window": [0, 3],
    "hoped_percent": {"ae_attendances": -8},
    "default_margin_percent": 5,
    "estimators": ["did", "synthetic_control"],
    "synthetic_control": "demeaned",
    "assignments": {"n": 199, "strata": [], "seed": 7},
    "looks": {"horizon": 6, "reserve": 0.01},
    "missing": "Left out.",
    "suppressed": "Left out.",
    "decision_rules": "None.",
    "publication": "2027-06-30",
}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A workspace whose returns wait to be submitted."""

    workspace: Workspace
    files: list[Path]

    @property
    def protocol(self) -> Path:
        return self.workspace.studies / NAME / "protocol.yaml"

    def copied(self, root: Path) -> "Ground":
        """A copy that a test may spoil."""
        shutil.copytree(self.workspace.root, root)
        files = [root / path.relative_to(self.workspace.root) for path in self.files]
        return Ground(workspace=Workspace(root=root), files=files)

    def submit(self, after: str = "", until: str = "9999") -> None:
        """Submit the returns whose day lies in the half-open span."""
        chosen = [path for path in self.files if after < path.parent.name <= until]
        submit_files(self.workspace, chosen, lambda _: None)

    def freeze(self, day: str = LOCKED, relock: str = "", name: str = NAME) -> Lock:
        return freeze(self.workspace, name, now=instant(day), relock=relock)


def instant(day: str) -> datetime:
    return parse_instant(day)


def lay_out(root: Path) -> Ground:
    """The declared programme, its study, and its returns as files; nothing submitted."""
    workspace = Workspace(root=root)
    scenario = Scenario.load(packaged_schemas())
    preset = scenario.presets["tiny"].model_copy(
        update={
            "quarters": 14,
            "areas_per_site": (1, 1, 1),
            "start_positions": (6, 7, 7),
            "authorities": 21,
            "areas_per_authority": 1,
            "outcomes": ("ae_attendances", "arrears", "road_casualties"),
        }
    )
    (root / "SYNTHETIC").write_text("Synthetic.\n")
    programme = invent_programme(scenario, preset, packaged_schemas())
    write_programme(programme, workspace.studies / "new_start")
    (workspace.studies / NAME).mkdir()
    (workspace.studies / NAME / "protocol.yaml").write_text(
        yaml.safe_dump(PROTOCOL, sort_keys=False, default_flow_style=None)
    )
    figures = draw_figures(programme, scenario, preset, seed=5)
    files = write_returns(programme, scenario, figures, workspace.incoming("new_start"))
    return Ground(workspace=workspace, files=sorted(files, key=lambda p: p.parent.name))


def run_once(root: Path) -> Ground:
    """The same locked, with every return in and the results of one run beside them."""
    made = lay_out(root)
    made.submit(until=LOCKED)
    made.freeze()
    made.submit(after=LOCKED)
    path = made.workspace.var / "results" / NAME / "results.json"
    write_whole(path, results_of(run_study(Study.load(made.workspace, NAME))).as_json())
    return made


def differences(ground: Ground, name: str = NAME, as_of: datetime | None = None) -> tuple[str, ...]:
    """What `run_study` says of its label, without the estimates."""
    study = Study.load(ground.workspace, name, as_of=as_of)
    standing = standing_of(study)
    return standing.with_look(take_look(study, standing))

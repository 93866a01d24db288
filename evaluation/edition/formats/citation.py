"""How the edition is cited, and what changed in the software, both for programs to read."""

from __future__ import annotations

import json
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any

import yaml

from evaluation.edition import words

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition

_VERSION = re.compile(r"^## (?P<version>\S+)(?: \((?P<when>[^)]*)\))?\s*$")


def citation(edition: Edition) -> str:
    """``CITATION.cff`` (Citation File Format 1.2.0) of one edition."""
    study = edition.headline
    synthetic = f"{words.SYNTHETIC} " if study.synthetic else ""
    content = {
        "cff-version": "1.2.0",
        "message": "Cite a figure by edition and id.",
        "type": "dataset",
        "title": f"{edition.programme.title}: is it working? Edition {edition.quarter}",
        "authors": [{"name": "The New Start evaluation framework developers"}],
        "version": edition.quarter.replace(" ", "-"),
        "date-released": str(study.raw["vintage"])[:10],
        "license": "MIT",
        "abstract": f"{synthetic}{study.raw['question']}",
        "identifiers": [
            {
                "type": "other",
                "value": f"sha256:{study.raw[f'{of}_fingerprint']}",
                "description": f"fingerprint of the {of}",
            }
            for of in ("protocol", "panel", "code")
        ],
    }
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def changes(text: str) -> str:
    """A change log in Markdown as JSON: versions, newest first, each with its sentences."""
    versions: list[dict[str, Any]] = []
    for line in text.splitlines():
        if found := _VERSION.match(line):
            versions.append({"version": found["version"], "released": found["when"], "changes": []})
        elif line.startswith("- ") and versions:
            versions[-1]["changes"].append(line[2:].strip())
        elif line.startswith("  ") and versions and versions[-1]["changes"]:
            versions[-1]["changes"][-1] += f" {line.strip()}"
    installed = metadata.version("newstart-evaluation")
    content = {"software": "newstart-evaluation", "installed": installed, "versions": versions}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

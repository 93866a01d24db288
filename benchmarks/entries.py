"""How often one `study run` goes back to a module that it had left: a profile of module entries.

``python -m benchmarks.entries WORKSPACE [STUDY]`` copies the workspace (a finished
``newstart demo --tiny``), runs the study there once with a profiler on, and prints what a reader
would turn to who follows that run through the code and reads each function where it is called for
the first time: the modules in that order, one entry for each change of module. A return is an entry
of a module that was left before, so returns are entries less modules; the fewer, the more of the
run stands together. Rooms are the folders of the package, counted likewise.

``files`` counts what of the workspace is opened to be read, and how often again.
``calls`` counts every change of module at every call, so that a loop over areas counts each time:
the work that crosses a border, not the reading. Another version of the code is measured by its
path: ``PYTHONPATH=FOLDER python benchmarks/entries.py WORKSPACE``. ``--record NAME`` keeps the
figures under that name in ``benchmarks/results/entries.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

RECORD = Path(__file__).parent / "results" / "entries.json"
COMMAND = "python -m benchmarks.entries WORKSPACE --record NAME"
STUDY = "new_start/first_look"
TOP = "top"
MOST = 12


class Walk:
    """The functions of the package in the order in which they were called for the first time.

    Imports are left out: what a module does when it is loaded is no step of the run.
    """

    def __init__(self, package: Path) -> None:
        self._root = f"{package}/"
        self._seen: set[CodeType] = set()
        self._last = ""
        self.modules: list[str] = []
        self.calls = 0

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Called by the interpreter at every call; a module's own body is not one."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(self._root):
            return
        # A comprehension or a lambda is read with the function that it stands in.
        if code.co_name.startswith("<") or _is_a_class_body(code):
            return
        module = code.co_filename.removeprefix(self._root)
        self.calls += module != self._last
        self._last = module
        if code in self._seen:
            return
        self._seen.add(code)
        self.modules.append(module)


class Opened:
    """The files below a folder that are opened to be read, while it is watched."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.paths: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None or event not in ("open", "sqlite3.connect"):
            return
        path, mode = str(arguments[0]), "r" if event != "open" else str(arguments[1] or "r")
        if path.startswith(f"{self.root}/") and "r" in mode:
            self.paths.append(path.removeprefix(f"{self.root}/"))

    def counted(self) -> dict[str, Any]:
        """How many files, how often one was opened, and which again."""
        often = Counter(self.paths)
        again = {name: count for name, count in often.most_common() if count > 1}
        return {"files": len(often), "openings": len(self.paths), "again": again}


def _is_a_class_body(code: CodeType) -> bool:
    """A class body runs once, at import, without the locals of a function."""
    return not code.co_flags & 0x2  # CO_NEWLOCALS


def entries(names: list[str]) -> list[str]:
    """The names with repetitions in a row counted once."""
    return [name for k, name in enumerate(names) if not k or names[k - 1] != name]


def counted(names: list[str]) -> dict[str, Any]:
    """How many there are, how often one is entered, and how often one that had been left."""
    walk = entries(names)
    often = Counter(walk)
    return {
        "entered": len(often),
        "entries": len(walk),
        "returns": len(walk) - len(often),
        "most": {name: count for name, count in often.most_common(MOST) if count > 1},
    }


def room(module: str) -> str:
    """The folder of a module; those on the ground floor stand together."""
    return module.partition("/")[0] if "/" in module else TOP


def measure(workspace: Path, study: str) -> dict[str, Any]:
    """The entries of one run of a study, on a copy of the workspace."""
    import evaluation
    from evaluation.cli import main

    walk, opened = Walk(Path(evaluation.__file__).parent), Opened()
    with tempfile.TemporaryDirectory(prefix="newstart-entries-") as folder:
        copy = Path(folder) / "workspace"
        shutil.copytree(workspace, copy, ignore=shutil.ignore_patterns("book", "editions"))
        # Once without the profiler: what is loaded at the first use is loaded then.
        _run(main, copy, study)
        opened.root = copy
        sys.setprofile(walk.profile)
        try:
            _run(main, copy, study)
        finally:
            sys.setprofile(None)
            opened.root = None
    return {
        "study": study,
        "functions": len(walk.modules),
        "modules": counted(walk.modules),
        "rooms": counted([room(one) for one in walk.modules]),
        "files": opened.counted(),
        "calls": walk.calls,
    }


def _run(main: Any, workspace: Path, study: str) -> None:
    said = io.StringIO()
    asked = ["newstart", "--workspace", str(workspace), "study", "run", study]
    before, sys.argv = sys.argv, asked
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main()
    except SystemExit as ended:
        if ended.code not in (0, None):
            raise SystemExit(f"{' '.join(asked)}\n{said.getvalue()}") from None
    finally:
        sys.argv = before


def main_entries() -> None:
    """Measure, print, and keep the figures where a name is given."""
    parser = argparse.ArgumentParser(description="Module entries of one run of a study.")
    parser.add_argument("workspace", type=Path, help="a finished newstart demo --tiny")
    parser.add_argument("study", nargs="?", default=STUDY)
    parser.add_argument("--record", metavar="NAME", help="keep the figures under this name")
    asked = parser.parse_args()
    found = measure(asked.workspace, asked.study)
    print(json.dumps(found, indent=1))
    if asked.record:
        held = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
        runs = held.get("runs", {}) | {asked.record: found}
        text = json.dumps({"command": COMMAND, "runs": runs}, indent=1)
        RECORD.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main_entries()

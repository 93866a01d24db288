"""Whatever a document, a message or a page tells a reader to run or to open is there."""

from __future__ import annotations

import inspect
import pkgutil
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from evaluation.cli import app

ROOT = Path(__file__).resolve().parents[2]
# What the demonstration said is not mended afterwards; nor what was new in earlier versions.
RECORDS = ("tests/golden/", "book/_static/vendor/")
SUFFIXES = (".md", ".j2", ".py", ".html", ".yaml", ".yml", ".sh", ".service", ".timer", "Makefile")
# `newstart` and what follows it, up to the end of its line, quotation or pipe.
COMMAND = re.compile(r"(?<![\w/.-])newstart((?: +(?:[^\s`\"'<|&;>()\\]+|\"[^\"\n]*\"))+)")
# A file with the first word of its key, and a name under which figures are rounded.
NO_COMMANDS = {"sealed", "synthetic"}
FOLDERS = (
    r"\.ci",
    r"\.github",
    "benchmarks",
    "book",
    "data_schemas",
    "docs",
    "evaluation",
    "hosting",
    "studies",
    "tests",
)
# What comes into being only when something is run or built.
MADE_LATER = re.compile(
    r"^book/(_build|_edition)|[<*{]|/[A-Z]{2,}|\bprotocol\.lock$|^(docs|book)/annex"
)


def _texts(*endings: str) -> Iterator[tuple[str, str]]:
    """Tracked files that end so, with what stands in them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode("utf-8").splitlines():
        if name.endswith(endings) and not name.startswith(RECORDS) and (ROOT / name).is_file():
            text = (ROOT / name).read_text("utf-8")
            yield name, text.partition("\n## 0.1.0")[0] if name == "CHANGELOG.md" else text


DOCUMENTS = dict(_texts(".md"))
MAIN = typer.main.get_command(app)


def _wrong(words: list[str]) -> str | None:
    """Why the command line does not know these words; None where it does."""
    node: Any = MAIN
    context = node.context_class(node, info_name="newstart")
    while words and words[0].startswith("--") and node is MAIN:
        named = {name for option in node.params for name in (*option.opts, "--help")}
        if words[0] not in named:
            return f"no option {words[0]}"
        words = words[2 if words[0] in ("--workspace", "--programme") else 1 :]
    while hasattr(node, "get_command"):
        # A verb alone is spoken of, or a placeholder stands for it: VERB, {verb}, init|status.
        if not words or not re.fullmatch(r"[a-z-]+", words[0]):
            return None
        node, name = node.get_command(context, words[0]), words[0]
        if node is None:
            return f"no verb {name}"
        context, words = node.context_class(node, info_name=name, parent=context), words[1:]
    options = {name for option in node.params for name in (*option.opts, *option.secondary_opts)}
    for word in words:
        asked = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z-]+", asked) and asked not in {*options, "--help"}:
            return f"no option {asked} of {name}"
    return None


def _commands(text: str) -> Iterator[list[str]]:
    for found in COMMAND.finditer(text):
        try:
            words = shlex.split(found[1].strip().rstrip(".,:"), comments=True)
        except ValueError:  # an apostrophe of prose
            words = found[1].split()
        words = [word.rstrip(",.:") for word in words]
        if words and words[0] not in NO_COMMANDS:
            yield words


def test_every_command_that_is_named_is_one() -> None:
    """In documents, pages, messages, docstrings and units: its verbs and its options."""
    named = [(n, words) for n, text in _texts(*SUFFIXES) for words in _commands(text)]
    assert len(named) > 400
    said = ((name, " ".join(words), _wrong(words)) for name, words in named)
    assert [found for found in said if found[2]] == []


def test_a_command_that_is_none_is_found() -> None:
    assert [_wrong(line.split()) for line in ("frob", "ledger frob", "check a.csv --frob")] == [
        "no verb frob",
        "no verb frob",
        "no option --frob of check",
    ]


def _verbs(node: Any, context: Any) -> Iterator[Any]:
    yield node
    for name in node.list_commands(context) if hasattr(node, "list_commands") else ():
        yield from _verbs(node.get_command(context, name), context)


def test_help_breaks_its_lines_where_the_terminal_does() -> None:
    """Typer flows a first paragraph and keeps the breaks of the others: one line each, so."""
    verbs = list(_verbs(MAIN, MAIN.context_class(MAIN)))
    assert len(verbs) > 60
    later = ((verb.name, text.strip()) for verb in verbs for text in _later(verb.help or ""))
    assert [(name, text) for name, text in later if "\n" in text] == []


def _later(text: str) -> list[str]:
    return inspect.cleandoc(text).split("\n\n")[1:]


def test_every_option_that_stands_alone_is_one() -> None:
    """``--anew`` in a sentence about a command that was named before it."""
    verbs = _verbs(MAIN, MAIN.context_class(MAIN))
    known = {name for v in verbs for o in v.params for name in (*o.opts, *o.secondary_opts)}
    known |= {"--help", "--version"}
    ours = re.compile(r"add_argument\(\s*\"(--[a-z-]+)\"")
    known |= {o for _, text in _texts(".py") for o in ours.findall(text)}
    alone = {
        (name, option)
        for name, text in DOCUMENTS.items()
        for option in re.findall(r"`(--[a-z-]+)[ =`]", text)
    }
    assert {(name, option) for name, option in alone if option not in known} == set()


def test_every_module_that_is_to_be_run_is_there() -> None:
    named = {
        (name, module)
        for name, text in _texts(".md", ".j2", ".py", "Makefile")
        for module in re.findall(r"python3? -m ((?:benchmarks|evaluation|tests)[\w.]*\w)", text)
        if module != "benchmarks.gone"  # what a test of the book's own guard names
    }
    assert len(named) > 50
    places = {(name, module): ROOT / module.replace(".", "/") for name, module in named}
    lost = [at for at, p in places.items() if not p.with_suffix(".py").is_file() and not p.is_dir()]
    assert lost == []


def test_every_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (name, target)
        for name, text in DOCUMENTS.items()
        for target in re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE)
    }
    assert {(name, target) for name, target in named if target not in targets} == set()


def test_every_file_that_is_named_exists() -> None:
    """Paths set as code, from the root of the repository or beside the document."""
    path = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[^\s`:,]*)`")
    named = {(name, at) for name, text in DOCUMENTS.items() for at in path.findall(text)}
    assert len(named) > 150
    there = {
        (name, at)
        for name, at in named
        if MADE_LATER.search(at) or (ROOT / at).exists() or ((ROOT / name).parent / at).exists()
    }
    assert named - there == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    """Pages of the book that are made of results are not asked: the book's own tests walk them."""
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[\w-]+)?\)")
    named = {
        (name, to)
        for name, text in DOCUMENTS.items()
        if not name.startswith(("book/", "evaluation/", "studies/")) or "/decisions/" in name
        for to in link.findall(text)
    }
    assert len(named) > 40
    assert {(n, to) for n, to in named if not ((ROOT / n).parent / to).exists()} == set()


def _found(dotted: str) -> bool:
    """Whether a name, of a module, a function or a method, leads to something."""
    try:
        return pkgutil.resolve_name(dotted) is not None
    except (ImportError, AttributeError):
        return False


def test_every_function_that_is_named_exists() -> None:
    named = {
        found
        for text in DOCUMENTS.values()
        for found in re.findall(r"`(evaluation(?:\.\w+)+)\.(\w+)\(?[^`]*`", text)
    }
    assert len(named) > 10
    for module, name in named:
        assert _found(f"{module}.{name}"), (module, name)

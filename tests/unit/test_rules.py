"""The registry of rules and its page: every code says what, why, an example and the mend."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import jinja2
import pytest

from evaluation import workspace
from evaluation.check import rules as declared_rules
from evaluation.check.rules import rule_groups, rules
from evaluation.edition import words
from evaluation.edition.files import Generated
from evaluation.edition.pages import quality
from evaluation.errors import BookError, WorkspaceError

BOOK = Path(__file__).parents[2] / "book"
ENGINE = Path(__file__).parents[2] / "evaluation"
JARGON = re.compile(r"\b(dtype|NaN|null|schema|regex|float|string|boolean|validat\w+|pars\w+)\b")


def codes_in_the_code() -> set[str]:
    """Every rule that a module of the check names, or the verb for a file that cannot be read."""
    sources = [*(ENGINE / "check").glob("*.py"), ENGINE / "tables.py", ENGINE / "cli/returns.py"]
    sources += (ENGINE / "wave").glob("*.py")
    return {code for path in sources for code in re.findall(r'"(R[0-9]{3})"', path.read_text())}


def test_every_code_that_is_used_is_declared_and_the_reverse() -> None:
    assert codes_in_the_code() == set(rules())
    assert list(rules()) == sorted(rules())


@pytest.mark.parametrize("code", rules())
def test_a_rule_is_in_plain_words(code: str) -> None:
    rule = rules()[code]
    for text in (rule.title, rule.why, rule.mend, rule.example):
        assert text and not JARGON.search(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("code: R002", "code: R001"), "R001 is there twice"),
        (("code: R002", "code: R099"), "R003 follows R099"),
        (("code: R002", "code: 2"), "groups.0.rules.1.code"),
        (("severity: note", "severity: notes"), "one of 'error', 'confirm' or 'note'"),
        (("Nothing in it can be checked.", "Nothing"), "groups.0.rules.0.why"),
        (("title: The file cannot be read", "titel: The file"), "groups.0.rules.0.title: Field"),
    ],
)
def test_a_broken_declaration_says_where(
    change: tuple[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (workspace.packaged_schemas() / "rules.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "rules.yaml").write_text(text.replace(*change, 1), encoding="utf-8")
    monkeypatch.setattr(declared_rules, "packaged_schemas", lambda: tmp_path)
    with pytest.raises(WorkspaceError) as caught:
        rule_groups.__wrapped__()
    assert says in str(caught.value) and "rules.yaml" in str(caught.value)


def test_every_code_stands_on_the_page(tmp_path: Path) -> None:
    out = Generated(tmp_path / "_edition")
    content = quality.rule_pages_view(BOOK, out)
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.edition"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    templates.globals["words"] = words
    text = templates.get_template("rules.md.j2").render(**content)
    shown = unescape(text)
    for code, rule in rules().items():
        section = shown.split(f'<section id="{code}">')[1].split("</section>")[0]
        for words_of_rule in (code, rule.title, rule.why, rule.example, rule.mend):
            assert words_of_rule in section
    assert all(f"## {group.heading}" in text for group in rule_groups())
    assert "questions a return" in text


def test_the_record_of_the_questions_holds_what_is_promised() -> None:
    record = json.loads((BOOK / "questions.json").read_text(encoding="utf-8"))
    row = quality.declared(record)
    assert row["questions"] <= 1
    asked = ("a digit too many", "a digit lost", "two rows exchanged", "a copy of last quarter")
    assert {name: row["caught"][name] for name in asked if row["caught"][name] < 0.95} == {}
    assert record["command"].startswith("python -m benchmarks.questions")


def test_a_book_without_a_record_shows_the_rules_alone(tmp_path: Path) -> None:
    assert quality.rule_pages_view(tmp_path, Generated(tmp_path / "out"))["record"] is None
    (tmp_path / "questions.json").write_text("{", encoding="utf-8")
    with pytest.raises(BookError, match="no valid JSON"):
        quality.rule_pages_view(tmp_path, Generated(tmp_path / "out"))

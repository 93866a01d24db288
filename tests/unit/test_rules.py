"""The registry of rules and its page: every code says what, why, an example and the mend."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jinja2
import pytest

from evaluation.check.rules import EXAMPLES, RULES
from evaluation.edition import words
from evaluation.edition.files import Generated
from evaluation.edition.pages import quality
from evaluation.errors import BookError

BOOK = Path(__file__).parents[2] / "book"
JARGON = re.compile(r"\b(dtype|NaN|null|schema|regex|float|string|boolean|validat\w+|pars\w+)\b")


def test_every_code_has_an_example_and_a_group() -> None:
    assert EXAMPLES.keys() == RULES.keys()
    assert list(RULES) == sorted(RULES)
    grouped = [rule.code for _, rules in quality.groups() for rule in rules]
    assert grouped == list(RULES), "a rule outside the page's groups"


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_in_plain_words(code: str) -> None:
    rule = RULES[code]
    for text in (rule.title, rule.why, rule.mend, EXAMPLES[code]):
        assert text and not JARGON.search(text)
    for sentence in (rule.why, rule.mend, EXAMPLES[code]):
        assert sentence.endswith(".")
    assert not rule.title.endswith(".")


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
    for code, rule in RULES.items():
        assert f'id="{code}"' in text
        assert rule.title.split("'")[0] in text
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

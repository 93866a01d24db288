"""The rules of a return: each thing that can be wrong, why it matters, an example, how to mend it.

They are declared in ``data_schemas/rules.yaml``; what finds a breach stands with its stage, in the
modules beside this one, and names the rule by its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.workspace import packaged_schemas

Severity = Literal["error", "confirm", "note"]
Title = Annotated[str, Field(pattern=r"[^.]$", description="a title, without a full stop")]
Sentences = Annotated[str, Field(pattern=r"\.$", description="one sentence or two")]


class Rule(Frozen):
    """One thing that can be wrong in a return.

    Severity: an ``error`` refuses the return, a ``confirm`` asks for a written reason, a ``note``
    only tells. ``mend`` is what an officer reads where the finding has no better one.
    """

    code: Annotated[str, Field(pattern=r"^R[0-9]{3}$")]
    severity: Severity
    title: Title
    why: Sentences
    example: Sentences
    mend: Sentences


class RuleGroup(Frozen):
    """Rules that look at the same thing, in order of code."""

    heading: Title
    rules: tuple[Rule, ...]


class _RuleFile(Frozen):
    groups: tuple[RuleGroup, ...]

    @model_validator(mode="after")
    def _in_order(self) -> _RuleFile:
        codes = [rule.code for group in self.groups for rule in group.rules]
        for before, code in pairwise(codes):
            if code <= before:
                twice = code in codes[: codes.index(before) + 1]
                raise ValueError(f"{code} {'is there twice' if twice else f'follows {before}'}")
        return self


@lru_cache(maxsize=1)
def rule_groups() -> tuple[RuleGroup, ...]:
    """The rules by what they look at, in order of code.

    Raises
    ------
    WorkspaceError : if the declaration is missing or broken, or a code is there twice.
    """
    path = packaged_schemas() / "rules.yaml"
    return validated(_RuleFile, read_yaml(path), path).groups


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Rule]:
    """Code -> rule, in order of code."""
    return {rule.code: rule for group in rule_groups() for rule in group.rules}

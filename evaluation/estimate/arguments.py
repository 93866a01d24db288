"""What a call may be given; anything else is refused in plain words before it is computed with."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeGuard

from evaluation.errors import EstimateError
from evaluation.panel import Panel


def a_panel(given: object) -> None:
    """Refuse what is no panel.

    Raises
    ------
    EstimateError : with what it is, and how to make one.
    """
    if not isinstance(given, Panel):
        raise EstimateError(
            f"the first argument is a {type(given).__name__}, not a Panel.",
            mend="make one: Panel.from_long(frame, area=..., period=..., outcomes=...)",
        )


def an_estimate(given: object) -> None:
    """Refuse what is no estimate.

    Raises
    ------
    EstimateError : with what it is.
    """
    from evaluation.estimate.estimate import Estimate

    if not isinstance(given, Estimate):
        raise EstimateError(
            f"a {type(given).__name__} is no estimate.",
            expected="what an estimator gives, such as did(panel, 'y')",
        )


def estimates(given: object) -> None:
    """Refuse what is neither a list of estimates nor estimates by name.

    Raises
    ------
    EstimateError : one estimate alone, another thing, or a name that is no text.
    """
    held = given.values() if isinstance(given, Mapping) else given
    if not isinstance(held, Collection) or isinstance(held, str):
        raise EstimateError(
            f"a {type(given).__name__} is no list of estimates.",
            expected="several, [first, second], or by name, {'first': first, 'second': second}",
        )
    for one in held:
        an_estimate(one)
    if isinstance(given, Mapping):
        for name in given:
            if not isinstance(name, str):
                raise EstimateError(f"an estimate cannot be named {name!r}.", expected="text")


def a_count(name: str, given: object, least: int = 1) -> None:
    """Refuse what is no whole number from ``least`` on.

    Raises
    ------
    EstimateError : with the argument's name and what it is.
    """
    if not is_whole(given, least):
        raise EstimateError(
            f"{name} cannot be {given!r}.", expected=f"a whole number from {least} on"
        )


def is_whole(given: object, least: int) -> bool:
    """Whether it is a whole number from ``least`` on; to Python a truth value is a number too."""
    if isinstance(given, bool) or not isinstance(given, Integral):
        return False
    return int(given) >= least


def several(name: str, given: object, like: str) -> list[Any]:
    """What was given as a list; a text is no list of its letters.

    Raises
    ------
    EstimateError : a single thing, with how a list of it is written.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise EstimateError(f"{name} cannot be {given!r}.", expected=f"a list, such as {like}")
    held = list(given)
    for one in held:
        if not isinstance(one, Hashable):
            raise EstimateError(f"{name} cannot hold {one!r}.", expected=f"a list, such as {like}")
    return held


def numbers(name: str, given: object, like: str) -> list[float]:
    """A list of finite numbers.

    Raises
    ------
    EstimateError : no list, or one with something else in it.
    """
    held = several(name, given, like)
    for one in held:
        if not is_number(one):
            raise EstimateError(f"{name} cannot hold {one!r}.", expected=f"numbers, such as {like}")
    return [float(one) for one in held]


def is_number(given: object) -> TypeGuard[float]:
    """Whether it is a finite number; to Python a truth value is one too."""
    if isinstance(given, bool) or not isinstance(given, Real):
        return False
    return math.isfinite(given)

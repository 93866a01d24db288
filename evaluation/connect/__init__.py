"""Official statistics into returns: recipes, readers, what was asked and what came, kept whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.connect.fetch import fetch_returns, installed_recipes

__all__ = ["fetch_returns", "installed_recipes"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from evaluation.connect import fetch

    return getattr(fetch, name)

"""Official statistics into returns: recipes, readers, what was asked and what came, kept whole."""

from evaluation.connect.fetch import fetch_returns, installed_recipes

__all__ = ["fetch_returns", "installed_recipes"]

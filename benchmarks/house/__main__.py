"""Count the house, or draw it.

``python -m benchmarks.house`` prints the counts of this tree; ``--at PATH`` those of another, and
of several side by side; ``--show`` the places behind each count. ``--picture FILE.svg`` draws the
rooms with their modules from the imports.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.house.counts import Count, counts
from benchmarks.house.picture import picture

HERE = Path(__file__).parents[2]


def main() -> None:
    """Print the counts, or write the picture."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.house", description=__doc__)
    asked.add_argument("--at", type=Path, action="append", metavar="PATH", help="another tree")
    asked.add_argument("--show", action="store_true", help="the places behind each count")
    asked.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the rooms")
    given = asked.parse_args()
    trees: list[Path] = given.at or [HERE]
    if given.picture:
        given.picture.write_text(picture(trees[0]), encoding="utf-8")
    else:
        _print(trees, [counts(tree) for tree in trees], show=given.show)


def _print(trees: list[Path], columns: list[list[Count]], *, show: bool) -> None:
    widest = max(len(count.what) for count in columns[0])
    if len(trees) > 1:
        print(" " * widest, *(f"{tree.resolve().name[-9:]:>10}" for tree in trees))
    for row in zip(*columns, strict=True):
        print(f"{row[0].what:<{widest}}", *(f"{count.value:>10}" for count in row))
        for count in row if show else ():
            for place in count.found:
                print(f"    {place}")


if __name__ == "__main__":
    main()

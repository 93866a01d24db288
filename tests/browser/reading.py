"""The reading age of a page of the book, by the Flesch-Kincaid grade.

``python -m tests.browser.reading book/_build/html`` prints it for the front page and every outcome.

Grade = 0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid, Fishburne, Rogers and
Chissom 1975, Naval Technical Training Command, report 8-75), and the age at which a pupil is in a
grade is five years more. Syllables are counted by rule and not from a dictionary, which would have
to be fetched; ``test_readers.py`` holds the rule against words whose syllables are known.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from bs4 import BeautifulSoup

AGE_IN_FIRST_GRADE = 5
FEWEST = 4
_TOLD = ("p", "li", "dd", "figcaption")
_LEFT_OUT = "nav, script, style, table, code, svg, .headerlink, .visually-hidden"


def sentences(page: Path) -> list[str]:
    """The sentences of a page's main text, but not what it folds away for an analyst.

    Labels, lone figures and fragments are no sentences: counted, they would flatter the page.
    """
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article") or soup
    for part in article.select(_LEFT_OUT):
        part.decompose()
    for fold in article.select("details"):
        if "analyst" in fold.get_text()[:30]:
            fold.decompose()
    found = []
    for part in article.find_all(_TOLD):
        if part.find(_TOLD) is None:
            text = " ".join(part.get_text(" ").split()).replace(" .", ".")
            if text.endswith((".", "?")):
                found += [s for s in re.split(r"(?<=[.?])\s+", text) if len(s.split()) >= FEWEST]
    return found


def syllables(word: str) -> int:
    """Groups of vowels, less those that are silent; a silent e within a word is counted.

    So the age is rather too high than too low.
    """
    word = re.sub(r"[^a-z]", "", word.lower())
    if len(word) <= 3:
        return 1 if word else 0
    word = re.sub(
        r"(?<=[^aeiouydt])ed$|(?<=[^aeiouyscxzhg])es$|(?<=[^l])e$|(?<=[aeiou]l)e$", "", word
    )
    groups = len(re.findall("[aeiouy]+", word)) + len(
        re.findall("ia|io(?!n|us)|eo(?!us)|eas?$", word)
    )
    return max(1, groups - len(re.findall("cia|tia|eople", word)))


def grade(page: Path) -> float:
    """The Flesch-Kincaid grade of a page; figures count as a word of one syllable."""
    told = sentences(page)
    words = [word for one in told for word in re.findall(r"[A-Za-z][A-Za-z'&-]*|\d[\d.,]*", one)]
    spoken = sum(max(1, syllables(word)) for word in words)
    return 0.39 * len(words) / len(told) + 11.8 * spoken / len(words) - 15.59


def reading_age(page: Path) -> float:
    """The age of a reader in the page's grade."""
    return grade(page) + AGE_IN_FIRST_GRADE


def main(root: Path) -> None:
    """Print the reading age of the front page and of every outcome's."""
    for page in [root / "index.html", *sorted((root / "annex" / "outcomes").glob("*.html"))]:
        print(f"{reading_age(page):5.1f}  {page.relative_to(root)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

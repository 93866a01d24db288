"""The registry of rules: a code for each thing that can be wrong, why it matters, how to mend it.

A code is never reused: receipts and old replies quote it.
"""

from __future__ import annotations

from evaluation.check.rule import Rule
from evaluation.check.rules_against import AGAINST
from evaluation.check.rules_layout import LAYOUT

_ALL = (
    # The file and whose it is.
    Rule(
        "R001",
        "The file cannot be read",
        "Nothing in it can be checked.",
        "Save it again as .xlsx or CSV UTF-8.",
    ),
    Rule(
        "R002",
        "The file does not say whose return it is",
        "Figures without a submitter and a quarter belong nowhere.",
        "Use the template; name a CSV <site>_<agency>_<2026-Q3>.csv.",
    ),
    Rule(
        "R003",
        "Another version of the template",
        "Columns may have changed their meaning.",
        "Copy the figures into a fresh template.",
    ),
    Rule(
        "R004",
        "Another programme",
        "The areas and outcomes of another programme are not these.",
        "Choose the programme with --programme, or correct Guide!B2.",
    ),
    Rule(
        "R005",
        "Unknown submitter",
        "Only the programme's own sites and agencies send returns.",
        "Correct the site and the agency.",
    ),
    Rule(
        "R006",
        "A quarter that is not in the programme",
        "It cannot be placed in the calendar.",
        "Write it like 2026 Q3.",
    ),
    Rule(
        "R007",
        "File name and guide disagree",
        "It may be a copy of last quarter's file, or of another site's.",
        "Make the two agree.",
        "confirm",
    ),
    # The header.
    Rule(
        "R010",
        "The header is not in row 1",
        "Cells are found by their heading.",
        "Delete the rows above the header.",
    ),
    Rule(
        "R011",
        "A column is missing",
        "A figure without it cannot be placed.",
        "Put the column back, with the template's heading.",
    ),
    Rule(
        "R012",
        "An unknown column",
        "Its values would be lost without a word.",
        "Delete the column, or correct its heading.",
    ),
    Rule(
        "R013",
        "The same column twice",
        "It is not clear which one holds.",
        "Delete one of the two.",
    ),
    Rule(
        "R014",
        "A value outside the headed columns",
        "It belongs to no column.",
        "Move it under a heading, or delete it.",
    ),
    Rule(
        "R015",
        "A blank row inside the table",
        "It is skipped; a row may have been lost.",
        "Delete the blank row.",
        "note",
    ),
    Rule("R016", "No row of figures", "An empty return says nothing.", "Fill in the template."),
    Rule(
        "R017",
        "Two headings in each other's place",
        "Every figure below them would be read as something else.",
        "Exchange the two headings.",
    ),
    # Every cell by itself.
    Rule(
        "R020",
        "Not a number",
        "A figure that is no number cannot be used.",
        "Write the number in digits, or leave the cell empty with a symbol in status.",
    ),
    Rule(
        "R021",
        "A withheld figure written as text",
        "Withheld figures are marked in one way everywhere.",
        "Leave the cell empty and put [c] in status.",
    ),
    Rule(
        "R022",
        "A number with signs in it",
        "Commas, % and £ can be read in two ways.",
        "Write digits and a decimal point only.",
    ),
    Rule(
        "R023",
        "An Excel error",
        "The formula failed, so there is no figure.",
        "Mend the formula and paste its value.",
    ),
    Rule(
        "R024",
        "Digits of another script",
        "They look like digits and are not read as such.",
        "Type the number again with 0 to 9.",
    ),
    Rule(
        "R025",
        "A quarter that cannot be read",
        "The figure cannot be placed in time.",
        "Write the quarter like 2026 Q3.",
    ),
    Rule(
        "R026",
        "An unknown status symbol",
        "Only symbols from the list are understood by everybody.",
        "Use [c], [z], [x], [low], [p] or [r], or leave the cell empty.",
    ),
    Rule(
        "R027",
        "A code that is missing or no text",
        "The figure cannot be placed.",
        "Put in the code from the template.",
    ),
    # Keys.
    Rule(
        "R030",
        "An unknown area",
        "The programme has no such area.",
        "Use the code from the template.",
    ),
    Rule(
        "R031",
        "An area of somebody else",
        "Each area's figures come from one submitter.",
        "Delete the row.",
    ),
    Rule(
        "R032",
        "An unknown outcome",
        "The programme has no such outcome.",
        "Use the code from the template.",
    ),
    Rule(
        "R033",
        "An outcome of somebody else",
        "Each outcome comes from one submitter.",
        "Delete the row.",
    ),
    Rule(
        "R034",
        "Another quarter than the return's",
        "A return holds one quarter.",
        "Correct the quarter, or send these rows in their own return.",
    ),
    Rule(
        "R035",
        "The same row twice",
        "It is not clear which figure holds.",
        "Delete one of the two rows.",
    ),
    Rule(
        "R036",
        "Rows are missing",
        "A missing figure is said, never left out.",
        "Add the rows; where there is no figure, put a symbol in status.",
    ),
    # Figures.
    Rule(
        "R040",
        "Not a whole number",
        "What is counted is counted in whole numbers.",
        "Give the count, not an average or a rate.",
    ),
    Rule("R041", "Below zero", "There cannot be fewer than none.", "Check the export."),
    Rule(
        "R042",
        "A number too large to hold",
        "It cannot be a figure of this world.",
        "Check the export.",
    ),
    Rule(
        "R043",
        "A denominator that is not above zero",
        "Nothing can be out of nothing.",
        "Put in the denominator from the template.",
    ),
    Rule(
        "R044",
        "More than there are",
        "Some cannot be more than all.",
        "Check whether numerator and denominator are swapped.",
    ),
    Rule(
        "R045",
        "Outside what is possible",
        "The rate lies beyond the outcome's bounds.",
        "Check numerator and denominator.",
    ),
    Rule(
        "R046",
        "Unusual",
        "The rate lies beyond what has been seen so far.",
        "If it is right, confirm it with a reason.",
        "confirm",
    ),
    Rule(
        "R047",
        "No denominator",
        "A count without what it is out of gives no rate.",
        "Put in the denominator from the template.",
    ),
    Rule(
        "R048",
        "A denominator that does not belong",
        "This outcome is a value by itself.",
        "Leave the denominator empty.",
    ),
    # Figures and symbols together.
    Rule(
        "R050",
        "A missing figure without its symbol",
        "Empty may mean none, not known or withheld.",
        "Put [c], [z], [x] or [low] in status, or give the figure.",
    ),
    Rule(
        "R051",
        "A figure beside a symbol for no figure",
        "The two contradict each other.",
        "Delete the figure or the symbol.",
    ),
)

RULES: dict[str, Rule] = {
    rule.code: rule for rule in sorted((*_ALL, *AGAINST, *LAYOUT), key=lambda rule: rule.code)
}
"""Code -> rule, in order of code."""

"""The registry of rules: each thing that can be wrong, why it matters, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "confirm", "note"]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong in a return.

    Severity: an ``error`` refuses the return, a ``confirm`` asks for a written reason, a ``note``
    only tells.
    """

    code: str
    title: str
    why: str
    mend: str
    severity: Severity = "error"


_CONFIRM = "If it is right, confirm it with a reason."

AGAINST = (
    # The quarter against the clock.
    Rule(
        "R008",
        "A quarter that has not begun",
        "Nothing can have been counted yet.",
        "Correct the quarter.",
    ),
    Rule(
        "R009",
        "A quarter that is not over",
        "Its figures cannot be complete.",
        "Send it after the quarter's last day, or confirm why it is complete.",
        "confirm",
    ),
    # Rows and figures against each other.
    Rule(
        "R037",
        "The name of another area",
        "Code and name disagree, so the row may have slipped.",
        "Check whether the row has slipped; if the code is right, confirm it.",
        "confirm",
    ),
    Rule(
        "R049",
        "Numerator and denominator are swapped",
        "The figure stands where the denominator belongs, and the other way round.",
        "Exchange the two.",
    ),
    Rule(
        "R052",
        "A count small enough to point at people",
        "It is used, and never printed.",
        "Withhold it with [c] if your own rules ask for that.",
        "note",
    ),
    Rule(
        "R053",
        "Revised, but nothing was accepted before",
        "Only a figure that stands already can be revised.",
        "Leave status empty.",
        "note",
    ),
    Rule(
        "R054",
        "[low] beside a figure that is not low",
        "[low] is for what rounds to zero.",
        "Empty the status, or correct the figure.",
    ),
    # Words in a note.
    Rule(
        "R055",
        "A person's name in a note",
        "Notes are kept for ever and read by many.",
        "Take the name out; if it is no person, confirm it.",
        "confirm",
    ),
    Rule(
        "R056",
        "Something that leads to a person in a note",
        "A telephone number, address or identity number may name somebody.",
        "Take it out; if it leads to nobody, confirm it.",
        "confirm",
    ),
    # Against earlier quarters.
    Rule(
        "R057",
        "The same figure in many rows",
        "It may have been filled down by mistake.",
        "Check the rows against your own system; if they are right, confirm it.",
        "confirm",
    ),
    Rule(
        "R060",
        "A jump since the last accepted return",
        "It is far beyond what this area's figures usually move.",
        _CONFIRM,
        "confirm",
    ),
    Rule(
        "R061",
        "A whole outcome has moved",
        "All its areas moved together: a new definition or unit looks like this.",
        "If it is right, say what changed and confirm it.",
        "confirm",
    ),
    Rule(
        "R062",
        "A copy of an earlier return",
        "Figures that are all counted anew do not repeat.",
        "Fill in this quarter's figures; if they do repeat, confirm it.",
        "confirm",
    ),
    Rule(
        "R063",
        "Figures in each other's rows",
        "They fit another row's history much better than their own.",
        "Check whether rows have slipped or been exchanged; if not, confirm it.",
        "confirm",
    ),
    Rule(
        "R064",
        "A rate where a count is asked for",
        "The figure is what the rate would be.",
        "Give the count; if it is one, confirm it.",
        "confirm",
    ),
    Rule(
        "R065",
        "Another denominator than before",
        "Rates of two denominators cannot be compared.",
        "Put back the template's denominator; if it has changed, confirm it.",
        "confirm",
    ),
    # Against the accepted version of the same quarter.
    Rule(
        "R066",
        "An accepted figure is revised",
        "Both versions are kept, and the book says what changed.",
        "Nothing to do; a word in the note helps the reader.",
        "note",
    ),
    Rule(
        "R067",
        "An accepted figure is revised by much",
        "Findings that rest on it will change.",
        "If it is right, say why and confirm it.",
        "confirm",
    ),
    Rule(
        "R068",
        "A figure that is no longer given",
        "It was given until now, and is not small.",
        "Give the figure; if it has gone, say why and confirm it.",
        "confirm",
    ),
    Rule(
        "R069",
        "None, where there never was none",
        "An empty export looks like a zero.",
        "If there were none, confirm it; if it is not known, leave it empty with [x].",
        "confirm",
    ),
    # Against others.
    Rule(
        "R090",
        "Far from every other area",
        "There is no history of its own to compare it with.",
        _CONFIRM,
        "confirm",
    ),
    Rule(
        "R091",
        "Another source gives another figure",
        "Where two measure the same thing, they must be reconciled.",
        "Check which one holds; if yours does, say why and confirm it.",
        "confirm",
    ),
)


LAYOUT = (
    Rule(
        "R070",
        "A formula where a value belongs",
        "Its result can change whenever the file is opened, and the figure that is kept would no"
        " longer be the one that you sent.",
        "Copy the cell and paste it as a value (Paste Special, Values).",
    ),
    Rule(
        "R071",
        "Hidden rows with figures",
        "They count like all others, and nobody sees them when the sheet is looked through.",
        "Unhide the rows or clear the filter; delete them if they do not belong.",
        "confirm",
    ),
    Rule(
        "R072",
        "A hidden column of the return",
        "Its values count like all others, and nobody sees them when the sheet is looked through.",
        "Unhide the column.",
        "confirm",
    ),
    Rule(
        "R073",
        "A hidden sheet",
        "The file is kept as it came; what is hidden in it may be about single persons.",
        "Delete the hidden sheet (right-click on a sheet's name, Unhide).",
        "confirm",
    ),
    Rule(
        "R074",
        "Merged cells inside the table",
        "Only the first of the merged cells holds the value; the others are empty.",
        "Unmerge the cells and write the value into each of them.",
    ),
    Rule(
        "R075",
        "A sheet that is not read",
        "Only the sheets of the template are read; figures elsewhere are not.",
        "Nothing, if it holds no figures of the return; else move them to the Return sheet.",
        "note",
    ),
)


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


EXAMPLES: dict[str, str] = {
    # The file and whose it is.
    "R001": "A Word document was renamed to return.xlsx.",
    "R002": "A CSV is called final final 2.csv.",
    "R003": "Guide!B1 says 0 where the programme reads 1: the template is an old one.",
    "R004": "Guide!B2 names another programme.",
    "R005": "Guide!B3 says S99; there is no such site.",
    "R006": "Guide!B5 says “soon” where 2026 Q3 was meant.",
    "R007": "The file is called S03_council_2026-Q3.xlsx and its guide says 2026 Q2.",
    "R008": "A return for 2027 Q1 is sent in November 2026.",
    "R009": "A return for 2026 Q3 is sent on 20 September 2026.",
    # The header.
    "R010": "Two title lines stand above the heading row.",
    "R011": "The column denominator was deleted before the file was sent.",
    "R012": "Column E is headed “count” where the template says numerator.",
    "R013": "The column numerator stands in E and again in J.",
    "R014": "K7 holds “ask Jo”, and column K has no heading.",
    "R015": "Row 14 is empty, and figures follow below it.",
    "R016": "The headings are there and nothing below them.",
    "R017": "E1 says denominator and F1 says numerator, and the figures stand as in the template.",
    # Every cell by itself.
    "R020": "E14 holds “two hundred”.",
    "R021": "E14 holds “<5”.",
    "R022": "E14 holds “1,234”.",
    "R023": "E14 shows #DIV/0!.",
    "R024": "E14 holds digits of another script, pasted from a web page.",
    "R025": "C14 holds “2026 Q5”.",
    "R026": "G14 holds “confidential” where [c] was meant.",
    "R027": "A14 is empty: nobody can tell whose figure it is.",
    # Keys.
    "R030": "A14 holds X0100I, with a letter I where a 1 belongs.",
    "R031": "A14 holds the code of an area of another site.",
    "R032": "D14 holds “arrear” where the code is arrears.",
    "R033": "The council's return holds a row of claimants, which DWP publishes.",
    "R034": "C14 says 2026 Q2 in a return for 2026 Q3.",
    "R035": "The arrears of one area stand in row 14 and again in row 30.",
    "R036": "The template has 5 areas and the return holds 4 of them.",
    "R037": "A14 holds the code of Harrowmere Abbey, and B14 the name Harrowmere Castle.",
    # Figures.
    "R040": "E14 holds 251.5 households.",
    "R041": "E14 holds -3.",
    "R042": "E14 holds 1E+999.",
    "R043": "F14 holds 0.",
    "R044": "E14 holds 5,001 households in arrears, and F14 only 5,000 households.",
    "R045": "A mean answer of 10.5, where answers run from 0 to 10.",
    "R046": "1,600 attendances of 5,000 residents in one quarter.",
    "R047": "E14 holds 215, and F14 is empty.",
    "R048": "A mean of answers has 512 as its denominator.",
    "R049": "E14 holds 5,000 and F14 holds 215; the template's denominator was 5,000.",
    # Figures and symbols.
    "R050": "E14 and G14 are both empty.",
    "R051": "E14 holds 215, and G14 says [c].",
    "R052": "E14 holds 3 children, where counts below 5 are withheld in print.",
    "R053": "G14 says [r] in the first return for the quarter.",
    "R054": "E14 holds 215, and G14 says [low].",
    # Notes.
    "R055": "H14 says “Mrs Example moved in”.",
    "R056": "H14 says “ring 01632 960123”.",
    "R057": "212 stands in E14 to E18: the first figure was filled down.",
    # Against earlier quarters.
    "R060": "E14 holds 2,120; the last accepted figure is 212.",
    "R061": "All five areas report ten times as many children as usual.",
    "R062": "20 of 20 figures of the return for 2026 Q3 are those of 2026 Q2.",
    "R063": "A cell was deleted, and every figure below it moved up one row.",
    "R064": "E14 holds 76 where 212 households of 2,800 make 76 in 1,000.",
    "R065": "F14 holds 5,040; the accepted denominator is 5,000.",
    # Against the same quarter.
    "R066": "212 was accepted for this quarter and becomes 214.",
    "R067": "212 was accepted for this quarter and becomes 339.",
    "R068": "Arrears were given for twelve quarters; now G14 says [x].",
    "R069": "E14 holds 0; there were never fewer than 180.",
    # What a workbook holds beside its values.
    "R070": "E14 holds =SUM(K2:K9).",
    "R071": "A filter hides rows 12 to 20.",
    "R072": "Column F is hidden.",
    "R073": "A hidden sheet “people” holds 40 cells.",
    "R074": "E14 and E15 are merged.",
    "R075": "A sheet “Working” holds 12 cells.",
    # Against others.
    "R090": "A new area reports 8 households in 1,000 behind with rent; elsewhere it is about 72.",
    "R091": "The site reports 240; the national collection gives 212 for the same quarter.",
}

"""Rules about what a single cell cannot show: history, neighbours, the clock, words in a note."""

from __future__ import annotations

from evaluation.check.rule import Rule

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

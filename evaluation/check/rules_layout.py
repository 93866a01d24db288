"""Rules about what a workbook holds beside its values: formulas, merged cells, what is hidden."""

from __future__ import annotations

from evaluation.check.rule import Rule

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

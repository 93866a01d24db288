"""An example of each rule, as an officer would meet it; the book's page of rules shows them."""

from __future__ import annotations

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

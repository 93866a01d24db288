"""Seeded faults of a protocol: what a hurried evaluator writes, and what has to be said to it.

Written from what goes wrong in evaluations, not from the rules. Each names the change to a sound
protocol (or to what lies beside it), the words that the remark must hold, its severity, and a text
that stands on the line that it must point to.
"""

from dataclasses import dataclass, field

MONEY = """money:
  agencies:
  - council
  - nhs
  - dwp
  price_year: 2024
  since: null
  budgets:
  - code: temporary_accommodation
    agency: council
    title: Temporary accommodation
"""


@dataclass(frozen=True)
class Seeded:
    """One fault.

    change : entries of the protocol to set (None takes one out). text : (old, new) in the file
    itself. beside : file below the programme's folder -> (old, new), or new text where old is "".
    at : a text on the line that the remark points to; "" for line 1.
    """

    name: str
    said: str
    severity: str
    at: str = ""
    change: dict = field(default_factory=dict)
    text: tuple[str, str] | None = None
    beside: dict = field(default_factory=dict)


THEORY = """
treatment: new_start
outcomes: [ae_attendances]
causes:
  new_start: {says: the programme}
  deprivation: {says: lasting deprivation, held_by: area}
  contacts: {says: contacts with the team}
  staff: {says: staff hired}
  ae_attendances: {}
  arrears: {}
  road_casualties: {}
arrows:
  - [deprivation, new_start]
  - [deprivation, ae_attendances]
  - [new_start, contacts]
  - [contacts, ae_attendances]
  - [new_start, staff]
  - [ae_attendances, arrears]
"""
EVENTS = "kind,areas,authority,outcomes,from,to,what,source\n{row}\n"
COMPARISON = "X01001"
SHARES = "from_code,to_code,vintage_from,vintage_to,year,share,kind,people\n"

FAULTS = [
    # The file itself
    Seeded(
        "a bracket left open",
        "This is no YAML",
        "error",
        "primary:",
        text=("primary: [ae_attendances]", "primary: [ae_attendances"),
    ),
    Seeded(
        "a day that no calendar has",
        "2027-02-30 is no day of the calendar",
        "error",
        "publication:",
        text=("publication: '2027-06-30'", "publication: 2027-02-30"),
    ),
    Seeded(
        "an entry twice",
        "window stands twice",
        "error",
        "window: [0, 1]",
        text=("window: [0, 3]", "window: [0, 3]\nwindow: [0, 1]"),
    ),
    Seeded(
        "a misspelt entry",
        "Did you mean estimators?",
        "error",
        "estimatros:",
        text=("estimators:", "estimatros:"),
    ),
    Seeded(
        "a misspelt entry further in",
        "Did you mean horizon?",
        "error",
        "looks:",
        text=("horizon: 6", "horizont: 6"),
    ),
    Seeded("no primary outcome", "primary is []", "error", "primary:", {"primary": []}),
    Seeded("no primary entry", "primary is missing", "error", "", {"primary": None}),
    Seeded(
        "a word for a number",
        "assignments.seed is 'soon'",
        "error",
        "seed:",
        {"assignments": {"n": 199, "strata": [], "seed": "soon"}},
    ),
    Seeded(
        "no seed",
        "assignments.seed is missing",
        "error",
        "assignments:",
        {"assignments": {"n": 199, "strata": []}},
    ),
    Seeded(
        "an unknown estimator",
        "estimators.0 is 'diff_in_diff'",
        "error",
        "estimators:",
        {"estimators": ["diff_in_diff"]},
    ),
    Seeded(
        "an unknown spending",
        "looks.spending is 'all_at_once'",
        "error",
        "looks:",
        {"looks": {"horizon": 6, "spending": "all_at_once"}},
    ),
    Seeded("a level of 5", "level is 5", "error", "level:", {"level": 5}),
    Seeded(
        "a publication that is no date",
        "publication is 'soon'",
        "error",
        "publication:",
        {"publication": "soon"},
    ),
    Seeded(
        "the name of another study",
        "study is 'second_look'",
        "error",
        "study:",
        {"study": "second_look"},
    ),
    Seeded(
        "the name of another programme",
        "programme is 'old_start'",
        "error",
        "programme:",
        {"programme": "old_start"},
    ),
    # Words
    Seeded(
        "no word on how pilots were chosen",
        "How the pilots were chosen is not told",
        "error",
        "how_pilots_were_chosen:",
        {"how_pilots_were_chosen": "tbc"},
    ),
    Seeded("an empty question", "The question is empty", "error", "question:", {"question": " "}),
    Seeded(
        "no registration", "Where the protocol is registered", "question", "", {"registered": None}
    ),
    Seeded("no estimand", "What is estimated is not stated", "question", "", {"estimand": None}),
    Seeded(
        "no intervention",
        "What the sites do that others do not",
        "question",
        "",
        {"intervention": None},
    ),
    Seeded(
        "no rule for missing figures",
        "missing figures is not stated",
        "question",
        "",
        {"missing": None},
    ),
    Seeded(
        "no rule for withheld counts",
        "withheld small counts is not stated",
        "question",
        "",
        {"suppressed": None},
    ),
    Seeded(
        "no decision rules",
        "on which verdict is not stated",
        "question",
        "",
        {"decision_rules": None},
    ),
    Seeded(
        "no publication date",
        "When the results are published",
        "question",
        "",
        {"publication": None},
    ),
    Seeded("no word on data seen", "Which data had been seen", "question", "", {"data_seen": None}),
    # Outcomes
    Seeded(
        "an outcome of another programme",
        "has no outcome 'happiness'",
        "error",
        "secondary:",
        {"secondary": ["happiness"]},
    ),
    Seeded(
        "two roles",
        "ae_attendances has two roles",
        "error",
        "primary:",
        {"secondary": ["ae_attendances"]},
    ),
    Seeded(
        "four primary outcomes",
        "4 outcomes are named as primary",
        "error",
        "primary:",
        {"primary": ["ae_attendances", "arrears", "road_casualties", "neet"]},
    ),
    Seeded(
        "measured in pilots only",
        "measured in pilot areas only",
        "error",
        "primary:",
        beside={
            "outcomes/ae_attendances.yaml": (
                "measured_in: all areas",
                "measured_in: pilot areas only",
            )
        },
    ),
    Seeded(
        "two instruments",
        "no one instrument in both arms",
        "error",
        "primary:",
        beside={
            "outcomes/ae_attendances.yaml": (
                "instrument: NHS emergency care data set",
                "instrument: ''",
            )
        },
    ),
    Seeded(
        "no figures of the comparison",
        "no one instrument in both arms",
        "error",
        "primary:",
        beside={
            "outcomes/ae_attendances.yaml": (
                "comparison_source: nhs_england",
                "comparison_source: ''",
            )
        },
    ),
    Seeded(
        "a negative control as primary",
        "declared as an outcome that the programme",
        "error",
        "primary:",
        {"primary": ["road_casualties"], "negative_control": [], "hoped_percent": {}},
    ),
    Seeded(
        "a negative control that is none",
        "is not declared as one",
        "question",
        "negative_control:",
        {"negative_control": ["arrears"]},
    ),
    Seeded(
        "no negative control",
        "No outcome is named that the programme cannot move",
        "question",
        "",
        {"negative_control": None, "scale": {}},
    ),
    Seeded(
        "a primary with no direction",
        "read with care",
        "question",
        "primary:",
        beside={"outcomes/ae_attendances.yaml": ("polarity: down", "polarity: care")},
    ),
    Seeded(
        "yearly beside quarterly",
        "Quarterly and yearly",
        "error",
        "primary:",
        {"secondary": ["arrears"]},
        beside={"outcomes/arrears.yaml": ("frequency: quarter", "frequency: year")},
    ),
    Seeded(
        "the same people twice",
        "count the same people",
        "question",
        "primary:",
        {"primary": ["ae_attendances", "arrears"]},
        beside={
            "outcomes/arrears.yaml": ("kind: stock", "kind: stock\noverlap_group: a"),
            "outcomes/ae_attendances.yaml": ("kind: flow", "kind: flow\noverlap_group: a"),
        },
    ),
    Seeded(
        "a scale of another outcome",
        "scale names 'neet'",
        "error",
        "scale:",
        {"scale": {"road_casualties": "level", "neet": "level"}},
    ),
    # Margins and hopes
    Seeded(
        "no margin",
        "smallest change of ae_attendances that is worth having",
        "question",
        "",
        {"default_margin_percent": None},
    ),
    Seeded(
        "a margin of nothing",
        "its margin, is 0",
        "error",
        "default_margin_percent:",
        {"default_margin_percent": 0},
    ),
    Seeded(
        "a margin as wide as a barn",
        "by less than 60 % would be called smaller than worth having",
        "question",
        "margin_percent:",
        {"margin_percent": {"ae_attendances": 60}},
    ),
    Seeded(
        "no effect hoped for",
        "The effect hoped for on ae_attendances is not stated",
        "question",
        "",
        {"hoped_percent": None},
    ),
    Seeded(
        "hoping for less than the margin",
        "is smaller than what is worth having",
        "question",
        "hoped_percent:",
        {"hoped_percent": {"ae_attendances": -2}},
    ),
    Seeded(
        "hoping for harm",
        "better is down",
        "error",
        "hoped_percent:",
        {"hoped_percent": {"ae_attendances": 8}},
    ),
    # Window and looks
    Seeded(
        "a window turned round",
        "The window runs from 3 to 0",
        "error",
        "window:",
        {"window": [3, 0]},
    ),
    Seeded(
        "a window before the start",
        "begins 2 periods before the start",
        "error",
        "window:",
        {"window": [-2, 3]},
    ),
    Seeded(
        "a window beyond the calendar",
        "the programme's calendar ends in",
        "question",
        "window:",
        {"window": [0, 11]},
    ),
    Seeded("no looks", "No looks are planned", "error", "", {"looks": None}),
    Seeded(
        "looks that spend more than alpha",
        "would spend more than there is",
        "error",
        "looks:",
        {"looks": {"horizon": 6, "reserve": 0.05}},
    ),
    Seeded(
        "nothing kept for later looks",
        "Nothing is kept for looks past",
        "question",
        "looks:",
        {"looks": {"horizon": 6, "reserve": 0.0}},
    ),
    Seeded(
        "looks that end before the window",
        "before the window of 4 is complete",
        "question",
        "looks:",
        {"looks": {"horizon": 2}},
    ),
    Seeded(
        "a hundred looks",
        "100 looks are planned",
        "question",
        "looks:",
        {"looks": {"horizon": 100}},
    ),
    Seeded(
        "a level of a coin",
        "one verdict in 3 is false",
        "question",
        "level:",
        {"level": 0.7, "looks": {"horizon": 6}},
    ),
    # Assignments and estimators
    Seeded(
        "too few assignments",
        "no p-value below 0.050",
        "error",
        "n:",
        {
            "assignments": {"n": 19, "strata": [], "seed": 7},
            "level": 0.99,
            "looks": {"horizon": 6, "reserve": 0.001},
        },
    ),
    Seeded(
        "coarse p-values",
        "every p-value is coarse",
        "question",
        "n:",
        {"assignments": {"n": 199, "strata": [], "seed": 7}},
    ),
    Seeded(
        "fixed effects with staggered starts",
        "started areas would serve as comparisons",
        "error",
        "estimators:",
        {"estimators": ["fixed_effects", "did"]},
    ),
    Seeded(
        "gaps to scale that an estimator does not have",
        "imputation is refitted under every",
        "error",
        "estimators:",
        {
            "estimators": ["did", "imputation"],
            "assignments": {"n": 999, "strata": [], "seed": 7, "gaps": "by_population"},
        },
    ),
    Seeded(
        "one estimator", "Only one estimator", "question", "estimators:", {"estimators": ["did"]}
    ),
    Seeded(
        "an estimator twice",
        "An estimator is named twice",
        "error",
        "estimators:",
        {"estimators": ["did", "did"]},
    ),
    Seeded(
        "anticipating backwards",
        "cannot anticipate",
        "error",
        "did:",
        {"did": {"anticipation": -1}},
    ),
    # Sites and areas
    Seeded(
        "a start before its announcement",
        "before it is announced",
        "error",
        "programme:",
        beside={"programme.yaml": ("announced: 2024 Q2", "announced: 2025 Q3")},
    ),
    Seeded("an announcement that may move things", "allows for 0 of anticipation", "question", ""),
    Seeded("no season seen twice", "no season is seen twice", "question", "programme:"),
    Seeded(
        "hardly a past",
        "3 periods before the first start",
        "error",
        "programme:",
        beside={"programme.yaml": ("first: 2023 Q2", "first: 2024 Q1")},
    ),
    Seeded(
        "a comparison inside the buffer",
        "inside the buffer of 200 km",
        "error",
        "eligibility:",
        {"eligibility": {"buffer_km": 200}},
    ),
    Seeded(
        "comparisons beside a site",
        "share an authority with a site",
        "question",
        "",
        beside={
            "areas.csv": (
                f"{COMPARISON},Ambleford Abbey,Ambleford,",
                f"{COMPARISON},Ambleford Abbey,Harrowmere,",
            )
        },
    ),
    Seeded(
        "a pilot area that is half of an old one",
        "50 % of pilot area X03001 is shared out of areas of LSOA 2011",
        "error",
        "programme:",
        beside={
            "programme.yaml": ("areas: areas.csv", "areas: areas.csv\ncode_shares: shares.csv"),
            "shares.csv": (
                "",
                SHARES + "OLD,X03001,LSOA 2011,LSOA 2021,2021,0.5,split,700\n"
                "ALSO,X03001,LSOA 2011,LSOA 2021,2021,1,merged,700\n",
            ),
        },
    ),
    Seeded(
        "two areas that were one",
        "their parts have one rate by construction, and are one unit",
        "question",
        "assignments:",
        beside={
            "programme.yaml": ("areas: areas.csv", "areas: areas.csv\ncode_shares: shares.csv"),
            "shares.csv": (
                "",
                SHARES
                + "".join(
                    f"OLD,{code},LSOA 2011,LSOA 2021,2021,0.5,split,700\n"
                    for code in (COMPARISON, "X02001")
                ),
            ),
        },
    ),
    Seeded(
        "a comparison in another programme",
        "are in another programme (Team A",
        "error",
        "",
        beside={
            "events.csv": (
                "",
                EVENTS.format(
                    row=f"other programme,{COMPARISON},,,2024-01-01,,Team A,council minutes"
                ),
            )
        },
    ),
    # Theory
    Seeded("no theory of change", "No theory of change is drawn", "question", ""),
    Seeded(
        "a mediator held fixed",
        "contacts is a bad control for ae_attendances",
        "error",
        "adjust_for:",
        {"adjust_for": ["deprivation", "contacts"]},
        beside={"first_look/theory.yaml": ("", THEORY)},
    ),
    Seeded(
        "a consequence held fixed",
        "arrears is a bad control",
        "error",
        "adjust_for:",
        {"adjust_for": ["deprivation", "arrears"]},
        beside={"first_look/theory.yaml": ("", THEORY)},
    ),
    Seeded(
        "a cause that is not drawn",
        "has no cause 'weather'",
        "error",
        "adjust_for:",
        {"adjust_for": ["weather"]},
        beside={"first_look/theory.yaml": ("", THEORY)},
    ),
    Seeded(
        "a path left open",
        "a path stays open",
        "question",
        "",
        beside={"first_look/theory.yaml": ("", THEORY)},
    ),
    Seeded(
        "a negative control that the programme moves",
        "it is no negative control",
        "error",
        "negative_control:",
        beside={"first_look/theory.yaml": ("", THEORY + "  - [contacts, road_casualties]\n")},
    ),
    # Money
    Seeded(
        "value without a unit cost",
        "No outcome has a unit cost",
        "error",
        "value:",
        {"value": True, "primary": ["arrears"], "hoped_percent": {"arrears": -8}},
        beside={"outcomes/arrears.yaml": ("whole: true", "whole: true\nunit_cost: null")},
    ),
    Seeded(
        "value without costs",
        "declares no costs",
        "question",
        "value:",
        {"value": True},
        beside={"programme.yaml": (MONEY, "")},
    ),
]

# These need figures; they are seeded where the returns of before the first start are held.
ON_FIGURES = [
    Seeded(
        "assignments too few for alpha",
        "so no p-value is below",
        "error",
        "assignments:",
        {
            "assignments": {"n": 9_999, "strata": [], "seed": 7},
            "level": 0.9999,
            "looks": {"horizon": 6, "reserve": 0.00001},
        },
    ),
    Seeded(
        "p-values too coarse for three",
        "only joint evidence could be found",
        "question",
        "assignments:",
        {
            "primary": ["ae_attendances", "arrears"],
            "level": 0.992,
            "assignments": {"n": 199, "strata": [], "seed": 7},
            "looks": {"horizon": 6, "reserve": 0.001},
        },
    ),
    Seeded("a logarithm of nothing", "has figures of 0", "error", "", {"scale": None}),
]

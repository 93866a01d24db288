"""The habits of the house as numbers, and what is excepted from each, with its reason.

Everything that a test in ``tests/house`` holds about size, words and shape is set here and nowhere
else. Where a habit does harm, change it here, in the open, and say why. A function is named by its
folder and its name, so that an exception stays when a module is merged or renamed.
"""

from __future__ import annotations

# The whole of `evaluation/`: a new room raises them by what it needs, and nothing else does.
MOST_MODULES = 347
MOST_LINES_PROPER = 72_000

# One module: long enough to be worth a name, short enough to be read in one sitting.
LEAST_LINES, MOST_LINES = 60, 800
# A module with one importer belongs to it, unless it is long enough to be read on its own.
ALONE_FROM = 100

# Functions, without decorators and docstring.
NINE_TENTHS_OF_FUNCTIONS = 30
LONGEST_FUNCTION = 70

# Arguments by their place alone; a verb's are the options of the command line, read by name there.
MOST_BY_PLACE = 7

# At least one comment for so many lines: the equation's number, a tolerance's reason, a trap.
LINES_A_COMMENT = 50

SHORT = {
    "evaluation.cli.__main__": "makes `python -m evaluation.cli` run",
    "evaluation.finding.models": "the one door to statsmodels",
    "evaluation.progress": "estimators and simulations tell by it how far they are",
    "evaluation.fingerprint": "every noun is hashed by it, so it stands below all of them",
    "evaluation.ledger.migrations.env": "Alembic asks for a file of this name",
    **{
        f"evaluation.ledger.migrations.versions.{step}": "a step of the ledger's tables is never "
        "changed once taken"
        for step in (
            "acts_and_chain_version",
            "names_of_senders",
            "history_in_one_go",
            "keyed_hashes",
            "entries_of_learning",
            "figures_of_samples",
            "signatures_and_register",
            "destruction_of_returns",
        )
    },
}
ALONE: dict[str, str] = {
    "evaluation.ledger.migrations.versions.first_schema": "Alembic finds it by its folder",
    "evaluation.portal.addresses": "Django asks for one list of addresses, and every page is in it",
}
SAME_NAME = {
    "accounts": "who pays and gains, and who signs in",
    "models": "a study's regressions, and the portal's tables, which Django looks for there",
    "edition": "the verbs of an edition, and the edition",
    "ledger": "the verbs of the ledger, and the ledger",
    "learning": "the verbs of learning, and its page",
    # To be emptied.
    "export": "the ledger's, and an edition's",
    "figures": "a return's figures checked, and invented ones",
    "places": "invented places, and the page of places",
    "report": "what a check answers, and what a value is",
    "sensitivity": "of an estimate, and of a value",
    "tables": "pandera's door, and an edition's tables for programs",
}

# Public, and reached by tests alone: whatever is for an evaluator to call stands in a document.
UNREACHED = {
    "evaluation.portal.migrations.first_tables:Migration": "Django finds it by its name",
    "evaluation.study.code:classes_of": "a test holds by it that each module is of one class",
}
# Set as code in a docstring, and names of something that is no Python of ours.
NAMES_OF_OTHERS = {
    "ae_attendances.effect": "an id of a claim",
    "enterprise_zones.claims.effect": "an id of a claim",
    "ae_attendances.low": "a fact that a rule may name",
    "to_stata": "pandas writes it",
}
# Where an evaluator and a writer of programs are told what is there to be called.
DOCUMENTED = ("docs/notebook.md", "CONTRIBUTING.md")

# Public and without a docstring.
UNDOCUMENTED: frozenset[str] = frozenset()

PRIVATE_WORDS = frozenset(
    (
        "filler",
        "fillers",
        "slot",
        "slots",
        "corral",
        "corrals",
        "twin",
        "twins",
        "barred",
        "fitted_on",
        "at_home",
        "rehearsal",
        "rehearsals",
        "planted",
        "ladder",
        "ladders",
        "bearing",
        "odd_comparisons",
        "worlds",
        "backdate",
        "backdated",
        "nought",
        "noughts",
    )
)

# Parameters that are tuples of mixed meaning: what Python's reader of HTML hands over.
MIXED_TUPLES: frozenset[str] = frozenset({"edition:_Page.handle_starttag.attrs"})

# A text may be taken apart where somebody else wrote it, or where it is an address with a grammar.
READS_FROM_OUTSIDE: dict[str, tuple[str, ...]] = {
    "a file, a cell or a column as an officer or a source sent it": (
        "check:_explain",
        "check:_shape",
        "edition:address",
        "portal:answers",
        "portal:in_utf8.answered",
        "portal:plain_cell",
        "portal:SealedText.from_db_value",
        "portal:SealedText.get_prep_value",
        "check:in_name",
        "check:lead_in",
        "check:name_in",
        "check:read_number",
        "check:read_quarter",
        "connect:_count",
        "connect:_csv_rows",
        "connect:as_text",
        "connect:month",
        "connect:number",
        "connect:read_csv",
        "connect:read_json",
        "connect:_excerpt",
        "connect:_find",
        "connect:_join",
        "connect:_known",
        "connect:_name_of",
        "connect:_number",
        "check:without_totals",
        "connect:_period",
        "ledger:_is_return",
        "connect:_readings",
        "connect:_refuse_page",
        "wave:_Reading._columns",
        "wave:_plain",
        "wave:leads_to_a_person",
        "wave:span_of",
        "returns:_Book.start",
        "returns:_Boxes.begin",
        "returns:_Boxes.finish",
        "returns:_Part.start",
        "returns:_check_lines",
        "returns:_check_links",
        "returns:_clean",
        "returns:_kind",
        "returns:_month",
        "returns:_no_zip",
        "returns:_dates",
        "returns:_of_months",
        "returns:_of_month",
        "returns:_divider",
        "returns:_of_range",
        "returns:_of_text",
        "returns:_parts",
        "returns:_read_csv",
        "returns:bare_stem",
        "returns:check_name",
        "returns:check_parts",
        "returns:_read",
        "returns:corners",
        "returns:is_table",
        "returns:_by_parts",
        "returns:guide_from_name",
        "returns:heading",
        "returns:is_container",
        "returns:pass_workbook",
        "returns:apportioned_share",
        "returns:lineage_of",
        "returns:rounding_base",
        "returns:text_rows",
        "value:_costs",
        "value:_heading",
        "value:_pounds",
        "value:_year",
        "columns:_day",
        "columns:require_known",
        "quarters:_read",
    ),
    "our own mark in a workbook that an officer sends back": (
        "returns:_Comments._own",
        "returns:_clear_old_mark",
    ),
    "a file of the built book, read as whoever would find somebody in it": (
        "edition:_Page.handle_starttag",
        "edition:_Scan._file",
        "edition:_Scan._held",
        "edition:_Scan._is_code",
        "edition:_Scan._made_of",
        "edition:_Scan._open_pictures",
        "edition:_Scan._said",
        "edition:_Scan._words_of",
        "edition:_Scan.leaks",
        "edition:_as_figure",
        "edition:_digests",
        "edition:_index",
        "edition:_inflated",
        "edition:_information",
        "edition:_inventory",
        "edition:_letters",
        "edition:_letters_by_font",
        "edition:_parquet",
        "edition:_sheet",
        "edition:_svg",
        "edition:_unescaped",
        "edition:_workbook",
        "edition:drop_stale_words",
        "edition:numbers",
        "edition:texts",
        "release:hidden_by_outcome",
        "release:median_widening",
    ),
    "prose, declarations and change logs that a person wrote": (
        "edition:_rivals_table.filled",
        "edition:annexed",
        "edition:body",
        "edition:Prose.blocks",
        "edition:Prose.command",
        "edition:Prose.held_by",
        "edition:Prose.roles",
        "edition:Prose.sentences",
        "edition:Reader._about",
        "edition:Reader._borne",
        "edition:Reader._command",
        "edition:Reader._numbers",
        "edition:Reader._of_the_programme",
        "edition:Reader._verdicts",
        "edition:_blank",
        "edition:_block",
        "edition:_marked",
        "edition:Pages._tutorial",
        "edition:reason_given",
        "edition:software_changes",
        "edition:typeset",
        "learning:_tokens",
        "declared:read_text",
        "setup:refuse_name",
        "setup:costs_to_returns",
    ),
    "what another program wrote: pages, drawings, logs, archives": (
        "edition:_article",
        "edition:_band",
        "drawing:_clean",
        "drawing:footed",
        "edition:_failed",
        "edition:_failed_cells",
        "edition:_from_root",
        "edition:_short",
        "edition:_run_jupyter_book",
        "edition:_pages",
        "edition:_sources_once",
        "edition:measured",
        "edition:_title",
        "edition:_to",
        "edition:pages_of",
        "edition:one_page",
        "publish:blank",
        "publish:filled",
        "publish:linked",
        "publish:with_placeholder",
        "returns:_without_the_hour",
    ),
    "an address with a grammar: a cell, a quarter, a hash, a path, an id, a column's name": (
        "connect:Puller._without_key",
        "connect:Recipe._no_key",
        "connect:_without",
        "cli:_period",
        "edition:Generated.plate",
        "edition:Pages._frame",
        "edition:Pages._parts",
        "edition:Pages._text",
        "edition:_of_site",
        "edition:part_of",
        "edition:_charted",
        "edition:_first",
        "edition:_shown",
        "edition:_stories",
        "edition:datapackage",
        "edition:pages",
        "release:steps_of",
        "ledger:_head",
        "portal:_issuer",
        "portal:_described",
        "portal:_settings",
        "portal:_without_token",
        "portal:database",
        "portal:findings",
        "portal:service_from_environment",
        "ledger:read",
        "publish:_about",
        "publish:_file",
        "publish:_pages",
        "study:_matches",
    ),
    "the look of a finished text: its minus signs, its spaces, a figure that rounds to zero": (),
}

# Functions that still take a sentence of ours apart: none.
OWN_SENTENCES: frozenset[str] = frozenset()

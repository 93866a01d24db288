"""Each method by which counts may be printed, under one attack; what a threshold means."""

from __future__ import annotations

import pytest

from evaluation.disclosure.methods import audited, nearest_five, nhs_2018, note, ons_10_5
from evaluation.disclosure.policy import threshold_warnings
from evaluation.programme import Programme


def test_the_methods_of_others_print_as_they_are_published() -> None:
    assert [nearest_five(n) for n in (0, 2, 3, 7, 8, 12, 13)] == [0, 0, 5, 5, 10, 10, 15]
    assert [nhs_2018(n) for n in (0, 1, 7, 8, 12)] == [0, None, None, 10, 10]
    assert [ons_10_5(n) for n in (0, 9, 10, 12, 13)] == [None, None, 10, 10, 15]


def test_only_the_secret_offset_keeps_five_values_through_known_revisions() -> None:
    ours, nhs, ons = (audited(one) for one in ("secret_offset", "nhs_2018", "ons_10_5"))
    assert ours.holds and ours.fewest >= 5 and ours.exact == 0
    for other in (nhs, ons):
        assert not other.holds and other.fewest == 1 and other.under_k > 0.5


def test_the_note_to_sign_says_what_the_audit_found(tiny: Programme) -> None:
    text = note(tiny, "nhs_2018")
    assert "does not keep five values" in text and "Signed: ____" in text
    assert "does not keep" not in note(tiny, "secret_offset")
    assert "threshold means fewer than" in text


@pytest.mark.parametrize(("threshold", "warned"), [(5, False), (7, True), (8, False), (9, True)])
def test_a_threshold_of_the_other_convention_is_warned_of(
    tiny: Programme, threshold: int, warned: bool
) -> None:
    one = tiny.outcomes[0]
    other = one.model_copy(
        update={"disclosure": one.disclosure.model_copy(update={"threshold": threshold})}
    )
    said = threshold_warnings(tiny.model_copy(update={"outcomes": (other,)}))
    assert bool(said) == warned
    assert not warned or f"write {threshold + 1}" in said[0]

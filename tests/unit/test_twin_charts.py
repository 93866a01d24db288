"""A chart of donors loses none of them."""

from __future__ import annotations

from evaluation import drawing as figures


def test_text_is_text_and_donors_beyond_a_dozen_share_a_row() -> None:
    rows = [figures.DonorWeight(f"Area {k}", (20 - k) / 210) for k in range(20)]
    drawn = figures.donor_weights(rows, figures.WIDE)
    assert ">Area 0</text>" in drawn and ">8 others together</text>" in drawn
    assert ">Area 12</text>" not in drawn

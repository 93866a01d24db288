"""The numbers of the book before are made of the counts that they say, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release import before


def test_counts_sum_to_sites_and_sites_to_paths_at_full_digits(tmp_path: Path) -> None:
    (one, *_) = before.results(tmp_path).outcomes
    held = {(row.site, row.period): row for row in one.counts}
    assert set(held) == {(site, q) for site in before.PEOPLE for q in before.QUARTERS}
    for (site, quarter), row in held.items():
        assert row.numerator == before.true_count(site, before.QUARTERS.index(quarter))
        assert row.denominator == before.people_of(site)
        assert row.areas == tuple(sorted(before.PEOPLE[site]))
    for row in one.paths:
        parts = [held[site, row.period] for site in before.PEOPLE]
        rate = one.per * sum(p.numerator for p in parts) / sum(p.denominator for p in parts)
        assert row.pilot == rate
        assert row.counterfactual == pytest.approx(rate + 0.0712345678, abs=1e-12)
    assert len({len(repr(row.pilot)) > 10 for row in one.paths}) == 1, "at full digits"


def test_areas_are_of_one_site_and_small_counts_are_among_them() -> None:
    every = [area for site in before.PEOPLE.values() for area in site]
    assert len(set(every)) == len(every) and set(every) == set(before.COUNTS)
    assert {len(held) for held in before.COUNTS.values()} == {len(before.QUARTERS)}
    least = {
        site: min(before.true_count(site, k) for k in range(len(before.QUARTERS)))
        for site in before.PEOPLE
    }
    assert all(least[site] >= 15 + 5 for site in before.ROOMY) and least["S03"] == 0


def test_one_person_more_changes_one_count_and_its_path(tmp_path: Path) -> None:
    first = before.results(tmp_path / "a").outcomes[0]
    more = before.results(tmp_path / "b", X01=1).outcomes[0]
    apart = [
        (a.site, a.period)
        for a, b in zip(first.counts, more.counts, strict=True)
        if a.numerator != b.numerator
    ]
    assert apart == [("S01", before.QUARTERS[-1])]
    moved = [a.period for a, b in zip(first.paths, more.paths, strict=True) if a.pilot != b.pilot]
    assert moved == [before.QUARTERS[-1]]

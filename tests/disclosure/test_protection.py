"""The audit of a programme: what its ledger holds, what would print, and what that leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.disclosure import key as keys
from evaluation.disclosure.policy import policy_of
from evaluation.disclosure.protection import Held, Protection, held
from evaluation.errors import DisclosureError
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.release import Terms
from evaluation.release.attacked import Seen, protection_of
from tests.unit.locked import Ground, lay_out

KEY = keys.Key(secret=bytes(range(32)))


def audit(
    editions: dict[str, list[Held]],
    programme: Programme,
    key: keys.Key,
    *,
    insider: tuple[str, str] | None = None,
) -> Protection:
    """What editions of counts alone leave, each printed by the key."""
    terms = Terms(key=key, policies={one.code: policy_of(one) for one in programme.outcomes})
    seen = [Seen(name=name, counts=counts, lines={}) for name, counts in editions.items()]
    return protection_of(programme, terms, seen, insider=insider)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    made = lay_out(tmp_path_factory.mktemp("disclosure"))
    made.submit()
    return made


@pytest.fixture(scope="module")
def programme(ground: Ground) -> Programme:
    return Programme.load(ground.workspace, "new_start")


@pytest.fixture(scope="module")
def counts(ground: Ground, programme: Programme) -> list[Held]:
    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        return held(programme, ledger.observations("new_start"))


def test_only_what_sites_send_and_every_site_and_quarter_of_it(
    programme: Programme, counts: list[Held]
) -> None:
    sent = {o.code for o in programme.outcomes if o.source == "site"}
    assert {one.outcome for one in counts} <= sent
    assert {one.site for one in counts} == set(programme.site_by_code)
    assert all(one.count == sum(one.parts.values()) for one in counts if one.count is not None)


def test_one_edition_is_safe(programme: Programme, counts: list[Held]) -> None:
    found = audit({"now": counts}, programme, KEY)
    assert found.ok
    assert found.protected >= sum(one.count is not None for one in counts)
    assert found.as_dict()["fewest"] >= 5


def test_a_revision_that_takes_a_count_to_zero_is_found(
    programme: Programme, counts: list[Held]
) -> None:
    """Five editions pin what is added to the count, and that none is below zero does the rest."""
    worst = []
    one = next(c for c in counts if c.count is not None)
    for secret in range(20):
        made = keys.Key(secret=bytes([secret, *range(31)]))
        editions = {
            str(n): [replace(one, count=count, parts={next(iter(one.parts)): count}, residents={})]
            for n, count in enumerate((38, 37, 36, 35, 34, 0))
        }
        found = audit(editions, programme, made)
        worst.append(found.fewest or 0)
        assert found.ok == (found.fewest is not None and found.fewest >= 5)
        assert found.worst[0].cell == one.address
    assert min(worst) < 5


def test_an_insider_does_not_attack_his_own(programme: Programme, counts: list[Held]) -> None:
    site, agency = next((s, a) for s, a in programme.submitters if s in programme.site_by_code)
    whole = audit({"now": counts}, programme, KEY)
    inside = audit({"now": counts}, programme, KEY, insider=(site, agency))
    assert inside.protected < whole.protected
    assert not any(f" {site} " in one.cell for one in inside.worst if agency == "nhs")


def test_a_total_without_one_of_its_areas_is_another_count_and_none_without_all(
    programme: Programme, ground: Ground
) -> None:
    with Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger:
        observations = ledger.observations("new_start")
    area = next(a for a in programme.areas if a.role == "pilot")
    observations.loc[observations["area_code"] == area.code, "numerator"] = float("nan")
    counts = held(programme, observations)
    of_site = [one for one in counts if one.site == area.site]
    alone = len([a for a in programme.areas if a.site == area.site]) == 1
    assert of_site and all((one.count is None) == alone for one in of_site)
    assert all(area.code not in one.atom.areas for one in of_site)
    assert audit({"now": counts}, programme, KEY).ok


def test_two_sites_of_one_area_are_refused(programme: Programme, ground: Ground) -> None:
    twice = programme.model_copy(
        update={"areas": (*programme.areas, next(a for a in programme.areas if a.role == "pilot"))}
    )
    with (
        Ledger.open(ground.workspace.database, ground.workspace.raw) as ledger,
        pytest.raises(DisclosureError, match="would overlap"),
    ):
        held(twice, ledger.observations("new_start"))


def test_as_a_verb(
    ground: Ground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ground.workspace.root)
    monkeypatch.delenv(keys.VARIABLE, raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["disclosure", *words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    real = ground.copied(tmp_path / "real")
    declared = real.workspace.studies / "new_start" / "programme.yaml"
    text = declared.read_text("utf-8")
    assert "synthetic: true" in text
    declared.write_text(text.replace("synthetic: true", "synthetic: false"), "utf-8")
    with monkeypatch.context() as there:
        there.chdir(real.workspace.root)
        code, _, said = run("audit")
        assert code == 2
        assert "no disclosure key is named" in said
    # An invented programme has a key that is public, and is audited by it.
    code, out, _ = run("audit", "--json")
    assert code == 0 and json.loads(out)["ok"]
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "key"))
    assert run("key", "create", str(tmp_path / "key"))[0] == 0
    code, out, _ = run("audit", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["ok"]
    assert (found["k"], found["fewest"] >= 5) == (5, True)
    assert {"cell", "low", "high", "binding"} <= set(found["worst"][0])
    assert "counts attacked" in run("audit")[1]
    assert "nobody sends figures as S99/nhs" in run("audit", "--insider", "S99/nhs")[2]
    assert "no edition '2020-Q1'" in run("audit", "--edition", "2020-Q1")[2]

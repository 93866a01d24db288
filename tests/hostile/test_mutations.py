"""Damaged workbooks: an ordinary check, or a sentence; never a crash, never a hang."""

from __future__ import annotations

import resource
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluation.check.report import reply
from evaluation.check.stages import check_return
from evaluation.errors import ReturnFileError
from evaluation.programme import Programme
from evaluation.returns.workbook import read_return
from tests.hostile.mutations import mutated

MEGABYTES = 400
GIVEN_UP_AFTER = 300
"""Seconds after which a workbook that ends in nothing is named and left, not judged slow."""


def _hangs(*_: Any) -> None:
    raise TimeoutError("it does not end")


def _answers(numbers: range, honest: bytes, programme: Programme, folder: Path) -> Counter[str]:
    """How many workbooks were refused, and how many checked and marked."""
    path, out = folder / "mutated.xlsx", folder / "reply.xlsx"
    path.write_bytes(honest)
    whole = read_return(path)  # what is imported once is no workbook's memory
    reply(whole, check_return(whole, programme), out)
    answers: Counter[str] = Counter()
    faults = []
    before = signal.signal(signal.SIGALRM, _hangs)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        path.write_bytes(mutated(honest, number))
        signal.alarm(GIVEN_UP_AFTER)
        try:
            raw = read_return(path)
            checked = check_return(raw, programme)
            reply(raw, checked, out)
            read_return(out)
            answers["accepted" if checked.accepted else "checked"] += 1
        except ReturnFileError as error:
            answers["refused" if error.what.endswith(".") and error.mend else str(error)] += 1
        except BaseException as error:  # noqa: BLE001 - what crashed is told with its number
            faults.append(f"{number}: {type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert not faults, "\n".join(faults[:20])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    assert grown < MEGABYTES, f"{grown:.0f} MB"
    return answers


def test_a_sample_of_mutated_workbooks_ends_in_a_check_or_a_sentence(
    tiny: Programme, honest: bytes, tmp_path: Path
) -> None:
    answers = _answers(range(150), honest, tiny, tmp_path)
    assert set(answers) == {"refused", "checked", "accepted"} and min(answers.values()) >= 5


@pytest.mark.slow
def test_ten_thousand_mutated_workbooks_end_in_a_check_or_a_sentence(
    tiny: Programme, honest: bytes, tmp_path: Path
) -> None:
    answers = _answers(range(150, 10_150), honest, tiny, tmp_path)
    assert set(answers) == {"refused", "checked", "accepted"} and min(answers.values()) >= 200

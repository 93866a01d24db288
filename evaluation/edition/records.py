"""Reading what was recorded, results, rates and indexes: JSON files that pages are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.errors import BookError

Record = Mapping[str, Any]


def read_record(path: Path) -> Record:
    """A JSON file that has to be there.

    Raises
    ------
    BookError : it cannot be read.
    """
    try:
        found: Record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BookError(f"it cannot be read: {error.strerror}.", where=str(path)) from None
    except json.JSONDecodeError as error:
        raise BookError(f"no valid JSON: {error}", where=str(path)) from None
    return found


def record_if_there(path: Path) -> Record | None:
    """The same; None where nothing was recorded.

    Raises
    ------
    BookError : it is there and cannot be read.
    """
    return read_record(path) if path.is_file() else None

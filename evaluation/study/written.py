"""Files that are written from models and read into them: results, accounts, attacks.

A field without a default is always written; one with a default only where there is something to
say. Keys stand in the order of the fields. A figure that does not exist (a NaN of the arrays that
it came from) is None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.errors import BookError

Figure = float | None
Record = Mapping[str, Any]
"""What is read from a file that has no model of its own."""


class Written(BaseModel):
    """A part of a written file: frozen, and a key that the model does not know is an error."""

    # An unknown key is a fault: a reader would otherwise miss what another version wrote there.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def plain(self) -> dict[str, Any]:
        """As it stands in the file: keys in its order, and only those that were given."""
        # What was not given is not written, so that a file read and written again is the same to
        # the byte.
        return self.model_dump(by_alias=True, exclude_unset=True)

    def as_json(self) -> str:
        """The file: UTF-8, indented by one, a line feed at its end.

        Raises
        ------
        ValueError : a figure is NaN or infinite, which JSON does not know.
        """
        # Python would write NaN, which no browser reads.
        return json.dumps(self.plain(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


Model = TypeVar("Model", bound=Written)


def read_written(model: type[Model], path: Path) -> Model:
    """A file of this kind, which has to be there.

    Raises
    ------
    BookError : it cannot be read, is no JSON, or is not as the model has it: where, and what.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BookError(f"it cannot be read: {error.strerror}.", where=str(path)) from None
    except ValidationError as wrong:
        first = wrong.errors()[0]
        if first["type"] == "json_invalid":
            raise BookError(f"no valid JSON: {first['msg']}", where=str(path)) from None
        place = ".".join(str(part) for part in first["loc"])
        more = f" ({wrong.error_count()} faults in all)" if wrong.error_count() > 1 else ""
        raise BookError(
            f"{place or 'the file'}: {first['msg']}{more}.",
            where=str(path),
            mend="it was written by another version, or by hand: write it anew",
        ) from None


def json_schema(model: type[Written]) -> str:
    """The JSON schema of a written file, as text."""
    found = model.model_json_schema(mode="serialization")
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(draft | found, indent=1, ensure_ascii=False) + "\n"


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

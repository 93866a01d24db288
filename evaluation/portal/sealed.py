"""What a draft holds of a return, in its file and in its rows, sealed under a key of its own.

The keys lie with those of the returns (`evaluation.ledger.data_keys`). Once a draft's key is
destroyed, because its time is over or its figures were destroyed, nothing of it can be read in any
copy: not in a dump of the tables, not in their free pages or log, not in a back-up of before.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from django.conf import settings
from django.db import models

from evaluation.errors import LedgerError
from evaluation.ledger import data_keys
from evaluation.ledger.data_keys import DataKeys
from evaluation.quarters import format_instant, now

MARK = "sealed:"
"""What a sealed text begins with in its column; behind it stands base64."""
_KEY_SIGNS = 12


def keys() -> DataKeys:
    """The keys of the workspace that this process serves."""
    workspace = settings.PORTAL.workspace
    return data_keys.keys_at(workspace.database, workspace.raw)


def key_of(number: str) -> str:
    """The name of the key of a draft, which no return's id begins like."""
    return f"d-{number:->{_KEY_SIGNS - 2}}"[:_KEY_SIGNS]


def sealed(number: str, content: bytes) -> bytes:
    """Content sealed for a draft, whose key is made where there is none."""
    name = key_of(number)
    return data_keys.seal(keys().make(name), name, content)


def opened(content: bytes) -> bytes:
    """What was sealed for a draft; as it is where it was kept before drafts were sealed.

    Raises
    ------
    KeyMissing : its key is not here, or was destroyed.
    LedgerError : it is not as it was sealed.
    """
    found = data_keys.unseal(keys(), content)
    if data_keys.sealed_for(found):
        raise LedgerError(
            "what is kept of a file on its way is not as it was sealed.",
            where=data_keys.sealed_for(found),
            mend="have it uploaded again, and tell whoever runs the portal.",
        )
    return found


def readable(number: str) -> bool:
    """Whether the key of a draft is here."""
    return keys().read(key_of(number)) is not None


def destroy_key(number: str, why: str) -> None:
    """Destroy the key of a draft, here and in the copies that back-ups laid beside themselves."""
    held, note = keys(), {"received": format_instant(now()), "reason": why}
    for place in (held, *(DataKeys(folder=one) for one in held.copies())):
        if place.folder.is_dir():
            place.destroy(key_of(number), note)


class SealedText(models.TextField):
    """Text that is sealed when its row is saved; the row's ``number_of_draft`` names the key."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The text as the column keeps it; the row in memory stays as it is."""
        text = self._written(super().pre_save(model_instance, add))
        if not text:
            return ""
        content = sealed(model_instance.number_of_draft, text.encode())
        return MARK + base64.b64encode(content).decode("ascii")

    def get_prep_value(self, value: Any) -> Any:
        """As it goes into the database: sealed, or empty.

        Raises
        ------
        ValueError : it would be kept or looked for in the clear.
        """
        text = value if isinstance(value, str) else self._written(value)
        if text and not text.startswith(MARK):
            raise ValueError(f"{self.name} is saved with its row, and never looked for")
        return text

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """What the column holds, opened."""
        if not value or not value.startswith(MARK):
            return self._read(value or "")
        return self._read(opened(base64.b64decode(value[len(MARK) :])).decode())

    def _written(self, value: Any) -> str:
        return str(value or "")

    def _read(self, text: str) -> Any:
        return text


class SealedJson(SealedText):
    """A list that is sealed as JSON."""

    def _written(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False) if value else ""

    def _read(self, text: str) -> Any:
        return json.loads(text) if text else []

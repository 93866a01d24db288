"""Saving a workbook of ours: the bytes say what it holds, and nothing of when it was made."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any


def saved(book: Any) -> bytes:
    """The bytes of an openpyxl workbook, the same on every run."""
    out = io.BytesIO()
    book.save(out)
    return _without_the_hour(out.getvalue())


def _without_the_hour(content: bytes) -> bytes:
    """The same workbook with no trace of when it was written, so that its hash says what it holds.

    openpyxl stamps the time into its properties as it saves, and the archive into every member.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as made, zipfile.ZipFile(out, "w") as kept:
        for member in made.infolist():
            part = made.read(member)
            if member.filename == "docProps/core.xml":
                part = re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", part)
            fixed = zipfile.ZipInfo(member.filename, date_time=(1980, 1, 1, 0, 0, 0))
            fixed.compress_type = zipfile.ZIP_DEFLATED
            kept.writestr(fixed, part)
    return out.getvalue()

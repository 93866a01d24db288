"""What is taken from a browser as a file: bounded while it comes, named without a path.

What a file is, is then asked by the same gate as on the command line, before any parser.
"""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from evaluation.errors import ReturnFileError
from evaluation.portal.configure import MOST_BYTES
from evaluation.returns.workbook import RawReturn, heading

_LONGEST_NAME = 150
_RESPONDENTS = frozenset({"weight", "age_band", "age", "sex", "tenure", "household", "mode"})
"""Columns of a file of a survey's respondents."""


class TooLarge(StopUpload):
    """A file beyond what is taken: the rest of it is not read."""


class Bounded(FileUploadHandler):
    """Keeps a file in memory up to the bound, and reads no further.

    Django's own handlers bound what stays in memory and write the rest to a disk without a bound.
    """

    def new_file(self, *given: Any, **named: Any) -> None:
        """Begin a file."""
        super().new_file(*given, **named)
        self.held = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep the next part of it, or stop."""
        if start + len(raw_data) > MOST_BYTES:
            self.request.META["portal.too_large"] = True
            raise TooLarge(connection_reset=False)
        self.held.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """Hand over the whole of it."""
        if self.request.META.get("portal.too_large"):
            return None
        self.held.seek(0)
        return InMemoryUploadedFile(
            file=self.held,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
        )


def safe_name(name: str) -> str:
    """The name of an uploaded file without folders and without signs that cannot be printed.

    Raises
    ------
    ReturnFileError : a name that is none, or one longer than any system gives.
    """
    bare = name.replace("\\", "/").rpartition("/")[2].strip()
    if not bare.strip(". ") or not bare.isprintable() or len(bare) > _LONGEST_NAME:
        raise ReturnFileError(
            "the file's name cannot be used.",
            where="the file you chose",
            expected="a name of letters, digits, spaces and dots, like S01_nhs_2026-Q3.xlsx",
            mend="give the file a plain name and upload it again.",
        )
    return bare


def holds_respondents(raw: RawReturn) -> bool:
    """Whether a file holds a survey's answers, person by person, and not sums or means of them."""
    named = {heading(value) for value in raw.header.values if value is not None}
    return len(named & _RESPONDENTS) >= 2 and "numerator" not in named

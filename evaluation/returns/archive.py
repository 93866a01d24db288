"""The zip that a workbook is: its members unpacked within bounds, whatever its headers say.

A small file can unpack to gigabytes, and a header can lie about it. So each member is inflated
here, up to the bound and no further, and what a parser reads later is packed anew from what was
seen: no parser meets a byte that was not looked at.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence

from evaluation.errors import ReturnFileError

MAX_MEMBERS = 1_000
MAX_UNPACKED = 100 * 2**20
MAX_RATIO = 200
_RATIO_FROM = 2**20
_LOCAL_HEADER = 30
_SAVE = "open it in your spreadsheet program and save it again as Excel workbook (.xlsx)."
_ALONE = "send the Return and Guide sheets alone, without other content."


def unpack(content: bytes, name: str) -> dict[str, bytes]:
    """Member -> content of a zip from outside.

    Raises
    ------
    ReturnFileError : if it is no sound zip, is encrypted, or breaks a bound.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [one for one in archive.infolist() if not one.filename.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
        raise damaged(name, "its list of contents cannot be read") from None
    _check_list(members, name)
    room = MAX_UNPACKED
    parts = {}
    for member in members:
        parts[member.filename] = _inflate(content, member, room, name)
        room -= len(parts[member.filename])
    return parts


def pack(parts: dict[str, bytes]) -> bytes:
    """The parts as a plain zip, for a parser."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for part, content in parts.items():
            archive.writestr(zipfile.ZipInfo(part), content)
    return out.getvalue()


def damaged(name: str, how: str) -> ReturnFileError:
    """The error for a file that begins like a workbook and is none."""
    return ReturnFileError(
        f"the file is damaged or is no Excel workbook: {how}.", where=name, mend=_SAVE
    )


def too_much(name: str, what: str) -> ReturnFileError:
    """The error for a file that holds more than a return can."""
    return ReturnFileError(what, where=name, mend=_ALONE)


def _check_list(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise too_much(
            name, f"the workbook is made of {len(members):,} parts; at most {MAX_MEMBERS:,} can be."
        )
    seen: set[str] = set()
    for member in members:
        part = member.orig_filename
        if not member.filename:  # what stands before the first zero byte of the name
            raise damaged(name, "a part of it has no name")
        if part.startswith(("/", "\\")) or "\\" in part or ":" in part or ".." in part.split("/"):
            raise damaged(name, f'a part of it is called "{part[:80]}", which leads outside it')
        if "\0" in part or part.casefold() in seen:
            raise damaged(name, f'it holds two parts called "{part[:80]}"')
        seen.add(part.casefold())
        if member.flag_bits & 0x41:
            raise protected(name)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(name, f"its part {part[:80]} is packed in a way that Excel never uses")
    _check_overlap(members, name)
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise too_much(
            name,
            f"the workbook unpacks to {total / 2**20:,.0f} MB; a return stays below"
            f" {MAX_UNPACKED // 2**20} MB.",
        )


def protected(name: str) -> ReturnFileError:
    """The error for a workbook behind a password."""
    return ReturnFileError(
        "the workbook is protected by a password, so nobody can read it here.",
        where=name,
        mend="save it without one (File, Info, Protect Workbook, Encrypt with Password: empty).",
    )


def _check_overlap(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Members that share bytes are how a file of kilobytes unpacks to petabytes."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise damaged(name, "parts of it lie upon each other")
        end = member.header_offset + _LOCAL_HEADER + member.compress_size


def _inflate(content: bytes, member: zipfile.ZipInfo, room: int, name: str) -> bytes:
    header = content[member.header_offset : member.header_offset + _LOCAL_HEADER]
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise damaged(name, f"its part {member.filename[:80]} is not where it should be")
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = member.header_offset + _LOCAL_HEADER + lengths
    packed = content[start : start + member.compress_size]
    if member.file_size > _RATIO_FROM and member.file_size > MAX_RATIO * len(packed):
        raise too_much(
            name,
            f"{member.filename[:80]} unpacks to {member.file_size / 2**20:,.0f} MB, more than"
            f" {MAX_RATIO} times its size in the file.",
        )
    unpacked = packed
    if member.compress_type == zipfile.ZIP_DEFLATED:
        try:
            unpacked = zlib.decompressobj(-15).decompress(packed, min(room, member.file_size) + 1)
        except zlib.error:
            raise damaged(name, f"its part {member.filename[:80]} cannot be unpacked") from None
    if len(unpacked) != member.file_size or zlib.crc32(unpacked) != member.CRC:
        raise damaged(name, f"its part {member.filename[:80]} is not what its label says")
    return unpacked

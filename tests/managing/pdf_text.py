"""The text of a PDF that reportlab wrote, read from its bytes: what a search in the file finds."""

from __future__ import annotations

import base64
import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)endobj", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+(?:\+\d+)?) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj|(T\*|Td|Tm)\b", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


def pages(content: bytes) -> int:
    """How many pages the file has."""
    return len(re.findall(rb"/Type /Page\b", content))


def text_of(content: bytes) -> str:
    """All text that is drawn, with a blank where a line or a part of it ends."""
    objects = {int(number): body for number, body in _OBJECT.findall(content)}
    fonts = {
        name: _letters(objects, int(place)) for name, place in re.findall(rb"/(F\d+(?:\+\d+)?) (\d+) 0 R", content)
    }
    found, now = [], b""
    for body in objects.values():
        drawn = _stream(body)
        if b" Tj" not in drawn:
            continue
        for font, shown, moved in _SHOWN.findall(drawn):
            if font:
                now = font
            elif moved:
                found.append(" ")
            else:
                codes = _ESCAPED.sub(_unescaped, shown)
                found.append("".join(fonts[now].get(code, "\ufffd") for code in codes))
    return " ".join("".join(found).split())


def _unescaped(found: re.Match[bytes]) -> bytes:
    said = found[1]
    return (
        bytes([int(said, 8)])
        if said.isdigit() and len(said) == 3
        else {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(said, said)
    )


def _letters(objects: dict[int, bytes], place: int) -> dict[int, str]:
    """What each code of a font stands for: its own table, or the standard encoding of Western Europe."""
    named = re.search(rb"/ToUnicode (\d+) 0 R", objects[place])
    if named is None:
        return {code: bytes([code]).decode("cp1252", "replace") for code in range(256)}
    table: dict[int, str] = {}
    cmap = _stream(objects[int(named[1])])
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, letters in re.findall(rb"<(\w+)> <(\w+)> \[([^\]]*)\]", part):
            for code, letter in zip(
                range(int(first, 16), int(last, 16) + 1), re.findall(rb"<(\w+)>", letters), strict=False
            ):
                table[code] = bytes.fromhex(letter.decode()).decode("utf-16-be")
        for first, last, start in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", part):
            for code in range(int(first, 16), int(last, 16) + 1):
                table[code] = chr(int(start, 16) + code - int(first, 16))
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, letter in re.findall(rb"<(\w+)> <(\w+)>", part):
            table[int(code, 16)] = bytes.fromhex(letter.decode()).decode("utf-16-be")
    return table


def _stream(body: bytes) -> bytes:
    found = re.search(rb"stream\r?\n(.*?)\r?\n?endstream", body, re.DOTALL)
    if found is None:
        return b""
    head, content = body[: found.start()], found[1]
    if b"ASCII85Decode" in head:
        content = base64.a85decode(content.strip().removesuffix(b"~>"))
    return zlib.decompress(content) if b"FlateDecode" in head else content

"""Bytes in UTF-8 -> lines of text, strictly: another encoding, a NUL or an endless line refuses the file."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from trials.connectors.connector import Limits
from trials.connectors.formats.table import Refused, line_too_long

_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def other_encoding(head: bytes) -> str | None:
    """The encoding that the first bytes name, if it isn't UTF-8."""
    return next((name for mark, name in _OTHER_ENCODINGS.items() if head.startswith(mark)), None)


class Text:
    """The text of a stream of bytes. Lines end in LF, CRLF or CR.

    While it is read: bom, whether it began with a byte-order mark; carriage, whether it holds carriage returns. After:
    ended, whether its last line has a line end.
    """

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self.bom = self.carriage = False
        self.ended = True
        self._chunks = chunks
        self._limits = limits

    def parts(self) -> Iterator[str]:
        """The text in parts, as its bytes come; blank parts are left out. Raises Refused."""
        return self._parts(self._chunks)

    def lines(self) -> Iterator[list[str]]:
        """The lines, with their ends, some at a time. Raises Refused for one above limits.line_bytes too."""
        rest = ""
        for text in self._parts(_short_lines(self._chunks, self._limits)):
            found = list(io.StringIO(rest + text, newline=""))
            # A last line that ends in CR may get its LF with the next part.
            rest = "" if found[-1].endswith("\n") else found.pop()
            yield found
        if rest:
            yield [rest]

    def repairs(self, *, line_ends: bool = True) -> list[str]:
        """What was read in spite of its form, losing nothing; without line ends where they mean nothing."""
        made = ["removed a byte-order mark (BOM)"] if self.bom else []
        return [*made, *(["read line ends other than LF (CRLF)"] if self.carriage and line_ends else [])]

    def _parts(self, chunks: Iterator[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        lines = 1
        first = True
        for chunk in chunks:
            text = _decoded(decoder, chunk, lines)
            if first:
                self.bom, first = text.startswith("\ufeff"), False
                text = text.removeprefix("\ufeff")
            self.carriage = self.carriage or b"\r" in chunk
            self.ended = chunk.endswith((b"\n", b"\r"))
            lines += chunk.count(b"\n")
            if text:
                yield text
        _decoded(decoder, b"", lines, final=True)


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, lines: int, *, final: bool = False) -> str:
    if b"\0" in chunk:
        raise Refused("the file holds NUL bytes, must be text in UTF-8 encoding (perhaps it is UTF-16 or damaged).")
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + error.object.count(b"\n", 0, error.start)
        cut = ", or the file is truncated in the middle of a character" if final else ""
        raise Refused(f"the encoding is not UTF-8 (line {line}){cut}, must be UTF-8. Save it as 'CSV UTF-8'.") from None


def _short_lines(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """The same bytes, cut so that no piece is longer than a line may be. Raises Refused at a line that is longer."""
    open_bytes = 0
    for chunk in chunks:
        for start in range(0, len(chunk), limits.line_bytes):
            piece = chunk[start : start + limits.line_bytes]
            ends = [place for place in (piece.find(b"\n"), piece.find(b"\r")) if place >= 0]
            if open_bytes + (min(ends) if ends else len(piece)) > limits.line_bytes:
                raise Refused(line_too_long("a line", limits))
            open_bytes = len(piece) - 1 - max(piece.rfind(b"\n"), piece.rfind(b"\r")) + (0 if ends else open_bytes)
            yield piece

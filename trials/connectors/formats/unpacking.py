"""Bytes of a file, piece by piece: read, unpacked from gzip, counted. Nothing is held that is over the limit."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Protocol as Interface

from trials.connectors.connector import Limits
from trials.connectors.formats.table import Refused, too_large

PIECE = 1 << 18
# How much of a file is looked at to tell what it is.
HEAD = 1 << 13
# zlib's "window bits" for a gzip header and its check sum.
_GZIP = 31


class Stream(Interface):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


def pieces(source: Stream | bytes, limits: Limits, *, gzipped: bool) -> Iterator[bytes]:
    """The unpacked bytes, none of the pieces empty; the first holds HEAD bytes at least, unless the file has fewer.

    Raises Refused: more than limits.unpacked_bytes, or a gzip stream that is cut, damaged or none.
    """
    raw = _read(io.BytesIO(source) if isinstance(source, bytes) else source)
    return _counted(_with_head(_gunzip(raw) if gzipped else raw), limits)


def _read(stream: Stream) -> Iterator[bytes]:
    """Pieces of PIECE bytes, also from a stream that gives fewer at a time."""
    found = bytearray()
    while part := stream.read(PIECE):
        found += part
        if len(found) >= PIECE:
            yield bytes(found)
            found.clear()
    if found:
        yield bytes(found)


def _with_head(found: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for piece in found:
        head += piece
        if len(head) >= HEAD:
            break
    if head:
        yield head
    yield from found


def _counted(found: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    size = 0
    for piece in found:
        size += len(piece)
        if size > limits.unpacked_bytes:
            raise Refused(too_large(limits))
        yield piece


def _gunzip(raw: Iterator[bytes]) -> Iterator[bytes]:
    """RFC 1952: one member or several, one after the other; zeros may fill up the end."""
    unpacker = zlib.decompressobj(_GZIP)
    begun = ended = False
    for piece in raw:
        while piece:
            if ended:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                unpacker, ended = zlib.decompressobj(_GZIP), False
            yield from _unpacked(unpacker, piece, begun)
            begun, ended = True, unpacker.eof
            piece = unpacker.unused_data
    if begun and not ended:
        raise Refused("the gzip archive ends in the middle: it is truncated or incomplete. Send it again.")


def _unpacked(unpacker: zlib._Decompress, packed: bytes, begun: bool) -> Iterator[bytes]:
    while True:
        try:
            found = unpacker.decompress(packed, PIECE)
        except zlib.error:
            after = ", or other bytes follow it" if begun else " or none"
            raise Refused(f"the gzip archive is damaged{after}, must be whole. Send it again.") from None
        if found:
            yield found
        packed = unpacker.unconsumed_tail
        # Without input the unpacker may still hold some back; a piece that isn't full says that it doesn't.
        if unpacker.eof or (not packed and len(found) < PIECE):
            return

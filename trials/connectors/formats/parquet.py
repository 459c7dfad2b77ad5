"""Parquet through pyarrow: a batch of rows at a time, weighed before it is decoded.

A few bytes of a dictionary or a run length can stand for gigabytes. So the columns of text are taken as they are packed
(indices into a dictionary), their unpacked size is added up, and only then are they made into cells.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from trials.connectors.connector import Limits
from trials.connectors.formats.cells import text_of
from trials.connectors.formats.table import Format, Gathered, Refused, Table, check_header, shorten, too_large, trimmed
from trials.protocol import Protocol

_MARK = b"PAR1"
_CELLS_A_BATCH = 1 << 18
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times without a zone are counted from here, by the format's own rule
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
# What the file's own words about itself may take; larger ones are made to fill the memory.
_WORDS = 10_000_000


def read(chunks: Iterator[bytes], protocol: Protocol, limits: Limits) -> Table:
    """The table in a Parquet file. Raises Refused."""
    data = b"".join(chunks)
    if len(data) < 12 or not data.endswith(_MARK):
        raise Refused("the Parquet file has no footer: it is truncated or incomplete. Send it again.")
    try:
        return _gather(data, limits).table(protocol)
    except Refused:
        raise
    except UnicodeDecodeError:
        raise Refused("the Parquet file holds bytes whose encoding is not UTF-8, must hold text or numbers.") from None
    except Exception:  # noqa: BLE001 - pyarrow raises errors of many kinds for a damaged file; they may name values
        raise Refused("the Parquet file is damaged: it is truncated, incomplete or encrypted. Send it again.") from None


def _gather(data: bytes, limits: Limits) -> Gathered:
    import pyarrow.parquet as pq

    bounds: dict[str, Any] = {"thrift_string_size_limit": _WORDS, "thrift_container_size_limit": _WORDS}
    bounds |= {"pre_buffer": False, "page_checksum_verification": True, "arrow_extensions_enabled": False}
    with pq.ParquetFile(io.BytesIO(data), **bounds) as plain:
        names = [trimmed(name) for name in plain.schema_arrow.names]
        check_header(names)
        _check_size(plain.metadata, limits)
        packed = _packed_columns(plain.schema)
    found = Gathered(limits, names)
    with pq.ParquetFile(io.BytesIO(data), read_dictionary=packed, **bounds) as file:
        for batch in file.iter_batches(batch_size=max(1, _CELLS_A_BATCH // len(names)), use_threads=False):
            _add(found, names, batch, limits)
    return found


def _check_size(metadata: Any, limits: Limits) -> None:
    """Raises Refused when the file itself says that it holds more than the limits allow."""
    size = values = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            size += max(column.total_uncompressed_size, 0)
            # A fixed width is written once however often a run repeats it.
            values += max(column.num_values, 0) * max(1, metadata.schema.column(place).length)
    if max(size, values, metadata.num_rows * metadata.num_columns) > limits.unpacked_bytes:
        raise Refused(too_large(limits))


def _packed_columns(schema: Any) -> list[str]:
    """The columns whose values have lengths of their own, by their paths."""
    columns = [schema.column(place) for place in range(len(schema))]
    return [one.path for one in columns if one.physical_type == "BYTE_ARRAY" and one.logical_type.type != "DECIMAL"]


def _add(found: Gathered, names: Sequence[str], batch: Any, limits: Limits) -> None:
    if sum(_unpacked_size(column) for column in batch.columns) > limits.unpacked_bytes:
        raise Refused(too_large(limits))
    found.add({name: _texts(column) for name, column in zip(names, batch.columns, strict=True)}, batch.num_rows)


def _unpacked_size(column: Any) -> int:
    """How many bytes a column's text takes once each cell has its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        lengths = pc.binary_length(column.dictionary) if _has_length(column.dictionary.type) else None
        if lengths is None:
            return _unpacked_size(column.dictionary) + 8 * len(column)
        return int(pc.sum(lengths.cast("int64").take(column.indices)).as_py() or 0)
    if isinstance(column, pa.StructArray):
        return sum(_unpacked_size(part) for part in column.flatten())
    if isinstance(column, pa.MapArray):
        return _unpacked_size(column.keys) + _unpacked_size(column.items)
    if isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return _unpacked_size(column.flatten())
    return int(column.nbytes)


def _has_length(kind: Any) -> bool:
    import pyarrow.types as kinds

    texts = (kinds.is_string, kinds.is_large_string, kinds.is_binary, kinds.is_large_binary)
    return any(is_one(kind) for is_one in texts)


def _texts(column: Any) -> list[str]:
    """The cells of one column of a batch."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if isinstance(column, pa.DictionaryArray):
        if len(column.dictionary) > len(column):
            return _texts(column.dictionary_decode())
        words = _texts(column.dictionary)
        return ["" if place is None else words[place] for place in column.indices.to_pylist()]
    if kinds.is_timestamp(column.type):
        return _times(column)
    if kinds.is_date(column.type) or kinds.is_duration(column.type) or kinds.is_time(column.type):
        return _days_and_times(column)
    if kinds.is_float16(column.type) or kinds.is_float32(column.type):
        # 0.1 in four bytes reads 0.1, not 0.10000000149011612.
        shortest = [math.nan if value is None else float(str(value)) for value in column.to_numpy(zero_copy_only=False)]
        return [
            "" if gone else text_of(value) for value, gone in zip(shortest, column.is_null().to_pylist(), strict=True)
        ]
    return [text_of(value) for value in column.to_pylist()]


def _days_and_times(column: Any) -> list[str]:
    import pyarrow as pa

    try:
        return [text_of(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):
        # A day beyond the year 9999, or a time in billionths: pyarrow's own words for it.
        return [text_of(value) for value in column.cast(pa.string()).to_pylist()]


def _times(column: Any) -> list[str]:
    """Midnights as their day, other times in ISO 8601; a time with a zone as the clock there shows it."""
    import pyarrow as pa

    per_second = _PER_SECOND[column.type.unit]
    zone = None if column.type.tz is None else _zone(column.type.tz)
    counts = column.cast(pa.int64()).to_pylist()
    return ["" if count is None else _time(count, per_second, zone) for count in counts]


def _time(count: int, per_second: int, zone: tzinfo | None) -> str:
    seconds, fraction = divmod(count, per_second)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
        if zone is not None:
            moment = moment.replace(tzinfo=UTC).astimezone(zone)
    except OverflowError:
        return f"{count} / {per_second} s since 1970"
    if not fraction:
        return text_of(moment)
    digits = f"{fraction:0{len(str(per_second)) - 1}d}".rstrip("0")
    plain = moment.isoformat()
    return f"{plain[:19]}.{digits}{plain[19:]}"


def _zone(name: str) -> tzinfo:
    """The zone of that name or offset. Raises Refused for one that nobody here knows."""
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Refused(f"a column of times has the zone '{shorten(name)}', must have a known one, or none.") from None


PARQUET = Format("Parquet", (".parquet",), (_MARK,), read)

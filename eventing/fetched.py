"""What aiokafka has fetched is read whatever stands in it.

A header's name should be UTF-8, but Kafka takes any bytes, and clients in C send them. aiokafka raises at such a record
for ever: nothing behind it is read, nor of any other partition, and quarantine never sees it.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_any_names() -> None:
    """From now on aiokafka's consumers read header names that are no UTF-8, with each odd byte as \\xNN."""
    fetcher.MemoryRecords = _MemoryRecordsPy  # unlike the one in C it keeps the bytes that it was given
    fetcher.PartitionRecords = _TolerantRecords


class _TolerantRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Reads as aiokafka does, and in the tolerant way only where that has raised."""

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # Read all of it again; aiokafka leaves out what lies before the offset that it has reached.
            self._records = _TolerantBatches(self._records._buffer)  # type: ignore[has-type]
            yield from super()._unpack_records()


class _TolerantBatches(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        content = self._next_slice
        self._cache_next()
        return _TolerantBatch(content)


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _TolerantBytes(self._buffer)  # type: ignore[has-type]


class _TolerantBytes(bytearray):
    """Bytes whose slices decode whatever is in them."""

    def __getitem__(self, where: Any) -> Any:
        found = super().__getitem__(where)
        return _TolerantBytes(found) if isinstance(where, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)

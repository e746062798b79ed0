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
    """From now on aiokafka's consumers read names that are no UTF-8, with each odd byte as \\xNN."""
    fetcher.MemoryRecords = _MemoryRecordsPy  # unlike the one in C it still knows the bytes that it was given
    fetcher.PartitionRecords = _Patient


class _Patient(fetcher.PartitionRecords):  # type: ignore[misc]
    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # All of it again, of which what was read is left out.
            self._records = _Batches(self._records._buffer)  # type: ignore[has-type]
            yield from super()._unpack_records()


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        content = self._next_slice
        self._cache_next()
        return _Batch(content)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Text(self._buffer)  # type: ignore[has-type]


class _Text(bytearray):
    def __getitem__(self, where: Any) -> Any:
        found = super().__getitem__(where)
        return _Text(found) if isinstance(where, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)

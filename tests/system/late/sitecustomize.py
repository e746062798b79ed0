"""Partitions are read late and in another order, for tests that only pass while everything is quick.

Python imports this at its start where the folder is on PYTHONPATH (`make test-late` puts it there). In the services'
processes each poll of a consumer group passes over some partitions, each for up to WEA_TEST_LATE seconds. Kafka
promises no more than the order within a partition, so nothing may depend on more.
"""

import asyncio
import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Sequence
from random import Random
from types import ModuleType
from typing import Any

SHARE = 0.15  # of the partitions that could be read, at each poll


class _Finder(importlib.abc.MetaPathFinder):
    """Finds aiokafka as ever, and changes it once it is there."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if name != "aiokafka":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        loader: Any = spec and spec.loader
        plain = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            plain(module)
            _read_late(module.AIOKafkaConsumer, float(os.environ["WEA_TEST_LATE"]))

        loader.exec_module = exec_module
        return spec


def _read_late(consumer: Any, longest: float) -> None:
    plain, random = consumer.getmany, Random(os.urandom(8))

    async def getmany(self: Any, *partitions: Any, timeout_ms: int = 0, max_records: int | None = None) -> Any:
        if self._group_id is None or partitions:
            return await plain(self, *partitions, timeout_ms=timeout_ms, max_records=max_records)
        late, now = self.__dict__.setdefault("_late", {}), time.monotonic()
        ready = [one for one in self.assignment() if late.get(one, 0.0) <= now]
        late.update({one: now + random.uniform(0, longest) for one in ready if random.random() < SHARE})
        ready = [one for one in ready if late.get(one, 0.0) <= now]
        if not ready:
            await asyncio.sleep(0.05)
            return {}
        return await plain(self, *ready, timeout_ms=min(timeout_ms, 100), max_records=max_records)

    consumer.getmany = getmany


if "WEA_TEST_LATE" in os.environ and not any("pytest" in word for word in sys.orig_argv):
    sys.meta_path.insert(0, _Finder())

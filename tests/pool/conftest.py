"""Pools that are gone after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anypool._pool._pool import ProcessPool
from anypool.abc import PoolSpec

MakePool = Callable[..., ProcessPool]


@pytest.fixture
def make_pool() -> Iterator[MakePool]:
    """Make pools that are stopped in the end."""
    pools: list[ProcessPool] = []

    def make(max_workers: int = 2, initializer: Callable[..., object] | None = None, *initargs: Any) -> ProcessPool:
        pool = ProcessPool(PoolSpec(max_workers=max_workers, initializer=initializer, initargs=initargs))
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.stop(force=True)
    del pools[:]


@pytest.fixture
def pool(make_pool: MakePool) -> ProcessPool:
    """Make a pool of two workers."""
    return make_pool(2)

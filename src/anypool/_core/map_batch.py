"""A chunk of a map's items: the batch behind ``map``, with a place for each result."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from anypool._core import pins
from anypool._core.batch import Call, dump_call
from anypool.abc import Batch, Encoded

if TYPE_CHECKING:
    from anypool._core.map_feed import Feed

__all__ = ["PENDING", "MapBatch"]

#: In a place whose call has not ended.
PENDING = object()


class MapBatch(Batch):
    """A chunk of a map's items: calls of one function, with a place for each result."""

    __slots__ = (
        "_calls",
        "_encoded",
        "_feed",
        "attempt",
        "began",
        "first_id",
        "left",
        "name",
        "results",
        "size",
        "timeout",
    )

    def __init__(self, feed: Feed, calls: list[tuple[Any, ...]], first_id: int) -> None:
        self._feed = feed
        self._calls: list[tuple[Any, ...]] | None = calls
        self._encoded: Encoded | None = None
        self.size = self.left = len(calls)
        self.first_id = first_id
        self.name = feed.name
        self.timeout = feed.timeout
        self.attempt = 1
        self.began = 0.0
        # Each place holds PENDING, or (encoded outcome,), or (value, error).
        self.results: list[Any] = [PENDING] * self.size

    def encode(self, function: bytes) -> None:
        """Turn the items into bytes, one pickle each, so that a bad one fails alone. Raises ``SerializationError``."""
        assert self._calls is not None
        with pins.collect() as pinned:
            data = [dump_call(None, args, {}) for args in self._calls]
        self._encoded = Encoded(function, data, pinned)
        self._calls = None

    def claim(self) -> bool:
        self.began = time.monotonic()
        return self._feed.claimed(self)

    def cancel(self) -> None:
        for index in range(self.size):
            self.settle(index, None, CancelledError())

    def call(self, index: int) -> Call:
        calls = self._calls
        if calls is None:
            raise LookupError(index)
        return self._feed.function, calls[index], {}

    def encoded(self) -> Encoded:
        encoded = self._encoded
        if encoded is None:
            raise LookupError(self.name)
        return encoded

    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        self._feed.settled(self, index, (value, error))

    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        # Kept as bytes: the consumer decodes it in its own thread, not the pool's.
        self._feed.settled(self, index, (bytes(data),))

    def forget(self) -> None:
        """Let go of the arguments: every call has ended."""
        self._calls = None
        self._encoded = None

"""Where results of a map wait to be taken: in the order of the input, or as they came. No locks, no I/O."""

from __future__ import annotations

from collections import deque
from typing import Any

from anypool._core.map_batch import PENDING, MapBatch

__all__ = ["Store", "Taken"]

#: A chunk, the place in it, and the result: ``(encoded outcome,)`` or ``(value, error)``.
Taken = tuple[MapBatch, int, tuple[Any, ...]]


class Store:
    """The chunks that were sent, until all their results are taken.

    Attributes:
        waiting: items sent and not taken.
        unfinished: items sent and not ended.
    """

    def __init__(self, *, ordered: bool) -> None:
        self.waiting = 0
        self.unfinished = 0
        self._ordered = ordered
        self._queue: deque[MapBatch] = deque()  # ordered: chunks whose results are not all taken
        self._next = 0  # ordered: place of the next result in the first chunk
        self._ready: deque[Taken] = deque()  # unordered

    def add(self, batch: MapBatch) -> None:
        """Expect the results of a chunk."""
        self.waiting += batch.size
        self.unfinished += batch.size
        if self._ordered:
            self._queue.append(batch)

    def put(self, batch: MapBatch, index: int, result: tuple[Any, ...]) -> bool:
        """Keep a result; False if its place has one already."""
        if batch.results[index] is not PENDING:
            return False
        batch.results[index] = result
        batch.left -= 1
        self.unfinished -= 1
        if not self._ordered:
            self._ready.append((batch, index, result))
        return True

    def forget(self, batch: MapBatch) -> None:
        """Expect nothing more of a chunk that will not run."""
        self.unfinished -= batch.left
        batch.left = 0

    def is_first(self, batch: MapBatch) -> bool:
        """Tell whether somebody who waits for the next result may wait for this chunk."""
        return not self._ordered or (bool(self._queue) and self._queue[0] is batch)

    def pop(self) -> Taken | None:
        """Take the next result, if it is there."""
        if not self._ordered:
            if not self._ready:
                return None
            batch, place, result = self._ready.popleft()
        else:
            if not self._queue:
                return None
            batch, place = self._queue[0], self._next
            result = batch.results[place]
            if result is PENDING:
                return None
            self._next += 1
            if self._next == batch.size:
                self._queue.popleft()
                self._next = 0
        batch.results[place] = None  # taken: the chunk need not keep it until its last result is
        self.waiting -= 1
        return batch, place, result

    def clear(self) -> None:
        """Drop all results."""
        self._queue.clear()
        self._ready.clear()

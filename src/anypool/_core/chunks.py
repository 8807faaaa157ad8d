"""How many items a map sends at once, from measured times: free of I/O, so that it can be tested as arithmetic (E10).

One item at a time costs a round trip each; too many make stragglers and a late first result. The first chunks are
single items; then sizes grow towards a fixed time a chunk, and shrink again towards the end of an input whose length
is known, so that the workers finish together (guided self-scheduling, Polychronopoulos and Kuck 1987).
"""

from __future__ import annotations

__all__ = ["Chunking"]

#: Seconds of work in a chunk: long against a round trip (about 0.1 ms), short against a person's patience.
_TARGET = 0.02
#: A chunk grows at most this much from one to the next, for the first times measured include the workers' start.
_GROWTH = 4
_LARGEST = 4096


class Chunking:
    """Sizes of the chunks of one map.

    Args:
        workers: how many workers share the input.
        length: how many items there are, or ``None`` where that is unknown.
        fixed: the user's own ``chunksize``, or ``None``.
    """

    def __init__(self, workers: int, length: int | None, fixed: int | None) -> None:
        self._workers = workers
        self._left = length
        self._fixed = fixed
        self._size = 1
        self._mean: float | None = None

    def measured(self, items: int, seconds: float) -> None:
        """Learn that ``items`` items took one worker ``seconds``."""
        each = max(seconds, 1e-7) / items
        # The newest counts half: times that grow along the input are followed, one hiccup is not.
        self._mean = each if self._mean is None else (self._mean + each) / 2

    def size(self) -> int:
        """Give the size of the next chunk, as far as is known now."""
        if self._fixed is not None:
            return self._fixed
        if self._mean is None:
            return 1
        size = min(int(_TARGET / self._mean), self._size * _GROWTH, _LARGEST)
        if self._left is not None:
            size = min(size, self._left // (3 * self._workers))
        return max(1, size)

    def taken(self, items: int) -> None:
        """Learn that a chunk of ``items`` items was made."""
        self._size = max(1, items)
        if self._left is not None:
            self._left = max(0, self._left - items)

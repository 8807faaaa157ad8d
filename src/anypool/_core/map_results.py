"""What ``map`` returns: an iterator over results that are waited for one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from anypool._core.map_feed import Feed

__all__ = ["MapResults"]

T = TypeVar("T")


class MapResults(Iterator[T], Generic[T]):
    """What ``map`` returns: an iterator over results. Closing or dropping it half-way cancels what has not started."""

    def __init__(self, feed: Feed, deadline: float | None) -> None:
        self._feed = feed
        self._deadline = deadline

    def __iter__(self) -> MapResults[T]:
        return self

    def __next__(self) -> T:
        try:
            value, error = self._feed.take(self._deadline)
        except StopIteration:
            raise
        except BaseException:
            self._feed.abandon()
            raise
        if error is not None:
            self._feed.abandon()
            try:
                if isinstance(error, StopIteration):
                    # It would look like the end of the results; a generator does the same (PEP 479).
                    raise RuntimeError(f"map: a task raised {error!r}") from error
                raise error
            finally:
                del error  # no cycle of traceback and frame
        result: T = value
        return result

    def close(self) -> None:
        """Stop here: what has not started is cancelled."""
        self._feed.abandon()

    def __del__(self) -> None:
        self._feed.drop()

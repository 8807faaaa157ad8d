"""JoinableQueue: a queue that knows how many of its items are not done with.

The number of puts is in the log, committed with each item, so only those that are done with need a word of their own:
what is unfinished is the difference, and no kill can part an item from its count.
"""

from __future__ import annotations

from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _log, _names, _queue
from anypool._sync.local._carrier import Bell, Carrier, new_carrier
from anypool._sync.local._waiting import Waiting, deadline_of, new_bell

__all__ = ["JoinableQueue", "new_joinable_queue"]

T = TypeVar("T")


class JoinableQueue(_queue.Queue[T], abc.JoinableQueue[T]):
    """A queue with ``task_done`` and ``join``. An item whose getter died was not done: others may say that it is."""

    def __init__(self, carrier: Carrier, bell: Bell) -> None:
        super().__init__(carrier)
        self._bell = bell
        self._joiners = Waiting(carrier.words, _log.JOINERS, carrier.getters, bell)

    def task_done(self) -> None:
        """Say that an item that was taken is done with."""
        words = self._carrier.words
        with self._carrier.getters:
            done = words[_log.DONE] + 1
            if done > words[_log.PUTS]:
                raise ValueError("task_done() called too many times")
            words[_log.DONE] = done
            all_done = done == words[_log.PUTS]
            if all_done:
                # Joiners wait for the moment, as multiprocessing's do: another item may be put before they look.
                words[_log.ROUNDS] += 1
        if all_done and words[_log.JOINERS]:
            self._joiners.wake_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until every item that was put is done with, at most ``timeout`` seconds; tell whether that is so."""
        words = self._carrier.words
        before = words[_log.ROUNDS]

        def all_done() -> bool:
            return words[_log.DONE] == words[_log.PUTS] or words[_log.ROUNDS] != before

        deadline = deadline_of(timeout)
        while not all_done():
            if not self._joiners.wait(all_done, deadline):
                return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, (carrier,) = super().__reduce__()
        return (rebuild, (carrier, self._bell))


def new_joinable_queue(names: _names.Names, maxsize: int = 0) -> JoinableQueue[Any]:
    """Make an empty queue for at most ``maxsize`` items; 0 is no limit."""
    carrier = new_carrier(names, _queue.checked_maxsize(maxsize))
    return JoinableQueue(carrier, new_bell(names))

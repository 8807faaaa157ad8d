"""What the three kinds of queue are made of: a log of items, a mutex for each of its ends, and bells for who waits.

::

    put: encode -> putters' mutex(append) -> somebody waits? ring      get: getters' mutex(take) -> ring -> decode
                        └ full: wait for a place, again                          └ empty: wait for an item, again

The log alone says what is there. Nothing runs in the background: what ``put`` accepted is there at once (P3).
"""

from __future__ import annotations

import pickle
import queue
from typing import Any

from anypool._sync.local import _items, _log, _mutex, _names, _semaphores
from anypool._sync.local._waiting import Waiting, deadline_of, new_bell

__all__ = ["Carrier", "attach", "new_carrier"]

Bell = _semaphores.Semaphore

# What each item needs, without the way through another module.
_PICKLE = _items.PICKLE
_WAITING_GETTERS = _log.WAITING_GETTERS


class Carrier:
    """One queue as this process has it open; shared by all its objects here."""

    def __init__(
        self, log: _log.Log, putters: _mutex.Mutex, getters: _mutex.Mutex, items: Bell, places: Bell | None
    ) -> None:
        self.log = log
        self.putters = putters
        self.getters = getters
        self._append = log.append
        self._take = log.take
        self._bells = (items, places)
        words = self.words = log.words
        self._for_items = Waiting(words, _log.WAITING_GETTERS, getters, items)
        self._for_places = None if places is None else Waiting(words, _log.WAITING_PUTTERS, putters, places)

    def put(self, obj: object, block: bool, timeout: float | None) -> None:
        """Append ``obj``; ``queue.Full`` if there is no place in time."""
        kind, data, pinned = _items.encode(obj, "item")
        if pinned:
            from anypool._sync.local import _transit

            with _transit.until_received(pinned):
                self._append_later(kind, data, block, timeout)
        else:
            with self.putters:
                done = self._append(kind, data)
            if not done:
                self._append_later(kind, data, block, timeout)
        if self.words[_WAITING_GETTERS]:
            self._for_items.wake()

    def _append_later(self, kind: int, data: Any, block: bool, timeout: float | None) -> None:
        deadline = deadline_of(timeout)
        while True:
            with self.putters:
                if self._append(kind, data):
                    return
            if not block or self._for_places is None or not self._for_places.wait(self._has_place, deadline):
                raise queue.Full

    def get(self, block: bool, timeout: float | None) -> Any:
        """Take the oldest item; ``queue.Empty`` if there is none in time."""
        with self.getters:
            taken = self._take()
        if taken is None:
            taken = self._take_later(block, timeout)
        if self._for_places is not None and self.words[_log.WAITING_PUTTERS]:
            self._for_places.wake()
        kind, data = taken
        return pickle.loads(data) if kind == _PICKLE else _items.decode(kind, data)

    def _take_later(self, block: bool, timeout: float | None) -> tuple[int, Any]:
        deadline = deadline_of(timeout)
        while True:
            if not block or not self._for_items.wait(self._has_item, deadline):
                raise queue.Empty
            with self.getters:
                taken = self._take()
            if taken is not None:
                return taken

    def _has_item(self) -> bool:
        words = self.words
        return words[_log.PUTS] != words[_log.GETS]

    def _has_place(self) -> bool:
        return self.log.count < self.log.maxsize

    def __reduce__(self) -> tuple[Any, ...]:
        if self.log.name is not None:
            self.log.name.share()
        return (attach, (self.log.path, self.putters, self.getters, *self._bells))


def new_carrier(names: _names.Names, maxsize: int = 0) -> Carrier:
    """Make an empty queue for at most ``maxsize`` items; 0 is no limit."""
    putters, getters = _mutex.new_mutex(names), _mutex.new_mutex(names)
    items, places = new_bell(names), new_bell(names) if maxsize else None
    name, log = names.create(".queue", lambda path: _log.Log(path, putters, create=True, maxsize=maxsize))
    log.name = name
    return _names.register(name.path, Carrier(log, putters, getters, items, places))


def attach(path: str, putters: _mutex.Mutex, getters: _mutex.Mutex, items: Bell, places: Bell | None) -> Carrier:
    """Give this process's object for the queue at ``path``."""
    return _names.attach("Queue", path, lambda path: Carrier(_log.Log(path, putters), putters, getters, items, places))

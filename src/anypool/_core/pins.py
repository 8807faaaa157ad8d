"""Keeps alive what pickled bytes only name: a lock's name, a pipe's descriptors, an object of this very process.

Bytes cannot hold a reference, so ``ex.submit(f, ex.Lock())`` would let go of the lock before the worker has attached
to it. A primitive's ``__reduce__`` notes itself here, and whoever pickled keeps the notes for as long as the bytes
travel.
"""

from __future__ import annotations

import itertools
import os
import threading
from types import TracebackType
from weakref import WeakValueDictionary

# Not from typing: see serialise.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

__all__ = ["collect", "collecting", "note", "noted", "refer"]


class _Local(threading.local):
    pinned: list[object] | None = None


_local = _Local()


class collect:
    """``with collect() as pinned:`` gives the list of what the pickling inside has to keep alive."""

    __slots__ = ("_outer", "_pinned")

    def __enter__(self) -> list[object]:
        self._outer = _local.pinned
        self._pinned: list[object] = []
        _local.pinned = self._pinned
        return self._pinned

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        _local.pinned = self._outer


def collecting() -> bool:
    """Tell whether somebody on this thread will keep what is noted."""
    return _local.pinned is not None


def noted() -> list[object] | None:
    """Give what was noted so far on this thread, or ``None`` if nobody collects."""
    return _local.pinned


def note(obj: object) -> bool:
    """Keep ``obj`` alive with the bytes that are being made. False if nobody on this thread collects.

    Then its method ``travel_alone`` is called if it has one: nobody will say when the bytes have arrived.
    """
    if _local.pinned is None:
        travel_alone = getattr(obj, "travel_alone", None)
        if travel_alone is not None:
            travel_alone()
        return False
    _local.pinned.append(obj)
    return True


# Which process a reference belongs to. Not the pid: that is used again by the system. A forked child keeps it, and
# rightly so, for it has copies of the objects too.
_process = os.urandom(8)
_numbers = itertools.count()
_live: WeakValueDictionary[int, Any] = WeakValueDictionary()


def refer(obj: Any) -> tuple[Any, ...]:
    """Give what ``__reduce__`` returns for an object that must stay the same object inside this process.

    In another process unpickling it raises ``TypeError``, which names the kind of object.
    """
    number: int | None = getattr(obj, "_anypool_number", None)
    if number is None or _live.get(number) is not obj:
        number = next(_numbers)
        obj._anypool_number = number
        _live[number] = obj
    note(obj)
    return (_find, (_process, number, type(obj).__name__))


def _find(process: bytes, number: int, kind: str) -> Any:
    if process != _process:
        raise TypeError(
            f"this {kind} lives in the process that made it (backend 'serial' or 'thread') and cannot be used in "
            f"another one; make it with the executor that runs the task: ex.{kind}()"
        )
    try:
        return _live[number]
    except KeyError:
        raise TypeError(
            f"this {kind} was collected before its pickle was read; keep a reference to it while its bytes travel"
        ) from None

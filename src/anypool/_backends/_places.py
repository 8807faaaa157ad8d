"""Which ends of pipes a task on ``serial`` or ``thread`` has open, as if it ran in a process of its own.

``b.close()`` behind ``ex.submit(produce, b)`` must not close the end for the task, and the reader must see the end of
the pipe when the task is over. Between processes each has a copy; here a task is a *place* that holds it open.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from anypool._sync.inproc import HANDLES, Handle, Place, bring, entered
from anypool.abc import Batch

__all__ = ["place_for", "within"]


def place_for(batch: Batch, *, isolate: bool) -> Place | None:
    """Hold the ends among a batch's arguments open from its submit on; ``None`` if there are none."""
    if not HANDLES:
        return None  # no pipe exists: the common case costs nothing
    place = Place(batch.name)
    if isolate:
        for pinned in batch.encoded().pins:
            if isinstance(pinned, Handle):
                pinned.hold(place)
    else:
        bring(place, [batch.call(index) for index in range(batch.size)])
    return place if place.held else None


def within(place: Place | None) -> AbstractContextManager[object]:
    """Be in the place while the batch runs, and close behind it what is still open there."""
    return nullcontext() if place is None else entered(place)

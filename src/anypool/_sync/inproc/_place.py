"""Where code runs, as far as open and closed go: each ``Process`` counts as a place of its own, and so may a task.

Between real processes ``close()`` closes a copy. Here all share one object, so it remembers *where* it was closed: a
parent that closes the child's end of a pipe after ``start()``, as every textbook says, must not close it for the child.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Protocol
from weakref import WeakSet

__all__ = ["HANDLES", "MAIN", "PLACES", "Handle", "Held", "Place", "entered", "here"]


class Held(Protocol):
    """What a place can have open."""

    def hold(self, place: Place) -> None:
        """Open it in ``place``."""

    def let_go(self, place: Place) -> None:
        """Hear that ``place`` has ended, or does not need this any more."""


class Place:
    """A stand-in for an operating-system process: it holds things open until it ends."""

    __slots__ = ("__weakref__", "held", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.held: set[Held] = set()

    def end(self) -> None:
        """Let go of everything, as the system does for a process that ends."""
        while self.held:
            self.held.pop().let_go(self)

    def __repr__(self) -> str:
        return f"<Place {self.name}>"


class Handle:
    """An object that all places share and each can close for itself."""

    def hold(self, place: Place) -> None:
        """Open it in ``place``."""
        raise NotImplementedError


#: All handles that exist: while there are none, nobody needs to look for them in what travels.
HANDLES: WeakSet[Handle] = WeakSet()

#: The program itself, with all of its threads.
MAIN = Place("MainProcess")

#: Where the threads are that are not in ``MAIN``, by their idents.
PLACES: dict[int, Place] = {}


def here() -> Place:
    """Give the place of the calling thread."""
    return PLACES.get(get_ident(), MAIN)


@contextmanager
def entered(place: Place) -> Iterator[Place]:
    """Make the calling thread be in ``place``, and end the place behind it: for a pool that runs a task."""
    ident = get_ident()
    before = PLACES.get(ident)
    PLACES[ident] = place
    try:
        yield place
    finally:
        if before is None:
            PLACES.pop(ident, None)
        else:
            PLACES[ident] = before
        place.end()

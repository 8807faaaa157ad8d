"""The structures that the tests of Value and Array share, and contexts of each family that makes them."""

from __future__ import annotations

import ctypes
from typing import Any

from anypool import abc
from anypool._core import pins, registry, serialise

__all__ = ["FAMILIES", "Linked", "Point", "Segment", "again", "new_context"]

FAMILIES = ["serial", "thread", "thread isolated", "process"]


class Point(ctypes.Structure):
    """Two fields and a method."""

    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))

    def norm(self) -> float:
        """Compute something of the fields."""
        return float(abs(self.x) + abs(self.y))


class Rest(ctypes.Union):
    """Something inside something else."""

    _fields_ = (("z", ctypes.c_short),)


class Segment(Point):
    """Inherits fields, nests a structure, and has an anonymous one."""

    _anonymous_ = ("rest",)
    _fields_ = (("end", Point), ("rest", Rest))  # type: ignore[assignment]  # the base's fields are its own


class Linked(ctypes.Structure):
    """Holds an address, somewhere inside."""

    _fields_ = (("number", ctypes.c_int), ("next", ctypes.c_void_p * 2))


def new_context(family: str) -> abc.Context:
    """Make a context of a family."""
    backend, *isolate = family.split()
    return registry.resolve(backend).context(isolate=bool(isolate))


def again(shared: Any) -> Any:
    """Pickle and unpickle, as on the way through a queue."""
    with pins.collect():
        return serialise.loads(serialise.dumps(shared))

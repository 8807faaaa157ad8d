"""What a value is while it travels through a queue or a pipe of one process.

Shared by reference it is itself; under ``isolate`` it is bytes and what these name (E4). Either way the pipes' ends in
it stay open on the way: the sender may close its own as soon as ``put`` has returned.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Iterable
from typing import Any

from anypool._core import pins, serialise
from anypool._sync.inproc._place import HANDLES, Handle, Place, here

__all__ = ["bring", "pack", "unpack"]

#: How many objects of a value are looked at for handles.
_BUDGET = 300

_ATOMS = (str, bytes, bytearray, int, float, complex, bool, type(None), type, types.ModuleType)


class _Parcel:
    """A value that is not simply itself."""

    __slots__ = ("data", "isolated", "on_the_way", "pinned")

    def __init__(self, data: Any, isolated: bool, pinned: list[object], handles: list[Handle]) -> None:
        self.data = data
        self.isolated = isolated
        self.pinned = pinned
        self.on_the_way = Place("on the way")
        for handle in handles:
            handle.hold(self.on_the_way)

    def __del__(self) -> None:
        self.on_the_way.end()  # the queue was dropped with this in it


def pack(value: Any, isolate: bool, root: str) -> Any:
    """Make ``value`` ready to travel.

    Raises:
        SerializationError: it has to be pickled and cannot be.
    """
    if isolate:
        with pins.collect() as pinned:
            data = serialise.dumps(value, root)
        return _Parcel(data, True, pinned, [thing for thing in pinned if isinstance(thing, Handle)])
    if HANDLES and not isinstance(value, _ATOMS):
        handles = _find_handles([value])
        if handles:
            return _Parcel(value, False, [], handles)
    return value


def unpack(packed: Any) -> Any:
    """Give the value, or its copy, to the calling thread's place."""
    if type(packed) is not _Parcel:
        return packed
    value = serialise.loads(packed.data) if packed.isolated else packed.data
    place = here()
    for held in list(packed.on_the_way.held):
        held.hold(place)
    packed.on_the_way.end()
    return value


def bring(place: Place, things: Iterable[Any]) -> None:
    """Open in ``place`` the handles that ``things`` hold: what a new process inherits."""
    if HANDLES:
        for handle in _find_handles(things):
            handle.hold(place)


def _find_handles(things: Iterable[Any]) -> list[Handle]:
    """Look for handles in containers, attributes and closures, as far as a pickle would mostly reach."""
    found: list[Handle] = []
    seen: set[int] = set()
    todo = deque(things)
    while todo and len(seen) < _BUDGET:
        thing = todo.popleft()
        if isinstance(thing, _ATOMS) or id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Handle):
            found.append(thing)
        elif isinstance(thing, dict):
            todo.extend(thing.keys())
            todo.extend(thing.values())
        elif isinstance(thing, (list, tuple, set, frozenset, deque)):
            todo.extend(thing)
        elif isinstance(thing, types.FunctionType):
            todo.extend(_cells(thing))
            todo.extend(thing.__defaults__ or ())
        elif isinstance(thing, types.MethodType):
            todo.extend((thing.__self__, thing.__func__))
        elif isinstance(thing, functools.partial):
            todo.extend((thing.func, thing.args, thing.keywords))
        else:
            todo.extend(_attributes(thing))
    return found


def _cells(function: types.FunctionType) -> list[Any]:
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            continue  # a variable that has no value yet
    return values


def _attributes(thing: Any) -> list[Any]:
    values = list(getattr(thing, "__dict__", {}).values())
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = kind.__dict__.get(name)
            if isinstance(member, types.MemberDescriptorType):
                try:
                    values.append(member.__get__(thing))
                except AttributeError:
                    continue  # a slot that was never filled
    return values

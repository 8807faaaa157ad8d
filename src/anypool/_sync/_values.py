"""Value and Array on every backend: a ctypes object in memory that the family shares, and a lock around it.

::

    new_value(typecode) -> ctypes type -> allocate(type) -> Block, the family's memory
                                              └-> ctypes object over it -> wrapper with the lock

What ``multiprocessing.sharedctypes`` offers, with every check made at the call. Imported at the first use only, for
ctypes costs milliseconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from anypool import abc
from anypool._sync._values_memory import Block, view
from anypool._sync._values_types import array_of, field_names, is_swapped, to_type
from anypool.abc import _shared

__all__ = ["Allocate", "Array", "CharArray", "Value", "new_array", "new_value"]

T = TypeVar("T")

#: Gives zeroed memory of so many bytes; the text says what for, in errors.
Allocate = Callable[[int, str], Block]


class NotALock(TypeError, AttributeError):
    """``lock=`` was given something else: a wrong type here, a missing attribute in ``multiprocessing``."""


def new_value(context: abc.Context, allocate: Allocate, typecode_or_type: Any, args: tuple[Any, ...], lock: Any) -> Any:
    """Make a value; see ``anypool.abc.Context.Value``.

    Args:
        context: makes the lock.
        allocate: the family's memory.
        typecode_or_type: what to make.
        args: what the type is called with.
        lock: True, False, or a lock.
    """
    _check_lock(context, lock)
    type_ = to_type(typecode_or_type)
    if is_swapped(type_):
        # The subclass that travels would be of the machine's order again: ctypes swaps no subclass.
        raise TypeError(f"a Value of another byte order, {typecode_or_type!r}, has to be a structure's field")
    made = view(type_, allocate(ctypes.sizeof(type_), "Value"))
    made.__init__(*args)
    return _wrap(context, made, lock)


def new_array(
    context: abc.Context, allocate: Allocate, typecode_or_type: Any, size_or_initializer: Any, lock: Any
) -> Any:
    """Make an array; see ``anypool.abc.Context.Array``.

    Args:
        context: makes the lock.
        allocate: the family's memory.
        typecode_or_type: the type of its elements.
        size_or_initializer: how many there are, or what they are.
        lock: True, False, or a lock.
    """
    _check_lock(context, lock)
    type_, values = array_of(to_type(typecode_or_type), size_or_initializer)
    made = view(type_, allocate(ctypes.sizeof(type_), "Array"))
    made.__init__(*values)
    return _wrap(context, made, lock)


def _check_lock(context: abc.Context, lock: Any) -> None:
    if lock is True or lock is False or lock is None:
        return
    # A family is a package. A lock of another one could not follow the memory to where it is used.
    if isinstance(lock, (abc.Lock, abc.Condition)) and _package(lock) == _package(context):
        return
    why = "is of another backend" if hasattr(lock, "acquire") else "has no method 'acquire'"
    raise NotALock(
        f"lock={lock!r} {why}: give True for a new RLock, False for none, or a lock that was made by the same executor "
        f"or context (backend {context.backend!r})"
    )


def _package(obj: object) -> str:
    return type(obj).__module__.rpartition(".")[0]


def _wrap(context: abc.Context, made: Any, lock: Any) -> Any:
    if lock is False:
        return made
    return synchronized(made, context.RLock() if lock is True or lock is None else lock)


def synchronized(made: Any, lock: Any) -> Any:
    """Put the wrapper that fits around a ctypes object; also what a pickled wrapper comes back through."""
    if isinstance(made, ctypes.Array):
        return (CharArray if made._type_ is ctypes.c_char else Array)(made, lock)
    if isinstance(made, (ctypes.Structure, ctypes.Union)):
        return _structure_class(type(made))(made, lock)
    return Value(made, lock)


class _Synchronized(abc.Synchronized):
    """What all wrappers have."""

    def __init__(self, made: Any, lock: Any) -> None:
        self._made = made
        self._lock = lock

    def get_obj(self) -> Any:
        """Give the ctypes object without its lock."""
        return self._made

    def get_lock(self) -> Any:
        """Give the lock."""
        return self._lock

    def __reduce__(self) -> tuple[Any, ...]:
        return (synchronized, (self._made, self._lock))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} wrapper for {self._made!r}>"


def _guarded(name: str) -> Any:
    """Make a property that is the ctypes object's attribute, under the lock."""

    def read(self: _Synchronized) -> Any:
        with self._lock:
            return getattr(self._made, name)

    def write(self: _Synchronized, value: Any) -> None:
        with self._lock:
            setattr(self._made, name, value)

    return property(read, write, doc=f"The ctypes object's ``{name}``, read and written under the lock.")


class Value(_Synchronized, abc.Value[T]):
    """One value with its lock."""

    value = _guarded("value")


class Array(_Synchronized, abc.Array[T]):
    """Values with their lock. Each access takes it; a slice is read or written under one."""

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, index: Any, /) -> Any:
        with self._lock:
            return self._made[index]

    def __setitem__(self, index: Any, value: Any, /) -> None:
        with self._lock:
            self._made[index] = value

    def __iter__(self) -> Iterator[T]:
        # One by one, as there: a loop sees what its own body writes further on.
        for index in range(len(self)):
            yield self[index]


class CharArray(Array[bytes], _shared.CharArray):
    """Characters with their lock."""

    value = _guarded("value")
    raw = _guarded("raw")


#: By the structure's type; each lives as long as an instance does.
_structure_classes: WeakValueDictionary[type, type[_Synchronized]] = WeakValueDictionary()


def _structure_class(type_: Any) -> type[_Synchronized]:
    made = _structure_classes.get(type_)
    if made is None:
        made = type(
            f"Synchronized{type_.__name__}",
            (_Synchronized, abc.Value),
            {"__doc__": f"A {type_.__name__} with its lock.", **{name: _guarded(name) for name in field_names(type_)}},
        )
        _structure_classes[type_] = made
    return made

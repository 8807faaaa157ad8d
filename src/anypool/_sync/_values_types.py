"""Which ctypes types can be shared, and how a type travels: by its name, or piece by piece.

Pickle knows no array types, and cloudpickle no structures of ``__main__``, notebooks and functions. So a type that
cannot be imported is taken apart, with a token by which each process makes it once and its own maker finds it again.
"""

from __future__ import annotations

import ctypes
import operator
import os
import sys
import types
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

__all__ = ["array_of", "assemble", "field_names", "is_swapped", "take_apart", "to_type"]

_TYPECODES: dict[str, Any] = {
    "b": ctypes.c_byte,
    "B": ctypes.c_ubyte,
    "c": ctypes.c_char,
    "d": ctypes.c_double,
    "f": ctypes.c_float,
    "h": ctypes.c_short,
    "H": ctypes.c_ushort,
    "i": ctypes.c_int,
    "I": ctypes.c_uint,
    "l": ctypes.c_long,
    "L": ctypes.c_ulong,
    "q": ctypes.c_longlong,
    "Q": ctypes.c_ulonglong,
    "u": ctypes.c_wchar,
}

_Simple: Any = ctypes._SimpleCData
#: The base of all ctypes types, which has no name in the module.
_Data: Any = _Simple.__mro__[1]
_Pointers: Any = (ctypes._Pointer, type(ctypes.pythonapi.Py_IsInitialized).__mro__[1])
#: ctypes' own letters of simple types that are addresses: char*, wchar_t*, void*, PyObject*, BSTR.
_ADDRESSES = "zZPOX"

# Where ctypes keeps a simple type's twins.
_OWN_ORDER, _OTHER_ORDER = (f"__ctype_{order}e__" for order in ("lb" if sys.byteorder == "little" else "bl"))

_THE_PROGRAM = ("__main__", "__mp_main__")


def to_type(typecode_or_type: Any) -> Any:
    """Give the ctypes type of a typecode, or the type itself.

    Raises:
        TypeError: there is no such typecode; or it is no ctypes type, or one whose memory holds addresses.
    """
    type_ = typecode_or_type
    if isinstance(type_, str):
        type_ = _TYPECODES.get(type_)
    if not (isinstance(type_, type) and issubclass(type_, _Data)):
        raise TypeError(
            f"{typecode_or_type!r} is neither a typecode nor a ctypes type; the typecodes are "
            f"{' '.join(sorted(_TYPECODES, key=str.lower))}"
        )
    ctypes.sizeof(type_)  # raises where the type is abstract
    pointer = _pointer_in(type_)
    if pointer:
        raise TypeError(
            f"{type_.__name__} cannot be shared, because {pointer} holds an address, which means nothing in another "
            f"process; share the bytes themselves, for example Array('c', size)"
        )
    return type_


def is_swapped(type_: Any) -> bool:
    """Tell whether it is a simple type in the byte order that is not the machine's."""
    return type_ is getattr(type_, _OTHER_ORDER, None) is not getattr(type_, _OWN_ORDER)


def _pointer_in(type_: Any) -> str:
    if issubclass(type_, _Pointers) or (issubclass(type_, _Simple) and type_._type_ in _ADDRESSES):
        return "it"
    if issubclass(type_, ctypes.Array):
        return "its element" if _pointer_in(type_._type_) else ""
    return next((f"its field {field[0]!r}" for field in _fields(type_) if _pointer_in(field[1])), "")


def _fields(type_: Any) -> list[Any]:
    """Give the fields of a structure with those of its bases."""
    found: list[Any] = []
    for base in reversed(type_.__mro__):
        found.extend(base.__dict__.get("_fields_", ()))
    return found


def field_names(type_: Any) -> list[str]:
    """Give the names by which a structure's fields are reached, those of anonymous ones included."""
    found = []
    anonymous = {name for base in type_.__mro__ for name in base.__dict__.get("_anonymous_", ())}
    for name, inner, *_ in _fields(type_):
        found.append(name)
        if name in anonymous:
            found.extend(field_names(inner))
    return found


def array_of(type_: Any, size_or_initializer: Any) -> tuple[Any, Any]:
    """Give the type of an array, and the values that it begins with, none where they are all zero.

    Raises:
        TypeError: the second argument is neither a number nor values.
        ValueError: the number is negative.
    """
    try:
        return type_ * operator.index(size_or_initializer), ()
    except TypeError:
        pass
    try:
        values = tuple(size_or_initializer)
    except TypeError:
        raise TypeError(
            f"an Array needs the number of its elements or their values, not {size_or_initializer!r}"
        ) from None
    return type_ * len(values), values


# Types that travel.

_types: WeakValueDictionary[bytes, type] = WeakValueDictionary()
_tokens: WeakKeyDictionary[type, bytes] = WeakKeyDictionary()


def take_apart(type_: Any) -> Any:
    """Give a description of the type that can be pickled; ``assemble`` makes the type of it."""
    if _importable(type_):
        return type_
    if issubclass(type_, ctypes.Array) and type_ is type_._type_ * type_._length_:
        return ("array", take_apart(type_._type_), type_._length_)
    if is_swapped(type_):
        return ("swapped", getattr(type_, _OWN_ORDER))
    token = _tokens.get(type_)
    if token is None:
        token = _tokens[type_] = os.urandom(12)
        _types[token] = type_
    bases = [take_apart(base) if issubclass(base, _Data) else base for base in type_.__bases__]
    body = {name: value for name, value in type_.__dict__.items() if name not in _MADE_ANEW and not _is_made(value)}
    fields = [(name, take_apart(inner), *bits) for name, inner, *bits in type_.__dict__.get("_fields_", ())]
    return ("class", token, type_.__name__, bases, body, fields)


class _Example(ctypes.Structure):
    _fields_ = (("field", ctypes.c_int),)


_Field = type(_Example.field)
_MADE_ANEW = ("__dict__", "__weakref__", "_fields_")


def _is_made(value: Any) -> bool:
    """Tell whether ctypes put the attribute there by itself: a field's descriptor, or an array of characters' value."""
    return isinstance(value, (_Field, types.GetSetDescriptorType))


def _importable(type_: Any) -> bool:
    if type_.__module__ in _THE_PROGRAM:
        return False
    found: Any = sys.modules.get(type_.__module__)
    for name in type_.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is type_


def assemble(description: Any) -> Any:
    """Give the type that ``take_apart`` described."""
    if isinstance(description, type):
        return description
    what = description[0]
    if what == "array":
        return assemble(description[1]) * description[2]
    if what == "swapped":
        return getattr(description[1], _OTHER_ORDER)
    _, token, name, bases, body, fields = description
    made: Any = _types.get(token)
    if made is None:
        parents = tuple(assemble(base) for base in bases)
        if fields:
            body = {**body, "_fields_": [(field, assemble(inner), *bits) for field, inner, *bits in fields]}
        made = type(parents[0])(name, parents, body)
        _types[token] = made
        _tokens[made] = token
    return made

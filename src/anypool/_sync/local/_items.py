"""Objects to what a queue or a pipe of this machine carries, and back: large contents are neither pickled nor copied.

::

    large bytes, bytearray   --> themselves
    large arrays and others  --> index | pickle without the large buffers | buffer | buffer ...
    everything else          --> pickle
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from anypool._core import serialise

__all__ = [
    "BUFFERS",
    "BYTEARRAY",
    "BYTES",
    "PICKLE",
    "THRESHOLD",
    "Fill",
    "Parts",
    "decode",
    "encode",
    "receive",
    "size_of",
    "write",
]

#: How an item's bytes are to be understood.
PICKLE, BYTES, BYTEARRAY, BUFFERS = range(4)

#: From this size on a buffer travels beside the pickle. Below it a copy is cheaper than the steps that spare it.
THRESHOLD = 1 << 15

#: What is to be written one after the other.
Parts = list[bytes | bytearray | memoryview]
#: Reads the next bytes of an item into memory until that is full.
Fill = Callable[[bytearray], None]

#: The pickle of one of these, or of a tuple or list of them, names nothing that must be kept alive or made by value.
_PLAIN = frozenset((int, float, bool, type(None), str, bytes))

#: One system call takes at most so many pieces.
_PIECES = 512

_WORD = struct.Struct("=Q")


def encode(obj: object, root: str) -> tuple[int, bytes | bytearray | Parts, list[object]]:
    """Give how an object travels (``PICKLE`` ...), its bytes (a list of them for ``BUFFERS``), and what it pins.

    Raises:
        SerializationError: it cannot be pickled.
    """
    kind = type(obj)
    if (kind is bytes or kind is bytearray) and len(obj) >= THRESHOLD:  # type: ignore[arg-type]  # it has a length
        return BYTES if kind is bytes else BYTEARRAY, obj, []  # type: ignore[return-value]  # it is one of the two
    if kind in _PLAIN or ((kind is tuple or kind is list) and _PLAIN.issuperset(map(type, obj))):  # type: ignore[call-overload]  # it is iterable
        return PICKLE, pickle.dumps(obj, serialise.PROTOCOL), []
    data, buffers, pinned = serialise.dumps_with_buffers(obj, root, THRESHOLD)
    if not buffers:
        return PICKLE, data, pinned
    sizes = (len(data), *map(len, buffers))
    index = struct.pack(f"={len(sizes) + 1}Q", len(sizes), *sizes)
    return BUFFERS, [index, data, *buffers], pinned


def size_of(parts: Parts) -> int:
    """Give the number of bytes of all parts."""
    return sum(map(len, parts))


def write(parts: Parts, some: Callable[[Parts], int]) -> None:
    """Write all parts by calls of ``some``, which writes as much as it can and gives the number of bytes."""
    rest: Parts = [view for part in parts if (view := memoryview(part)).nbytes]
    while rest:
        written = some(rest[:_PIECES])
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]


def receive(fill: Fill) -> tuple[bytearray, list[bytearray]]:
    """Read an item of the kind ``BUFFERS``, each buffer straight into the memory that its object will own."""
    word = bytearray(_WORD.size)
    fill(word)
    count = _WORD.unpack(word)[0]
    index = bytearray(_WORD.size * count)
    fill(index)
    parts = []
    for size in struct.unpack(f"={count}Q", index):
        part = bytearray(size)
        fill(part)
        parts.append(part)
    return parts[0], parts[1:]


def decode(kind: int, data: Any) -> Any:
    """Make the object again of what was read. Raises whatever the object's own code raises."""
    if kind == PICKLE:
        return pickle.loads(data)
    if kind == BUFFERS:
        stream, buffers = data
        return pickle.loads(stream, buffers=buffers)
    return data if kind == BYTES else bytearray(data)

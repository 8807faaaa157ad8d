"""Messages on a descriptor, framed as ``multiprocessing`` does; large objects without a copy of their own.

::

    length (4 bytes)       | bytes           everything up to 2 GB
    -1 | length (8 bytes)  | bytes           more than that
    -2 | kind | length     | as _items says  objects with large buffers: written from where they are, read into theirs
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import struct
from typing import Any

from anypool._core import serialise
from anypool._sync.local import _items

__all__ = ["Header", "fill", "read_header", "read_message", "read_object", "send_bytes", "send_object"]

_LENGTH = struct.Struct("!i")
_LONG = struct.Struct("!Q")
_LONG_HEADER = struct.Struct("!iQ")
_KINDS = struct.Struct("!QQ")
_KIND_HEADER = struct.Struct("!iQQ")
_IS_LONG, _HAS_KIND = -1, -2
_MOST = 0x7FFFFFFF

#: Up to this size header and bytes are put together for one call; above it a copy is dearer than pieces.
_TOGETHER = 1 << 14
#: What a pipe holds. More comes in many pieces, and wants memory to come into.
_PIPE = 1 << 16
#: What a pipe may hold at most without privileges. It halves the changes between the two sides of a large message.
_WIDE_PIPE = 1 << 20

#: Looks before a sleep, some 20 microseconds together: to be woken on another processor takes longer than most answers.
_LOOKS = 20
_yield = getattr(os, "sched_yield", lambda: None)

#: How a message's bytes are to be understood (``None``: as they are), and their number.
Header = tuple[int | None, int]


def send_bytes(fd: int, data: bytes | memoryview) -> None:
    """Send a message."""
    size = len(data)
    if size <= _TOGETHER:
        message = _LENGTH.pack(size) + data
        done = os.write(fd, message)
        if done == len(message):
            return
        data = memoryview(message)[done:]
        header = b""
    else:
        header = _LENGTH.pack(size) if size <= _MOST else _LONG_HEADER.pack(_IS_LONG, size)
    _write(fd, [header, data], size)


def send_object(fd: int, kind: int, data: Any) -> None:
    """Send an object that ``_items`` encoded."""
    if kind == _items.PICKLE:
        send_bytes(fd, data)
        return
    parts: _items.Parts = data if kind == _items.BUFFERS else [data]
    size = _items.size_of(parts)
    _write(fd, [_KIND_HEADER.pack(_HAS_KIND, kind, size), *parts], size)


def _write(fd: int, parts: _items.Parts, size: int) -> None:
    if size > _WIDE_PIPE:
        _widen(fd)
    _items.write(parts, lambda rest: os.writev(fd, rest))


def _widen(fd: int) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:  # contextlib would be one more import for every worker
            if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < _WIDE_PIPE:
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
        except OSError:
            pass  # this user has too many wide pipes already


def read_header(fd: int) -> Header:
    """Wait for a message; ``EOFError`` if no writer is left."""
    _linger(fd)
    data = os.read(fd, _LENGTH.size)
    if not data:
        raise EOFError
    if len(data) < _LENGTH.size:
        data += _read(fd, _LENGTH.size - len(data))
    size: int = _LENGTH.unpack(data)[0]
    if size >= 0:
        return None, size
    if size == _HAS_KIND:
        kind, length = _KINDS.unpack(_read(fd, _KINDS.size))
        return kind, length
    return None, _LONG.unpack(_read(fd, _LONG.size))[0]


def read_message(fd: int, header: Header) -> bytes:
    """Read a message as bytes. Of an object that came in pieces they are a pickle, as if it had not."""
    kind, size = header
    if kind is not None:
        return serialise.dumps(read_object(fd, header), root="message")
    return _read(fd, size)


def read_object(fd: int, header: Header) -> Any:
    """Read a message and make its object."""
    kind, size = header
    if kind is None:
        return serialise.loads(_read(fd, size))
    if kind == _items.BUFFERS:
        return _items.decode(kind, _items.receive(lambda memory: fill(fd, memoryview(memory))))
    if kind == _items.BYTES:
        return _read(fd, size)
    data = bytearray(size)
    fill(fd, memoryview(data))
    return data


def _linger(fd: int) -> None:
    """Look for a moment whether there is something to read."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    for _ in range(_LOOKS):
        if poll.poll(0):
            return
        _yield()


def fill(fd: int, memory: memoryview) -> None:
    """Read until ``memory`` is full."""
    while memory:
        _linger(fd)
        done = os.readv(fd, [memory])
        if not done:
            raise _broken_off()
        memory = memory[done:]


def _read(fd: int, size: int) -> bytes:
    if size <= _PIPE:
        data = os.read(fd, size) if size else b""
        if len(data) == size:
            return data
        if not data:
            raise _broken_off()
        rest = bytearray(size - len(data))
        fill(fd, memoryview(rest))
        return data + rest
    # The only reader in Python that fills a bytes object step by step, instead of joining parts. A buffer of one byte
    # never reads ahead.
    data = io.BufferedReader(_Raw(fd), 1).read(size)
    if len(data) < size:
        raise _broken_off()
    return data


class _Raw(io.RawIOBase):
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def readable(self) -> bool:
        return True

    def readinto(self, memory: Any) -> int:
        _linger(self._fd)
        return os.readv(self._fd, [memory])


def _broken_off() -> OSError:
    return OSError("got end of file during message")

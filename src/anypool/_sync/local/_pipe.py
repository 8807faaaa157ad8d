"""Pipe: a named FIFO in each direction, so that the kernel itself says who has gone (end of file, broken pipe).

::

    end A: writer --[ <token>.fifo ]--> reader :end B
           reader <--[ <token>.fifo ]-- writer

Messages are ``multiprocessing``'s (``_frames``); pickling an end sends the FIFOs' paths.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable
from multiprocessing.context import BufferTooShort
from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _frames, _items, _names, _transit

__all__ = ["Connection", "new_pipe"]

S = TypeVar("S", contravariant=True)
R = TypeVar("R", covariant=True)


class _Half:
    """One descriptor of an end, and the FIFO's path under which others find the same half."""

    __slots__ = ("fd", "name", "path")

    def __init__(self, path: str, name: _names.Name | None, fd: int) -> None:
        self.path = path
        self.name = name
        #: The descriptor, -1 when closed.
        self.fd = fd

    def close(self, close: Callable[[int], None] = os.close) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            close(fd)

    __del__ = close  # the default argument is for an object that lives until the interpreter's end


class Connection(abc.Connection[S, R]):
    """One end of a pipe. Unpickled twice, it is held twice: the other side sees the end when all have closed it."""

    def __init__(self, reader: _Half | None, writer: _Half | None) -> None:
        self._reader = reader
        self._writer = writer
        #: We have read to the end, so nobody holds the other end, of either direction.
        self._ended = False

    @property
    def closed(self) -> bool:
        """Whether this end was closed here."""
        return not self._open_halves()

    @property
    def readable(self) -> bool:
        """Whether this end can receive."""
        return self._reader is not None and self._reader.fd >= 0

    @property
    def writable(self) -> bool:
        """Whether this end can send."""
        return self._writer is not None and self._writer.fd >= 0

    def send(self, obj: S) -> None:
        """Send an object."""
        fd = self._to_write()
        kind, data, pinned = _items.encode(obj, "message")
        if not pinned:
            _frames.send_object(fd, kind, data)
            return
        with _transit.until_received(pinned):
            _frames.send_object(fd, kind, data)

    def recv(self) -> R:
        """Wait for an object and return it."""
        fd = self._to_read()
        obj: R = _frames.read_object(fd, self._header(fd))
        return obj

    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        """Send ``size`` bytes of a bytes-like object from ``offset`` on, as one message."""
        fd = self._to_write()
        view = memoryview(buf).cast("B")
        if offset < 0:
            raise ValueError("offset is negative")
        if offset > len(view):
            raise ValueError("buffer length < offset")
        if size is None:
            size = len(view) - offset
        elif size < 0:
            raise ValueError("size is negative")
        elif offset + size > len(view):
            raise ValueError("buffer length < offset + size")
        _frames.send_bytes(fd, view[offset : offset + size])

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Wait for a message of bytes."""
        fd = self._to_read()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        header = self._header(fd)
        if maxlength is not None and header[1] > maxlength:
            # Its bytes would be taken for the next message.
            if self._reader is not None:
                self._reader.close()
            raise OSError("bad message length")
        return _frames.read_message(fd, header)

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Wait for a message of bytes, write it into ``buf`` from ``offset`` on, return its length."""
        fd = self._to_read()
        with memoryview(buf) as given, given.cast("B") as memory:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(memory):
                raise ValueError("offset too large")
            message = _frames.read_message(fd, self._header(fd))
            if offset + len(message) > len(memory):
                raise BufferTooShort(message)
            memory[offset : offset + len(message)] = message
        return len(message)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is something to receive (or the end), waiting at most ``timeout`` seconds."""
        waiting = select.poll()
        waiting.register(self._to_read(), select.POLLIN)
        return bool(waiting.poll(None if timeout is None else max(0.0, timeout) * 1000))

    def fileno(self) -> int:
        """Give the descriptor to wait on: the one it receives from, if it can receive."""
        halves = self._open_halves()
        if not halves:
            raise OSError("handle is closed")
        return halves[0].fd

    def close(self) -> None:
        """Close this end here."""
        # Reader first: when the other side has seen the end, sending there fails.
        for half in self._open_halves():
            half.close()

    def __reduce__(self) -> tuple[Any, ...]:
        halves = self._open_halves()
        if not halves:
            raise OSError("handle is closed")
        for half in halves:
            if half.name is not None:
                half.name.share()
        ticket = _transit.pin([half.fd for half in halves], tuple(half.path for half in halves))
        reader, writer = (None if half not in halves else half.path for half in (self._reader, self._writer))
        return (_attach, (type(self), reader, writer, ticket))

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} {'closed' if self.closed else self.fileno()}>"

    def _open_halves(self) -> list[_Half]:
        return [half for half in (self._reader, self._writer) if half is not None and half.fd >= 0]

    def _header(self, fd: int) -> _frames.Header:
        try:
            return _frames.read_header(fd)
        except EOFError:
            self._ended = True
            raise

    def _to_read(self) -> int:
        reader = self._reader
        if reader is None or reader.fd < 0:
            raise OSError("handle is closed" if self.closed else "connection is write-only")
        return reader.fd

    def _to_write(self) -> int:
        writer = self._writer
        if writer is None or writer.fd < 0:
            raise OSError("handle is closed" if self.closed else "connection is read-only")
        if self._ended:
            # The kernel closes a killed process's descriptors one by one: the other FIFO may still have its reader.
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return writer.fd


def new_pipe(names: _names.Names, duplex: bool = True) -> tuple[Connection[Any, Any], Connection[Any, Any]]:
    """Make the two ends; without ``duplex`` the first only receives and the second only sends."""
    to_first = _new_direction(names)
    if not duplex:
        return Connection(to_first[0], None), Connection(None, to_first[1])
    to_second = _new_direction(names)
    return Connection(to_first[0], to_second[1]), Connection(to_second[0], to_first[1])


def _new_direction(names: _names.Names) -> tuple[_Half, _Half]:
    name, _ = names.create(".fifo", lambda path: os.mkfifo(path, 0o600))
    reading = os.open(name.path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        writing = os.open(name.path, os.O_WRONLY | os.O_NONBLOCK)
    except BaseException:
        os.close(reading)
        raise
    os.set_blocking(reading, True)
    os.set_blocking(writing, True)
    return _Half(name.path, name, reading), _Half(name.path, name, writing)


def _attach(
    cls: type[Connection[Any, Any]], reader: str | None, writer: str | None, ticket: _transit.Ticket
) -> Connection[Any, Any]:
    reading = None if reader is None else _open("Connection", reader, _open_reader)
    writing = None if writer is None else _open("Connection", writer, _open_writer)
    _transit.acknowledge(ticket)
    return cls(reading, writing)


def _open(kind: str, path: str, opener: Callable[[str], int]) -> _Half:
    try:
        fd = opener(path)
    except FileNotFoundError:
        raise _names.gone(kind, path) from None
    os.set_blocking(fd, True)
    return _Half(path, None, fd)


def _open_reader(path: str) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    # Linux reports a hang-up to poll() only if a writer was there since the open: when all have gone before, one has
    # to come and go now. A living writer is not disturbed.
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    return fd


def _open_writer(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    # No reader is left. Opening must succeed, and sending must say so: a reader comes for the moment of the open.
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    finally:
        os.close(reader)

"""Pipe: a named FIFO in each direction, so that the kernel itself says who has gone (end of file, broken pipe).

::

    end A: writer --[ <token>.fifo ]--> reader :end B
           reader <--[ <token>.fifo ]-- writer

``multiprocessing``'s own ``Connection`` on each descriptor does the framing; pickling an end sends the FIFOs' paths.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from multiprocessing import connection
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins, serialise
from anypool._sync.local import _names, _transit

__all__ = ["Connection", "new_pipe"]

S = TypeVar("S", contravariant=True)
R = TypeVar("R", covariant=True)


class _Half:
    """One descriptor of an end, and the FIFO's path under which others find the same half."""

    __slots__ = ("connection", "name", "path")

    def __init__(self, path: str, name: _names.Name | None, fd: int, *, reads: bool) -> None:
        self.path = path
        self.name = name
        self.connection: connection.Connection[Any, Any] = connection.Connection(fd, readable=reads, writable=not reads)


class Connection(abc.Connection[S, R]):
    """One end of a pipe. Unpickled twice, it is held twice: the other side sees the end when all have closed it."""

    def __init__(self, reader: _Half | None, writer: _Half | None) -> None:
        self._halves = (reader, writer)
        self._reader = None if reader is None else reader.connection
        self._writer = None if writer is None else writer.connection
        #: We have read to the end, so nobody holds the other end, of either direction.
        self._ended = False

    @property
    def closed(self) -> bool:
        """Whether this end was closed here."""
        return all(half is None or half.connection.closed for half in self._halves)

    @property
    def readable(self) -> bool:
        """Whether this end can receive."""
        return self._reader is not None and not self._reader.closed

    @property
    def writable(self) -> bool:
        """Whether this end can send."""
        return self._writer is not None and not self._writer.closed

    def send(self, obj: S) -> None:
        """Send an object."""
        writer = self._to_write()
        if writer.closed:
            raise OSError("handle is closed")
        with pins.collect() as pinned:
            data = serialise.dumps(obj, root="message")
        if not pinned:
            writer.send_bytes(data)
            return
        with _transit.until_received(pinned):
            writer.send_bytes(data)

    def recv(self) -> R:
        """Wait for an object and return it."""
        obj: R = serialise.loads(self.recv_bytes())
        return obj

    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        """Send ``size`` bytes of a bytes-like object from ``offset`` on, as one message."""
        self._to_write().send_bytes(buf, offset, size)

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Wait for a message of bytes."""
        try:
            return self._to_read().recv_bytes(maxlength)
        except EOFError:
            self._ended = True
            raise

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Wait for a message of bytes, write it into ``buf`` from ``offset`` on, return its length."""
        try:
            return self._to_read().recv_bytes_into(buf, offset)
        except EOFError:
            self._ended = True
            raise

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is something to receive (or the end), waiting at most ``timeout`` seconds."""
        return self._to_read().poll(timeout)

    def fileno(self) -> int:
        """Give the descriptor to wait on: the one it receives from, if it can receive."""
        half = self._reader or self._writer
        if half is None:  # cannot be: an end has at least one
            raise OSError("handle is closed")
        return half.fileno()

    def close(self) -> None:
        """Close this end here."""
        # Reader first: when the other side has seen the end, sending there fails.
        for half in self._halves:
            if half is not None:
                half.connection.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.closed:
            raise OSError("handle is closed")
        halves = [half for half in self._halves if half is not None and not half.connection.closed]
        for half in halves:
            if half.name is not None:
                half.name.share()
        ticket = _transit.pin([half.connection.fileno() for half in halves], tuple(half.path for half in halves))
        reader, writer = (half.path if half is not None and half in halves else None for half in self._halves)
        return (_attach, (type(self), reader, writer, ticket))

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} {'closed' if self.closed else self.fileno()}>"

    def _to_read(self) -> connection.Connection[Any, Any]:
        if self._reader is None:
            raise OSError("handle is closed" if self.closed else "connection is write-only")
        return self._reader

    def _to_write(self) -> connection.Connection[Any, Any]:
        if self._writer is None:
            raise OSError("handle is closed" if self.closed else "connection is read-only")
        if self._ended and not self._writer.closed:
            # The kernel closes a killed process's descriptors one by one: the other FIFO may still have its reader.
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return self._writer


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
    return _Half(name.path, name, reading, reads=True), _Half(name.path, name, writing, reads=False)


def _attach(
    cls: type[Connection[Any, Any]], reader: str | None, writer: str | None, ticket: _transit.Ticket
) -> Connection[Any, Any]:
    reading = None if reader is None else _open("Connection", reader, _open_reader, reads=True)
    writing = None if writer is None else _open("Connection", writer, _open_writer, reads=False)
    _transit.acknowledge(ticket)
    return cls(reading, writing)


def _open(kind: str, path: str, opener: Callable[[str], int], *, reads: bool) -> _Half:
    try:
        fd = opener(path)
    except FileNotFoundError:
        raise _names.gone(kind, path) from None
    os.set_blocking(fd, True)
    return _Half(path, None, fd, reads=reads)


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

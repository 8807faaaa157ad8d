"""Pipe: two inboxes and, for each end, the places that have it open; when the last closes it, the other side sees it.

::

    Connection a -> End a: inbox <- sends of b      an End dies when nobody has it open, or when its Connection,
    Connection b -> End b: inbox <- sends of a      which all places share, is collected
"""

from __future__ import annotations

import errno
from collections import deque
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins, serialise
from anypool._sync.inproc import _parcel
from anypool._sync.inproc._beacon import Beacon
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._place import HANDLES, Handle, Place, here

__all__ = ["Connection", "End", "make_pipe"]

S = TypeVar("S", contravariant=True)
R = TypeVar("R", covariant=True)


class _Bytes:
    """A message of plain bytes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class End:
    """One end's state, which outlives its ``Connection``."""

    __slots__ = ("alive", "arrived", "beacon", "closed_in", "holders", "inbox", "monitor", "peer")

    peer: End

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.inbox: deque[Any] = deque()
        self.arrived = Condition(monitor, "for a message of a Pipe")
        self.beacon: Beacon | None = None
        self.alive = True
        self.holders: set[Place] = set()
        self.closed_in: set[Place] = set()

    def hold(self, place: Place) -> None:
        """Open it in ``place``."""
        with self.monitor:
            if self.alive:
                self.holders.add(place)
                self.closed_in.discard(place)
                place.held.add(self)

    def let_go(self, place: Place) -> None:
        """Hear that ``place`` has ended."""
        # Not in the critical section: a finaliser may call it.
        self.monitor.soon(lambda: self._drop(place))

    def close(self, place: Place) -> None:
        """Close it in ``place``."""
        with self.monitor:
            self.closed_in.add(place)
            place.held.discard(self)
            self._drop(place)

    def _drop(self, place: Place) -> None:
        self.holders.discard(place)
        if not self.holders:
            self.die()

    def die(self) -> None:
        """Nobody can use it any more: what was sent to it is gone, and the other side sees the end."""
        if not self.alive:
            return
        self.alive = False
        for place in self.holders:
            place.held.discard(self)
        self.holders.clear()
        self.inbox.clear()
        self.arrived.notify_all()
        self.peer.arrived.notify_all()
        if self.beacon is not None:
            self.beacon.close()
            self.beacon = None
        if self.peer.beacon is not None:
            self.peer.beacon.light()

    def something(self) -> bool:
        """Tell whether a receiver need not wait."""
        return bool(self.inbox) or not self.peer.alive or not self.alive


class Connection(Handle, abc.Connection[S, R]):
    """One end of a pipe inside one process. There is no limit to what it buffers."""

    def __init__(self, end: End, readable: bool, writable: bool, isolate: bool) -> None:
        self._end = end
        self._readable = readable
        self._writable = writable
        self._isolate = isolate
        end.hold(here())
        HANDLES.add(self)

    def __del__(self) -> None:
        end = getattr(self, "_end", None)
        if end is not None and end.alive:
            end.monitor.soon(end.die)

    @property
    def closed(self) -> bool:
        """Whether this end was closed in this process."""
        return not self._end.alive or here() in self._end.closed_in

    @property
    def readable(self) -> bool:
        """Whether this end can receive."""
        return self._readable

    @property
    def writable(self) -> bool:
        """Whether this end can send."""
        return self._writable

    def hold(self, place: Place) -> None:
        """Open this end in ``place``."""
        self._end.hold(place)

    def send(self, obj: S) -> None:
        """Send an object; see ``anypool.abc.Connection``."""
        self._check(self._writable, "connection is read-only")
        self._post(_parcel.pack(obj, self._isolate, "message"))

    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        """Send bytes; see ``anypool.abc.Connection``."""
        self._check(self._writable, "connection is read-only")
        view = memoryview(buf)
        if view.itemsize > 1:
            view = view.cast("B")
        if offset < 0:
            raise ValueError("offset is negative")
        if view.nbytes < offset:
            raise ValueError("buffer length < offset")
        if size is None:
            size = view.nbytes - offset
        elif size < 0:
            raise ValueError("size is negative")
        elif offset + size > view.nbytes:
            raise ValueError("buffer length < offset + size")
        self._post(_Bytes(bytes(view[offset : offset + size])))

    def recv(self) -> R:
        """Receive an object; see ``anypool.abc.Connection``."""
        self._check(self._readable, "connection is write-only")
        message = self._take()
        value: R = serialise.loads(message.data) if type(message) is _Bytes else _parcel.unpack(message)
        return value

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Receive bytes; see ``anypool.abc.Connection``."""
        self._check(self._readable, "connection is write-only")
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        data = self._take_bytes()
        if maxlength is not None and len(data) > maxlength:
            # What is left of the message cannot be skipped on a real pipe, so nothing can be read after it.
            if self._writable:
                self._readable = False
            else:
                self.close()
            raise OSError("bad message length")
        return data

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Receive bytes into ``buf``; see ``anypool.abc.Connection``."""
        self._check(self._readable, "connection is write-only")
        with memoryview(buf) as view, view.cast("B") as target:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > target.nbytes:
                raise ValueError("offset too large")
            data = self._take_bytes()
            if target.nbytes < offset + len(data):
                from multiprocessing import BufferTooShort

                raise BufferTooShort(data)
            target[offset : offset + len(data)] = data
            return len(data)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is something to receive; see ``anypool.abc.Connection``."""
        self._check(self._readable, "connection is write-only")
        with self._end.monitor:
            return self._end.arrived.wait_for(self._end.something, timeout)

    def fileno(self) -> int:
        """Give a descriptor that is readable while there is something to receive.

        Only to wait on, with ``multiprocessing.connection.wait`` or a selector: it carries no data. On the serial
        backend asking for it lets the others run first, for while this one waits in the system nobody does.
        """
        self._check(self._readable, "connection is write-only: there is no descriptor to wait on")
        end = self._end
        end.monitor.settle(end.something)
        with end.monitor:
            if end.beacon is None:
                end.beacon = Beacon()
                if end.something():
                    end.beacon.light()
            return end.beacon.fileno()

    def close(self) -> None:
        """Close this end in this process."""
        self._end.close(here())

    def _check(self, allowed: bool, message: str) -> None:
        if self.closed:
            raise OSError("handle is closed")
        if not allowed:
            raise OSError(message)

    def _post(self, message: Any) -> None:
        end = self._end
        with end.monitor:
            place = here()
            if place not in end.holders:  # it came here by a way that nobody saw, such as a global
                end.hold(place)
            if not end.peer.alive:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
            end.peer.inbox.append(message)
            if end.peer.beacon is not None:
                end.peer.beacon.light()
            end.peer.arrived.notify()

    def _take(self) -> Any:
        end = self._end
        with end.monitor:
            place = here()
            if place not in end.holders:
                end.hold(place)
            end.arrived.wait_for(end.something, None)
            if not end.alive:
                raise OSError("handle is closed")  # by somebody else while this one waited
            if not end.inbox:
                raise EOFError
            message = end.inbox.popleft()
            if end.beacon is not None and not end.something():
                end.beacon.darken()
            return message

    def _take_bytes(self) -> bytes:
        message = self._take()
        if type(message) is _Bytes:
            return message.data
        return serialise.dumps(_parcel.unpack(message), "message")

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<Connection at {id(self):#x} {'closed' if self.closed else 'open'}>"


def make_pipe(monitor: Monitor, duplex: bool, isolate: bool) -> tuple[Connection[Any, Any], Connection[Any, Any]]:
    """Make the two ends of a pipe."""
    one, two = End(monitor), End(monitor)
    one.peer, two.peer = two, one
    return Connection(one, True, duplex, isolate), Connection(two, duplex, True, isolate)

"""Keeps a pipe's descriptors open while the pickled bytes of one of its ends travel.

A FIFO whose last descriptor is closed forgets what it holds, and the other side sees its end. So each pickle of an end
gets a ``Pin`` with copies of its descriptors. A carrier that knows when its bytes were read (a task, a ``Process``)
collects the pins and drops them then. For all others (a queue's item, a pipe's message, somebody's own pickle) the
bytes carry a ticket, and whoever unpickles them sends it back::

    sender: __reduce__ -> Pin -> hold() -> thread reads the FIFO <token>.ack, drops the pin
    receiver: unpickle -> opens the pipe's FIFOs -> acknowledge(): writes the ticket into <token>.ack

The thread exists only while a ticket is out. If the sender's process ends first, the end may be seen as closed.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator

from anypool._core import pins
from anypool._sync.local import _domain

__all__ = ["Pin", "Ticket", "acknowledge", "forget_vanished", "pin", "until_received"]

#: Where to send it, and what.
Ticket = tuple[str, bytes]

_NUMBER = 16

#: How often the thread looks whether what it pins can still be attached to, in seconds.
_RECHECK = 1.0

_living: weakref.WeakSet[Pin] = weakref.WeakSet()


class Pin:
    """Copies of descriptors, closed with the object. Forked children do not keep theirs."""

    def __init__(self, fds: Iterable[int], paths: tuple[str, ...]) -> None:
        self.paths = paths
        self.number = os.urandom(_NUMBER)
        self._fds: list[int] = []
        for fd in fds:
            self._fds.append(os.dup(fd))
        _living.add(self)

    def travel_alone(self) -> None:
        """Wait for the ticket: nobody else will tell that the bytes have been read."""
        _office.hold([self])

    def close(self, close: Callable[[int], None] = os.close) -> None:
        """Close the copies, the reading one first: who has seen the end may rely on a broken pipe the other way."""
        while self._fds:
            close(self._fds.pop(0))

    __del__ = close  # the default argument is for an object that lives until the interpreter's end


class _Office:
    """Where the tickets of this process come back: a FIFO, and a thread that reads it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pins: dict[bytes, Pin] = {}
        self._thread: threading.Thread | None = None
        self._fd = -1
        self._address = ""

    def address(self) -> str:
        """Give the FIFO's path, which exists only while something is held."""
        if not self._address:
            with self._lock:
                self._address = self._address or f"{_domain.current_path()}/{_domain.new_token()}.ack"
        return self._address

    def hold(self, held: Iterable[Pin]) -> None:
        """Keep the pins until their tickets come back."""
        path = self.address()
        with self._lock:
            self._pins.update((one.number, one) for one in held)
            if self._thread is None:
                self._fd = _open_fifo(path)
                self._thread = threading.Thread(target=self._serve, name="anypool-transit", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        """Let go of the FIFO in a forked child, which has no thread."""
        if self._fd >= 0:
            os.close(self._fd)

    def drop(self, held: Iterable[Pin]) -> None:
        """Forget pins whose bytes went nowhere, or whose names are gone."""
        with self._lock:
            for one in held:
                self._pins.pop(one.number, None)
            thread = self._thread
            if thread is None or self._pins:
                return
            os.write(self._fd, bytes(_NUMBER))  # wakes the thread, which finds nothing to do
        thread.join(1)

    def vanished(self) -> list[Pin]:
        """Give the pins of which a name is gone: nobody can attach any more."""
        with self._lock:
            return [one for one in self._pins.values() if not all(os.path.lexists(path) for path in one.paths)]

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while True:
            ready = poll.poll(_RECHECK * 1000)
            # A write of so few bytes is never split, so what is read are whole numbers.
            numbers = os.read(self._fd, _NUMBER * 256) if ready else b""
            gone = [] if ready else self.vanished()
            done: list[Pin | None] = []  # closed outside the lock, when the list goes
            with self._lock:
                for start in range(0, len(numbers), _NUMBER):
                    done.append(self._pins.pop(numbers[start : start + _NUMBER], None))
                for one in gone:
                    done.append(self._pins.pop(one.number, None))
                if not self._pins:
                    self._thread = None
                    os.close(self._fd)
                    self._fd = -1
                    _domain.unlink(self._address)
                    return


def _open_fifo(path: str) -> int:
    while True:
        _domain.ensure()
        try:
            with contextlib.suppress(FileExistsError):  # left by a hold that was interrupted
                os.mkfifo(path, 0o600)
            return os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except FileNotFoundError:
            _domain.rejoin()  # the domain was cleared in between


_office = _Office()


def pin(fds: Iterable[int], paths: tuple[str, ...]) -> Ticket:
    """Pin what the bytes that are being made name; give the ticket to put into them."""
    made = Pin(fds, paths)
    pins.note(made)
    return (_office.address(), made.number)


def acknowledge(ticket: Ticket) -> None:
    """Tell the pinning process that the bytes were read and their names opened."""
    address, number = ticket
    with contextlib.suppress(OSError):  # it has ended, or its carrier watches the bytes and nobody reads tickets
        fd = os.open(address, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fd, number)
        finally:
            os.close(fd)


@contextlib.contextmanager
def until_received(pinned: Iterable[object]) -> Iterator[None]:
    """Hold the pins of some bytes until whoever gets them has read them; drop them if the body fails to send it."""
    held = [one for one in pinned if isinstance(one, Pin)]
    if held:
        _office.hold(held)
    try:
        yield
    except BaseException:
        _office.drop(held)
        raise


def forget_vanished() -> None:
    """Drop the pins of names that were removed."""
    gone = _office.vanished()
    if gone:
        _office.drop(gone)


def _after_fork() -> None:
    global _office
    _office.leave()
    _office = _Office()
    for one in list(_living):
        one.close()


os.register_at_fork(after_in_child=_after_fork)

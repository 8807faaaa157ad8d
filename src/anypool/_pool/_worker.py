"""What runs in each worker process: read a frame, run its calls, send each outcome before the next call starts.

::

    pool --RUN frame--> read --> run_batch --> slot: "call 17 begins" --> user's function --> OUTCOME frame --> pool
"""

from __future__ import annotations

import marshal
import os
import sys

from anypool._core import worker_info
from anypool._core.runner import run_batch
from anypool._pool._messages import BOOTED, HEADER, NUMBER, OUTCOME, READY, REFUSED, RUN, decode_run
from anypool._pool._slot import Slot

TYPE_CHECKING = False  # typing itself is a tenth of the boot time
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["encode_settings", "main"]

_CHUNK = 1 << 16


def encode_settings(channel: int, slots: int, rank: int, backend: str, initializer: bytes | None) -> bytes:
    """Give the payload of ``main``."""
    return marshal.dumps((channel, slots, rank, backend, initializer))


def _decode_settings(payload: bytes) -> tuple[int, int, int, str, bytes | None]:
    settings: Any = marshal.loads(payload)
    return settings  # type: ignore[no-any-return]  # the tuple of encode_settings


def main(payload: bytes, lifeline: int) -> NoReturn:
    """Be a worker until the pool closes the channel. Never returns."""
    channel, slots, rank, backend, initializer = _decode_settings(payload)
    sink = _Sink(channel, Slot(slots, rank))
    worker_info.set_worker(backend, rank)
    sink.send(BOOTED)
    if initializer is not None:
        error = _initialize(initializer)
        if error is not None:
            sink.send(REFUSED, error)
            _leave()
        del initializer, payload
    sink.send(READY)
    reader = _Reader(channel)
    while True:
        frame = reader.read()
        if frame is None:
            _leave()
        kind, body = frame
        assert kind == RUN
        number, first_id, name, attempt, function, calls = decode_run(body)
        sink.base = number
        run_batch(function, calls, sink, first_id=first_id, name=name, attempt=attempt)
        del frame, body, function, calls  # an idle worker holds no arguments


class _Sink:
    """Notes what begins in the slot, and sends what ended."""

    __slots__ = ("_channel", "_pid", "_slot", "base")

    def __init__(self, channel: int, slot: Slot) -> None:
        self._channel = channel
        self._slot = slot
        self._pid = os.getpid()
        self.base = 0

    def started(self, index: int) -> None:
        self._slot.start(self.base + index)

    def finished(self, index: int, outcome: bytes) -> None:
        _flush()
        if os.getpid() != self._pid:
            # The task forked and its child came back here; only the parent of the two is the worker.
            os._exit(0)
        self.send(OUTCOME, NUMBER.pack(self.base + index), outcome)

    def send(self, kind: int, *pieces: bytes) -> None:
        """Send a frame; blocks until the pool has taken it."""
        length = sum(map(len, pieces))
        header = HEADER.pack(length, kind)
        if length <= _CHUNK:
            _write(self._channel, b"".join((header, *pieces)))
            return
        # A large outcome is not copied once more.
        for piece in (header, *pieces):
            _write(self._channel, piece)


def _write(channel: int, data: bytes) -> None:
    try:
        sent = os.write(channel, data)
        if sent < len(data):
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[os.write(channel, rest) :]
    except BrokenPipeError:
        os._exit(1)  # the pool has gone; nobody wants the outcome


class _Reader:
    """Reads frames; small ones with a single system call."""

    __slots__ = ("_channel", "_rest")

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._rest = b""  # read, and belongs to the next frame

    def read(self) -> tuple[int, memoryview] | None:
        """Wait for a frame; ``None`` at the end of the stream."""
        data = self._rest or os.read(self._channel, _CHUNK)
        while len(data) < HEADER.size:
            more = os.read(self._channel, _CHUNK)
            if not more:
                return None
            data += more
        length, kind = HEADER.unpack_from(data)
        end = HEADER.size + length
        self._rest = data[end:]
        if len(data) >= end:
            return kind, memoryview(data)[HEADER.size : end]
        # Received in place: a large argument is in memory once.
        body = bytearray(length)
        filled = len(data) - HEADER.size
        body[:filled] = data[HEADER.size :]
        del data
        view = memoryview(body)
        while filled < length:
            count = os.readv(self._channel, [view[filled:]])
            if count == 0:
                return None
            filled += count
        return kind, view


def _initialize(data: bytes) -> bytes | None:
    """Run the initializer; give the outcome of one that raised."""
    from anypool._core.outcome import encode_error
    from anypool._core.serialise import loads

    try:
        function, args = loads(data)
        function(*args)
    except BaseException as error:
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        return encode_error(error)
    finally:
        _flush()
    return None


def _flush() -> None:
    """Let out what a task printed before its outcome is known."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105  # contextlib would be one more module to import
            stream.flush()
        except Exception:
            pass  # closed or replaced by the task, or nobody reads: its own affair


def _leave() -> NoReturn:
    """End the process as its interpreter would, without the slow taking down of every module."""
    import atexit

    threading = sys.modules.get("threading")
    try:
        if threading is not None:
            threading._shutdown()  # other pools that a task has opened, and threads that it left
        atexit._run_exitfuncs()
    finally:
        _flush()
        os._exit(0)

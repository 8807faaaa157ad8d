"""The pool's end of a worker's private socket pair: whole frames in and out, never blocking.

A worker that runs a long task does not read, and one that sends a large result does not read either: had the pool
blocked in a write then, both would wait for each other. What the socket does not take waits in a backlog here.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections import deque
from collections.abc import Sequence

from anypool._pool._messages import HEADER

__all__ = ["Channel"]

_CHUNK = 1 << 18
#: Bodies from this size on are received in place instead of being cut out of a chunk.
_LARGE = 1 << 17
#: One call of ``receive`` reads about this much, so that one worker's stream does not keep the others waiting.
_TURN = 1 << 23
#: The kernel takes at most 1024 pieces at a time (IOV_MAX).
_PIECES = 1000

Frame = tuple[int, memoryview]


class Channel:
    """Frames over a non-blocking stream socket. Sending and receiving may happen in two threads, each in one.

    Attributes:
        ended: the other side has closed the stream, or is gone.
    """

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)
        self._socket = stream
        self._backlog: deque[memoryview] = deque()
        self._rest = b""  # received, not yet a whole header or a whole small frame
        self._large: bytearray | None = None  # the body being received in place
        self._filled = 0
        self._kind = 0
        self.ended = False

    def fileno(self) -> int:
        """Give the socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._backlog.clear()

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, pieces: Sequence[bytes]) -> bool:
        """Send a frame, or queue what does not fit; True if nothing is left to send."""
        if not self._backlog:
            data = b"".join(pieces) if sum(map(len, pieces)) <= _LARGE else None
            if data is not None:
                try:
                    sent = self._socket.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    return True  # the worker is gone; its sentinel tells the rest
                if sent == len(data):
                    return True
                self._backlog.append(memoryview(data)[sent:])
                return False
        self._backlog.extend(memoryview(piece) for piece in pieces if len(piece))
        return self.flush()

    def flush(self) -> bool:
        """Send what is queued, as far as the socket takes it; True if nothing is left."""
        backlog = self._backlog
        while backlog:
            try:
                sent = self._socket.sendmsg([backlog[index] for index in range(min(len(backlog), _PIECES))])
            except BlockingIOError:
                return False
            except OSError:
                backlog.clear()  # the worker is gone
                return True
            while sent:
                piece = backlog[0]
                if sent < len(piece):
                    backlog[0] = piece[sent:]
                    break
                sent -= len(piece)
                backlog.popleft()
        return True

    def finish(self) -> None:
        """Tell the other side that no more frames will come."""
        with contextlib.suppress(OSError):  # it has gone already
            self._socket.shutdown(socket.SHUT_WR)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def receive(self, *, everything: bool = False) -> list[Frame]:
        """Give the frames that have arrived, ``(kind, body)`` each; ``everything`` reads until nothing is left."""
        frames: list[Frame] = []
        budget = sys.maxsize if everything else _TURN
        while budget > 0 and not self.ended:
            try:
                if self._large is None:
                    data = self._socket.recv(_CHUNK)
                    count = len(data)
                else:
                    count = self._socket.recv_into(memoryview(self._large)[self._filled :])
            except BlockingIOError:
                break
            except OSError:
                count = 0  # reset: the worker died with unread data
            budget -= count
            if count == 0:
                self.ended = True
            elif self._large is not None:
                self._filled += count
                if self._filled == len(self._large):
                    frames.append((self._kind, memoryview(self._large)))
                    self._large = None
            else:
                self._split(self._rest + data if self._rest else data, frames)
                if count < _CHUNK and self._large is None and not everything:
                    break  # most likely all; the selector calls again if not
        return frames

    def _split(self, data: bytes, frames: list[Frame]) -> None:
        view = memoryview(data)
        position = 0
        size = len(data)
        while size - position >= HEADER.size:
            length, kind = HEADER.unpack_from(data, position)
            begin = position + HEADER.size
            if size - begin >= length:
                frames.append((kind, view[begin : begin + length]))
                position = begin + length
                continue
            if length >= _LARGE:
                self._kind = kind
                self._large = bytearray(length)
                self._filled = size - begin
                self._large[: self._filled] = view[begin:]
                position = size
            break
        self._rest = data[position:]

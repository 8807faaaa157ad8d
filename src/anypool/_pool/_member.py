"""A worker process as the pool sees it: its handle, its channel, its standard error, and why it has to die, if so."""

from __future__ import annotations

import os
import socket
import time
from typing import NamedTuple

from anypool._launch._launcher import launch
from anypool._pool._channel import Channel
from anypool._pool._slot import SlotTable
from anypool._pool._stderr import Tail
from anypool._pool._worker import encode_settings
from anypool.abc import Batch

__all__ = ["Doom", "Member"]

#: Seconds for a worker's own exit.
_EXIT_GRACE = 5.0


class Doom(NamedTuple):
    """Why the pool ends a worker."""

    why: str  # for the error's text; empty for a deadline
    batch: Batch | None  # for whose sake; its current call must not run again


class Member:
    """One worker. Everything but ``channel.send`` and ``flush`` belongs to the pool's own thread.

    Attributes:
        rank: its place in the pool.
        doom: why it is being ended, if it is.
        kill_at: when it is killed at last (``time.monotonic()``), if it does not go by itself before.
        booted: its interpreter is up.
        leaving: it was told to go.
    """

    def __init__(self, rank: int, slots: SlotTable, backend: str, initializer: bytes | None) -> None:
        self.rank = rank
        self.doom: Doom | None = None
        self.kill_at: float | None = None
        self.booted = False
        self.leaving = False
        self.tail = Tail()
        slots.clear(rank)
        near, far = socket.socketpair()
        with far:
            try:
                self.stderr, stderr = os.pipe()
            except BaseException:
                near.close()
                raise
            try:
                self.handle = launch(
                    "anypool._pool._worker:main",
                    encode_settings(far.fileno(), slots.descriptor, rank, backend, initializer),
                    name=f"anypool-worker-{rank}",
                    fds=[far.fileno(), slots.descriptor],
                    stderr=stderr,
                )
            except BaseException:
                near.close()
                os.close(self.stderr)
                raise
            finally:
                os.close(stderr)
        os.set_blocking(self.stderr, False)
        self.channel = Channel(near)
        self.pid = self.handle.pid

    def read_stderr(self) -> bytes | None:
        """Give what it wrote to its standard error, ``b""`` at the end, ``None`` if there is nothing at the moment."""
        try:
            data = os.read(self.stderr, 1 << 16)
        except BlockingIOError:
            return None
        self.tail.feed(data)
        return data

    def let_go(self) -> None:
        """Tell an idle worker to go; it is killed if that takes too long."""
        self.leaving = True
        if self.kill_at is None:
            self.kill_at = time.monotonic() + _EXIT_GRACE
        self.channel.finish()

    def close(self) -> None:
        """Let go of all descriptors. A worker that still runs dies of it."""
        self.channel.close()
        os.close(self.stderr)
        self.handle.close()

"""A batch without a facade, tasks, and a look at the machine's processes, for the tests of the loky pool."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anypool._backends.loky import LokyBackend
from anypool._core import pins
from anypool._core.outcome import decode
from anypool._core.serialise import dumps
from anypool.abc import Batch, Encoded, PoolSpec, WorkerPool

__all__ = ["FakeBatch", "alive", "children", "eventually", "opened", "single"]


class FakeBatch(Batch):
    """Calls of one function, and a place for what became of each."""

    size = 0

    def __init__(
        self, function: Callable[..., Any], *args: tuple[Any, ...], first_id: int = 0, timeout: float | None = None
    ) -> None:
        self.function = function
        self.args = args
        self.size = len(args)
        self.first_id = first_id
        self.name = function.__qualname__
        self.timeout = timeout
        self.attempt = 1
        self.claims = 0
        self.cancelled = False
        self.withdrawn = False
        self.settlements: list[tuple[int, Any, BaseException | None]] = []
        self.done = threading.Event()
        self.callback: Callable[[FakeBatch], None] | None = None
        with pins.collect() as pinned:
            self._encoded = Encoded(dumps(function), [dumps((args, {})) for args in args], pinned)

    def claim(self) -> bool:
        """Refuse what was withdrawn."""
        self.claims += 1
        return not self.withdrawn

    def cancel(self) -> None:
        """Remember it."""
        assert not self.claims
        self.cancelled = True
        self.done.set()

    def call(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """See ``Batch``."""
        return self.function, self.args[index], {}

    def encoded(self) -> Encoded:
        """See ``Batch``."""
        return self._encoded

    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        """Remember it, and tell whoever waits."""
        self.settlements.append((index, value, error))
        if len(self.settlements) >= self.size:
            self.done.set()
            if self.callback is not None:
                self.callback(self)

    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        """Decode and settle."""
        self.settle(index, *decode(data))

    def outcomes(self, timeout: float = 20) -> list[Any]:
        """Wait for the end; give each call's value or error. No call may have been settled twice."""
        assert self.done.wait(timeout), f"only {len(self.settlements)} of {self.size} calls ended"
        assert sorted(index for index, _, _ in self.settlements) == list(range(self.size))
        return [error if error is not None else value for _, value, error in sorted(self.settlements, key=_index)]

    def outcome(self, timeout: float = 20) -> Any:
        """Wait for the end of the only call."""
        (outcome,) = self.outcomes(timeout)
        return outcome


def _index(settlement: tuple[int, Any, BaseException | None]) -> int:
    return settlement[0]


def single(function: Callable[..., Any], *args: Any, timeout: float | None = None, first_id: int = 0) -> FakeBatch:
    """Make a batch of one call."""
    return FakeBatch(function, args, timeout=timeout, first_id=first_id)


@contextmanager
def opened(max_workers: int = 2, **settings: Any) -> Iterator[WorkerPool]:
    """Open a pool, and end it by force if the test fails."""
    pool = LokyBackend().open(PoolSpec(max_workers=max_workers, **settings))
    try:
        yield pool
        pool.shutdown(wait=True, cancel_pending=False)
    finally:
        pool.stop(force=True)


def children() -> set[int]:
    """Give the process ids of this process's loky workers."""
    found = set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue  # gone meanwhile
        if stat[0] not in "ZX" and int(stat[1]) == os.getpid() and b"popen_loky" in command:
            found.add(int(entry))
    return found


def alive(pid: int) -> bool:
    """Tell whether a process of this machine runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], timeout: float = 10) -> bool:
    """Wait for something that no event tells of."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True

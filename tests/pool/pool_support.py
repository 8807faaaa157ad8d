"""A batch with plain futures, and tasks, for tests of the process pool without the facade."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from anypool._core import outcome
from anypool._core.serialise import dumps
from anypool.abc import Batch, Encoded

#: Seconds that nothing here may take.
PATIENCE = 20.0


class FakeBatch(Batch):
    """Calls of one function, each with a future; strict about what the pool owes."""

    attempt = 1

    def __init__(
        self, function: Callable[..., Any], *calls: Sequence[Any], first_id: int = 0, timeout: float | None = None
    ) -> None:
        self.first_id = first_id
        self.size = len(calls)
        self.name = getattr(function, "__qualname__", "task")
        self.timeout = timeout
        self.futures: list[Future[Any]] = [Future() for _ in calls]
        self.claims = 0
        self.cancelled = False
        self._encoded = Encoded(dumps(function), [dumps((tuple(args), {})) for args in calls], ())

    def claim(self) -> bool:
        """Count."""
        self.claims += 1
        assert self.claims == 1, "claimed twice"
        return not self.cancelled

    def cancel(self) -> None:
        """Cancel the futures."""
        assert not self.claims
        self.cancelled = True
        for future in self.futures:
            future.cancel()

    def call(self, index: int) -> Any:
        """Refuse."""
        raise AssertionError("the process pool has no use for live objects")

    def encoded(self) -> Encoded:
        """Give the bytes."""
        return self._encoded

    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        """End a call, once."""
        assert self.claims
        future = self.futures[index]
        assert not future.done(), "settled twice"
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        """End a call with an outcome."""
        self.settle(index, *outcome.decode(data))

    def result(self, index: int = 0) -> Any:
        """Wait for a result."""
        return self.futures[index].result(PATIENCE)

    def error(self, index: int = 0) -> BaseException:
        """Wait for an error."""
        error = self.futures[index].exception(PATIENCE)
        assert error is not None
        return error


def append(path: Path, text: str) -> None:
    """Append a line in one write, so that lines of several processes do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def log_and_wait(path: Path, number: int, seconds: float) -> int:
    """Note the run, with the pid, and take a while."""
    append(path, f"{number} {os.getpid()}")
    time.sleep(seconds)
    return number


def hang(path: Path) -> None:
    """Note the pid and never return."""
    append(path, str(os.getpid()))
    threading.Event().wait()


def die(number: int = signal.SIGKILL) -> None:
    """End this process by a signal."""
    os.kill(os.getpid(), number)


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until something holds that has no event to wait for, such as another process's end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"

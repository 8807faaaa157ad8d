"""Whether the pool can still run tasks: workers that do not start, an initializer that fails (E6, E15)."""

from __future__ import annotations

import time
from collections.abc import Callable

from anypool._pool import _reports
from anypool._pool._dispatcher import Dispatcher
from anypool._pool._scheduler import Call
from anypool._pool._settling import fail_works

__all__ = ["Health"]

#: So many workers in a row may die while they boot; more if somebody kills them, which can be bad luck.
_BOOT_TRIALS = 3
_BOOT_KILLS = 20
#: Seconds until the next trial when the system refuses another worker while others run.
_RETRY_PAUSE = 1.0


class Health:
    """Only the pool's own thread uses it.

    Attributes:
        broken: makes the error of every batch from now on, once the initializer has failed.
        retry_at: when the next worker may be started (``time.monotonic()``).
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.broken: Callable[[Call], BaseException] | None = None
        self.retry_at = 0.0
        self._dispatcher = dispatcher
        self._boot_failures = 0

    def boot_succeeded(self) -> None:
        """A worker is ready."""
        self._boot_failures = 0

    def boot_failed(self, reason: str, pid: int, exitcode: int | None, stderr: tuple[str, ...]) -> None:
        """A worker could not start: try again, go on with fewer, or fail what waits if there is none."""
        self._boot_failures += 1
        if exitcode is not None and self._boot_failures < (_BOOT_KILLS if exitcode < 0 else _BOOT_TRIALS):
            return
        if self._dispatcher.members:
            self.retry_at = time.monotonic() + _RETRY_PAUSE
        else:
            self._boot_failures = 0
            self.fail_pending(lambda call: _reports.boot_failed(call, reason, pid, exitcode, stderr))

    def break_with(self, make_error: Callable[[Call], BaseException]) -> None:
        """Fail all that waits now or comes later."""
        if self.broken is None:
            self.broken = make_error
            with self._dispatcher as shared:
                for rank in shared.members:
                    shared.scheduler.retire(rank)
        self.fail_pending(self.broken)

    def fail_pending(self, make_error: Callable[[Call], BaseException]) -> None:
        """Fail what waits for a worker."""
        with self._dispatcher as shared:
            works = shared.scheduler.take_pending()
        fail_works(works, make_error)

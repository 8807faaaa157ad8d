"""Ends calls. That runs the user's code (callbacks, ``__setstate__``), so never under the lock; nothing gets out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable

from anypool._pool._scheduler import Call, Work

__all__ = ["complain", "fail", "fail_works", "safely", "settle"]

_log = logging.getLogger("anypool")


def settle(call: Call, data: memoryview) -> None:
    """End a call with the outcome that its worker sent."""
    try:
        call.batch.settle_encoded(call.position, data)
    except BaseException as error:
        complain(error)
        fail(call, error)  # changes nothing if it was a callback that raised, after the fact


def fail(call: Call, error: BaseException) -> None:
    """End a call with an error."""
    safely(lambda: call.batch.settle(call.position, None, error))


def fail_works(works: Iterable[Work], make_error: Callable[[Call], BaseException]) -> None:
    """End all that remains of the works, each call with an error of its own."""
    for work in works:
        if work.claimed or safely(work.batch.claim):
            for call in work.remaining():
                fail(call, make_error(call))


def safely(action: Callable[[], object]) -> object:
    """Run the user's code; give what it gives, ``None`` if it raises."""
    try:
        return action()
    except BaseException as error:
        complain(error)
        return None


def complain(error: BaseException) -> None:
    """Log what must not end the pool's thread."""
    with contextlib.suppress(BaseException):  # a log handler that fails must not end it either
        _log.critical("an exception in the pool's thread, raised by a future's callback or result", exc_info=error)

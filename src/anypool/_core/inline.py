"""Runs a batch in this very process, for the backends whose workers live here: by reference, or through bytes (E4)."""

from __future__ import annotations

from collections.abc import Callable

from anypool._core import pins, worker_info
from anypool._core.batch import decode
from anypool._core.runner import run_batch
from anypool._core.serialise import dumps, loads
from anypool.abc import Batch, PoolSpec
from anypool.errors import InitializerFailed

__all__ = ["run_initializer", "run_inline"]


def _go_on() -> None:
    """Check nothing."""


def run_inline(
    batch: Batch,
    *,
    isolate: bool,
    broken: InitializerFailed | None = None,
    check: Callable[[], None] = _go_on,
) -> None:
    """Run every call of a claimed batch and settle it; nothing that a task raises gets out of here.

    Args:
        batch: the batch.
        isolate: run it through bytes, as it was encoded.
        broken: what every call gets instead of being run.
        check: called before each call; what it raises ends the run.
    """
    if broken is not None:
        for index in range(batch.size):
            batch.settle(index, None, broken)
    elif isolate:
        encoded = batch.encoded()
        # Collected, so that a primitive which a task makes and returns lives until its bytes have been read.
        with pins.collect():
            run_batch(
                encoded.function,
                encoded.calls,
                _SettlingSink(batch, check),
                first_id=batch.first_id,
                name=batch.name,
                attempt=batch.attempt,
            )
    else:
        for index in range(batch.size):
            check()
            _run_by_reference(batch, index)


def _run_by_reference(batch: Batch, index: int) -> None:
    before = worker_info.set_task(batch.first_id + index, batch.name, batch.attempt)
    function, args, kwargs = batch.call(index)
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        # The first frame is this one; the user's traceback begins behind it.
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        worker_info.clear_task(before)
        batch.settle(index, None, error)
    else:
        worker_info.clear_task(before)
        batch.settle(index, value, None)


class _SettlingSink:
    """Hands outcomes straight to the batch."""

    def __init__(self, batch: Batch, check: Callable[[], None]) -> None:
        self._batch = batch
        self._check = check

    def started(self, index: int) -> None:
        """Nobody keeps record, for a crash in here ends the whole program; only see whether to go on."""
        self._check()

    def finished(self, index: int, outcome: bytes) -> None:
        """Settle the call, as a value: the bytes may name what only lives as long as this batch runs."""
        value, error = decode(outcome, self._batch.name, self._batch.first_id + index)
        self._batch.settle(index, value, error)


def run_initializer(spec: PoolSpec) -> InitializerFailed | None:
    """Run the initializer, if there is one; give the error that every task gets if it fails (E15)."""
    if spec.initializer is None:
        return None
    try:
        initializer, initargs = spec.initializer, spec.initargs
        if spec.isolate:
            initializer, initargs = loads(dumps((initializer, initargs), "initializer"))
        initializer(*initargs)
    except BaseException as error:
        failed = InitializerFailed(
            f"the executor's initializer raised {type(error).__name__}: {error}. No task can run; "
            "mend the initializer and make a new Executor (its traceback is this error's cause)"
        )
        failed.__cause__ = error
        return failed
    return None

"""Runs a batch in this very process, for the backends whose workers live here: by reference, or through bytes (E4)."""

from __future__ import annotations

from anypool._core import pins, worker_info
from anypool._core.batch import Call, decode
from anypool._core.runner import run_batch
from anypool._core.serialise import dumps, loads
from anypool.abc import Batch, Encoded, PoolSpec
from anypool.errors import InitializerFailed

__all__ = ["Guard", "run_initializer", "run_inline"]


class Guard:
    """What surrounds each call: nothing. A pool that can interrupt its workers says here when that may happen."""

    def begin(self) -> None:
        """The user's function comes next. What this raises ends the run, and the pool has settled what is left."""

    def end(self) -> None:
        """The user's function has ended."""


_NO_GUARD = Guard()


def run_inline(
    batch: Batch,
    *,
    isolate: bool,
    broken: InitializerFailed | None = None,
    guard: Guard = _NO_GUARD,
) -> None:
    """Run every call of a claimed batch and settle it; nothing that a task raises gets out of here.

    Args:
        batch: the batch.
        isolate: run it through bytes, as it was encoded.
        broken: what every call gets instead of being run.
        guard: surrounds each call.
    """
    if broken is not None:
        for index in range(batch.size):
            batch.settle(index, None, broken)
        return
    for index in range(1 if isolate else batch.size):
        try:
            work = batch.encoded() if isolate else batch.call(index)
        except LookupError:
            return  # the pool was stopped in this moment, and has settled the batch
        if isinstance(work, Encoded):
            _run_through_bytes(batch, work, guard)
        else:
            _run_by_reference(batch, index, work, guard)


def _run_through_bytes(batch: Batch, encoded: Encoded, guard: Guard) -> None:
    # Collected, so that a primitive which a task makes and returns lives until its bytes have been read.
    with pins.collect():
        run_batch(
            encoded.function,
            encoded.calls,
            _SettlingSink(batch, guard),
            first_id=batch.first_id,
            name=batch.name,
            attempt=batch.attempt,
        )


def _run_by_reference(batch: Batch, index: int, call: Call, guard: Guard) -> None:
    before = worker_info.set_task(batch.first_id + index, batch.name, batch.attempt)
    function, args, kwargs = call
    guard.begin()
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        guard.end()
        # The first frame is this one; the user's traceback begins behind it.
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        worker_info.clear_task(before)
        batch.settle(index, None, error)
    else:
        guard.end()
        worker_info.clear_task(before)
        batch.settle(index, value, None)


class _SettlingSink:
    """Hands outcomes straight to the batch."""

    def __init__(self, batch: Batch, guard: Guard) -> None:
        self._batch = batch
        self._guard = guard

    def started(self, index: int) -> None:
        """Nobody keeps record, for a crash in here ends the whole program."""
        self._guard.begin()

    def finished(self, index: int, outcome: bytes) -> None:
        """Settle the call, as a value: the bytes may name what only lives as long as this batch runs."""
        self._guard.end()
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

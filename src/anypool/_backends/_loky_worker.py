"""What runs in a loky worker: it becomes one of ours once, then runs batches and leaves the outcomes in the journal.

::

    loky: boot(...) as the initializer -> hello() -> run(batch) -> run(batch) ...
                                                          └── pwrite --> journal --> parent

Only small messages go through loky's own queues: large arguments are in the journal too, and so are all outcomes.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import time
from collections.abc import Sequence
from itertools import accumulate
from types import FrameType, ModuleType
from typing import Any

from anypool._backends._loky_lane_journal import BOOTED, HEAD, INITIALIZING, Journal
from anypool._core import worker_info
from anypool._core.outcome import encode_error
from anypool._core.runner import run_batch
from anypool._core.serialise import loads
from anypool._launch._lifeline import die_with_parent

__all__ = ["Descriptor", "boot", "hello", "run"]

#: Arguments of at least this many bytes are mapped, not read.
_MAP = 1 << 20


class Descriptor:
    """A file descriptor that travels into a process while that is being spawned, and arrives as a plain int."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._copies: list[int] = []

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.reduction import DupFd

        # A copy, because loky makes what it passes on inheritable in this process too, and leaves it so.
        copy = os.dup(self._number)
        self._copies.append(copy)
        return (_arrive, (DupFd(copy),))

    def close_copies(self) -> None:
        """Close what the spawning has duplicated."""
        while self._copies:
            os.close(self._copies.pop())


def _arrive(duplicate: Any) -> int:
    number: int = duplicate.detach()
    os.set_inheritable(number, False)
    return number


class _State:
    journal = -1
    #: The encoded exception of the user's initializer.
    failure: bytes | None = None
    pid = -1
    #: loky's own ``__main__``, whose code is still running.
    launcher: ModuleType | None = None


def boot(journal: int, lifeline: int, stderr: int, rank: int, domain: str | None, initializer: bytes | None) -> None:
    """Make loky's fresh process a worker of ours, and run the user's initializer. Never raises."""
    die_with_parent(lifeline)
    os.dup2(stderr, 2)
    os.close(stderr)
    # A script on standard input (``python -``) is the parent's to read.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # What a program defines in its __main__ is put here by value; loky's own launcher must not be found there.
    _State.launcher = sys.modules["__main__"]
    program = ModuleType("__main__")
    program.__dict__.update(__builtins__=__builtins__, __anypool_worker__=True)
    sys.modules["__main__"] = program
    # A handler that does nothing, not SIG_IGN: that would be inherited by the programs that a task starts.
    signal.signal(signal.SIGINT, _leave_it_to_the_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    _keep_large_workers()
    if domain is not None:
        from anypool._sync.local import _domain

        _domain.adopt(domain)
    worker_info.set_worker("loky", rank)
    _State.journal = journal
    _State.pid = os.getpid()
    if initializer is not None:
        os.pwrite(journal, HEAD.pack(INITIALIZING, time.monotonic()), 0)
        try:
            function, args = loads(initializer)
            function(*args)
        except BaseException as error:
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next  # the first frame is this one
            _State.failure = encode_error(error)
        _flush()
    os.pwrite(journal, HEAD.pack(BOOTED, time.monotonic()), 0)


def _leave_it_to_the_parent(number: int, frame: FrameType | None) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes at once: the parent decides what it means (E12)."""


def _keep_large_workers() -> None:
    # Where psutil is installed, loky replaces a worker that has grown by 300 MB and warns about it in the parent. A
    # task that fills a cache is no leak, the initializer's work would be lost, and it would depend on psutil.
    executor: Any = sys.modules.get("loky.process_executor")
    if hasattr(executor, "_MAX_MEMORY_LEAK_SIZE"):
        executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize


def hello() -> bytes | None:
    """Say that the worker is up: ``None``, or the encoded exception of the initializer."""
    return _State.failure


def run(
    parts: Sequence[bytes | memoryview] | None,
    lengths: Sequence[int],
    shared: bool,
    end: int,
    first: int,
    first_id: int,
    name: str,
    attempt: int,
) -> None:
    """Run the calls of a batch from ``first`` on.

    Args:
        parts: the pickled function, if ``shared``, and the calls; ``None`` if they are in the journal.
        lengths: where they are in the journal: their lengths.
        shared: the first part is the calls' common function.
        end: where in the journal the outcomes go.
        first: index of the first call to run.
        first_id: the task number of call 0.
        name: the tasks' name.
        attempt: which attempt this is.
    """
    sink = _Sink(end)
    if parts is not None:
        _run(parts, shared, sink, first, first_id, name, attempt)
        return
    size = end - HEAD.size
    if size < _MAP:
        parts = _split(memoryview(os.pread(_State.journal, size, HEAD.size)), lengths)
        _run(parts, shared, sink, first, first_id, name, attempt)
        return
    with mmap.mmap(_State.journal, end, access=mmap.ACCESS_READ) as mapping, memoryview(mapping)[HEAD.size :] as view:
        pieces = _split(view, lengths)
        try:
            _run(pieces, shared, sink, first, first_id, name, attempt)
        finally:
            for piece in pieces:
                piece.release()


def _split(view: memoryview, lengths: Sequence[int]) -> list[memoryview]:
    return [view[stop - length : stop] for stop, length in zip(accumulate(lengths), lengths, strict=True)]


def _run(
    parts: Sequence[bytes | memoryview], shared: bool, sink: _Sink, first: int, first_id: int, name: str, attempt: int
) -> None:
    function = parts[0] if shared else None
    calls = parts[1:] if shared else parts
    run_batch(function, calls, sink, first=first, first_id=first_id, name=name, attempt=attempt)


class _Sink:
    """Takes the outcomes from ``run_batch`` to the journal."""

    def __init__(self, end: int) -> None:
        self._journal = Journal(_State.journal, end)

    def started(self, index: int) -> None:
        self._journal.begin(index, time.monotonic())

    def finished(self, index: int, outcome: bytes) -> None:
        _flush()
        if os.getpid() != _State.pid:
            # The task forked and its child came back here: it must not write the parent's journal, nor go on.
            os._exit(0)
        try:
            self._journal.append(index, outcome)
        except OSError as error:
            self._journal.cut()
            size = f"{len(outcome):,} bytes"
            self._journal.append(index, encode_error(MemoryError(f"no room for a result of {size}: {error}")))


def _flush() -> None:
    # Output in the order of its making; and what is left in a buffer would be lost with a killed worker.
    for stream in (sys.stdout, sys.stderr):
        # nobody reads it any more, or the task closed or replaced it
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()

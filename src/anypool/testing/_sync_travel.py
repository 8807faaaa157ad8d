"""P1: every primitive travels every way, and what arrives is the same primitive, not a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anypool import Executor
from anypool.testing import _tasks as tasks
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor

__all__ = ["Travel"]


class _Shared:
    """A primitive here, and how to see from here that a task touched the same one."""

    def __init__(self, kind: str, ex: Any, *, same_owner: bool) -> None:
        self.kind = kind
        self.other: Any = None
        if kind == "Pipe":
            self.primitive, self.other = ex.Pipe()
        elif "Semaphore" in kind:
            self.primitive = getattr(ex, kind)(2)
        else:
            self.primitive = getattr(ex, kind)()
        self.same_owner = same_owner
        if kind == "RLock":
            assert self.primitive.acquire()

    def check(self, result: Any) -> None:
        """Check the task's result and what it did, and put the primitive back as it was."""
        if self.kind == "RLock":
            # It is owned by this thread, so a task elsewhere does not get it, and a task inline gets it once more.
            assert result is self.same_owner
            if self.same_owner:
                self.primitive.release()
            self.primitive.release()
            with pytest.raises(AssertionError):
                self.primitive.release()
            assert self.primitive.acquire()
        elif self.kind == "Lock":
            assert result is True
            assert not self.primitive.acquire(False)
            self.primitive.release()
        elif "Semaphore" in self.kind:
            assert result is True
            assert self.primitive.get_value() == 1
            self.primitive.release()
        elif self.kind == "Event":
            assert self.primitive.is_set()
            self.primitive.clear()
        elif self.kind == "Queue":
            assert self.primitive.get(timeout=20) == "touched"
            assert self.primitive.empty()
        else:
            assert self.other.poll(20)
            assert self.other.recv() == "touched"


class Travel(BackendSuite):
    """P1, for the seven primitives of the first part."""

    @pytest.fixture(params=["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Queue", "Pipe"])
    def kind(self, request: pytest.FixtureRequest) -> str:
        """Give the name of a primitive."""
        return str(request.param)

    @pytest.fixture
    def shared(self, ex: Executor, kind: str) -> Iterator[_Shared]:
        """Give a primitive of the executor."""
        shared = _Shared(kind, ex, same_owner=not self.concurrent)
        yield shared
        # pytest keeps what fixtures gave until all teardowns are over, and the leak check is one of them.
        shared.primitive = shared.other = None

    def test_as_argument(self, ex: Executor, shared: _Shared) -> None:
        """P1: as a task's argument, positional and by keyword, and again to a second task."""
        shared.check(ex.submit(sync_tasks.touch, shared.primitive).result(PATIENCE))
        shared.check(ex.submit(sync_tasks.touch, primitive=shared.primitive).result(PATIENCE))

    def test_nested(self, ex: Executor, shared: _Shared) -> None:
        """P1: inside containers and inside a dataclass."""
        shared.check(ex.submit(sync_tasks.touch_in_dict, {"a": [shared.primitive]}).result(PATIENCE))
        shared.check(ex.submit(sync_tasks.touch_in_box, tasks.Box(shared.primitive)).result(PATIENCE))

    def test_captured(self, ex: Executor, shared: _Shared) -> None:
        """P1: captured by a closure, and as the object of a bound method."""
        primitive, touch = shared.primitive, sync_tasks.touch
        shared.check(ex.submit(lambda: touch(primitive)).result(PATIENCE))

    def test_in_a_map(self, ex: Executor, shared: _Shared) -> None:
        """P1: as an item of a map."""
        for result in ex.map(sync_tasks.touch, [shared.primitive]):
            shared.check(result)

    def test_returned(self, ex: Executor, shared: _Shared) -> None:
        """P1: returned by a task; what comes back is the same primitive still."""
        back = ex.submit(tasks.identity, shared.primitive).result(PATIENCE)
        assert sync_tasks.kind_of(back) == sync_tasks.kind_of(shared.primitive)
        shared.check(ex.submit(sync_tasks.touch, back).result(PATIENCE))
        if shared.kind == "Pipe":
            back.close()

    def test_through_a_queue(self, ex: Executor, shared: _Shared) -> None:
        """P1: sent through a queue."""
        queue = ex.Queue()
        queue.put(shared.primitive)
        shared.check(ex.submit(sync_tasks.touch_from_queue, queue).result(PATIENCE))

    def test_through_a_pipe(self, ex: Executor, shared: _Shared) -> None:
        """P1: sent through a pipe."""
        left, right = ex.Pipe()
        left.send(shared.primitive)
        shared.check(ex.submit(sync_tasks.touch_from_pipe, right).result(PATIENCE))

    def test_to_a_process(self, ex: Executor, shared: _Shared) -> None:
        """P1: given to a ``Process``."""
        results = ex.Queue()
        process = ex.Process(target=sync_tasks.touch_and_report, args=(shared.primitive, results))
        process.start()
        shared.same_owner = False  # a process is never the owner of what this program holds
        shared.check(results.get(timeout=PATIENCE))
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_to_an_initializer(self, make_executor: MakeExecutor, ex: Executor, shared: _Shared) -> None:
        """P1: given to another executor's initializer."""
        other = make_executor(1, initializer=sync_tasks.leave, initargs=(shared.primitive,))
        shared.check(other.submit(sync_tasks.touch_initialized).result(PATIENCE))
        del tasks.initialized[:]

    def test_in_a_nested_executor(self, ex: Executor, shared: _Shared) -> None:
        """P1: used in the executor that a task opens."""
        function: Callable[..., Any] = sync_tasks.touch_in_nested_executor
        shared.check(ex.submit(function, self.backend, self.settings, shared.primitive).result(PATIENCE))

    def test_made_in_a_task(self, ex: Executor, kind: str) -> None:
        """P1: made in one task, returned, and given to another task."""
        made = ex.submit(sync_tasks.make_primitive, self.backend, kind).result(PATIENCE)
        primitive = made[0] if kind == "Pipe" else made
        ex.submit(sync_tasks.touch, primitive).result(PATIENCE)
        if kind == "Pipe":
            assert made[1].poll(20) and made[1].recv() == "touched"
            made[0].close()
            made[1].close()
        elif kind == "Event":
            assert primitive.is_set()
        elif kind == "Queue":
            assert primitive.get(timeout=20) == "touched"
        elif kind == "RLock":
            assert primitive.acquire(False) is (not self.concurrent)
        else:
            assert not primitive.acquire(False)

    def test_two_of_a_kind(self, ex: Executor, kind: str) -> None:
        """P1: two primitives are two."""
        first = _Shared(kind, ex, same_owner=not self.concurrent)
        second = _Shared(kind, ex, same_owner=not self.concurrent)
        shared = first.primitive, second.primitive
        results = [ex.submit(sync_tasks.touch, primitive).result(PATIENCE) for primitive in shared]
        first.check(results[0])
        second.check(results[1])

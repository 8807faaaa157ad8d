"""P1: every primitive travels every way, and what arrives is the same primitive, not a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anypool import Executor, HolderDied
from anypool.testing import _tasks as tasks
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor

__all__ = ["Travel"]

_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "Semaphore": (2,),
    "BoundedSemaphore": (2,),
    "Barrier": (2,),
    "Value": ("i",),
    "RawValue": ("i",),
    "Array": ("i", 3),
    "RawArray": ("i", 3),
}
#: Tested together, for what costs time is the executor.
_GROUPS = {
    "locks": ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"),
    "signals": ("Event", "Barrier"),
    "carriers": ("Queue", "JoinableQueue", "SimpleQueue", "Pipe"),
    "memory": ("Value", "Array", "RawValue", "RawArray"),
}


class _Shared:
    """A primitive here, and how to see from here that a task touched the same one."""

    def __init__(self, kind: str, ex: Any, *, same_owner: bool) -> None:
        self.kind = kind
        self.other: Any = None
        if kind == "Pipe":
            self.primitive, self.other = ex.Pipe()
        elif kind == "Condition":
            self.primitive = ex.Condition(ex.Lock())  # a lock that anybody may release
        else:
            self.primitive = getattr(ex, kind)(*_ARGUMENTS.get(kind, ()))
        self.same_owner = same_owner
        if kind == "RLock":
            assert self.primitive.acquire()

    def check(self, result: Any, *, holder_died: bool = False) -> None:
        """Check the task's result and what it did, and put the primitive back as it was.

        Args:
            result: what ``touch`` gave.
            holder_died: the process that touched it has ended, and with it the holder of what it took (P4).
        """
        try:
            getattr(self, f"_check_{self.kind}", self._check_carrier)(result, holder_died)
        except BaseException as error:
            error.add_note(f"the primitive is a {self.kind}: {self.primitive!r}")
            raise

    def _check_RLock(self, result: Any, _: bool) -> None:  # named after the primitive
        # It is owned by this thread, so a task elsewhere does not get it, and a task inline gets it once more.
        assert result is self.same_owner
        if self.same_owner:
            self.primitive.release()
        self.primitive.release()
        with pytest.raises(AssertionError):
            self.primitive.release()
        assert self.primitive.acquire()

    def _check_Lock(self, result: Any, holder_died: bool) -> None:
        assert result is True
        if holder_died:
            with pytest.raises(HolderDied):
                self.primitive.acquire(timeout=20)
        else:
            assert not self.primitive.acquire(False)
            self.primitive.release()
        assert self.primitive.acquire(False)
        self.primitive.release()

    _check_Condition = _check_Lock

    def _check_Semaphore(self, result: Any, _: bool) -> None:
        assert result is True
        assert self.primitive.get_value() == 1
        self.primitive.release()

    _check_BoundedSemaphore = _check_Semaphore

    def _check_Event(self, _: Any, __: bool) -> None:
        assert self.primitive.is_set()
        self.primitive.clear()

    def _check_Barrier(self, _: Any, __: bool) -> None:
        assert self.primitive.broken
        self.primitive.reset()
        assert not self.primitive.broken

    def _check_Value(self, _: Any, __: bool) -> None:
        assert self.primitive.value == 1
        self.primitive.value = 0

    _check_RawValue = _check_Value

    def _check_Array(self, _: Any, __: bool) -> None:
        assert self.primitive[:] == [0, 1, 0]
        self.primitive[1] = 0

    _check_RawArray = _check_Array

    def _check_carrier(self, _: Any, __: bool) -> None:
        if self.kind == "Pipe":
            assert self.other.poll(20)
            assert self.other.recv() == "touched"
            return
        assert self.primitive.get() == "touched"
        assert self.primitive.empty()
        if self.kind == "JoinableQueue":
            assert not self.primitive.join(0)
            self.primitive.task_done()
            assert self.primitive.join(0)


class Travel(BackendSuite):
    """P1, for all primitives."""

    @pytest.fixture(params=list(_GROUPS))
    def kinds(self, request: pytest.FixtureRequest) -> tuple[str, ...]:
        """Give the names of some primitives."""
        return _GROUPS[request.param]

    @pytest.fixture
    def shared(self, ex: Executor, kinds: tuple[str, ...]) -> Iterator[list[_Shared]]:
        """Give primitives of the executor."""
        shared = [_Shared(kind, ex, same_owner=not self.concurrent) for kind in kinds]
        yield shared
        # pytest keeps what fixtures gave until all teardowns are over, and the leak check is one of them.
        shared.clear()

    def test_as_argument(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: as a task's argument, positional and by keyword, and again to a second task."""
        for one in shared:
            one.check(ex.submit(sync_tasks.touch, one.primitive).result(PATIENCE))
            one.check(ex.submit(sync_tasks.touch, primitive=one.primitive).result(PATIENCE))

    def test_nested(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: inside containers and inside a dataclass."""
        for one in shared:
            one.check(ex.submit(sync_tasks.touch_in_dict, {"a": [one.primitive]}).result(PATIENCE))
            one.check(ex.submit(sync_tasks.touch_in_box, tasks.Box(one.primitive)).result(PATIENCE))

    def test_captured(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: captured by a closure."""
        for one in shared:
            one.check(ex.submit(_capture(one.primitive)).result(PATIENCE))

    def test_in_a_map(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: as an item of a map."""
        results = ex.map(sync_tasks.touch, [one.primitive for one in shared])
        for one, result in zip(shared, results, strict=True):
            one.check(result)

    def test_returned(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: returned by a task; what comes back is the same primitive still."""
        for one in shared:
            back = ex.submit(tasks.identity, one.primitive).result(PATIENCE)
            assert sync_tasks.kind_of(back) == sync_tasks.kind_of(one.primitive)
            one.check(ex.submit(sync_tasks.touch, back).result(PATIENCE))
            if one.kind == "Pipe":
                back.close()

    @pytest.mark.parametrize("through", ["Queue", "SimpleQueue"])
    def test_through_a_queue(self, ex: Executor, shared: list[_Shared], through: str) -> None:
        """P1: sent through a queue."""
        queue = getattr(ex, through)()
        for one in shared:
            queue.put(one.primitive)
        results = ex.submit(sync_tasks.touch_from_queue, queue, len(shared)).result(PATIENCE)
        for one, result in zip(shared, results, strict=True):
            one.check(result)

    def test_through_a_pipe(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: sent through a pipe."""
        left, right = ex.Pipe()
        for one in shared:
            left.send(one.primitive)
        results = ex.submit(sync_tasks.touch_from_pipe, right, len(shared)).result(PATIENCE)
        for one, result in zip(shared, results, strict=True):
            one.check(result)

    def test_to_a_process(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1, P4: given to a ``Process``, which ends with the locks that it took."""
        results = ex.Queue()
        process = ex.Process(target=sync_tasks.touch_and_report, args=([one.primitive for one in shared], results))
        process.start()
        touched = results.get(timeout=PATIENCE)
        process.join(PATIENCE)
        assert process.exitcode == 0
        for one, result in zip(shared, touched, strict=True):
            one.same_owner = False  # a process is never the owner of what this program holds
            one.check(result, holder_died=True)

    def test_to_an_initializer(self, make_executor: MakeExecutor, ex: Executor, shared: list[_Shared]) -> None:
        """P1: given to another executor's initializer."""
        other = make_executor(1, initializer=sync_tasks.leave, initargs=tuple(one.primitive for one in shared))
        for one, result in zip(shared, other.submit(sync_tasks.touch_initialized).result(PATIENCE), strict=True):
            one.check(result)
        del tasks.initialized[:]

    def test_in_a_nested_executor(self, ex: Executor, shared: list[_Shared]) -> None:
        """P1: used in the executor that a task opens, whose workers end with it."""
        function: Callable[..., Any] = sync_tasks.touch_in_nested_executor
        primitives = [one.primitive for one in shared]
        results = ex.submit(function, self.backend, self.settings, primitives).result(PATIENCE)
        for one, result in zip(shared, results, strict=True):
            one.check(result, holder_died=self.concurrent)

    def test_made_in_a_task(self, ex: Executor, kinds: tuple[str, ...]) -> None:
        """P1: made in one task, returned, and given to another task."""
        wanted = [(kind, _ARGUMENTS.get(kind, ())) for kind in kinds]
        for kind, made in zip(
            kinds, ex.submit(sync_tasks.make_primitives, self.backend, wanted).result(PATIENCE), strict=True
        ):
            primitive = made[0] if kind == "Pipe" else made
            ex.submit(sync_tasks.touch, primitive).result(PATIENCE)
            if kind == "Pipe":
                assert made[1].poll(20) and made[1].recv() == "touched"
                made[0].close()
                made[1].close()
            elif kind in ("RLock", "Condition"):
                assert primitive.acquire(False) is (not self.concurrent)
            elif kind == "Event":
                assert primitive.is_set()
            elif kind == "Barrier":
                assert primitive.broken
            elif kind.endswith("Queue"):
                assert primitive.get() == "touched"
            elif kind.endswith("Value"):
                assert primitive.value == 1
            elif kind.endswith("Array"):
                assert primitive[:] == [0, 1, 0]
            elif kind == "Lock":
                assert not primitive.acquire(False)
            else:
                assert primitive.get_value() == 1

    def test_two_of_a_kind(self, ex: Executor, kinds: tuple[str, ...]) -> None:
        """P1: two primitives are two."""
        for kind in kinds:
            first = _Shared(kind, ex, same_owner=not self.concurrent)
            second = _Shared(kind, ex, same_owner=not self.concurrent)
            shared = first.primitive, second.primitive
            results = [ex.submit(sync_tasks.touch, primitive).result(PATIENCE) for primitive in shared]
            first.check(results[0])
            second.check(results[1])


def _capture(primitive: Any) -> Callable[[], Any]:
    touch = sync_tasks.touch
    return lambda: touch(primitive)

"""E3, E4: any callable works, and what is shared and what is copied is the backend's kind, never chance."""

from __future__ import annotations

import functools
import operator
import os
import random
from pathlib import Path
from typing import Any

import pytest

from anypool import Executor
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate

__all__ = ["Callables", "ValueSemantics"]


class Callables(BackendSuite):
    """E3; programs as a whole are in ``FaultContract``."""

    @pytest.mark.parametrize(
        ("function", "argument", "expected"),
        [
            pytest.param(tasks.square, 3, 9, id="function"),
            pytest.param(len, "four", 4, id="builtin"),
            pytest.param(operator.itemgetter(1), "abc", "b", id="itemgetter"),
            pytest.param("a-{}".format, 1, "a-1", id="builtin-method"),
            pytest.param(lambda number: number + 1, 1, 2, id="lambda"),
            pytest.param(functools.partial(tasks.add, 10), 5, 15, id="partial"),
            pytest.param(functools.partial(lambda left, right: left - right, 10), 4, 6, id="partial-lambda"),
            pytest.param(tasks.Counter(5), 2, 7, id="callable-object"),
            pytest.param(tasks.Counter(5).forward, 3, 8, id="bound-method"),
            pytest.param(tasks.Counter.named, "x", "Counter x", id="classmethod"),
            pytest.param(tasks.Counter.double, 4, 8, id="staticmethod"),
            pytest.param(int, "12", 12, id="class"),
        ],
    )
    def test_callable(self, ex: Executor, function: Any, argument: Any, expected: Any) -> None:
        """E3: every kind of callable is a task."""
        assert ex.submit(function, argument).result(PATIENCE) == expected

    def test_closure(self, ex: Executor) -> None:
        """E3: a closure has its variables with it."""
        offset = 40

        def shifted(number: int) -> int:
            return number + offset

        assert ex.submit(shifted, 2).result(PATIENCE) == 42
        assert list(ex.map(shifted, [0, 1])) == [40, 41]

    def test_recursive_closure(self, ex: Executor) -> None:
        """E3: a nested function may call itself."""

        def factorial(number: int) -> int:
            return 1 if number == 0 else number * factorial(number - 1)

        assert ex.submit(factorial, 5).result(PATIENCE) == 120

    def test_functions_as_arguments(self, ex: Executor) -> None:
        """E3: lambdas are arguments and results, too."""
        assert ex.submit(tasks.call, lambda: "called").result(PATIENCE) == "called"
        returned = ex.submit(tasks.identity, lambda number: number * 3).result(PATIENCE)
        assert returned(3) == 9

    def test_nested_class(self, ex: Executor) -> None:
        """E3: an instance of a nested class goes out and comes back as an instance of the same class."""

        class Local:
            def __init__(self, value: int) -> None:
                self.value = value

            def doubled(self) -> Local:
                return Local(self.value * 2)

        back = ex.submit(Local(4).doubled).result(PATIENCE)
        assert isinstance(back, Local)
        assert back.value == 8

    def test_nested_exception_class(self, ex: Executor) -> None:
        """E3, E5: an exception of a nested class can be caught by that class."""

        class LocalError(Exception):
            pass

        def fail() -> None:
            raise LocalError("here")

        with pytest.raises(LocalError, match="here"):
            ex.submit(fail).result(PATIENCE)


class ValueSemantics(BackendSuite):
    """E4."""

    def test_changed_argument(self, ex: Executor) -> None:
        """E4: a task that changes its argument changes a copy where values are copied, else the caller's object."""
        items = [1]
        result = ex.submit(tasks.append_to, items, 2).result(PATIENCE)
        assert result == [1, 2]
        assert items == ([1] if self.copies else [1, 2])
        assert (result is items) is not self.copies

    def test_changed_map_item(self, ex: Executor) -> None:
        """E4: the same holds for the items of a map."""
        items: list[list[int]] = [[], []]
        assert list(ex.map(tasks.append_to, items, [7, 8])) == [[7], [8]]
        assert items == ([[], []] if self.copies else [[7], [8]])

    def test_changed_closure(self, ex: Executor) -> None:
        """E4: the same holds for what a closure captured."""
        seen: list[int] = []

        def note() -> int:
            seen.append(1)
            return len(seen)

        assert ex.submit(note).result(PATIENCE) == 1
        assert seen == ([] if self.copies else [1])

    def test_bound_method_of_an_object(self, ex: Executor) -> None:
        """E4: the same holds for the object of a bound method."""
        counter = tasks.Counter(1)
        ex.submit(setattr, counter, "count", 9).result(PATIENCE)
        assert counter.count == (1 if self.copies else 9)

    def test_identity(self, ex: Executor) -> None:
        """E4: an object that goes through a task is another one where values are copied, the same one elsewhere."""
        thing = tasks.Box([1, {"two": 2}])
        back = ex.submit(tasks.identity, thing).result(PATIENCE)
        assert back == thing
        assert (back is thing) is not self.copies

    def test_copy_is_made_in_submit(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E4: a copy is of the moment of ``submit``: what the caller changes afterwards the task does not see."""
        ex = make_executor(1)
        items = [1]
        if not self.concurrent:
            future = ex.submit(tasks.identity, items)
            items.append(2)
            assert future.result() == ([1] if self.copies else [1, 2])
            return
        held = ex.submit(gate.enter)
        gate.arrived()
        future = ex.submit(tasks.identity, items)
        items.append(2)
        gate.open()
        assert held.result(PATIENCE) == "through"
        assert future.result(PATIENCE) == ([1] if self.copies else [1, 2])

    def test_shared_parts_stay_shared(self, ex: Executor) -> None:
        """E4: two references to one object in the arguments of a task are still one object there."""
        shared: list[int] = []
        assert ex.submit(lambda left, right: left is right, shared, shared).result(PATIENCE)

    def test_large_values(self, ex: Executor) -> None:
        """E4: megabytes go out and come back whole."""
        data = random.Random(4).randbytes(5_000_000)
        assert ex.submit(tasks.identity, data).result(PATIENCE) == data

    def test_where_tasks_run(self, ex: Executor) -> None:
        """E4: tasks run in other processes if the backend has some, else in this one."""
        assert (ex.submit(os.getpid).result(PATIENCE) == os.getpid()) is not self.processes

    def test_paths_and_other_everyday_values(self, ex: Executor, tmp_path: Path) -> None:
        """E4: everyday values arrive as they were."""
        values = [None, True, 1.5, 10**30, "ü", b"\0", (1, [2]), {"k": {3}}, frozenset({4}), range(5), tmp_path, ...]
        assert [ex.submit(tasks.identity, value).result(PATIENCE) for value in values] == values

    def test_isolation_where_there_are_processes(self, make_executor: MakeExecutor) -> None:
        """E4: ``isolate=True`` is accepted wherever the backend says so, and then nothing is shared."""
        if not self.capabilities.isolate:
            with pytest.raises(NotImplementedError, match="thread"):
                make_executor(isolate=True)
            return
        items: list[int] = []
        make_executor(1, isolate=True).submit(tasks.append_to, items, 1).result(PATIENCE)
        assert items == []

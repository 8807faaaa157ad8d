"""What type checkers know of what queues, pipes and shared memory carry; see ``test_types`` for how this is tested."""

from __future__ import annotations

import ctypes
from typing import Any, assert_type

import pytest

from anypool import Executor, abc


class Point(ctypes.Structure):
    """Two fields."""

    x: int
    y: float
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


def test_values() -> None:
    """P7: a value has the type of its typecode, from an executor and from a context."""
    with Executor("serial") as ex:
        number = ex.Value("i", 3)
        assert_type(number, abc.Value[int])
        assert_type(number.value, int)
        number.value = 4
        with pytest.raises(TypeError):
            number.value = "four"  # type: ignore[assignment]
        assert_type(number.get_lock(), abc.Lock)
        with number as taken:
            assert_type(taken, bool)
        assert_type(ex.Value("d", 0.5), abc.Value[float])
        assert_type(ex.Value("c", b"x").value, bytes)
        assert_type(ex.Value("u", "x").value, str)
        assert_type(ex.Value(ctypes.c_bool, True), abc.Value[bool])
        assert_type(ex.Value(ctypes.c_double), abc.Value[float])
        assert_type(ex.Value("i", lock=ex.Lock()), abc.Value[int])
        assert_type(ex.Value("i", lock=None), abc.Value[int])
        assert_type(ex.context.Value("h"), abc.Value[int])


def test_bare_values() -> None:
    """P7: without a lock it is the ctypes type itself."""
    with Executor("serial") as ex:
        assert_type(ex.Value(Point, 1, 2.0, lock=False), Point)
        assert_type(ex.Value(ctypes.c_int, 1, lock=False), ctypes.c_int)
        assert_type(ex.RawValue(ctypes.c_int, 1), ctypes.c_int)
        assert_type(ex.RawValue(Point, 1, 2.0).x, int)
        assert_type(ex.RawArray(ctypes.c_int, 3), ctypes.Array[ctypes.c_int])
        assert_type(ex.RawArray(Point, [(1, 2.0)]), ctypes.Array[Point])
        assert_type(ex.RawValue("i", 1), Any)
        assert_type(ex.Value(Point), Any)  # its fields are attributes of the wrapper


def test_arrays() -> None:
    """P7: an array has the type of its elements; of characters it is one with bytes."""
    with Executor("serial") as ex:
        numbers = ex.Array("i", 3)
        assert_type(numbers, abc.Array[int])
        assert_type(numbers[0], int)
        assert_type(numbers[:], list[int])
        assert_type([number + 1 for number in numbers], list[int])
        numbers[0] = 1
        numbers[1:] = [2, 3]
        assert_type(ex.Array("d", [1, 2])[1], float)
        assert_type(ex.Array(ctypes.c_ubyte, range(3)), abc.Array[int])
        text = ex.Array("c", b"text")
        assert_type(text[0], bytes)
        assert_type(text[:], bytes)
        assert_type(text.value, bytes)
        assert_type(text.raw, bytes)
        assert_type(ex.Array(ctypes.c_double, 3, lock=False), ctypes.Array[ctypes.c_double])
        assert_type(ex.context.Array("f", iter([1, 2])), abc.Array[float])


def square_all(numbers: abc.Queue[int], results: abc.Queue[float]) -> int:
    """A task with a typed signature."""
    count = 0
    while not numbers.empty():
        results.put(numbers.get() ** 2.0)
        count += 1
    return count


def answer(end: abc.Connection[str, int]) -> None:
    """Receive a number, send a text."""
    end.send(str(end.recv()))


def add(total: abc.Value[int], numbers: abc.Array[int]) -> int:
    """Add an array up."""
    with total:
        total.value += sum(numbers)
        return total.value


def test_declared_queues_through_submit() -> None:
    """P7: a queue is declared with what it carries, and a task's signature is checked against that."""
    with Executor("serial") as ex:
        numbers: abc.Queue[int] = ex.Queue()
        results: abc.Queue[float] = ex.Queue()
        texts: abc.Queue[str] = ex.Queue()
        numbers.put(3)
        assert_type(ex.submit(square_all, numbers, results).result(), int)
        assert_type(results.get(), float)
        assert ex.submit(square_all, texts, results).result() == 0  # type: ignore[arg-type]


def test_other_queues() -> None:
    """P7: JoinableQueue and SimpleQueue carry a type too."""
    with Executor("serial") as ex:
        work: abc.JoinableQueue[str] = ex.JoinableQueue()
        assert_type(ex.JoinableQueue(3), abc.JoinableQueue[Any])
        work.put("text")
        assert_type(work.get(), str)
        work.task_done()
        assert_type(work.join(1), bool)
        simple: abc.SimpleQueue[bytes] = ex.SimpleQueue()
        assert_type(ex.SimpleQueue(), abc.SimpleQueue[Any])
        simple.put(b"bytes")
        assert_type(simple.get(), bytes)
        simple.put("text")  # type: ignore[arg-type]


def test_connections_through_submit() -> None:
    """P7: the two ends carry different types in the two directions."""
    with Executor("serial") as ex:
        left: abc.Connection[int, str]
        right: abc.Connection[str, int]
        left, right = ex.Pipe()
        left.send(4)
        assert_type(ex.submit(answer, right).result(), None)
        assert_type(left.recv(), str)
        left.send(5)
        with left:
            assert isinstance(ex.submit(answer, left).exception(), Exception | None)  # type: ignore[arg-type]


def test_shared_memory_through_submit() -> None:
    """P7: a value and an array are arguments of typed tasks."""
    with Executor("serial") as ex:
        total, numbers = ex.Value("i", 1), ex.Array("i", [2, 3])
        assert_type(ex.submit(add, total, numbers).result(), int)
        assert total.value == 6
        ex.submit(add, ex.Value("c", b"x"), numbers).exception()  # type: ignore[arg-type]


def test_locks_and_their_kin() -> None:
    """P7: the others have their contracts' types."""
    with Executor("serial") as ex:
        condition = ex.Condition()
        assert_type(condition, abc.Condition)
        assert_type(ex.Condition(ex.Lock()), abc.Condition)
        with condition:
            assert_type(condition.wait_for(lambda: "done", 1), str)
        barrier = ex.Barrier(1)
        assert_type(barrier, abc.Barrier)
        assert_type(barrier.wait(), int)
        assert_type(ex.Lock().holder(), abc.Holder | None)

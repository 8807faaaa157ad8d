"""P1, P2, P8: Value, Array, RawValue and RawArray, as ``multiprocessing.sharedctypes`` has them."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from anypool import Executor, abc
from anypool.testing import _tasks_memory as memory
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor

__all__ = ["Values"]


class Values(BackendSuite):
    """Value and Array, with a lock and without."""

    @pytest.mark.parametrize("lock", [True, False], ids=["locked", "bare"])
    def test_memory_shared(self, ex: Executor, lock: bool) -> None:
        """P2: what a task writes is here, of every shape: numbers, characters, structures, arrays."""
        number, wide = ex.Value("i", 7, lock=lock), ex.Value(ctypes.c_longlong, 2**33, lock=lock)
        real, point = ex.Value("d", 1 / 3, lock=lock), ex.Value(memory.Point, 3, 2, lock=lock)
        many, text = ex.Array("d", range(10), lock=lock), ex.Array("c", 20, lock=lock)
        text.value = b"hello"
        ex.submit(memory.double, number, wide, real, point, many, text).result(PATIENCE)
        assert (number.value, wide.value, point.x, point.y) == (14, 2**34, 6, 4)
        assert real.value == pytest.approx(2 / 3)
        assert list(many) == [value * 2 for value in range(10)]
        assert text.value == b"hellohello"

    @pytest.mark.parametrize("code", list("bBhHiIlLqQfd"))
    def test_memory_numbers(self, ex: Executor, code: str) -> None:
        """P2: every typecode of numbers makes a value and an array; without values they are zero."""
        value, array = ex.Value(code), ex.Array(code, 3)
        assert isinstance(value, abc.Value) and isinstance(array, abc.Array)
        assert value.value == 0 and array[:] == [0, 0, 0]
        value.value = 5
        array[1:] = [6, 7]
        ex.submit(memory.double, value, array).result(PATIENCE)
        assert value.value == 10 and array[:] == [0, 12, 14]

    def test_memory_characters(self, ex: Executor) -> None:
        """P2: characters are bytes, wide ones text; an array of bytes has ``value`` and ``raw``."""
        assert ex.Value("c", b"x").value == b"x"
        assert ex.Value("u", "ß").value == "ß"
        text = ex.Array("c", b"abc\0d")
        assert (text.value, text.raw, text[:2]) == (b"abc", b"abc\0d", b"ab")
        ex.submit(memory.fill, text, 1, b"BC").result(PATIENCE)
        assert text.value == b"aBC"

    def test_memory_indices(self, ex: Executor) -> None:
        """P2: an array is indexed, sliced and iterated as a list of fixed length."""
        array = ex.Array("i", [5, 3, 8])
        assert (len(array), array[0], array[-1], array[1:], list(array)) == (3, 5, 8, [3, 8], [5, 3, 8])
        assert ex.submit(memory.reverse, array).result(PATIENCE) == 3
        assert array[:] == [8, 3, 5]
        with pytest.raises(IndexError):
            _ = array[3]
        with pytest.raises(ValueError):
            array[:] = [1]

    def test_memory_increments_under_the_lock(self, make_executor: MakeExecutor) -> None:
        """P2: ``with value:`` around a read and a write loses nothing among tasks."""
        ex = make_executor(3)
        number = ex.Value("q", 0)
        for future in [ex.submit(memory.add_many, number, 200) for _ in range(3)]:
            future.result(PATIENCE)
        assert number.value == 600

    def test_memory_lock(self, ex: Executor) -> None:
        """P2: the lock is an RLock of its own, or the one that was given; ``get_obj()`` has none."""
        number = ex.Value("i", 1)
        assert isinstance(number.get_lock(), abc.RLock) and isinstance(number.get_obj(), ctypes.c_int)
        own = ex.Lock()
        array = ex.Array("i", 2, lock=own)
        assert array.get_lock() is own
        with array:
            assert own.acquire(False) is False
            array.get_obj()[0] = 4
        assert array.acquire() is True
        assert array.acquire(timeout=0.01) is False
        array.release()
        for wrong in ("navalue", 1):
            with pytest.raises(AttributeError):
                ex.Value("i", lock=wrong)  # type: ignore[call-overload]

    def test_memory_bare(self, ex: Executor) -> None:
        """P2: without a lock it is an object of the ctypes type, here and in a task."""
        value, array = ex.RawValue("i", 5), ex.RawArray(ctypes.c_double, 3)
        assert ex.submit(memory.kind_and_size, value).result(PATIENCE) == (True, False, ctypes.sizeof(ctypes.c_int))
        assert ex.submit(memory.kind_and_size, array).result(PATIENCE) == (False, True, 24)
        assert not hasattr(value, "get_lock") and not hasattr(ex.Value("i", lock=False), "get_obj")

    def test_memory_wrong_arguments(self, ex: Executor) -> None:
        """P2: a wrong typecode raises at the call, names it and lists the right ones; a negative size raises too."""
        make: Any
        for make in (ex.Value, ex.RawValue, lambda code: ex.Array(code, 1)):
            with pytest.raises(TypeError, match=r"'z'.*b.*d.*i"):
                make("z")
            with pytest.raises(TypeError):
                make(int)
        with pytest.raises(ValueError):
            ex.Array("i", -1)
        with pytest.raises(TypeError):
            ex.Array("i", ["text"])
        with pytest.raises(TypeError):
            ex.Value(ctypes.c_char_p, b"an address")

    def test_memory_large(self, ex: Executor) -> None:
        """P1: megabytes are shared, not sent."""
        array = ex.RawArray("d", 1_000_000)
        array[999_998] = 2.5
        assert ex.submit(memory.set_last, array, 7.5).result(PATIENCE) == 2.5
        assert array[999_999] == 7.5

    def test_memory_structure_of_a_function(self, ex: Executor) -> None:
        """P1, E3: a structure that no worker could import."""

        class Pair(ctypes.Structure):
            _fields_ = (("x", ctypes.c_short), ("y", ctypes.c_short))

        pairs = ex.RawArray(Pair, [(1, 2), (3, 4)])
        ex.submit(memory.double, ex.Value(Pair, 1, 2)).result(PATIENCE)

        def swap() -> list[int]:
            for pair in pairs:
                pair.x, pair.y = pair.y, pair.x
            return [pair.x for pair in pairs]

        assert ex.submit(swap).result(PATIENCE) == [2, 4]
        assert [(pair.x, pair.y) for pair in pairs] == [(2, 1), (4, 3)]

    def test_memory_made_in_a_task(self, ex: Executor) -> None:
        """P1, P8: what a task makes and returns is there, with what it wrote."""
        backend = self.backend

        def make() -> Any:
            import anypool

            return anypool.get_context(backend).Array("i", [1, 2, 3])

        array = ex.submit(make).result(PATIENCE)
        ex.submit(memory.double, array).result(PATIENCE)
        assert array[:] == [2, 4, 6]

    def test_memory_outlives_its_executor(self, make_executor: MakeExecutor) -> None:
        """P8: who has it keeps it after the executor's end; nothing is left of it afterwards."""
        with make_executor(1) as ex:
            array, raw = ex.Array("i", [1, 2]), ex.RawValue("d", 0.5)
            ex.submit(memory.double, array, raw).result(PATIENCE)
        array[0] += 1
        assert (array[:], raw.value) == ([3, 4], 1.0)

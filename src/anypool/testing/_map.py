"""E10: maps are lazy on both ends, give each result once and in its place, and use no more memory than a window's."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import Executor
from anypool.testing import _tasks as tasks
from anypool.testing._base import BackendSuite, MakeExecutor
from anypool.testing._gate import Gate

__all__ = ["Mapping"]

#: An endless input must not be read further ahead of the results than this; a window is a few chunks a worker.
_WINDOW = 50_000


class _Source:
    """An endless input that counts how far it was read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[int]:
        while True:
            self.read += 1
            yield self.read - 1


class Mapping(BackendSuite):
    """E10, results and laziness."""

    def test_results_are_in_order(self, ex: Executor) -> None:
        """E10: ``map`` gives the results in the order of its input."""
        assert list(ex.map(tasks.square, range(100))) == [number * number for number in range(100)]

    def test_several_inputs(self, ex: Executor) -> None:
        """E1: several iterables are zipped; the shortest ends the map; none at all is an empty map."""
        assert list(ex.map(tasks.add, [1, 2, 3], [10, 20])) == [11, 22]
        assert list(ex.map(tasks.add, itertools.count(), [10, 20])) == [10, 21]
        assert list(ex.map(tasks.square, [])) == []
        assert list(ex.map(tasks.nothing)) == []

    @pytest.mark.parametrize("chunksize", [None, 1, 7, 1000])
    def test_chunksize_does_not_show(self, ex: Executor, chunksize: int | None) -> None:
        """E10: whatever the chunks, the results are the same, for inputs with a length and without."""
        expected = [number * number for number in range(50)]
        assert list(ex.map(tasks.square, range(50), chunksize=chunksize)) == expected
        assert list(ex.map(tasks.square, iter(range(50)), chunksize=chunksize)) == expected

    def test_bad_arguments(self, ex: Executor) -> None:
        """E1: the standard library's errors, text included."""
        with pytest.raises(ValueError, match=r"^chunksize must be >= 1\.$"):
            ex.map(tasks.square, [1], chunksize=0)
        with pytest.raises(ValueError, match=r"^buffersize must be None or > 0$"):
            ex.map(tasks.square, [1], buffersize=0)
        with pytest.raises(TypeError, match=r"^buffersize must be an integer or None$"):
            ex.map(tasks.square, [1], buffersize="many")  # type: ignore[arg-type]

    def test_unordered(self, ex: Executor) -> None:
        """E10: ``map_unordered`` gives every result once."""
        assert sorted(ex.map_unordered(tasks.identity, range(100))) == list(range(100))
        assert sorted(ex.map_unordered(tasks.identity, iter(range(20)), chunksize=3)) == list(range(20))

    def test_unordered_does_not_wait_for_stragglers(self, ex: Executor, gate: Gate) -> None:
        """E10: ``map_unordered`` gives what is there while an earlier item still runs."""
        if not self.concurrent:
            assert list(ex.map_unordered(tasks.identity, [1, 2])) == [1, 2]
            return

        def work(number: int) -> int:
            if number == 0:
                gate.enter()
            return number

        results = ex.map_unordered(work, range(10), chunksize=1)
        assert sorted(next(results) for _ in range(9)) == list(range(1, 10))
        gate.open()
        assert list(results) == [0]

    def test_starmap(self, ex: Executor) -> None:
        """E10: ``starmap`` unpacks each item."""
        assert list(ex.starmap(tasks.add, [(1, 2), (3, 4)])) == [3, 7]
        assert list(ex.starmap(tasks.add, zip(range(3), range(3), strict=True))) == [0, 2, 4]

    def test_after_the_with_block(self, ex: Executor) -> None:
        """E1: results of a map can be taken after the executor was shut down."""
        with ex:
            results = ex.map(tasks.square, range(30))
        assert list(results) == [number * number for number in range(30)]

    def test_runs_without_being_iterated(self, log: Path) -> None:
        """E1: a map over a list runs to its end although nobody asks for its results."""
        with Executor(self.backend, 2, **self.settings) as ex:
            ex.map(tasks.append_line, [log] * 30, range(30))
        assert sorted(map(int, log.read_text().split())) == list(range(30))

    def test_several_maps_at_once(self, ex: Executor) -> None:
        """E10: maps of one executor do not disturb each other."""
        first, second = ex.map(tasks.square, itertools.count()), ex.map(tasks.identity, itertools.count())
        pairs = list(itertools.islice(zip(first, second, strict=True), 50))
        assert pairs == [(number * number, number) for number in range(50)]

    def test_map_of_a_map(self, ex: Executor) -> None:
        """E10: the results of a map can be the input of another map of the same executor."""
        results = ex.map(tasks.square, ex.map(tasks.square, range(20)))
        assert list(results) == [number**4 for number in range(20)]

    # --- laziness ----------------------------------------------------------------------------------------------

    def test_endless_input(self, ex: Executor) -> None:
        """E10: an endless input works, and is read a window ahead of the results and no further."""
        source = _Source()
        results = ex.map(tasks.square, source)
        assert list(itertools.islice(results, 100)) == [number * number for number in range(100)]
        assert source.read <= 100 + _WINDOW

    def test_endless_unordered(self, ex: Executor) -> None:
        """E10: so it does with ``map_unordered``."""
        source = _Source()
        results = ex.map_unordered(tasks.identity, source)
        assert len(set(itertools.islice(results, 100))) == 100
        assert source.read <= 100 + _WINDOW

    def test_endless_input_and_shutdown(self, make_executor: MakeExecutor) -> None:
        """E10, E11: a half-read endless map does not keep the executor from ending."""
        ex = make_executor()
        results = ex.map(tasks.square, itertools.count())
        assert [next(results), next(results)] == [0, 1]
        ex.shutdown()
        del results

    def test_dropping_the_results(self, ex: Executor) -> None:
        """E10: when the results are dropped half-way, the rest of the input is not read."""
        source = _Source()
        results = ex.map(tasks.square, source)
        next(results)
        del results
        gc.collect()
        read = source.read
        assert list(ex.map(tasks.square, range(50)))[-1] == 49 * 49
        assert source.read == read

    @pytest.mark.parametrize("chunksize", [None, 1, 3])
    @pytest.mark.parametrize("buffersize", [1, 4])
    def test_buffersize(self, ex: Executor, buffersize: int, chunksize: int | None) -> None:
        """E10: at most ``buffersize`` items are read ahead of the results taken, whatever the chunks."""
        source = _Source()
        results = ex.map(tasks.square, source, buffersize=buffersize, chunksize=chunksize)
        assert source.read <= buffersize
        for taken in range(1, 30):
            assert next(results) == (taken - 1) ** 2
            assert source.read <= taken + buffersize

    def test_memory_is_flat(self, ex: Executor) -> None:
        """E10: neither input nor results pile up: of 20 MB that pass through only a window's worth is there at once."""
        source = _Source()
        next(ex.map(tasks.kilobytes, [0]))
        total = furthest = 0
        gc.collect()
        tracemalloc.start()
        try:
            results = ex.map(tasks.kilobytes, itertools.islice(source, 5_000), chunksize=10)
            for taken, result in enumerate(results, 1):
                total += len(result)
                furthest = max(furthest, source.read - taken)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert total == 20_000_000
        assert furthest <= 500
        assert peak < 5_000_000

    def test_many_small_items(self, ex: Executor) -> None:
        """E10: many small items are all there, and quick, for chunks grow by themselves."""
        source = _Source()
        assert sum(ex.map(tasks.identity, itertools.islice(source, 30_000))) == 449_985_000

    def test_timeout(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E1: after ``timeout`` seconds from the call asking for a result raises ``TimeoutError``."""
        ex = make_executor(1)
        if not self.concurrent:
            assert list(ex.map(tasks.square, [1, 2], timeout=60)) == [1, 4]
            return
        results = ex.map(tasks.enter_then, [gate] * 2, [1, 2], timeout=0.05)
        with pytest.raises(TimeoutError):
            next(results)
        gate.open()
        with pytest.raises(StopIteration):
            next(results)
        assert ex.submit(tasks.square, 2).result(30) == 4

    def test_a_task_may_use_the_results(self, ex: Executor) -> None:
        """E10: the results of one map may be consumed while another thread submits to the same executor."""
        results = ex.map(tasks.square, range(200))
        futures = [ex.submit(tasks.identity, next(results)) for _ in range(200)]
        assert [future.result(30) for future in futures] == [number * number for number in range(200)]

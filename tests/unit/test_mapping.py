"""A map's feed and results, driven step by step by a fake pool (E10)."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import pytest

from anypool._core.map_batch import MapBatch
from anypool._core.map_feed import Feed
from anypool._core.map_results import MapResults


def square(x: int) -> int:
    """Give x squared."""
    return x * x


class FakePool:
    """Takes batches and runs them when told, in any order."""

    def __init__(self) -> None:
        self.batches: list[MapBatch] = []
        self.ids = itertools.count()
        self.open = True
        self.arrived = threading.Condition()

    def send(self, batch: MapBatch) -> None:
        if not self.open:
            raise RuntimeError("cannot schedule new futures after shutdown")
        with self.arrived:
            self.batches.append(batch)
            self.arrived.notify_all()

    def wait(self, count: int, timeout: float = 5.0) -> bool:
        """Wait until so many batches wait to be run."""
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.batches) >= count, timeout)

    def take_ids(self, count: int) -> int:
        first, *_ = itertools.islice(self.ids, count)
        return first

    def run(self, place: int = 0) -> None:
        """Run one of the waiting batches to its end."""
        batch = self.batches.pop(place)
        if not batch.claim():
            return
        for index in range(batch.size):
            function, args, kwargs = batch.call(index)
            try:
                batch.settle(index, function(*args, **kwargs), None)
            except Exception as error:
                batch.settle(index, None, error)

    def run_all(self) -> None:
        while self.batches:
            self.run()


def start(
    pool: FakePool, items: Iterable[Any], function: Any = square, *, workers: int = 2, **settings: Any
) -> tuple[Feed, MapResults[Any]]:
    """Start a map as the facade does."""
    given: dict[str, Any] = {"ordered": True, "chunksize": 1, "buffersize": None, "concurrent": True, **settings}
    feed = Feed(
        function,
        zip(items, strict=True),
        length=len(items) if isinstance(items, range) else None,
        workers=workers,
        name="square",
        timeout=None,
        encode=None,
        send=pool.send,
        take_ids=pool.take_ids,
        **given,
    )
    feed.feed()
    return feed, MapResults(feed, None)


def counted(taken: list[int]) -> Iterator[int]:
    """Count for ever and write down how far."""
    for number in itertools.count():
        taken.append(number)
        yield number


def test_an_endless_input_is_read_a_window_ahead() -> None:
    """E10: what is read is bounded before, between and after results."""
    pool, taken = FakePool(), list[int]()
    _, results = start(pool, counted(taken))
    assert len(taken) == 4  # two chunks a worker
    pool.run_all()
    assert next(results) == 0
    assert len(taken) <= 8
    results.close()
    pool.run_all()
    assert len(taken) <= 8


def test_results_come_in_order_whatever_ends_first() -> None:
    """E10: map keeps the order of its input."""
    pool = FakePool()
    _, results = start(pool, range(4))
    for _ in range(4):
        pool.run(-1)
    assert list(results) == [0, 1, 4, 9]


def test_unordered_results_come_as_they_end() -> None:
    """E10: map_unordered gives what is there."""
    pool = FakePool()
    _, results = start(pool, range(3), ordered=False)
    pool.run(-1)
    assert next(results) == 4
    pool.run_all()
    assert sorted(results) == [0, 1]


def test_buffersize_bounds_what_is_ahead_of_the_consumer() -> None:
    """E10: at most buffersize items are sent and not taken, however short the tasks."""
    pool, taken = FakePool(), list[int]()
    _, results = start(pool, counted(taken), buffersize=3, chunksize=None)
    pool.run_all()
    assert len(taken) == 3
    assert next(results) == 0
    pool.run_all()
    assert next(results) == 1
    assert len(taken) <= 5
    results.close()


def test_a_straggler_does_not_stop_the_feeding() -> None:
    """E10: while the consumer waits for the first item, others go on, within a bound."""
    pool, taken = FakePool(), list[int]()
    _, results = start(pool, counted(taken))
    got: list[int] = []
    consumer = threading.Thread(target=lambda: got.append(next(results)))
    consumer.start()
    seen = 0
    while pool.wait(2, 0.2):  # everything but the straggler at place 0, until no more comes
        pool.run(1)
        seen += 1
    assert seen >= 6
    assert len(taken) <= 2 * 8 + 4
    pool.run(0)
    consumer.join()
    assert got == [0]
    results.close()


def test_an_error_ends_the_iterator_and_cancels_the_rest() -> None:
    """E10: as the standard library's: the error comes at its place, then nothing."""

    def fail_at_two(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    pool = FakePool()
    _, results = start(pool, range(10), fail_at_two)
    pool.run_all()
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert list(results) == []
    assert all(not batch.claim() for batch in pool.batches)


def test_an_error_of_the_input_comes_after_the_results_before_it() -> None:
    """E10: nothing that was read is lost."""

    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("disk")

    pool = FakePool()
    _, results = start(pool, broken())
    pool.run_all()
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(OSError, match="disk"):
        next(results)
    assert list(results) == []


def test_a_map_that_nobody_iterates_runs_on_by_itself() -> None:
    """E1: ``ex.map(print, items)`` does all its work, as the standard library's; fed by a thread of its own."""
    pool = FakePool()
    done: list[int] = []
    _feed, _results = start(pool, range(20), done.append)
    while len(done) < 20 and pool.wait(1):
        pool.run()
    assert done == list(range(20))


def test_a_dropped_map_that_was_begun_is_cancelled() -> None:
    """E10: ``for r in ex.map(…): break`` leaves nothing running."""
    pool = FakePool()
    feed, results = start(pool, range(100))
    pool.run()
    next(results)
    del results
    gc.collect()
    assert feed.over
    assert all(not batch.claim() for batch in pool.batches)


def test_shutdown_sends_the_rest_of_a_list() -> None:
    """E1: results are there after the ``with`` block, as the standard library's."""
    pool = FakePool()
    feed, results = start(pool, range(50))
    feed.flush()
    pool.open = False
    pool.run_all()
    assert list(results) == [square(x) for x in range(50)]


def test_shutdown_cuts_off_an_endless_input_that_was_begun() -> None:
    """E11: what was sent arrives, then the executor is closed."""
    pool = FakePool()
    feed, results = start(pool, itertools.count())
    pool.run()
    assert next(results) == 0
    feed.flush()
    pool.open = False
    pool.run_all()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        list(results)


def test_cancelling_shutdown_says_so_at_the_results() -> None:
    """E11: after ``cancel_futures`` the missing results raise CancelledError."""
    pool = FakePool()
    feed, results = start(pool, range(50))
    feed.cut()
    for batch in pool.batches:
        batch.cancel()
    with pytest.raises(CancelledError):
        next(results)


def test_a_batch_that_is_refused_leaves_no_gap() -> None:
    """E11: a submit that meets a shutdown raises; nobody waits for ever."""
    pool = FakePool()
    _, results = start(pool, itertools.count())
    pool.run_all()
    pool.open = False
    with pytest.raises(RuntimeError, match="after shutdown"):
        list(results)


def test_serial_runs_an_item_when_it_is_asked_for() -> None:
    """E10: without concurrency nothing is read ahead."""
    pool, taken = FakePool(), list[int]()
    feed = start(pool, counted(taken), concurrent=False)[0]
    assert len(taken) == 1
    assert not feed.over
    feed.abandon()


def test_deadlines_count_from_the_call() -> None:
    """E1: ``timeout`` raises TimeoutError at the result that is late."""
    pool = FakePool()
    feed, _ = start(pool, range(3))
    with pytest.raises(TimeoutError):
        next(MapResults(feed, 0.0))

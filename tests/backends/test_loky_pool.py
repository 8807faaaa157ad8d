"""The loky pool in ordinary life: values, sizes, initializers, deadlines, kills."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from anypool.errors import InitializerFailed, TaskTimeout, WorkerDied
from tests.backends.loky_support import FakeBatch, eventually, opened, single
from tests.backends.loky_tasks import busy, die, echo, initialize, note, noted, read_state, who


def test_values_and_errors() -> None:
    """E5: values come back, and exceptions with their type."""
    with opened() as pool:
        good, bad = FakeBatch(abs, (-1,), (-2,)), single(int, "x")
        pool.submit(good)
        pool.submit(bad)
        assert good.outcomes() == [1, 2]
        assert isinstance(bad.outcome(), ValueError)


@pytest.mark.parametrize("size", [1, 2000, 2048, 10_000, 1 << 20, 30_000_000])
def test_any_size_both_ways(size: int) -> None:
    """E4: arguments and results of any size, through loky's queue, the journal, or a mapping of it."""
    data = os.urandom(size)
    with opened(1) as pool:
        batch = FakeBatch(echo, (data, 0), (data, 1))
        pool.submit(batch)
        assert batch.outcomes() == [(data, 0), (data, 1)]


def test_workers_start_as_they_are_needed() -> None:
    """One batch at a time needs one worker; and ranks are 0 to n-1 (E14)."""
    with opened(3) as pool:
        seen = set()
        for _ in range(5):
            batch = single(who)
            pool.submit(batch)
            seen.add(batch.outcome())
        assert len(seen) == 1
        batches = [single(who, 1.0) for _ in range(3)]
        for batch in batches:
            pool.submit(batch)
        assert {batch.outcome()[0] for batch in batches} == {0, 1, 2}


def test_a_replacement_takes_the_rank() -> None:
    """E14: whoever comes after a dead worker has its rank."""
    with opened(1) as pool:
        for outcome in ((die,), (who,)):
            batch = single(*outcome)
            pool.submit(batch)
            batch.outcome()
        assert batch.outcome()[0] == 0


def test_a_withdrawn_batch_does_not_run(tmp_path: Path) -> None:
    """E8: what the user cancelled before its turn is dropped."""
    with opened(1) as pool:
        batch, after = single(note, tmp_path / "ran", 1), single(abs, 1)
        batch.withdrawn = True
        pool.submit(batch)
        pool.submit(after)
        after.outcome()
        assert batch.settlements == [] and not noted(tmp_path / "ran")


def test_initializer_runs_once_per_worker(tmp_path: Path) -> None:
    """E15."""
    with opened(2, initializer=initialize, initargs=(tmp_path / "pids", 5)) as pool:
        batches = [single(read_state, 0.05) for _ in range(8)]
        for batch in batches:
            pool.submit(batch)
        outcomes = [batch.outcome() for batch in batches]
    assert {value for value, _ in outcomes} == {5}
    assert sorted(noted(tmp_path / "pids")) == sorted({pid for _, pid in outcomes} | set(noted(tmp_path / "pids")))


def test_initializer_that_fails() -> None:
    """E15: pending and later batches get its error, with the original as the cause."""
    with opened(2, initializer=int, initargs=("x",)) as pool:
        batches = [single(abs, 1) for _ in range(4)]
        for batch in batches:
            pool.submit(batch)
        for batch in batches:
            error = batch.outcome()
            assert isinstance(error, InitializerFailed) and isinstance(error.__cause__, ValueError)
        late = single(abs, 1)
        pool.submit(late)
        assert isinstance(late.outcome(), InitializerFailed)


def test_initializer_that_kills_its_worker() -> None:
    """E15: a death in it is told as such, and not tried again for ever."""
    with opened(1, initializer=os._exit, initargs=(9,)) as pool:
        batch = single(abs, 1)
        pool.submit(batch)
        error = batch.outcome()
        assert isinstance(error, InitializerFailed) and "status 9" in str(error)


def test_deadline_stops_the_call() -> None:
    """E7: at the deadline the task is stopped, and its worker replaced."""
    with opened(1) as pool:
        batch = single(busy, timeout=0.3)
        pool.submit(batch)
        assert isinstance(batch.outcome(), TaskTimeout)
        after = single(abs, -1)
        pool.submit(after)
        assert after.outcome() == 1


def test_deadline_is_each_calls_own(tmp_path: Path) -> None:
    """E7: in a batch the late call alone fails; the others run once each."""
    with opened(1) as pool:
        naps = [0.05, 0.05, 5.0, 0.05, 0.05]
        batch = FakeBatch(note, *((tmp_path / "ran", number, nap) for number, nap in enumerate(naps)), timeout=0.5)
        pool.submit(batch)
        outcomes = batch.outcomes()
    assert isinstance(outcomes.pop(2), TaskTimeout)
    assert outcomes == [0, 1, 3, 4]
    assert noted(tmp_path / "ran") == [0, 1, 2, 3, 4]


def test_deadlines_beside_ends_harm_no_neighbour(tmp_path: Path) -> None:
    """E7: calls that end just at their deadline either end or time out; their successors are never hit."""
    with opened(1) as pool:
        rounds = [(tmp_path / "ran", number, 0.1 if number % 2 == 0 else 0.0) for number in range(16)]
        batch = FakeBatch(note, *rounds, timeout=0.1005)
        pool.submit(batch)
        outcomes = batch.outcomes()
    assert outcomes[1::2] == list(range(1, 16, 2))
    assert all(isinstance(outcome, TaskTimeout) or outcome == 2 * i for i, outcome in enumerate(outcomes[::2]))
    assert noted(tmp_path / "ran") == list(range(16))


def test_kill_stops_the_running_batch_alone() -> None:
    """E8: the killed call gets WorkerDied; its neighbour goes on."""
    with opened(2) as pool:
        neighbour, victim = single(time.sleep, 1), single(time.sleep, 60)
        pool.submit(neighbour)
        pool.submit(victim)
        assert eventually(lambda: bool(victim.claims and neighbour.claims))
        assert pool.kill(victim)
        error = victim.outcome(2)
        assert isinstance(error, WorkerDied) and "at your request" in str(error)
        assert neighbour.outcome() is None
        assert not pool.kill(victim)


def test_kill_says_no_for_what_does_not_run() -> None:
    """E8: neither pending nor ended batches can be killed."""
    with opened(1) as pool:
        first, second = single(time.sleep, 0.5), single(abs, 1)
        pool.submit(first)
        pool.submit(second)
        assert not pool.kill(second)
        second.outcome()
        assert not pool.kill(first)


def test_callbacks_may_use_the_pool() -> None:
    """A callback may submit; and what it raises, SystemExit included, ends nothing."""
    with opened(1) as pool:
        second = single(abs, -2)

        def submit_and_fail(batch: FakeBatch) -> None:
            pool.submit(second)
            raise SystemExit

        first = single(abs, -1)
        first.callback = submit_and_fail
        pool.submit(first)
        assert second.outcome() == 2


def test_settled_outside_lokys_threads() -> None:
    """A slow callback holds the pool's thread, not loky's."""
    names: list[str] = []
    with opened(1) as pool:
        batch = single(abs, 1)
        batch.callback = lambda batch: names.append(threading.current_thread().name)
        pool.submit(batch)
        batch.outcome()
        assert eventually(lambda: names == ["anypool-loky"])


def test_output_comes_through(capfd: pytest.CaptureFixture[str]) -> None:
    """What tasks write to standard error reaches ours."""
    with opened(1) as pool:
        batch = single(os.write, 2, b"hello from a task\n")
        pool.submit(batch)
        batch.outcome()
    assert "hello from a task" in capfd.readouterr().err


def test_a_handler_on_the_standard_librarys_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """E6: loky's own worker cannot start where a program has put a handler on multiprocessing's logger; ours does."""
    logger = logging.getLogger("multiprocessing")
    monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
    logger.handlers[0].setFormatter(logging.Formatter("%(message)s"))
    monkeypatch.setattr("multiprocessing.util._logger", logger)
    with opened() as pool:
        batch = single(abs, -1)
        pool.submit(batch)
        assert batch.outcome() == 1
    assert multiprocessing.get_logger() is logger

"""Deaths of loky workers: exactly the running call fails, the rest goes on, and nothing runs twice (E2, E6)."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from anypool.errors import WorkerDied
from tests.backends.loky_support import FakeBatch, children, eventually, opened, single
from tests.backends.loky_tasks import die, die_but_leave_a_child, die_sending, note, note_and_die_at, noted, pid_after


def _ended(batches: list[FakeBatch], goal: int) -> bool:
    return sum(batch.done.is_set() for batch in batches) >= goal


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_fail_only_what_was_running(tmp_path: Path, seed: int) -> None:
    """E2, E6: 200 tasks under kill -9 each end once; those that did not start run elsewhere; none runs twice."""
    chance = random.Random(seed)
    path = tmp_path / "ran"
    batches = [single(note, path, number, chance.random() * 0.01, first_id=number) for number in range(200)]
    kills = 0
    with opened(max_workers=3) as pool:
        for batch in batches:
            pool.submit(batch)
        while not all(batch.done.is_set() for batch in batches):
            # Only when some more have ended: killing quicker than workers boot would be another test.
            goal = min(200, sum(batch.done.is_set() for batch in batches) + chance.randrange(20))
            eventually(partial(_ended, batches, goal))
            time.sleep(chance.random() * 0.02)
            for victim in chance.sample(sorted(children()), 1) if children() else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    kills += 1
        outcomes = [batch.outcome() for batch in batches]
    failed = {number for number, outcome in enumerate(outcomes) if isinstance(outcome, WorkerDied)}
    assert all(outcome == number for number, outcome in enumerate(outcomes) if number not in failed)
    assert kills and len(failed) <= kills
    ran = noted(path)
    assert len(ran) == len(set(ran))
    assert set(range(200)) - set(ran) <= failed
    assert all(batch.claims == 1 for batch in batches)


def test_the_error_says_who_where_and_how() -> None:
    """E6: name, id, attempt, pid, host, exit code, signal name and the last lines on stderr."""
    with opened(1) as pool:
        batch = single(die, first_id=41)
        pool.submit(batch)
        error = batch.outcome()
    assert isinstance(error, WorkerDied)
    assert (error.task_name, error.task_id, error.attempt) == ("die", 41, 1)
    assert error.exitcode == -signal.SIGKILL and error.pid > 0 and error.host
    assert error.stderr[-1] == "last words"
    assert "SIGKILL" in str(error) and "last words" in str(error)


@pytest.mark.parametrize(("way", "code"), [("os._exit(3)", 3), ("os.abort()", -signal.SIGABRT)])
def test_exit_codes(way: str, code: int) -> None:
    """E6: an exit status and a crash are told apart."""
    with opened(1) as pool:
        batch = single(exec, f"import os; {way}")
        pool.submit(batch)
        assert batch.outcome().exitcode == code


def test_neighbours_go_on() -> None:
    """E6: a death stops no other worker."""
    with opened(2) as pool:
        long = FakeBatch(pid_after, (1.0,), (0.0,))
        pool.submit(long)
        assert eventually(lambda: long.claims == 1)
        for _ in range(3):
            doomed = single(die)
            pool.submit(doomed)
            assert isinstance(doomed.outcome(), WorkerDied)
        first, second = long.outcomes()
        assert first == second


def test_only_the_running_call_of_a_batch_fails(tmp_path: Path) -> None:
    """E2, E6: calls that ended keep their results, calls that had not started run in another worker, once."""
    path = tmp_path / "ran"
    with opened(1) as pool:
        batch = FakeBatch(note_and_die_at, *((path, number, 4) for number in range(10)), first_id=100)
        pool.submit(batch)
        outcomes = batch.outcomes()
    assert isinstance(outcomes[4], WorkerDied)
    assert outcomes[4].task_id == 104 and outcomes[4].exitcode == 7
    assert [*outcomes[:4], *outcomes[5:]] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert noted(path) == list(range(10))


def test_an_idle_worker_may_die() -> None:
    """E6: a worker that dies between tasks fails none, and is replaced."""
    with opened(1) as pool:
        first = single(os.getpid)
        pool.submit(first)
        pid = first.outcome()
        os.kill(pid, signal.SIGKILL)
        second = single(os.getpid)
        pool.submit(second)
        assert second.outcome() != pid


def test_a_process_left_behind_does_not_hide_the_death(tmp_path: Path) -> None:
    """E6: loky would wait until nobody holds the dead worker's pipe any more."""
    with opened(1) as pool:
        batch = single(die_but_leave_a_child, tmp_path / "pid")
        pool.submit(batch)
        began = time.monotonic()
        assert batch.outcome().exitcode == 1
        assert time.monotonic() - began < 5
        (left,) = noted(tmp_path / "pid")
        os.kill(left, signal.SIGKILL)


def test_a_fork_that_comes_back_is_ended() -> None:
    """E2: the copy of a worker that a task forked does not answer in the worker's place."""
    with opened(1) as pool:
        batch = FakeBatch(os.fork, (), ())
        pool.submit(batch)
        assert all(isinstance(pid, int) and pid > 0 for pid in batch.outcomes())


def test_a_death_while_the_result_is_written() -> None:
    """E6: half a result is no result, whenever the kill falls."""
    with opened(1) as pool:
        for _ in range(5):
            batch = FakeBatch(die_sending, (50_000_000,))
            pool.submit(batch)
            outcome = batch.outcome()
            assert isinstance(outcome, WorkerDied) or outcome == bytes(50_000_000)
        batch = single(abs, -1)
        pool.submit(batch)
        assert batch.outcome() == 1

"""Takes the times: every round runs every subject once, in a new order, so that a slow minute falls on all of them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks._subjects import REFERENCE, SUBJECTS, Subject
from benchmarks._workloads import WORKLOADS, Workload, nothing

__all__ = ["Result", "Settings", "measure"]


class Settings(NamedTuple):
    """What is measured, and how often."""

    subjects: Sequence[str]
    workloads: Sequence[str]
    workers: int
    rounds: int
    scale: float
    seed: int


class Result(NamedTuple):
    """One subject's times on one workload.

    Attributes:
        workload, subject: their names.
        amount: how many tasks, items or transfers each time is the sum of.
        seconds: seconds for one of them, a number a round.
        ratios: each divided by the reference's in the same round; empty without a reference.
    """

    workload: str
    subject: str
    amount: int
    seconds: list[float]
    ratios: list[float]

    @property
    def median(self) -> float:
        """The middle of the times."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half of the times lie in a range of this width (the interquartile range)."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return high - low


def measure(settings: Settings, progress: Callable[[str], None]) -> list[Result]:
    """Measure all of it."""
    shuffle = random.Random(settings.seed)
    results = []
    for name in settings.workloads:
        workload = WORKLOADS[name]
        able = [one for one in settings.subjects if SUBJECTS[one].can_submit or not workload.needs_submit]
        count = max(1, round(workload.amount * settings.scale)) if workload.run else 1
        with ExitStack() as stack:
            pools = {one: _open(one, settings.workers, stack) for one in able} if workload.run else {}
            times: dict[str, list[float]] = {one: [] for one in able}
            for number in range(settings.rounds):
                progress(f"{name}: round {number + 1} of {settings.rounds}")
                order = list(able)
                shuffle.shuffle(order)
                for one in order:
                    times[one].append(_time(workload, one, pools.get(one), count, settings.workers))
        reference = times.get(REFERENCE)
        for one in able:
            ratios = [mine / its for mine, its in zip(times[one], reference, strict=True)] if reference else []
            results.append(Result(name, one, count, times[one], ratios))
    return results


def _open(name: str, workers: int, stack: ExitStack) -> Subject:
    pool = SUBJECTS[name](workers)
    stack.callback(pool.close)
    # Starts the workers and imports what they need; starting is a workload of its own.
    pool.map(nothing, range(50 * workers))
    return pool


def _time(workload: Workload, name: str, pool: Subject | None, count: int, workers: int) -> float:
    """Give the seconds for one task, item or transfer."""
    if workload.run is not None and pool is not None:
        return workload.run(pool, count) / count
    started = time.perf_counter()
    fresh = SUBJECTS[name](workers)
    fresh.map(nothing, [0])
    fresh.close()
    return time.perf_counter() - started

"""The command line of the primitives' benchmarks: every round runs every family once, in a new order."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._names import names_of
from benchmarks._report import as_json, table
from benchmarks._runner import Result, Settings
from benchmarks.primitives._families import FAMILIES, REFERENCE
from benchmarks.primitives._workloads import WORKLOADS

#: The manager's calls go through a socket and a thread: so many times fewer of them take as long.
_SLOWER = {"manager": 0.02}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table for each workload, and write the JSON file if one was asked for."""
    arguments = _parser().parse_args(argv)
    settings = Settings(
        subjects=arguments.subjects,
        workloads=arguments.workloads,
        workers=2,
        rounds=arguments.rounds,
        scale=arguments.scale,
        seed=arguments.seed,
    )
    results = []
    for workload in settings.workloads:
        found = _measure(workload, settings)
        print(table(workload, WORKLOADS[workload].what, found, REFERENCE), flush=True)
        results += found
    if arguments.json is not None:
        units = {name: WORKLOADS[name].what for name in settings.workloads}
        arguments.json.write_text(json.dumps(as_json(settings, results, units), indent=1) + "\n", encoding="utf-8")
    return 0


def _measure(name: str, settings: Settings) -> list[Result]:
    workload = WORKLOADS[name]
    shuffle = random.Random(settings.seed)
    able = [one for one in settings.subjects if FAMILIES[one].pipes or not workload.pipes]
    counts = {one: max(2, round(workload.amount * settings.scale * _SLOWER.get(one, 1))) for one in able}
    times: dict[str, list[float]] = {one: [] for one in able}
    for number in range(settings.rounds):
        print(f"{name}: round {number + 1} of {settings.rounds}", file=sys.stderr, flush=True)
        order = list(able)
        shuffle.shuffle(order)
        for one in order:
            with FAMILIES[one]() as family:
                times[one].append(workload.run(family, counts[one]) / counts[one])
    reference = times.get(REFERENCE)
    return [
        Result(
            name,
            one,
            counts[one],
            times[one],
            [mine / its for mine, its in zip(times[one], reference, strict=True)] if reference else [],
        )
        for one in able
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.primitives", description="The cost of primitives between two processes."
    )
    parser.add_argument(
        "--subjects",
        type=names_of(FAMILIES),
        default=["process", "thread", "multiprocessing", "manager"],
        help=", ".join(FAMILIES),
    )
    parser.add_argument("--workloads", type=names_of(WORKLOADS), default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject runs each workload")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the number of operations")
    parser.add_argument("--seed", type=int, default=0, help="of the order in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all single times, the machine and the versions")
    return parser


if __name__ == "__main__":
    sys.exit(main())

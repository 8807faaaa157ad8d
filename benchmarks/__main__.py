"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._names import names_of
from benchmarks._report import as_json, table
from benchmarks._runner import Settings, measure
from benchmarks._subjects import REFERENCE, SUBJECTS
from benchmarks._workloads import WORKLOADS


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table for each workload, and write the JSON file if one was asked for."""
    arguments = _parser().parse_args(argv)
    settings = Settings(
        subjects=arguments.subjects,
        workloads=arguments.workloads,
        workers=arguments.workers,
        rounds=arguments.rounds,
        scale=arguments.scale,
        seed=arguments.seed,
    )
    results = measure(settings, progress=lambda line: print(line, file=sys.stderr, flush=True))
    for workload in settings.workloads:
        print(table(workload, WORKLOADS[workload].what, results, REFERENCE))
    if arguments.json is not None:
        units = {name: WORKLOADS[name].what for name in settings.workloads}
        arguments.json.write_text(json.dumps(as_json(settings, results, units), indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Overhead of pools, side by side.")
    parser.add_argument("--subjects", type=names_of(SUBJECTS), default=list(SUBJECTS), help=", ".join(SUBJECTS))
    parser.add_argument("--workloads", type=names_of(WORKLOADS), default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject runs each workload")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the number of tasks")
    parser.add_argument("--seed", type=int, default=0, help="of the order in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all single times, the machine and the versions")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks._report import as_json, table
from benchmarks._runner import Settings, measure
from benchmarks._subjects import SUBJECTS
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
        print(table(workload, results))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(settings, results), indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Overhead of pools, side by side.")
    parser.add_argument("--subjects", type=_names(SUBJECTS), default=list(SUBJECTS), help=", ".join(SUBJECTS))
    parser.add_argument("--workloads", type=_names(WORKLOADS), default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject runs each workload")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the number of tasks")
    parser.add_argument("--seed", type=int, default=0, help="of the order in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all single times, the machine and the versions")
    return parser


class _names:
    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known

    def __call__(self, text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in self._known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(self._known)}")
        return names


if __name__ == "__main__":
    sys.exit(main())

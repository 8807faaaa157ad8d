"""Runs the demonstration's program on one backend after the other and prints a row for each."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from anypool import Executor, available_backends, cpu_count, known_backends
from anypool._core.registry import backend_class, resolve
from anypool._demo._files import find_sources, standard_library
from anypool._demo._index import Answer, index

__all__ = ["run_demo"]

#: The reference comes first, then the local ones from the lightest to the heaviest, then all others by name.
_ORDER = ["serial", "thread", "process", "loky"]


def run_demo(path: Path | None, backends: Sequence[str] | None, workers: int | None) -> int:
    """Index a folder on each backend, print the table, compare the answers.

    Args:
        path: the folder; ``None`` is the standard library.
        backends: the names of the backends; ``None`` is every available one.
        workers: how many workers; ``None`` is the executor's default.

    Returns:
        0, or 1 if the answers differ or a backend failed.

    Raises:
        DemoError: the folder cannot be indexed.
        UnknownBackend, BackendUnavailable: one of the names.
    """
    chosen = _chosen(backends)
    root = standard_library() if path is None else path
    names = find_sources(root)
    _warm(root, names)
    print(f"{len(names):,} files of {root}, {cpu_count()} CPUs\n")
    if backends is None:
        for name in known_backends():
            if name not in chosen:
                print(f"(no {name} here; {backend_class(name).missing()})")
    width = max(map(len, ["backend", *chosen]))
    print(f"{'backend':{width}}  {'answer':12}  {'seconds':>7}  {'against serial':>14}  {'workers':>7}", flush=True)
    answers: dict[str, Answer] = {}
    reference: float | None = None
    for name in chosen:
        started = time.perf_counter()
        try:
            answer, count = _run(name, root, names, workers, width)
        except Exception as error:
            traceback.print_exc()
            print(f"{name:{width}}  failed: {type(error).__name__}: {error}", flush=True)
            continue
        seconds = time.perf_counter() - started
        if name == "serial":
            reference = seconds
        answers[name] = answer
        speed = "-" if reference is None else f"{reference / seconds:.2f} x"
        print(f"{name:{width}}  {answer.digest[:12]}  {seconds:7.2f}  {speed:>14}  {count:7}", flush=True)
    return _verdict(answers, len(chosen))


def _chosen(backends: Sequence[str] | None) -> list[str]:
    names = available_backends() if backends is None else [resolve(name).name for name in backends]
    order = {name: position for position, name in enumerate(_ORDER)}
    return sorted(set(names), key=lambda name: (order.get(name, len(order)), name))


def _warm(root: Path, names: Sequence[str]) -> None:
    """Read every file once, so that the first backend does not pay for the disk alone."""
    for name in names:
        try:
            (root / name).read_bytes()
        except OSError:
            continue  # the tasks will say so


def _run(backend: str, root: Path, names: Sequence[str], workers: int | None, width: int) -> tuple[Answer, int]:
    title = f"{backend:{width}}" if sys.stderr.isatty() else None
    with Executor(backend, workers) as ex:
        return index(ex, root, names, title), ex.max_workers


def _verdict(answers: dict[str, Answer], asked: int) -> int:
    digests = {answer.digest for answer in answers.values()}
    if answers:
        answer = next(iter(answers.values()))
        often = ", ".join(f"{module} ({count})" for module, count in answer.imported.most_common(5))
        print(f"\n{answer.words:,} words; {len(answer.findings)} findings; imported most often: {often}")
        print(f"longest line: {answer.longest.longest:,} characters, {answer.longest.name}:{answer.longest.line}")
    if len(digests) > 1:
        print("the answers differ", file=sys.stderr)
    elif len(answers) > 1:
        print("all answers are equal")
    return 0 if len(digests) == 1 and len(answers) == asked else 1

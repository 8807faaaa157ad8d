"""``python -m tests.cpython.table`` runs CPython's tests on all backends and prints the page for the documentation."""

from __future__ import annotations

import platform

from tests.cpython.known import BACKENDS, CLASSES, Outcome, known, run_class

__all__ = ["main"]


def main() -> None:
    """Run, and print Markdown."""
    found: dict[str, list[Outcome]] = {
        backend: [outcome for name in CLASSES for outcome in run_class(backend, name)] for backend in BACKENDS
    }
    print(f"| CPython {platform.python_version()}'s tests | {' | '.join(BACKENDS)} |")
    print(f"|---|{'---:|' * len(BACKENDS)}")
    for word in ("passed", "skipped", "failed", "left out"):
        counts = [sum((one.outcome.replace("started", "failed")) == word for one in found[b]) for b in BACKENDS]
        print(f"| {word} | {' | '.join(map(str, counts))} |")
    for backend in BACKENDS:
        print(f"\n## `{backend}`\n")
        for one in found[backend]:
            if one.outcome in ("failed", "started"):
                print(f"- `{one.test}`: {known(backend).get(one.test, one.reason)}")
            elif one.outcome == "left out":
                print(f"- `{one.test}` (not run): {one.reason}")
            elif one.outcome == "skipped":
                print(f"- `{one.test}` (skipped by itself): {one.reason}")


if __name__ == "__main__":
    main()

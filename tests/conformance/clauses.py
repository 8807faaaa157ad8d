"""``python -m tests.conformance.clauses [pytest arguments]`` runs the suite and prints clauses by backends (Markdown).

A cell is how many tests of a clause passed there, isolated variants included; ``n of m`` where some did not.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["main"]

_CLAUSE = re.compile(r"\b[EPX]\d+\b")


class _Counts:
    """A pytest plugin that counts outcomes by clause and backend."""

    def __init__(self) -> None:
        self.passed: Counter[tuple[str, str]] = Counter()
        self.ran: Counter[tuple[str, str]] = Counter()
        self._clauses: dict[str, list[str]] = {}
        self._failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            words = getattr(getattr(item, "obj", None), "__doc__", None) or ""
            self._clauses[item.nodeid] = sorted(set(_CLAUSE.findall(words.partition(":")[0])))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when != "teardown":
            return
        backend = Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_")
        for clause in self._clauses.get(report.nodeid, []):
            self.ran[clause, backend] += 1
            self.passed[clause, backend] += report.nodeid not in self._failed


def main(arguments: Sequence[str]) -> int:
    """Run, and print the table."""
    counts = _Counts()
    code = pytest.main(["-q", "--no-header", str(Path(__file__).parent), *arguments], plugins=[counts])
    backends = [name for name in ("serial", "thread", "process", "loky") if any(b == name for _, b in counts.ran)]
    print(f"\n| clause | {' | '.join(backends)} |\n|---|{'---:|' * len(backends)}")
    for clause in sorted({clause for clause, _ in counts.ran}, key=lambda name: (name[0], int(name[1:]))):
        cells = []
        for backend in backends:
            passed, ran = counts.passed[clause, backend], counts.ran[clause, backend]
            cells.append(str(passed) if passed == ran else f"{passed} of {ran}")
        print(f"| {clause} | {' | '.join(cells)} |")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A backend whose engine is not installed: the suite says so aloud, and fails where every backend is required."""

from __future__ import annotations

import pytest

BACKEND = """
from anypool import Backend, Capabilities


class AbsentBackend(Backend):
    name = "absent"
    capabilities = Capabilities(concurrent=True, processes=True, isolate=True, kill_running=True)

    @classmethod
    def missing(cls):
        return 'pip install "absent-engine"'

    def open(self, spec):
        raise AssertionError("the engine is not there")

    context = open
"""

TESTS = """
from anypool.testing import MapContract


class TestMap(MapContract):
    backend = "absent"
"""


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> tuple[pytest.RunResult, dict[str, int]]:
    """Announce a backend as another package would, by an entry point, and run a contract on it."""
    pytester.makepyfile(absent=BACKEND, test_absent=TESTS)
    metadata = pytester.mkdir("absent-1.0.dist-info")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: absent\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[anypool.backends]\nabsent = absent:AbsentBackend\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    result = pytester.runpytest_subprocess("-rs", "-p", "no:cacheprovider")
    return result, result.parseoutcomes()


def test_it_is_skipped_with_the_install_line(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 1: nothing is skipped in silence: the reason has the exact install line."""
    monkeypatch.delenv("ANYPOOL_REQUIRE_ALL", raising=False)
    result, outcomes = run(pytester, monkeypatch)
    assert set(outcomes) == {"skipped"}
    result.stdout.fnmatch_lines(["*backend 'absent'*not installed*pip install \"absent-engine\"*"])


def test_it_is_a_failure_where_all_are_required(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 4.9: with ``ANYPOOL_REQUIRE_ALL=1`` a missing engine is a failure of every test."""
    monkeypatch.setenv("ANYPOOL_REQUIRE_ALL", "1")
    result, outcomes = run(pytester, monkeypatch)
    assert set(outcomes) == {"errors"}
    result.stdout.fnmatch_lines(['*ANYPOOL_REQUIRE_ALL=1*pip install "absent-engine"*'])

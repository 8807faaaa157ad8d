"""X1, X3, P2 by the standard library's own measure: CPython's multiprocessing tests on our backends."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.cpython.known import BACKENDS, CLASSES, known, run_class


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_cpython(backend: str, name: str) -> None:
    """Exactly the tests pass that are not listed, with a reason, in ``known.py``."""
    if importlib.util.find_spec("test") is None or importlib.util.find_spec("test._test_multiprocessing") is None:
        message = "this Python was installed without CPython's own tests"
        if os.environ.get("ANYPOOL_REQUIRE_ALL") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    outcomes = run_class(backend, name)
    expected = {test for test in known(backend) if test.partition(".")[0] == name}
    failed = {one.test: one.reason for one in outcomes if one.outcome in ("failed", "started")}
    surprises = {test: reason for test, reason in failed.items() if test not in expected}
    assert not surprises, "\n".join(f"{test}: {reason or 'did not come back'}" for test, reason in surprises.items())
    ran = {one.test for one in outcomes if one.outcome in ("passed", "failed", "started")}
    mended = sorted(expected & ran - set(failed))
    assert not mended, f"pass now, take them out of known.py: {', '.join(mended)}"

"""The queue's log against a deque, and its give-backs of space."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anypool._sync.local import _log
from anypool._sync.local._shared import HEADER

STEPS = st.lists(st.one_of(st.none(), st.integers(0, 20_000)), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_is_a_deque(steps: list[int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First in, first out, across compactions, truncations and reads in parts."""
    monkeypatch.setattr(_log, "_WASTE", 5000)
    monkeypatch.setattr(_log, "_STEP", 3000)
    path = tmp_path / "log"
    path.unlink(missing_ok=True)
    log = _log.Log(str(path), create=True)
    log.set_up(0)
    model: deque[bytes] = deque()
    for number, step in enumerate(steps):
        with log:
            if step is None:
                assert log.take() == (model.popleft() if model else None)
            else:
                data = bytes([number % 256]) * step
                log.append(data)
                model.append(data)
            assert log.count == len(model)
    with log:
        while model:
            assert log.take() == model.popleft()
        assert log.take() is None
    assert os.fstat(log.fd).st_size <= HEADER + 5000


def test_stays_small(tmp_path: Path) -> None:
    """A queue that is never empty does not grow for ever."""
    log = _log.Log(str(tmp_path / "log"), create=True)
    log.set_up(0)
    data = bytes(100_000)
    with log:
        for _ in range(10):
            log.append(data)
        for _ in range(500):
            log.append(data)
            assert log.take() == data
        assert log.count == 10
    assert os.fstat(log.fd).st_size < 5_000_000


def test_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that fails half-way leaves the log as it was."""
    log = _log.Log(str(tmp_path / "log"), create=True)
    log.set_up(0)

    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    with log:
        log.append(b"one")
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwritev", full)
            with pytest.raises(OSError, match="no room for a queue's item of 3 bytes"):
                log.append(b"two")
        log.append(b"three")
        assert [log.take(), log.take(), log.take()] == [b"one", b"three", None]

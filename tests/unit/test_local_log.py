"""The queue's log against a deque: its ways through the file, its give-backs, and a death at every single store."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anypool._sync.local import _items, _log

NO_MUTEX = contextlib.nullcontext()
SIZES = st.one_of(st.integers(0, 300), st.integers(0, 20_000), st.sampled_from([32_767, 32_768, 100_000]))
#: Put an item of so many bytes, or take one, each with the store at which whoever does it dies.
STEPS = st.lists(st.tuples(st.one_of(st.none(), SIZES), st.one_of(st.none(), st.integers(0, 8))), max_size=80)


class Killed(BaseException):
    """What stands for SIGKILL."""


class DyingWords:
    """The words of a process that dies at its n-th store, which is not done any more."""

    def __init__(self, words: memoryview, stores: int) -> None:
        self.words = words
        self.stores = stores

    def __getitem__(self, index: int) -> int:
        return self.words[index]

    def __setitem__(self, index: int, value: int) -> None:
        if not self.stores:
            raise Killed
        self.stores -= 1
        self.words[index] = value


def new_log(path: Path, maxsize: int = 0) -> _log.Log:
    """Make a log where there may be an old one."""
    path.unlink(missing_ok=True)
    return _log.Log(str(path), NO_MUTEX, create=True, maxsize=maxsize)


def pages(log: _log.Log) -> int:
    """Give the number of bytes that the log occupies."""
    return os.fstat(log.fd).st_blocks * 512


def put(log: _log.Log, data: bytes) -> bool:
    """Append an item as ``_items`` would."""
    return log.append(_items.BYTES if len(data) >= _items.THRESHOLD else _items.PICKLE, data)


def take(log: _log.Log) -> Any:
    """Take an item's bytes."""
    taken = log.take()
    return None if taken is None else taken[1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, kept=st.sampled_from([1 << 14, 1 << 17, 1 << 25]))
def test_is_a_deque_and_survives_its_users(
    steps: list[tuple[int | None, int | None]], kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First in, first out, whole or absent, wherever a putter or getter dies, and whoever comes next goes on."""
    monkeypatch.setattr(_log, "_KEPT", kept)
    monkeypatch.setattr(_log, "_SOON", 1 << 12)
    log = new_log(tmp_path / "log")
    model: deque[bytes] = deque()
    for number, (size, dies_at) in enumerate(steps):
        if dies_at is not None:
            log.words = DyingWords(log.words, dies_at)  # type: ignore[assignment]  # it does what is needed of it
        died = False
        before = log.count
        try:
            if size is None:
                found = take(log)
                assert found == (model.popleft() if model else None)
            else:
                data = bytes([number % 251]) * size
                assert put(log, data)
                model.append(data)
        except Killed:
            died = True
        if died:
            log = _log.Log(log.path, NO_MUTEX)
            if size is None and log.count == before - 1:
                model.popleft()
            elif size is not None and log.count == before + 1:
                model.append(data)
        elif dies_at is not None:
            log = _log.Log(log.path, NO_MUTEX)
        assert log.count == len(model)
    while model:
        assert take(log) == model.popleft()
    assert take(log) is None


def test_two_views(tmp_path: Path) -> None:
    """One process puts and another takes; both see the same, wherever the items lie."""
    putter = new_log(tmp_path / "log")
    getter = _log.Log(putter.path, NO_MUTEX)
    model: deque[bytes] = deque()
    for number in range(4_000):
        data = bytes([number % 251]) * (number * 37 % 900)
        assert put(putter, data)
        model.append(data)
        if len(model) > (number // 500 % 2) * 300:  # now a long queue, now a short one
            for _ in range(min(3, len(model))):
                assert take(getter) == model.popleft()
    while model:
        assert take(getter) == model.popleft()


def test_strict_size(tmp_path: Path) -> None:
    """A full log takes nothing; a place that was made free is one."""
    log = new_log(tmp_path / "log", maxsize=2)
    assert [put(log, b"a"), put(log, b"b"), put(log, b"c")] == [True, True, False]
    assert take(log) == b"a"
    assert [put(log, b"d"), put(log, b"e")] == [True, False]
    assert [take(log), take(log), take(log)] == [b"b", b"d", None]


def test_small_items_stay_in_the_first_pages(tmp_path: Path) -> None:
    """A queue that is mostly empty needs no more memory than it had at first, and never maps another piece."""
    log = new_log(tmp_path / "log")
    for number in range(20_000):
        put(log, b"x" * (number % 50))
        assert take(log) == b"x" * (number % 50)
    assert pages(log) <= 1 << 16
    assert log._writing is log._reading is log.first


@pytest.mark.parametrize("length", [1, 10, 300])
def test_stays_small(tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is never empty does not grow for ever."""
    monkeypatch.setattr(_log, "_KEPT", 1 << 20)
    log = new_log(tmp_path / "log")
    data = bytes(40_000)
    for _ in range(length):
        put(log, data)
    for _ in range(1_000):
        put(log, data)
        assert take(log) == data
    assert log.count == length
    assert pages(log) < 3 * length * 40_000 + (2 << 20)


def test_gives_memory_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a long queue took is given back while it is read, and what a large item took at once."""
    monkeypatch.setattr(_log, "_KEPT", 1 << 20)
    log = new_log(tmp_path / "log")
    data = bytes(200_000)
    for _ in range(50):
        put(log, data)
    for _ in range(50):
        take(log)
        assert pages(log) <= log.count * 200_000 + (1 << 20) + 400_000
    put(log, bytes(10_000_000))
    take(log)
    assert pages(log) <= 1 << 17


def test_large_items_find_warm_pages(tmp_path: Path) -> None:
    """Large items one after the other use the same pages again, which is several times faster than new ones."""
    log = new_log(tmp_path / "log")
    data = bytes(1_000_000)
    for _ in range(10):
        put(log, data)
        assert take(log) == data
    assert 1_000_000 < pages(log) < 2_500_000


def full(*args: object) -> int:
    """Answer as a full file system does."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("size", [3, 100_000])
def test_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """An append that fails leaves the log as it was, and the error says what to do."""
    log = new_log(tmp_path / "log")
    put(log, b"one")
    while log.words[_log._ROOM + (log.words[_log.PUTS] & 1)] - log.words[_log._TAIL + (log.words[_log.PUTS] & 1)] > 30:
        put(log, b"fill")
    count = log.count
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match=rf"no room for a queue's item of {size} bytes.*is full\. Give"):
            put(log, bytes(size))
    assert log.count == count
    put(log, b"three")
    found = [take(log) for _ in range(count + 2)]
    assert (found[0], found[1], found[-2], found[-1]) == (b"one", b"fill", b"three", None)


def test_full_disk_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of a large item that did not fit go back, and mapped memory is never written without its page."""
    log = new_log(tmp_path / "log")
    put(log, b"one")
    pwritev = os.pwritev

    def half(fd: int, parts: list[memoryview], place: int) -> int:
        if len(parts[0]) != 8:
            full()
        return pwritev(fd, [parts[0], parts[1][:500_000]], place)

    before = pages(log)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", half)
        with pytest.raises(OSError, match="no room for a queue's item of 1000000 bytes"):
            put(log, bytes(1_000_000))
    assert pages(log) <= before + 8192
    for _ in range(3_000):
        put(log, b"x" * 40)
    assert [take(log), take(log)] == [b"one", b"x" * 40]

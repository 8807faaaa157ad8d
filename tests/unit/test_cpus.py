"""How many CPUs a process may use: affinity and cgroup limits (X1)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anypool._core import cpus


def tree(root: Path, files: dict[str, str]) -> Path:
    """Make a cgroup file system."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "400000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, None),
        ("0::/a\n", {"a/cpu.max": "what is this\n"}, None),
        (
            "4:cpu,cpuacct:/job\n1:name=systemd:/job\n",
            {"cpu/job/cpu.cfs_quota_us": "300000\n", "cpu/job/cpu.cfs_period_us": "100000\n"},
            3.0,
        ),
        ("4:cpu:/job\n", {"cpu/job/cpu.cfs_quota_us": "-1\n", "cpu/job/cpu.cfs_period_us": "100000\n"}, None),
        # A container sees its own group as the root, whatever path the file names.
        ("0::/docker/1234\n", {"cpu.max": "100000 100000\n"}, 1.0),
        ("5:memory:/x\n", {}, None),
        ("", {}, None),
    ],
)
def test_the_tightest_quota_on_the_way_counts(
    tmp_path: Path, membership: str, files: dict[str, str], quota: float | None
) -> None:
    """X1: version 2's cpu.max and version 1's cfs quota, at every level."""
    proc = tmp_path / "cgroup"
    proc.write_text(membership)
    assert cpus._cgroup_quota(proc, tree(tmp_path / "fs", files)) == quota


def test_no_cgroups_is_no_limit(tmp_path: Path) -> None:
    """X1: elsewhere than on Linux there is no such file."""
    assert cpus._cgroup_quota(tmp_path / "missing", tmp_path) is None


def test_a_fraction_of_a_cpu_is_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """X1: never less than 1, and part of a CPU is rounded up."""
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for quota, count in [(0.5, 1), (1.5, 2), (100.0, 8), (None, 8)]:
        monkeypatch.setattr(cpus, "_cgroup_quota", lambda membership, root, quota=quota: quota)
        assert cpus.cpu_count() == count


def test_affinity_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """X1: a process that is bound to one CPU has one."""
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert cpus.cpu_count() == 1


def test_the_environment_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """X1: PYTHON_CPU_COUNT, as in CPython 3.13."""
    monkeypatch.setenv("PYTHON_CPU_COUNT", "17")
    assert cpus.cpu_count() == 17
    monkeypatch.setenv("PYTHON_CPU_COUNT", "default")
    assert cpus.cpu_count() >= 1

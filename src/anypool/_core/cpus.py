"""How many CPUs this process may really use: affinity and cgroup limits count, the machine's size does not."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["cpu_count"]


def cpu_count() -> int:
    """Give the number of CPUs that this process may use, at least 1.

    The smallest of the scheduler's affinity mask, the cgroup's quota (v2 ``cpu.max``, v1 ``cpu.cfs_quota_us``), and
    ``PYTHON_CPU_COUNT``, which CPython 3.13 gives the same meaning. Source of the complaint: python/cpython#80235.
    """
    override = os.environ.get("PYTHON_CPU_COUNT", "")
    if override.isdecimal() and int(override) > 0:
        return int(override)
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return max(1, min(count, math.ceil(quota)) if quota else count)


def _cgroup_quota(membership: Path, root: Path) -> float | None:
    """Give the tightest CPU quota on the way from this process's cgroup up to the root, or ``None``."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None  # not Linux
    quotas = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            base, read = root, _quota_v2
        elif "cpu" in controllers.split(","):
            base, read = root / "cpu", _quota_v1
        else:
            continue
        # A container often sees its own group as the root, so every level up to there is asked.
        folder = base / path.lstrip("/")
        while True:
            quotas.append(read(folder))
            if folder == base or base not in folder.parents:
                break
            folder = folder.parent
    return min((quota for quota in quotas if quota), default=None)


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None

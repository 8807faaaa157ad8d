"""Shows results: a table for people, JSON with the machine and the versions for later."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import anypool
from benchmarks._runner import Result, Settings

__all__ = ["as_json", "table"]


def table(workload: str, what: str, results: Sequence[Result], reference: str) -> str:
    """Give the table of one workload, the fastest subject first.

    Args:
        workload: its name.
        what: one of it, for the heading.
        results: of this and other workloads.
        reference: the subject that the ratios refer to.
    """
    rows = sorted((one for one in results if one.workload == workload), key=lambda one: one.median)
    lines = [
        f"\n{workload}: {what}",
        f"  {'subject':22}{'median':>12}{'spread':>12}{'against ' + reference:>24}",
    ]
    for row in rows:
        ratio = f"{statistics.median(row.ratios):.3g} x" if row.ratios else "-"
        lines.append(f"  {row.subject:22}{_duration(row.median):>12}{_duration(row.spread):>12}{ratio:>24}")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.1f} us" if seconds >= 1e-6 else f"{seconds * 1e9:.0f} ns"


def as_json(settings: Settings, results: Sequence[Result], units: Mapping[str, str]) -> dict[str, Any]:
    """Give everything that is needed to judge the numbers later; ``units`` says what one of each workload is."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "usable_cpus": anypool.cpu_count(),
            "cpus": os.cpu_count(),
            "load_average": list(os.getloadavg()),
        },
        "versions": {
            "python": sys.version,
            **{name: _version(name) for name in ("anypool", "cloudpickle", "joblib", "loky")},
        },
        "settings": settings._asdict(),
        "results": [
            {**one._asdict(), "median": one.median, "spread": one.spread, "unit": units[one.workload]}
            for one in results
        ],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the standard library's word has to do
    return platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

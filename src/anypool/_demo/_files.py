"""Which files are indexed: the Python sources under a folder, without packages that somebody installed there."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

__all__ = ["DemoError", "find_sources", "standard_library"]

_NOT_ENTERED = frozenset({"site-packages", "dist-packages", "__pycache__"})


class DemoError(Exception):
    """What was asked for is not there; the message is one line for the user."""


def standard_library() -> Path:
    """Give the folder of the running Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def find_sources(root: Path) -> list[str]:
    """Give the names of all ``.py`` files under ``root``, relative to it, sorted.

    Raises:
        DemoError: there is no such folder, or no such file in it.
    """
    if not root.is_dir():
        raise DemoError(f"no such folder: {root}")
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in _NOT_ENTERED and not name.startswith(".")]
        inside = Path(folder).relative_to(root)
        found += [(inside / name).as_posix() for name in names if name.endswith(".py")]
    if not found:
        raise DemoError(f"no Python sources in {root}")
    return sorted(found)

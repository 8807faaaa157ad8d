"""Primitives of one machine, for the backends ``process`` and ``loky``: any process of this user can attach to them.

Imported by every launched worker (for ``_domain``), so it loads nothing before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anypool._sync.local._context import LocalContext

__all__ = ["LocalContext"]


def __getattr__(name: str) -> Any:
    if name == "LocalContext":
        from anypool._sync.local._context import LocalContext

        return LocalContext
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

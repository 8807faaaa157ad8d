"""The place of a family's primitives, handed from parent to child: kept here until somebody makes one.

``anypool._sync.local`` knows what such a place is. This package only passes it on, and must not import that one.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["domain", "pass_on", "provide"]

#: What the parent said; ``None`` in a program's first process.
domain: str | None = None

_reserve: Callable[[], str] | None = None


def provide(reserve: Callable[[], str]) -> None:
    """Say how this process finds its own place, which exists from now on."""
    global _reserve
    _reserve = reserve


def pass_on() -> str | None:
    """Give what a child of this process is told."""
    return domain if _reserve is None else _reserve()

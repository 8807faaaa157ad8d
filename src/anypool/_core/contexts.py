"""Contexts for programs without an executor: ``anypool.get_context("loky").Queue()``.

A context made here lives as long as the process; an executor's own ends with the executor.
"""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from anypool import abc
from anypool._core import registry
from anypool._core.standard_names import StandardNames
from anypool.errors import UnknownBackend

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["get_context"]

#: By the backend's name; one that was given as an object, which may have settings, by the object.
_contexts: dict[Hashable, abc.Context] = {}
_lock = threading.Lock()


def get_context(backend: str | abc.Backend | None = None) -> abc.Context:
    """Give the context of a backend: an object with all of ``multiprocessing``'s names.

    Args:
        backend: its name or object, or ``None`` for the default: what ``set_backend`` was given, else the
            environment's ``ANYPOOL_BACKEND``, else ``"process"``. The name of a start method is understood as on a
            platform that only has ``"spawn"``, which is the default backend's context too.

    Raises:
        UnknownBackend: no backend has this name. It is a ``ValueError``, as ``multiprocessing``'s is.
        BackendUnavailable: its engine is not installed.
    """
    if backend in ("fork", "forkserver"):
        raise UnknownBackend(
            f"cannot find context for {backend!r}: no process of anypool is a fork, which would copy locks that other "
            "threads hold. Leave the start method out or ask for 'spawn'; for a backend, give its name: "
            + ", ".join(registry.known_backends())
        )
    key = registry.chosen() if backend is None or backend == "spawn" else backend
    found = _contexts.get(key)
    if found is not None:
        return found
    chosen = registry.resolve(None if backend is None or backend == "spawn" else backend)
    if isinstance(key, str):
        key = chosen.name  # "dummy" is "thread"
    with _lock:
        context = _contexts.get(key)
        if context is None:
            context = _contexts[key] = chosen.context()
            if isinstance(context, StandardNames):
                context._opened_by = chosen
            atexit.register(context.close)
        return context

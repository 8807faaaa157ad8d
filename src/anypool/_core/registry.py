"""Backends by name. A backend's module is imported when somebody asks for it, never before."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, NoReturn

from anypool.errors import BackendUnavailable, UnknownBackend, Unsupported

if TYPE_CHECKING:
    from anypool.abc import Backend

__all__ = ["available_backends", "backend_class", "default_backend", "known_backends", "require", "resolve"]

# One row a backend, sorted.
_BUILT_IN = {
    "loky": "anypool._backends.loky:LokyBackend",
    "process": "anypool._backends.process:ProcessBackend",
    "serial": "anypool._backends.serial:SerialBackend",
    "thread": "anypool._backends.thread:ThreadBackend",
}
_ALIASES = {"dummy": "thread"}  # as multiprocessing.dummy

#: The entry-point group under which other packages announce theirs.
GROUP = "anypool.backends"


def _places() -> dict[str, str]:
    """Give all known backends with the place of their class; our own names cannot be taken by others."""
    from importlib.metadata import entry_points

    places = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return {**places, **_BUILT_IN}


def known_backends() -> list[str]:
    """Give the names of all backends that ``Executor`` knows, installed or not, sorted."""
    return sorted(_places())


def available_backends() -> list[str]:
    """Give the names of the backends whose engines are installed here, sorted."""
    return [name for name in known_backends() if backend_class(name).missing() is None]


def backend_class(name: str) -> type[Backend]:
    """Import the class of the backend called ``name``.

    Raises:
        UnknownBackend: there is none of this name.
        TypeError: what an entry point names is not a backend.
    """
    from anypool.abc import Backend

    name = _ALIASES.get(name, name)
    place = _BUILT_IN.get(name) or _places().get(name)
    if place is None:
        known = ", ".join(known_backends())
        raise UnknownBackend(f"there is no backend {name!r}; known are {known} (and 'dummy', which is 'thread')")
    module, _, attribute = place.partition(":")
    cls = getattr(importlib.import_module(module), attribute, None)
    if not (isinstance(cls, type) and issubclass(cls, Backend)):
        raise TypeError(f"backend {name!r}: {place} is not a subclass of anypool.abc.Backend")
    return cls


def default_backend() -> str:
    """Give the backend's name where none was given: the environment's ``ANYPOOL_BACKEND``, else ``process``."""
    return os.environ.get("ANYPOOL_BACKEND") or "process"


def resolve(backend: str | Backend | None) -> Backend:
    """Give the backend object for a name, for ``None`` (the default) or for itself.

    Raises:
        UnknownBackend: no backend has this name.
        BackendUnavailable: its engine is not installed.
        TypeError: it is something else.
    """
    from anypool.abc import Backend

    if backend is None:
        backend = default_backend()
    if isinstance(backend, str):
        cls = backend_class(backend)
        missing = cls.missing()
        if missing is not None:
            raise BackendUnavailable(
                f"backend {backend!r} is known, but its engine is not installed here; install it with: {missing}"
            )
        return cls()
    given: object = backend  # for the type checker, what follows cannot happen
    if not isinstance(given, Backend):
        hint = f"; did you mean Executor(max_workers={given})?" if isinstance(given, int) else ""
        raise TypeError(f"backend must be a name or a backend object, not {type(given).__name__}{hint}")
    return given


def require(name: str, capability: str, what: str) -> NoReturn:
    """Refuse ``what``, which backend ``name`` cannot do, naming the backends that can."""
    able = []
    for other in known_backends():
        try:
            if getattr(backend_class(other).capabilities, capability):
                able.append(other)
        except (ImportError, TypeError, AttributeError):
            continue  # somebody else's broken entry point must not hide the error that is due here
    raise Unsupported(f"backend {name!r} cannot do {what}; backends that can: {', '.join(able) or 'none'}")

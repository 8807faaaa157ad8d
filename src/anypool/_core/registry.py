"""Backends by name, and which one is the default. A backend's module is imported when it is asked for, never before."""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING, NoReturn

from anypool.errors import BackendUnavailable, UnknownBackend, Unsupported

if TYPE_CHECKING:
    from anypool.abc import Backend

__all__ = [
    "available_backends",
    "backend_class",
    "chosen",
    "default_backend",
    "known_backends",
    "require",
    "resolve",
    "set_backend",
]

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
#: The environment variable that names the default backend.
VARIABLE = "ANYPOOL_BACKEND"

_lock = threading.Lock()
#: What ``set_backend`` was given last, and the variable's value before it was first called.
_given: str | Backend | None = None
_before: str | None = None


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


def set_backend(backend: str | Backend | None) -> str | Backend | None:
    """Choose what ``anypool.Lock()``, ``anypool.Process``, ``Executor()`` and their like mean from now on.

    It goes before the environment's ``ANYPOOL_BACKEND``, and sets that variable too, so that in workers and processes
    that start from now on ``anypool.Lock()`` means the same. What exists already stays what it is.

    Args:
        backend: a backend's name or object; ``None`` goes back to what the environment said.

    Returns:
        What was set before, ``None`` if nothing was. Given back to ``set_backend`` it restores that.

    Raises:
        UnknownBackend: no backend has this name.
        BackendUnavailable: its engine is not installed.
        TypeError: it is something else.
    """
    global _given, _before
    name = None if backend is None else resolve(backend).name
    with _lock:
        previous, _given = _given, backend
        if previous is None:
            _before = os.environ.get(VARIABLE)
        # A child can only be told of a backend that it can find by its name.
        told = _before if name is None or not _findable(name, backend) else name
        if told is not None:
            os.environ[VARIABLE] = told
        else:
            os.environ.pop(VARIABLE, None)
    return previous


def _findable(name: str, backend: str | Backend | None) -> bool:
    try:
        return isinstance(backend, str) or backend_class(name) is type(backend)
    except UnknownBackend:
        return False


def chosen() -> str | Backend:
    """Give the default: what ``set_backend`` was given, else the environment's name, else ``process``."""
    return _given if _given is not None else os.environ.get(VARIABLE) or "process"


def default_backend() -> str:
    """Give the name of the default backend.

    That is the one that ``set_backend`` was given, else the environment's ``ANYPOOL_BACKEND``, else ``"process"``.
    """
    backend = chosen()
    return _ALIASES.get(backend, backend) if isinstance(backend, str) else backend.name


def resolve(backend: str | Backend | None) -> Backend:
    """Give the backend object for a name, for ``None`` (the default) or for itself.

    Raises:
        UnknownBackend: no backend has this name.
        BackendUnavailable: its engine is not installed.
        TypeError: it is something else.
    """
    from anypool.abc import Backend

    from_environment = backend is None and _given is None
    if backend is None:
        backend = chosen()
    if isinstance(backend, str):
        try:
            cls = backend_class(backend)
        except UnknownBackend as error:
            if from_environment:
                error.args = (f"{error}; the name comes from the environment's {VARIABLE}",)
            raise
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

"""Finds which part of an object cannot be pickled, so that the error can name it and the way to it (E5)."""

from __future__ import annotations

import functools
import io
import types
from collections.abc import Iterator, Mapping
from typing import Any

from anypool._core.main_module import MainPickler
from anypool.errors import SerializationError

__all__ = ["explain", "short_repr"]

#: How many parts are tried. Each trial pickles a part again, so a huge object must not make the search endless.
_TRIALS = 500


def explain(obj: object, root: str, error: BaseException) -> SerializationError:
    """Make the error for ``obj``, which failed to pickle with ``error``."""
    culprit, path, reason = _Search().run(obj, root, error)
    found = "it" if path == root and culprit is obj else f"{path} ({short_repr(culprit)})"
    return SerializationError(
        f"cannot pickle {root} of type {_type_name(obj)}: {found} fails with {type(reason).__name__}: {reason}. "
        "Pass something picklable instead (a path, not an open file; a lock made by the executor, ex.Lock(), "
        "not threading's), or make it inside the task.",
        path=path,
        culprit=short_repr(culprit),
    )


def short_repr(obj: object) -> str:
    """``repr``, at most 120 characters, even where the object's own ``__repr__`` fails."""
    try:
        text = repr(obj)
    except Exception as error:
        text = f"<{_type_name(obj)} whose repr() raises {type(error).__name__}>"
    return text if len(text) <= 120 else text[:117] + "..."


def _type_name(obj: object) -> str:
    kind = type(obj)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class _Search:
    def __init__(self) -> None:
        self.trials = _TRIALS
        self.seen: set[int] = set()

    def run(self, obj: object, path: str, error: BaseException) -> tuple[object, str, BaseException]:
        while True:
            for part, part_path in _parts(obj, path):
                if id(part) in self.seen:
                    continue
                self.seen.add(id(part))
                reason = self._fails(part)
                if reason is not None:
                    obj, path, error = part, part_path, reason
                    break
            else:
                return obj, path, error

    def _fails(self, part: object) -> BaseException | None:
        self.trials -= 1
        if self.trials < 0:
            return None
        try:
            MainPickler(io.BytesIO()).dump(part)
        except Exception as error:
            return error
        return None


def _parts(obj: Any, path: str) -> Iterator[tuple[object, str]]:
    """Give what ``obj`` consists of, as far as pickling would look, with the path to each part."""
    if isinstance(obj, (list, tuple)):
        for index, item in enumerate(obj):
            yield item, f"{path}[{index}]"
    elif isinstance(obj, (set, frozenset)):
        for item in obj:
            yield item, f"{path}{{{short_repr(item)}}}"
    elif isinstance(obj, Mapping):
        for key, value in obj.items():
            yield key, f"key {short_repr(key)} of {path}"
            yield value, f"{path}[{short_repr(key)}]"
    elif isinstance(obj, functools.partial):
        yield obj.func, f"{path}.func"
        yield from _parts(obj.args, f"{path}.args")
        yield from _parts(obj.keywords, f"{path}.keywords")
    elif isinstance(obj, types.MethodType):
        yield obj.__self__, f"{path}.__self__"
        yield obj.__func__, f"{path}.__func__"
    elif isinstance(obj, types.FunctionType):
        yield from _function_parts(obj, path)
    elif isinstance(obj, BaseException):
        yield from _parts(obj.args, f"{path}.args")
        yield from _attributes(obj, path)
    elif not isinstance(obj, type) and not _refuses(obj):
        yield from _attributes(obj, path)


def _refuses(obj: object) -> bool:
    """Tell whether the object itself says that it cannot be pickled: then none of its parts is to blame."""
    kind = type(obj)
    if kind.__reduce__ is object.__reduce__ and kind.__reduce_ex__ is object.__reduce_ex__:
        return False
    try:
        obj.__reduce_ex__(5)
    except Exception:
        return True
    return False


def _function_parts(function: types.FunctionType, path: str) -> Iterator[tuple[object, str]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield cell.cell_contents, f"{path} → variable {name!r} of the enclosing function"
        except ValueError:
            continue  # not yet bound
    for default in function.__defaults__ or ():
        yield default, f"{path} → default argument"
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield function.__globals__[name], f"{path} → global {name!r}"


def _attributes(obj: object, path: str) -> Iterator[tuple[object, str]]:
    state = getattr(obj, "__dict__", None)
    if isinstance(state, dict):
        for name, value in list(state.items()):
            yield value, f"{path}.{name}"
    for kind in type(obj).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                yield getattr(obj, name), f"{path}.{name}"

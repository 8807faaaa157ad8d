"""How a call ended, as bytes: its value, or its exception with args, notes, cause and the remote traceback (E5).

    first byte V: a pickled value
    first byte E: a pickled (summary text, pickled exception), so that an exception which cannot be rebuilt here still
                  says what it was

Standard pickling of an exception calls ``cls(*args)`` again, which breaks on any ``__init__`` with other parameters,
and drops cause, context and traceback. Here the object is rebuilt without its Python ``__init__``.
"""

from __future__ import annotations

import io
import pickle
import types

from anypool._core.serialise import PROTOCOL, dumps, loads

# Not from typing: see serialise.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from anypool.errors import SerializationError

__all__ = ["decode", "encode_error", "encode_value"]

_VALUE = 0x56
_ERROR = 0x45

#: A traceback deeper than this (a RecursionError's) keeps its outer and inner frames.
_FRAMES = 60


def encode_value(value: object) -> bytes:
    """Encode what the call returned. Raises ``SerializationError`` if it cannot be pickled."""
    return b"V" + dumps(value, "result")


def encode_error(error: BaseException) -> bytes:
    """Encode what the call raised. Never raises: what cannot be pickled arrives as ``SerializationError``."""
    import traceback

    try:
        summary = "".join(traceback.format_exception(error))
    except Exception:  # a __str__ or __repr__ of the user's that fails
        summary = f"{type(error).__qualname__} (its text cannot be shown)"
    try:
        data = _dump_error(error)
    except Exception as reason:
        data = _dump_error(_not_picklable(error, summary, reason))
    return b"E" + pickle.dumps((summary, data), PROTOCOL)


def decode(data: bytes | memoryview) -> tuple[Any, BaseException | None]:
    """Give ``(value, None)`` or ``(None, error)``. Never raises."""
    kind, body = data[0], memoryview(data)[1:]
    if kind == _VALUE:
        try:
            return loads(body), None
        except BaseException as reason:  # a __setstate__ may raise anything, SystemExit included
            return None, _not_loadable("the result", reason)
    summary, pickled = pickle.loads(body)
    try:
        error = loads(pickled)
    except BaseException as reason:
        failed = _not_loadable("the exception that the task raised", reason)
        failed.add_note(f"The task's own traceback:\n{summary}")
        return None, failed
    return None, error


def _not_loadable(what: str, reason: BaseException) -> SerializationError:
    from anypool.errors import SerializationError

    failed = SerializationError(
        f"{what} was pickled, but cannot be unpickled in the receiving process: {type(reason).__name__}: {reason}. "
        f"{blame(reason)}Check that its class can be imported there and that its __setstate__ and __reduce__ match.",
        path=what,
        culprit=type(reason).__name__,
    )
    failed.__cause__ = reason
    return failed


def blame(reason: BaseException) -> str:
    """Name the class whose own code raised while it was unpickled, as far as the traceback shows it."""
    trace = reason.__traceback__
    found = ""
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        name = trace.tb_frame.f_code.co_name
        if owner is not None and name.startswith("__") and not type(owner).__module__.startswith("anypool._core."):
            found = f"It was raised by {type(owner).__module__}.{type(owner).__qualname__}.{name}. "
        trace = trace.tb_next
    return found


def _not_picklable(error: BaseException, summary: str, reason: BaseException) -> SerializationError:
    from anypool.errors import SerializationError

    path = getattr(reason, "path", "") or "exception"
    culprit = getattr(reason, "culprit", "") or type(error).__qualname__
    failed = SerializationError(
        f"the task raised {type(error).__module__}.{type(error).__qualname__}, which cannot be pickled "
        f"({path}: {culprit}): {type(reason).__name__}: {reason}. Give it picklable args and attributes.",
        path=path,
        culprit=culprit,
    )
    failed.add_note(f"The task's own traceback:\n{summary}")
    return failed


def _dump_error(error: BaseException) -> bytes:
    from anypool._core.main_module import MainPickler

    class ErrorPickler(MainPickler):
        def reducer_override(self, obj: Any) -> Any:
            return _reduce_error(obj) if isinstance(obj, BaseException) else super().reducer_override(obj)

    buffer = io.BytesIO()
    try:
        ErrorPickler(buffer, PROTOCOL).dump(error)
    except Exception as reason:
        from anypool._core.culprit import explain

        raise explain(error, "exception", reason) from reason
    return buffer.getvalue()


def _reduce_error(error: BaseException) -> tuple[Any, ...]:
    cls = type(error)
    # cause, context and notes are the state, not arguments: state is pickled after the object is known, so an
    # exception that is its own context ends the recursion.
    state = {
        "cause": error.__cause__,
        "context": error.__context__,
        "suppress": error.__suppress_context__,
        "trace": _flatten(error.__traceback__),
    }
    if cls.__reduce__ is BaseException.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__:
        state["dict"] = getattr(error, "__dict__", None)
        return (_make_error, (cls, error.args), state, None, None, _fill_error)
    reduced = error.__reduce_ex__(PROTOCOL)
    if isinstance(reduced, str):
        raise pickle.PicklingError(f"{cls.__qualname__}.__reduce__ returned a name, not a tuple")
    state["dict"] = reduced[2] if len(reduced) > 2 else None
    return (reduced[0], reduced[1], state, None, None, _fill_error)


def _make_error(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    error = cls.__new__(cls, *args)
    # Built-in classes keep fields that only their own C __init__ fills (UnicodeError); a Python __init__ is skipped.
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is not None and not isinstance(init, types.FunctionType):
            init(error, *args)
            break
    error.args = args
    return error


def _fill_error(error: BaseException, state: dict[str, Any]) -> None:
    attributes = state["dict"]
    setstate = getattr(error, "__setstate__", None)
    if attributes and setstate is not None:
        setstate(attributes)
    error.__cause__ = state["cause"]
    error.__context__ = state["context"]
    error.__suppress_context__ = state["suppress"]
    if state["trace"]:
        error.__traceback__ = _unflatten(state["trace"])


_Frame = tuple[str, str, int, str]


def _flatten(trace: types.TracebackType | None) -> list[_Frame]:
    frames: list[_Frame] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__") or ""
        frames.append((code.co_filename, code.co_name, trace.tb_lineno, str(module)))
        trace = trace.tb_next
    if len(frames) > 2 * _FRAMES:
        frames[_FRAMES:-_FRAMES] = []
    return frames


def _unflatten(frames: list[_Frame]) -> types.TracebackType | None:
    from tblib import Traceback

    tree: dict[str, Any] | None = None
    for filename, name, line, module in reversed(frames):
        code = {"co_filename": filename, "co_name": name}
        frame = {"f_globals": {"__file__": filename, "__name__": module}, "f_code": code, "f_lineno": line}
        tree = {"tb_frame": frame, "tb_lineno": line, "tb_next": tree}
    built = Traceback.from_dict(tree).as_traceback() if tree else None
    return built if isinstance(built, types.TracebackType) else None

"""Value and Array: what they are made of and how they behave, which is ctypes' way to the edge."""

from __future__ import annotations

import array
import ctypes
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import anypool
from anypool import abc
from anypool.abc._shared import CharArray
from tests.unit.values_support import FAMILIES, Linked, Point, Segment, again, new_context


@pytest.fixture(params=FAMILIES)
def ctx(request: pytest.FixtureRequest) -> Iterator[abc.Context]:
    """Give a context of each family."""
    context = new_context(request.param)
    yield context
    context.close()


# What they are.


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [
        ("i", 4343, -24234),
        ("d", 3.625, -4.25),
        ("h", -232, 234),
        ("q", 2**33, 2**34),
        ("c", b"x", b"y"),
        ("u", "a", "ß"),
    ]
    + [(code, 1, 100) for code in "bBHIlLQf"],
)
def test_every_typecode(ctx: abc.Context, code: str, first: Any, second: Any) -> None:
    """P2: a value and an array of each typecode, with a lock and without, and what is written is read elsewhere."""
    for made in (ctx.Value(code, first), ctx.RawValue(code, first), ctx.Value(code, first, lock=False)):
        assert made.value == first
        other = again(made)
        other.value = second
        assert made.value == second
    for many in (ctx.Array(code, [first, second]), ctx.RawArray(code, [first, second])):
        assert list(many) == [first, second]
        other = again(many)
        other[0] = second
        assert many[0] == second and len(many) == 2


def test_begins_with_zero(ctx: abc.Context) -> None:
    """P2: what is not given is zero, also where memory was used before."""
    for _ in range(3):
        numbers = ctx.Array("i", 100)
        assert list(numbers) == [0] * 100
        numbers[:] = range(100)
        del numbers
    assert ctx.Value("i").value == 0
    assert ctx.Value("c").value == b"\0"
    assert ctx.RawArray("c", 3).raw == b"\0\0\0"


def test_sources_of_an_array(ctx: abc.Context) -> None:
    """P2: a list, a range, an array.array, bytes, a text, an iterator, nothing at all."""
    assert ctx.Array("i", range(3))[:] == [0, 1, 2]
    assert ctx.Array("i", array.array("i", [7, 8]))[:] == [7, 8]
    assert ctx.Array("i", (number * 2 for number in range(3)))[:] == [0, 2, 4]
    assert ctx.Array("c", b"bytes")[:] == b"bytes"
    assert ctx.Array("u", "text")[:] == "text"
    assert ctx.Array("i", [])[:] == ctx.Array("i", 0)[:] == []
    assert len(again(ctx.Array("i", 0))) == 0
    assert len(ctx.Array("i", True)) == 1


def test_index_and_slice(ctx: abc.Context) -> None:
    """P2: indices and slices as of a list of fixed length."""
    numbers = ctx.Array("i", range(10))
    assert numbers[3] == 3 and numbers[-1] == 9
    assert numbers[2:7] == [2, 3, 4, 5, 6] and numbers[::-3] == [9, 6, 3, 0]
    numbers[4:8] = array.array("i", [1, 2, 3, 4])
    assert numbers[:] == [0, 1, 2, 3, 1, 2, 3, 4, 8, 9]
    assert 8 in numbers and 7 not in numbers
    with pytest.raises(IndexError):
        _ = numbers[10]
    with pytest.raises(ValueError):
        numbers[:2] = [1, 2, 3]  # a ctypes array cannot grow
    with pytest.raises(TypeError):
        numbers[0] = "text"  # type: ignore[call-overload]
    assert numbers[:2] == [0, 1]


def test_a_loop_sees_what_it_writes(ctx: abc.Context) -> None:
    """P2: iteration reads one element after another, as there."""
    numbers = ctx.Array("i", [1, 2, 3])
    for index, number in enumerate(numbers):
        if index < 2:
            numbers[index + 1] += number
    assert numbers[:] == [1, 3, 6]


def test_characters(ctx: abc.Context) -> None:
    """P2: an array of characters has ``value``, which ends at a zero byte, and ``raw``."""
    text = ctx.Array("c", 8)
    assert isinstance(text, CharArray) and isinstance(text, abc.Array)
    text.value = b"hello"
    assert text.value == b"hello" and text.raw == b"hello\0\0\0"
    assert text[1] == b"e" and text[1:3] == b"el" and list(text)[:2] == [b"h", b"e"]
    text[0] = b"j"
    text[1:5] = b"umbo"
    assert text.value == b"jumbo"
    text.raw = b"12345678"
    assert text.value == b"12345678"
    with pytest.raises(ValueError):
        text.value = b"123456789"
    assert again(text).raw == b"12345678"


def test_structures(ctx: abc.Context) -> None:
    """P2: a structure's fields are attributes of the wrapper, those of its bases and of anonymous fields too."""
    point = ctx.Value(Point, 3, 2.5)
    assert (point.x, point.y) == (3, 2.5)
    point.x = 4
    assert point.get_obj().norm() == 6.5
    other = again(point)
    other.y = 1.5
    assert point.y == 1.5 and type(other) is type(point)
    segment = ctx.Value(Segment, 1, 2, (3, 4))
    assert (segment.x, segment.end.y) == (1, 4)
    segment.end.x = 5
    segment.z = 6
    assert again(segment).get_obj().end.x == 5 and again(segment).z == 6
    assert isinstance(segment, abc.Value) and not hasattr(segment, "value")


def test_arrays_of_structures(ctx: abc.Context) -> None:
    """P2: elements are made of tuples; each is a view of the memory."""
    points = ctx.Array(Point, [(1, 2.0), (3, 4.0)])
    assert [point.x for point in points] == [1, 3]
    points[1].x = 9
    assert again(points)[1].x == 9
    assert isinstance(points[0], Point)


def test_types_in_types(ctx: abc.Context) -> None:
    """P2: a ctypes type is as good as a typecode: arrays of arrays, named arrays, other byte orders, a bool."""

    class Row(ctypes.c_int * 2):  # type: ignore[misc]  # a type made by an operator
        """An array type of its own."""

    table = ctx.RawArray(ctypes.c_int * 3, 2)
    again(table)[1][2] = 7
    assert table[1][2] == 7
    single = ctx.Value(ctypes.c_int * 3, 1, 2, 3)
    assert isinstance(single, abc.Array) and single[:] == again(single)[:] == [1, 2, 3]
    row = ctx.RawValue(Row, 1, 2)
    assert isinstance(again(row), Row)
    big = ctx.RawArray(ctypes.c_int.__ctype_be__, [1])
    assert bytes(again(big)) == bytes(big) == b"\0\0\0\1"
    with pytest.raises(TypeError, match="another byte order"):
        ctx.RawValue(ctypes.c_int.__ctype_be__, 1)
    assert ctx.Value(ctypes.c_bool, True).value is True
    assert again(ctx.Value(ctypes.c_longdouble, 0.5)).value == 0.5


def test_raw_ones_are_ctypes(ctx: abc.Context) -> None:
    """P2: without a lock it is an object of the ctypes type, as C functions and buffers take it."""
    raw = ctx.RawValue("i", 5)
    assert isinstance(raw, ctypes.c_int) and not hasattr(raw, "get_lock") and not hasattr(raw, "get_obj")
    assert repr(raw) == "c_int(5)"
    assert "wrapper for c_int(5)" in repr(ctx.Value("i", 5))
    many = ctx.RawArray("d", [1, 2, 3])
    assert isinstance(many, ctypes.Array) and many._length_ == 3 and ctypes.sizeof(many) == 24
    with memoryview(many) as seen:
        assert seen.nbytes == 24
    assert ctypes.cast(many, ctypes.POINTER(ctypes.c_double))[2] == 3
    ctypes.memset(ctypes.byref(raw), 1, 1)
    assert raw.value == 1


def test_numpy_shares_the_memory(ctx: abc.Context) -> None:
    """P2: numpy sees the same memory, and keeps it."""
    numpy = pytest.importorskip("numpy")
    shared = ctx.Array("d", 4)
    seen = numpy.frombuffer(shared.get_obj())
    seen += 1.5
    assert shared[:] == [1.5] * 4
    other = numpy.ctypeslib.as_array(again(shared).get_obj())
    other[0] = 3
    assert shared[0] == seen[0] == 3
    del shared
    gc.collect()
    seen[1] = 7
    assert other[1] == 7


def test_initial_values_overflow_as_in_c(ctx: abc.Context) -> None:
    """P2: ctypes does no overflow checking."""
    assert ctx.Value("b", 257).value == 1
    assert ctx.Array("B", [-1])[0] == 255


# Bad input.


@pytest.mark.parametrize("what", ["z", "int", "", 5, int, None, object(), ["i"]])
def test_wrong_typecode(ctx: abc.Context, what: Any) -> None:
    """Issue 3: a typecode that is none raises at the call, names it and lists the right ones."""
    for make in (ctx.Value, ctx.RawValue):
        with pytest.raises(
            TypeError, match=r"(?s)is neither a typecode nor a ctypes type.*b B c d f h H i I"
        ) as caught:
            make(what)
        assert repr(what) in str(caught.value)
    with pytest.raises(TypeError, match="is neither a typecode nor a ctypes type"):
        ctx.Array(what, 3)


def test_other_wrong_arguments(ctx: abc.Context) -> None:
    """P2: they raise at the call, as ctypes does where it is the one that knows."""
    with pytest.raises(ValueError, match="must be >= 0"):
        ctx.Array("i", -1)
    for nonsense in (2.5, None, object()):
        with pytest.raises(TypeError, match="number of its elements or their values"):
            ctx.Array("i", nonsense)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        ctx.Value("i", "text")
    with pytest.raises(TypeError):
        ctx.Value("i", 1, 2)
    with pytest.raises(TypeError):
        ctx.Array("i", ["text"])
    with pytest.raises((OverflowError, MemoryError, OSError)):
        ctx.Array("q", 2**60)
    with pytest.raises(TypeError):
        ctx.Value(ctypes.Structure)


ADDRESSES = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p, ctypes.py_object, ctypes.POINTER(ctypes.c_int)]


@pytest.mark.parametrize("type_", [*ADDRESSES, ctypes.CFUNCTYPE(None), Linked])
def test_addresses_are_refused(ctx: abc.Context, type_: Any) -> None:
    """P2: an address means nothing elsewhere, and reading through it could end the process."""
    with pytest.raises(TypeError, match=rf"{type_.__name__} cannot be shared, because .* holds an address"):
        ctx.Value(type_)
    with pytest.raises(TypeError, match="'next'" if type_ is Linked else "it holds"):
        ctx.Array(type_, 2)


def test_wrong_lock(ctx: abc.Context) -> None:
    """P2: what is no lock, or another backend's, is refused: a TypeError, and multiprocessing's AttributeError too."""
    other = anypool.get_context("process" if ctx.backend != "process" else "thread")
    for wrong in ("notalock", 1, threading.Lock(), other.Lock()):
        for error in (TypeError, AttributeError):
            with pytest.raises(error, match="lock="):
                ctx.Value("i", 5, lock=wrong)  # type: ignore[arg-type]
            with pytest.raises(error, match="lock="):
                ctx.Array("i", 5, lock=wrong)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="has no method 'acquire'"):
        ctx.Value("i", 5, lock="navalue")  # type: ignore[call-overload]

"""The frames on the channel between the pool and one worker. Both ends are one program, so there are no versions.

::

    frame         := length of the body (8 bytes), kind (1 byte), body

    to the worker    RUN      number of the first call, its task id, attempt, sizes, then: name, function, calls
                     the end of the stream: leave
    to the pool      BOOTED   nothing: the interpreter is up, the initializer begins
                     READY    nothing: the worker can take calls
                     REFUSED  the outcome of the initializer, which raised
                     OUTCOME  number of the call (8 bytes), its outcome as ``_core.outcome`` encodes it
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False  # typing and collections.abc are boot time of each worker
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BOOTED", "HEADER", "NUMBER", "OUTCOME", "READY", "REFUSED", "RUN", "decode_run", "encode_run"]

HEADER = struct.Struct("=QB")
NUMBER = struct.Struct("=Q")

RUN = 1
BOOTED = 2
READY = 3
REFUSED = 4
OUTCOME = 5

# number of the first call, task id of the first call, length of the function (or _NO_FUNCTION), number of calls,
# attempt, length of the name
_RUN = struct.Struct("=QQQIII")
_NO_FUNCTION = 2**64 - 1


def encode_run(
    number: int, first_id: int, name: str, attempt: int, function: bytes | None, calls: Sequence[bytes]
) -> list[bytes]:
    """Give the pieces of a RUN frame; the large ones are not copied."""
    title = name.encode("utf-8", "surrogatepass")
    sizes = struct.pack(f"={len(calls)}Q", *map(len, calls))
    length = _NO_FUNCTION if function is None else len(function)
    start = _RUN.pack(number, first_id, length, len(calls), attempt, len(title))
    pieces = [start, sizes, title, *calls] if function is None else [start, sizes, title, function, *calls]
    return [HEADER.pack(sum(map(len, pieces)), RUN), *pieces]


def decode_run(body: memoryview) -> tuple[int, int, str, int, memoryview | None, list[memoryview]]:
    """Give number, task id, name, attempt, function and calls of a RUN frame's body."""
    number, first_id, length, count, attempt, title = _RUN.unpack_from(body)
    position = _RUN.size
    sizes = struct.unpack_from(f"={count}Q", body, position)
    position += 8 * count
    name = str(body[position : position + title], "utf-8", "surrogatepass")
    position += title
    function = None
    if length != _NO_FUNCTION:
        function = body[position : position + length]
        position += length
    calls = []
    for size in sizes:
        calls.append(body[position : position + size])
        position += size
    return number, first_id, name, attempt, function, calls

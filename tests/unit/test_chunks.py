"""The arithmetic of chunk sizes (E10)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anypool._core.chunks import Chunking


def test_the_first_chunk_is_one_item() -> None:
    """Nothing is known of the times yet, and the first result should come soon."""
    assert Chunking(2, 1000, None).size() == 1


def test_a_fixed_size_is_kept() -> None:
    """A user's chunksize is law."""
    chunks = Chunking(2, 10, 7)
    chunks.measured(1, 1.0)
    assert chunks.size() == 7


def test_short_tasks_get_long_chunks_step_by_step() -> None:
    """A chunk grows at most fourfold, for the first measurement includes the workers' start."""
    chunks = Chunking(2, None, None)
    sizes = []
    for _ in range(6):
        chunks.measured(1, 1e-6)
        sizes.append(chunks.size())
        chunks.taken(sizes[-1])
    assert sizes == [4, 16, 64, 256, 1024, 4096]


def test_long_tasks_stay_single() -> None:
    """A chunk of tasks of a second each would only make stragglers."""
    chunks = Chunking(2, 1000, None)
    chunks.measured(1, 1.0)
    assert chunks.size() == 1


def test_times_that_grow_shrink_the_chunks() -> None:
    """The newest measurement counts half."""
    chunks = Chunking(1, None, None)
    for _ in range(10):
        chunks.measured(100, 100 * 1e-5)
        chunks.taken(chunks.size())
    before = chunks.size()
    chunks.measured(10, 10 * 1e-3)
    assert chunks.size() < before / 10


@given(st.integers(1, 64), st.integers(0, 10_000), st.lists(st.floats(1e-7, 1.0), max_size=50))
def test_a_known_length_is_shared_out_to_the_last_item(workers: int, length: int, times: list[float]) -> None:
    """Whatever the times, every size is positive, none exceeds its share, and all items are sent."""
    chunks = Chunking(workers, length, None)
    left = length
    for seconds in [*times, *([1e-6] * length)]:
        if not left:
            break
        size = chunks.size()
        assert 1 <= size <= max(1, left // (3 * workers))
        left -= size
        chunks.taken(size)
        chunks.measured(size, seconds)
    assert left == 0

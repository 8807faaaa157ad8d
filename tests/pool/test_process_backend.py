"""The settings of the process backend."""

from __future__ import annotations

import pytest

from anypool._backends.process import ProcessBackend


def test_unknown_start_method() -> None:
    """A start method that does not exist is refused when the settings are made, and those that do are named."""
    with pytest.raises(ValueError, match="cannot find start method 'fork'; known are: 'spawn'"):
        ProcessBackend(start_method="fork")


def test_settings_are_values() -> None:
    """Settings compare and hash by value, and cannot be changed."""
    assert ProcessBackend() == ProcessBackend(start_method="spawn")
    assert len({ProcessBackend(), ProcessBackend()}) == 1
    with pytest.raises(AttributeError):
        ProcessBackend().start_method = "other"  # type: ignore[misc]  # that is the point

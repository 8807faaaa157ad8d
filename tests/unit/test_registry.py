"""Backends by name: ``_core.registry``."""

from __future__ import annotations

import pytest

import anypool
from anypool import Executor, SerialBackend
from anypool._core import registry
from anypool.errors import BackendUnavailable, UnknownBackend


def test_the_four_local_backends_are_known_and_here() -> None:
    """Known and available are two calls."""
    assert {"loky", "process", "serial", "thread"} <= set(anypool.known_backends())
    assert {"loky", "process", "serial", "thread"} <= set(anypool.available_backends())


def test_an_unknown_name_lists_the_known() -> None:
    """The error teaches."""
    with pytest.raises(UnknownBackend, match=r"no backend 'porcess'.*process"):
        Executor("porcess")


def test_dummy_is_thread() -> None:
    """As multiprocessing calls it."""
    with Executor("dummy") as ex:
        assert ex.backend == "thread"


def test_a_number_in_the_wrong_place_gets_a_hint() -> None:
    """ThreadPoolExecutor's first parameter is max_workers; ours is the backend."""
    with pytest.raises(TypeError, match=r"did you mean Executor\(max_workers=4\)"):
        Executor(4)  # type: ignore[arg-type]


def test_the_environment_names_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """``None`` means ANYPOOL_BACKEND, else process."""
    monkeypatch.setenv("ANYPOOL_BACKEND", "serial")
    with Executor() as ex:
        assert ex.backend == "serial"
    monkeypatch.delenv("ANYPOOL_BACKEND")
    assert registry.default_backend() == "process"


def test_a_backend_object_is_taken_as_it_is() -> None:
    """A typed object for what only one engine has."""
    backend = SerialBackend()
    assert registry.resolve(backend) is backend


def test_a_missing_engine_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing falls back in silence."""
    monkeypatch.setattr(SerialBackend, "missing", classmethod(lambda cls: 'pip install "anypool[x]"'))
    with pytest.raises(BackendUnavailable, match=r'install it with: pip install "anypool\[x\]"'):
        Executor("serial")
    assert "serial" not in anypool.available_backends()


def test_every_public_name_is_there_and_types_agree() -> None:
    """The lazy table and ``__all__`` say the same."""
    assert set(anypool._WHERE) == set(anypool.__all__)
    for name in anypool.__all__:
        assert getattr(anypool, name) is not None
    assert set(anypool.__all__) <= set(dir(anypool))
    with pytest.raises(AttributeError, match="no attribute 'Exekutor'"):
        anypool.Exekutor  # noqa: B018

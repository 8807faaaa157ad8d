"""Backends by name: ``_core.registry``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import anypool
from anypool import Executor, SerialBackend
from anypool._core import registry
from anypool.errors import BackendUnavailable, UnknownBackend


@pytest.fixture
def no_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end with the default of an environment that says nothing."""
    monkeypatch.delenv("ANYPOOL_BACKEND", raising=False)
    yield
    anypool.set_backend(None)


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


def test_a_wrong_name_in_the_environment_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user may not know that somebody set the variable."""
    monkeypatch.setenv("ANYPOOL_BACKEND", "porcess")
    with pytest.raises(UnknownBackend, match=r"no backend 'porcess'.*ANYPOOL_BACKEND"):
        Executor()
    with pytest.raises(UnknownBackend, match=r"no backend 'thraed'") as caught:
        Executor("thraed")
    assert "ANYPOOL_BACKEND" not in str(caught.value)


def test_set_backend_goes_before_the_environment(no_default: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """X3: the module's names and ``Executor()`` follow; what it returns restores what was."""
    monkeypatch.setenv("ANYPOOL_BACKEND", "serial")
    assert anypool.default_backend() == "serial"
    assert anypool.set_backend("dummy") is None
    assert anypool.default_backend() == "thread"
    assert anypool.get_context() is anypool.get_context("thread")
    with Executor() as ex:
        assert ex.backend == "thread"
    before = anypool.set_backend("process")
    assert before == "dummy"
    anypool.set_backend(before)
    assert anypool.default_backend() == "thread"
    assert anypool.set_backend(None) == "dummy"
    assert anypool.default_backend() == os.environ["ANYPOOL_BACKEND"] == "serial"


def test_set_backend_tells_the_children(no_default: None) -> None:
    """X3: workers and processes that start from now on have the same default; the environment is put back."""
    with Executor("process", 1) as ex:
        assert ex.submit(anypool.default_backend).result() == "process"
    anypool.set_backend("loky")
    with Executor("process", 1) as ex:
        assert ex.submit(anypool.default_backend).result() == "loky"
    with Executor("loky", 1) as ex:
        assert ex.submit(anypool.default_backend).result() == "loky"
    anypool.set_backend(None)
    assert "ANYPOOL_BACKEND" not in os.environ


def test_set_backend_takes_an_object(no_default: None) -> None:
    """X3: settings that only one engine has become the default too; a child is told what it can find by name."""
    backend = SerialBackend()
    anypool.set_backend(backend)
    assert anypool.default_backend() == os.environ["ANYPOOL_BACKEND"] == "serial"
    assert registry.resolve(None) is backend
    assert anypool.get_context().backend == "serial"

    class Private(SerialBackend):
        name = "private"

    anypool.set_backend(Private())
    assert anypool.default_backend() == "private"
    assert "ANYPOOL_BACKEND" not in os.environ


def test_set_backend_checks_at_once(no_default: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong default is refused where it is set, and changes nothing."""
    anypool.set_backend("thread")
    with pytest.raises(UnknownBackend, match="no backend 'porcess'"):
        anypool.set_backend("porcess")
    with pytest.raises(TypeError, match="must be a name or a backend object, not int"):
        anypool.set_backend(4)  # type: ignore[arg-type]
    monkeypatch.setattr(SerialBackend, "missing", classmethod(lambda cls: "pip install x"))
    with pytest.raises(BackendUnavailable, match="pip install x"):
        anypool.set_backend("serial")
    assert anypool.default_backend() == "thread"


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
    assert set(anypool._WHERE) == {*anypool.__all__, "TimeoutError"}
    for name in anypool.__all__:
        assert getattr(anypool, name) is not None
    assert set(anypool.__all__) <= set(dir(anypool))
    with pytest.raises(AttributeError, match="no attribute 'Exekutor'"):
        anypool.Exekutor  # noqa: B018

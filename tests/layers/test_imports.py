"""Imports go one way, ``testing`` uses public names only, and importing anypool imports next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import anypool

ROOT = Path(anypool.__file__).parent

#: What each part of the package may import of the others (DESIGN.md, section 2). A backend stands for its file.
ALLOWED = {
    "errors": set(),
    "abc": {"errors"},
    "_core": {"abc", "errors"},
    "_launch": {"abc", "errors", "_core"},
    "_pool": {"abc", "errors", "_core", "_launch"},
    "_sync": {"abc", "errors", "_core", "_launch"},
    "_backends": {"abc", "errors", "_core", "_sync", "_launch"},
    "_backends.process": {"abc", "errors", "_core", "_sync", "_launch", "_pool"},
    "testing": {"anypool", "abc", "errors"},
    "_demo": {"anypool", "abc", "errors", "_core"},
    "_cli": {"anypool", "abc", "errors", "_core", "_demo"},
    "__main__": {"_cli"},
}


def modules() -> Iterator[tuple[str, Path]]:
    """Give every module's name below the package, and its path."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        if parts:  # not the package's own __init__
            yield ".".join(parts), path


def part_of(module: str) -> str:
    """Give the part of the package to which a module belongs."""
    if module == "_backends.process":
        return module
    return module.split(".")[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give the modules below anypool that a file imports, at whatever depth; ``anypool`` is the package itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            # ``from anypool import abc`` names a part, ``from anypool import Executor`` a public name.
            names = [f"anypool.{alias.name}" for alias in node.names] if module == "anypool" else [module]
        else:
            continue
        for name in names:
            if name == "anypool" or name.startswith("anypool."):
                yield node.lineno, name.removeprefix("anypool").lstrip(".")


def test_imports_go_one_way() -> None:
    """DESIGN 2: every import follows the arrows, those inside functions and for type checkers included."""
    wrong = []
    parts = {part_of(module) for module, _ in modules()}
    for module, path in modules():
        part = part_of(module)
        assert part in ALLOWED, f"{path}: a new part; say in ALLOWED what it may import"
        for line, imported in imports(path):
            target = part_of(imported) if part_of(imported) in parts else "anypool"
            if target not in {part, *ALLOWED[part]}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {target} ({imported or 'anypool'})")
    assert not wrong, "\n".join(wrong)


def test_a_backend_does_not_know_another() -> None:
    """DESIGN 2: a backend imports no other backend; its helpers share its name or are shared by all."""
    backends = {path.stem for path in (ROOT / "_backends").glob("[a-z]*.py")}
    wrong = []
    for module, path in modules():
        if module.startswith("_backends."):
            own = module.split(".")[1]
            for line, imported in imports(path):
                other = imported.removeprefix("_backends.")
                if imported.startswith("_backends.") and other in backends and other != own:
                    wrong.append(f"{path.name}:{line} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_testing_uses_public_names_only() -> None:
    """DESIGN 2: what third parties subclass uses nothing that they could not use themselves."""
    wrong = []
    for module, path in modules():
        if part_of(module) == "testing":
            for line, imported in imports(path):
                names = imported.split(".")
                if names[0] != "testing" and any(name.startswith("_") for name in names):
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_public_modules_do_not_hide() -> None:
    """DESIGN 4.1: implementation modules start with an underscore, in public packages and outside them."""
    public = {module for module, _ in modules() if not any(name.startswith("_") for name in module.split("."))}
    assert public == {"abc", "errors", "testing", "testing.plugin"}


def test_all_names_exist() -> None:
    """DESIGN 4.1: every name in ``__all__`` is there, and is sorted."""
    for name in anypool.__all__:
        assert getattr(anypool, name) is not None
    assert sorted(anypool.__all__) == list(anypool.__all__)
    assert set(anypool.__all__) <= set(dir(anypool))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = anypool.no_such_name


def test_type_checkers_see_the_same_names() -> None:
    """DESIGN 4.1: the lazy table and the imports for type checkers name the same things."""
    tree = ast.parse((ROOT / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    homes = {}
    for node in ast.walk(block):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("anypool"):
            homes.update({alias.name: node.module for alias in node.names})
    assert homes == anypool._WHERE
    # A star import must not take the builtin away.
    assert set(homes) == {*anypool.__all__, "TimeoutError"}


def loaded(code: str) -> set[str]:
    """Give the modules that a fresh interpreter has loaded after ``code``, without those that it starts with."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_anypool_imports_next_to_nothing() -> None:
    """Issue 2: ``import anypool`` loads nothing but itself and ``typing``'s small change: no engine, no executor."""
    names = loaded("import anypool")
    assert {name for name in names if name.startswith("anypool")} == {"anypool"}
    heavy = {"concurrent.futures", "multiprocessing", "loky", "cloudpickle", "tblib", "asyncio", "logging", "inspect"}
    assert not names & heavy
    assert len(names) < 30, sorted(names)


def test_one_name_imports_only_what_it_needs() -> None:
    """Issue 2: asking for the executor loads the facade, and no backend before one is used."""
    names = loaded("from anypool import Executor")
    assert not {name for name in names if name.startswith(("anypool._backends", "anypool._pool", "anypool._sync"))}
    assert not names & {"loky", "cloudpickle", "tblib", "dask", "distributed", "ray"}


@pytest.mark.parametrize("name", ["serial", "thread", "process"])
def test_a_backend_imports_no_other_engine(name: str) -> None:
    """Issue 2: using one backend loads no other one's engine."""
    names = loaded(f"import anypool\nwith anypool.Executor({name!r}, 1) as ex: assert ex.submit(abs, -1).result() == 1")
    assert not names & {"loky", "distributed", "ray"}
    others = {"serial", "thread", "process", "loky"} - {name}
    assert not names & {f"anypool._backends.{other}" for other in others}


#: What a worker must not have loaded when it runs its first task: each costs milliseconds, for every worker.
HEAVY_IN_A_WORKER = {
    "argparse",
    "asyncio",
    "cloudpickle",
    "concurrent.futures",
    "dataclasses",
    "email",
    "inspect",
    "logging",
    "loky",
    "multiprocessing.managers",
    "multiprocessing.pool",
    "numpy",
    "pathlib",
    "pytest",
    "random",
    "shutil",
    "subprocess",
    "tblib",
    "tempfile",
    "traceback",
    "unittest",
}


def worker_modules(name: str) -> set[str]:
    """Give what a worker of a backend has loaded when it runs its first task."""
    script = (
        f"import anypool, builtins\n"
        f"with anypool.Executor({name!r}, 1) as ex:\n"
        "    print(*ex.submit(eval, \"sorted(__import__('sys').modules)\").result())"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.split())


def test_a_worker_of_process_imports_little() -> None:
    """DESIGN 2: a worker loads the standard library and as little of it as it can, and of anypool what it runs."""
    names = worker_modules("process")
    assert not names & HEAVY_IN_A_WORKER
    ours = {name for name in names if name.startswith("anypool.")}
    assert not {name for name in ours if name.startswith(("anypool._backends", "anypool.testing", "anypool.abc"))}
    assert "anypool._core.executor" not in ours


def test_a_worker_of_loky_does_not_import_the_facade() -> None:
    """DESIGN 2: a worker of loky loads loky's things, and of anypool only what it runs."""
    names = worker_modules("loky")
    assert "anypool._core.executor" not in names
    assert not {name for name in names if name.startswith(("anypool.testing", "anypool._pool"))}

"""The project's own source, read as syntax trees: for tests of who may import and call what."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.program import ROOT

PACKAGE = ROOT / "marketing_cli"
MIGRATIONS = ROOT / "alembic"


def modules(*parts: str) -> list[Path]:
    """Every module of the package, or of one part of it: `modules("cli")`, `modules("settings.py")`."""
    paths = [PACKAGE.joinpath(*parts)] if parts else [PACKAGE]
    return sorted(file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]))


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(module: ast.Module) -> set[str]:
    """What a module imports, at its top or inside functions: `from a.b import c` gives both `a.b` and `a.b.c`."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module or ''}.{alias.name}" for alias in node.names)}
    return names


def forbidden_imports(module: ast.Module, *forbidden: str) -> set[str]:
    """The imports that are one of the forbidden modules, or lie within one."""
    return {name for name in imports(module) for root in forbidden if name == root or name.startswith(f"{root}.")}


def calls(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the last part of the called name: `session.commit()` is `commit`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def names(module: ast.Module) -> set[str]:
    """Every name and attribute that a module's code mentions."""
    return {node.id for node in ast.walk(module) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)
    }


def closure(path: Path) -> set[Path]:
    """A module of the package and every module of it that it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += [file for name in imports(tree(current)) if (file := _file_of(name))]
    return seen


def _file_of(name: str) -> Path | None:
    """The file of one of our modules; None for others' and for what is not a module."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = ROOT.joinpath(*parts)
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((file for file in candidates if file.is_file()), None)

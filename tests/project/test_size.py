"""Modules and functions stay small enough to be read at one go."""

import ast
from collections.abc import Iterator

from support.program import ROOT
from support.source import modules, tree

MODULE_LINES = 400
FUNCTION_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: ast.Module) -> Iterator[Function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: Function) -> int:
    """A function's lines, its signature included, without decorators and docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def test_no_module_is_too_long() -> None:
    """A module that has grown beyond this is two modules."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    """A function that has grown beyond this does more than one thing."""
    lengths = {
        f"{path.name}:{function.name}": length(function) for path in modules() for function in functions(tree(path))
    }
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_a_functions_length_leaves_out_its_docstring_and_decorators() -> None:
    """Explaining more is never punished."""
    (function,) = functions(ast.parse('@cached\ndef f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n'))
    assert length(function) == 3

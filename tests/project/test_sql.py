"""SQL is written out, and values travel as parameters. The check is also shown what it must not let pass."""

import ast
from collections.abc import Iterator

import pytest

from support.program import ROOT
from support.source import MIGRATIONS, calls, modules, names, tree

TAKING_SQL = {"text", "DDL", "literal_column", "exec_driver_sql", "execute", "executemany", "executescript", "scalar"}
"""What SQL text is handed to; `execute` and `scalar` also take statements that SQLAlchemy builds, which is fine."""

JOINING = {"format", "format_map", "replace", "substitute", "safe_substitute", "translate"}

ALLOWED = {
    ("marketing_cli/database/engine.py", "f'BEGIN {kind}'"): "a transaction's kind, one of two words of the code",
    ("marketing_cli/database/engine.py", "f'PRAGMA journal_mode = {mode}'"): "one of two words of the code; SQLite"
    " takes no parameters here",
}
"""Where SQL text is put together all the same -> why no value of anybody's can get into it."""


def built_sql(module: ast.Module) -> Iterator[str]:
    """The SQL texts that are put together from pieces: on the spot, or under a name first."""
    assigned = dict(_assignments(module))
    for name, call in calls(module):
        statements = call.args[:1] + [word.value for word in call.keywords if word.arg in {"text", "statement", "sql"}]
        for statement in statements if name in TAKING_SQL else []:
            texts = assigned.get(statement.id, []) if isinstance(statement, ast.Name) else [statement]
            yield from (ast.unparse(text) for text in texts if _is_built(text))


def _assignments(module: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """Each name with everything that is ever assigned to it."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(module):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.expr):
                found.setdefault(target.id, []).append(_as_statement(node, value))
    return iter(found.items())


def _as_statement(node: ast.AST, value: ast.expr) -> ast.expr:
    """What is assigned; adding to a name is putting pieces together."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return ast.BinOp(ast.Name(node.target.id), node.op, value)
    return value


def _is_built(text: ast.expr) -> bool:
    if isinstance(text, ast.JoinedStr | ast.BinOp):
        return True
    if isinstance(text, ast.IfExp):
        return _is_built(text.body) or _is_built(text.orelse)
    if isinstance(text, ast.NamedExpr | ast.Await):
        return _is_built(text.value)
    return isinstance(text, ast.Call) and _joins(text.func)


def _joins(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute) and called.attr == "join":
        return isinstance(called.value, ast.Constant | ast.JoinedStr)  # and not a query that joins a table
    return getattr(called, "attr", "") in JOINING or getattr(called, "id", "") == "str"


def test_sql_text_is_never_put_together_from_pieces() -> None:
    """Anywhere in the program and its migrations; what is allowed is written down, and is still there."""
    paths = [*modules(), *MIGRATIONS.rglob("*.py")]
    found = {(str(path.relative_to(ROOT)), text) for path in paths for text in built_sql(tree(path))}
    assert found == set(ALLOWED)


def test_no_rows_are_locked_and_none_counted_by_the_driver() -> None:
    """Where tables are spread by user, rows of several cannot be locked, and the count is wrong after ON CONFLICT."""
    used = {(path.name, name) for path in modules() for name in names(tree(path)) & {"with_for_update", "rowcount"}}
    assert used == set()


@pytest.mark.parametrize(
    ("code", "built"),
    [
        ('text(f"SELECT {x}")', True),
        ('sa.text("SELECT %s" % x)', True),
        ('text("SELECT " + x)', True),
        ('text("SELECT {}".format(x))', True),
        ('text(" ".join(words))', True),
        ('text("SELECT x".replace("x", y))', True),
        ('text(text=f"SELECT {x}")', True),
        ('session.execute(f"DELETE FROM {x}")', True),
        ('connection.exec_driver_sql("PRAGMA x = " + x)', True),
        ('raw.executescript("A;" + x)', True),
        ('op.execute(sqltext if x else f"DROP TABLE {x}")', True),
        ('op.execute(statement="A" % x)', True),
        ('sql = f"SELECT {x}"\nraw.execute(sql)', True),
        ('sql = "SELECT 1"\nsql += x\nraw.execute(sql)', True),
        ('sql: str = "A" + x\nraw.execute(sql)', True),
        ("raw.execute(str(statement))", True),
        ('raw.execute(q := f"SELECT {x}")', True),
        ('text("SELECT " "1")', False),
        ('text("SELECT :x")', False),
        ('raw.execute("SELECT ?", (a + b,))', False),
        ('session.execute(select(x).where(x == "a" + b))', False),
        ("session.execute(select(x).join(y, y.id == x.id))", False),
        ("query = select(x).limit(a + b)\nsession.execute(query)", False),
        ('sql = "SELECT 1"\nraw.execute(sql)', False),
        ('print(f"SELECT {x}")', False),
    ],
)
def test_sql_put_together_from_pieces_is_found(code: str, built: bool) -> None:
    """However the pieces are joined; text that is merely split over lines is one piece."""
    assert bool(list(built_sql(ast.parse(code)))) is built

"""Who may import and call what. Each check is also shown a piece of code that it must not let pass."""

import ast
from pathlib import Path

import pytest

from support.program import ROOT
from support.source import MIGRATIONS, calls, closure, forbidden_imports, imports, modules, names, tree

OURS = "marketing_cli"
CLOCKS_AND_CHANCE = ("time", "os", "random", "secrets", "uuid", "socket", "subprocess", "pathlib", "dotenv")
NOW = {"now", "utcnow", "today", "fromtimestamp"}


def ours(*parts: str) -> tuple[str, ...]:
    """The full names of parts of the package."""
    return tuple(f"{OURS}.{part}" for part in parts)


FORBIDDEN = {
    "domain": ("sqlalchemy", "pydantic", "typer", *ours("services", "repositories", "models", "database", "schemas")),
    "errors.py": ("sqlalchemy", OURS),
    "settings.py": ("pydantic_settings", *ours("services", "repositories", "models", "database", "cli", "rendering")),
    "schemas": ("sqlalchemy", "typer", *ours("services", "repositories", "models", "database", "cli", "rendering")),
    "sources": ("sqlalchemy", "typer", *ours("services", "repositories", "models", "database", "cli", "rendering")),
    "models": ("typer", *ours("services", "repositories", "schemas", "sources", "cli", "rendering", "settings")),
    "database": ("typer", *ours("services", "repositories", "schemas", "sources", "cli", "rendering", "settings")),
    "repositories": ("typer", *ours("services", "sources", "cli", "rendering", "settings")),
    "services": ("typer", *ours("cli", "rendering", "settings")),
    "rendering": ("sqlalchemy", "typer", *ours("repositories", "models", "database", "sources", "cli", "settings")),
    "cli": ("sqlalchemy", "alembic", *ours("repositories", "models", "database", "sources")),
}
CLI_KNOWS = ours("cli", "services", "schemas", "rendering", "errors", "settings", "domain", "__version__")


def offenders(layer: str, *forbidden: str) -> dict[str, set[str]]:
    """The modules of a layer that import what they must not, with what they import."""
    found = {str(path.relative_to(ROOT)): forbidden_imports(tree(path), *forbidden) for path in modules(layer)}
    return {path: wrong for path, wrong in found.items() if wrong}


@pytest.mark.parametrize(("layer", "forbidden"), FORBIDDEN.items())
def test_a_layer_imports_only_what_lies_below_it(layer: str, forbidden: tuple[str, ...]) -> None:
    """CLI, then services, then repositories, then models; what anybody may use depends on none of them."""
    assert modules(layer)
    assert offenders(layer, *forbidden) == {}


def test_every_part_of_the_package_has_a_rule() -> None:
    """A new part of the package must say what it may import."""
    package = ROOT / OURS
    parts = {path.name for path in package.iterdir() if path.suffix == ".py" or list(path.glob("*.py"))}
    assert parts - {"__init__.py", "__main__.py", "rules"} == set(FORBIDDEN)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sqlalchemy.orm", {"sqlalchemy.orm"}),
        ("def f():\n    from sqlalchemy import text", {"sqlalchemy", "sqlalchemy.text"}),
        ("from marketing_cli import models", {"marketing_cli.models"}),
        (
            "from marketing_cli.models.event import Event",
            {"marketing_cli.models.event", "marketing_cli.models.event.Event"},
        ),
        ("import sqlalchemy_utils, marketing_cli.modelling", set()),
    ],
)
def test_a_forbidden_import_is_found_wherever_it_stands(code: str, expected: set[str]) -> None:
    """At the top or inside a function, of the module itself or of something within it; not of a longer name."""
    assert forbidden_imports(ast.parse(code), "sqlalchemy", "marketing_cli.models") == expected


def test_commands_know_services_schemas_and_rendering_only() -> None:
    """A command parses, calls a service and renders; it sees no part of the package beyond these."""
    known = {OURS, *CLI_KNOWS}
    found = {name for path in modules("cli") for name in imports(tree(path)) if name.split(".")[0] == OURS}
    assert {name for name in found if ".".join(name.split(".")[:2]) not in known} == set()


def test_only_rendering_imports_rich() -> None:
    """How things look is decided in one place."""
    found = {path.relative_to(ROOT).parts[1] for path in modules() if forbidden_imports(tree(path), "rich")}
    assert found == {"rendering"}


def test_repositories_never_commit() -> None:
    """The service owns the transaction."""
    banned = {"commit", "rollback", "begin"}
    found = {(path.name, name) for path in modules("repositories") for name, _ in calls(tree(path)) if name in banned}
    assert found == set()


@pytest.mark.parametrize("module", ["rule_evaluation.py", "suppression.py"])
def test_deciding_is_pure(module: str) -> None:
    """Rules and caps see no clock, no database, no settings and no files, nor does anything they import."""
    (path,) = modules("services", module)
    forbidden = (*CLOCKS_AND_CHANCE, "sqlalchemy", *ours("settings", "database", "models", "repositories", "sources"))
    reached = closure(path)
    assert len(reached) > 1
    impure = {file.name: forbidden_imports(tree(file), *forbidden) | (NOW & names(tree(file))) for file in reached}
    assert {file: wrong for file, wrong in impure.items() if wrong} == {}


def reads_environment(module: ast.Module) -> set[str]:
    """The ways in which a module reads the environment or `.env`."""
    attributes = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    options = {keyword.arg for _, call in calls(module) for keyword in call.keywords if keyword.arg}
    return (
        attributes & {"environ", "environb", "getenv", "getenvb"}
        | options & {"envvar", "auto_envvar_prefix"}
        | forbidden_imports(module, "dotenv", "os.environ", "os.environb", "os.getenv", "os.getenvb")
    )


def test_only_settings_read_the_environment() -> None:
    """Settings come from one place, those of the migrations too."""
    paths = [*modules(), *MIGRATIONS.rglob("*.py")]
    assert {path.name for path in paths if reads_environment(tree(path))} == {"settings.py"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos.environ['A']", {"environ"}),
        ("from os import getenv", {"os.getenv"}),
        ("import dotenv", {"dotenv"}),
        ("typer.Option(envvar='A')", {"envvar"}),
        ("import os\nos.path.join('environ')", set()),
        ("def f(environ): return environ['A']", set()),
    ],
)
def test_reading_the_environment_is_found(code: str, expected: set[str]) -> None:
    """Through os, dotenv, or an option of a command."""
    assert reads_environment(ast.parse(code)) == expected


def test_nobody_uses_utcnow() -> None:
    """Moments know their offset."""
    assert [path.name for path in [*modules(), *MIGRATIONS.rglob("*.py")] if "utcnow" in names(tree(path))] == []


def test_migrations_import_nothing_of_the_application() -> None:
    """A migration of today must still run when the models of today are gone."""
    versions = sorted((MIGRATIONS / "versions").glob("*.py"))
    assert versions
    assert {path.name: wrong for path in versions if (wrong := forbidden_imports(tree(path), OURS))} == {}


def test_the_migrations_environment_knows_settings_database_and_models_only() -> None:
    """Alembic's own commands work on the same settings and compare with the same models; words are everybody's."""
    known = ("settings", "database", "models", "domain")
    found = forbidden_imports(tree(MIGRATIONS / "env.py"), OURS)
    assert {name for name in found if name.split(".")[1] not in known} == set()


def test_the_migrations_folder_is_no_package() -> None:
    """An `__init__.py` in it would shadow the library of the same name."""
    assert (MIGRATIONS / "env.py").is_file()
    assert list(MIGRATIONS.rglob("__init__.py")) == []


def test_closure_follows_imports_through_the_package(tmp_path: Path) -> None:
    """What a module reaches through others counts as reached."""
    start = tmp_path / "start.py"
    start.write_text("from marketing_cli.settings import Settings\nimport json\n")
    assert {path.name for path in closure(start)} >= {"start.py", "settings.py", "errors.py"}

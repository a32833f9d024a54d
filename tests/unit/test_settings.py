"""Where settings come from, which ones win, and what is refused."""

import os
import traceback
from pathlib import Path

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.settings import Settings, debug_wanted, load_settings

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in an empty folder, with nothing in the environment that concerns the program."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MMSG_") or name in {"DATABASE_URL", "NO_COLOR", "TERM"}:
            monkeypatch.delenv(name)
    return tmp_path


def test_without_anything_set_the_defaults_hold() -> None:
    """No variable and no file give an embedded database in the working directory and the shipped rules."""
    assert load_settings() == Settings(
        database_url="sqlite:///./messaging.db", rules=None, debug=False, no_color=False, warnings=()
    )


@pytest.mark.parametrize(
    ("environment", "env_file", "expected"),
    [
        ("sqlite:///env.db", None, "sqlite:///env.db"),
        (None, "sqlite:///file.db", "sqlite:///file.db"),
        ("sqlite:///env.db", "sqlite:///file.db", "sqlite:///env.db"),
        ("", "sqlite:///file.db", "sqlite:///file.db"),
        ("  ", None, "sqlite:///./messaging.db"),
        (None, "", "sqlite:///./messaging.db"),
        (" sqlite:///env.db\n", None, "sqlite:///env.db"),
    ],
)
def test_the_environment_wins_and_an_empty_value_is_unset(
    environment: str | None, env_file: str | None, expected: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment comes first, then `.env`, then the default; an empty value is like none."""
    if environment is not None:
        monkeypatch.setenv("DATABASE_URL", environment)
    if env_file is not None:
        (empty_folder / ".env").write_text(f"DATABASE_URL={env_file}\n")
    assert load_settings().database_url == expected


def test_only_the_working_directorys_own_env_file_is_read(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` in a parent folder belongs to something else."""
    (empty_folder / ".env").write_text("DATABASE_URL=sqlite:///parent.db\n")
    (empty_folder / "below").mkdir()
    monkeypatch.chdir(empty_folder / "below")
    assert load_settings().database_url == "sqlite:///./messaging.db"


def test_a_named_env_file_replaces_the_one_in_the_working_directory(empty_folder: Path) -> None:
    """`--env-file` is read instead of `.env`, not in addition to it."""
    (empty_folder / ".env").write_text("DATABASE_URL=sqlite:///here.db\nMMSG_RULES=here.yaml\n")
    (empty_folder / "prod.env").write_text("\ufeffexport DATABASE_URL='sqlite:///there.db' # note\nOTHER=1\n")
    settings = load_settings(empty_folder / "prod.env")
    assert (settings.database_url, settings.rules, settings.warnings) == ("sqlite:///there.db", None, ())


def test_a_folder_called_dot_env_is_not_a_settings_file(empty_folder: Path) -> None:
    """Some people keep their virtual environment in `.env`."""
    (empty_folder / ".env").mkdir()
    assert load_settings().warnings == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["missing.env", "No such file", "--env-file"]),
        (b"DATABASE_URL=sqlite:///\xff.db\n", ["missing.env", "UTF-8"]),
        (b'A=1\nDATABASE_URL="sqlite:///x.db\nB=2\n', ["missing.env:2", "quote"]),
        (b"MMSG_RULES 'a b\n", ["missing.env:1"]),
    ],
)
def test_a_named_env_file_that_cannot_be_used_is_bad_config(
    content: bytes | None, words: list[str], empty_folder: Path
) -> None:
    """A file that is missing, or a broken line that was meant for us, is an error that says where."""
    path = empty_folder / "missing.env"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadConfig) as caught:
        load_settings(path)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "sqlite:///x.db" not in str(caught.value)


def test_another_programs_broken_line_is_a_warning_without_its_text(
    empty_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that cannot be read and is none of our business is named by its number only."""
    (empty_folder / ".env").write_text(f"OTHER {SECRET} x\nMMSG_RULES=mine.yaml\n")
    settings = load_settings()
    assert settings.rules == Path("mine.yaml")
    (warning,) = settings.warnings
    assert ".env:1:" in warning
    assert SECRET not in warning
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("MMSG_RULE", "did you mean MMSG_RULES?"), ("MMSG_DEBUGG", "did you mean MMSG_DEBUG?"), ("MMSG_X", "MMSG_RULES")],
)
@pytest.mark.parametrize("place", ["the environment", ".env"])
def test_an_unknown_variable_of_ours_is_a_warning_with_the_nearest_word(
    name: str, words: str, place: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt MMSG_ variable does nothing, so it is said, with its place and without its value."""
    if place == ".env":
        (empty_folder / ".env").write_text(f"{name}={SECRET}\n")
    else:
        monkeypatch.setenv(name, SECRET)
    (warning,) = load_settings().warnings
    assert warning.startswith(f"{name} in {place} ")
    assert words in warning
    assert SECRET not in warning


def test_known_variables_and_those_of_others_give_no_warning(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of other programs in `.env` are their own affair."""
    (empty_folder / ".env").write_text("AWS_REGION=eu\nMMSG_TEST_POSTGRES_URL=x\nMMSG_DEBUG=1\nEMPTY\n")
    monkeypatch.setenv("MMSG_RULES", "rules.yaml")
    settings = load_settings()
    assert (settings.warnings, settings.rules, settings.debug) == ((), Path("rules.yaml"), True)


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False), ("no", False), ("perhaps", False)]
)
def test_debug_is_a_yes_or_nothing(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """MMSG_DEBUG means yes by 1, true, yes or on."""
    monkeypatch.setenv("MMSG_DEBUG", value)
    assert load_settings().debug is expected
    assert debug_wanted() is expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"NO_COLOR": ""}, False),
        ({"NO_COLOR": "1"}, True),
        ({"NO_COLOR": "0"}, True),
        ({"TERM": "dumb"}, True),
        ({"TERM": "unknown"}, True),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm-256color"}, False),
    ],
)
def test_colour_is_refused_by_no_color_or_a_dumb_terminal(
    environment: dict[str, str],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NO_COLOR counts when it is not empty, whatever it says."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().no_color is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("sqlite:////var/lib/mmsg/my file #1.db", "sqlite:////var/lib/mmsg/my file #1.db"),
        ("sqlite+pysqlite:///a.db", "sqlite:///a.db"),
        ("SQLite:///a.db", "sqlite:///a.db"),
        ("postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("postgres://u:p@h:5432/db?sslmode=require", "postgresql+psycopg://u:p@h:5432/db?sslmode=require"),
        ("postgresql+psycopg://u@/db?host=/run/pg", "postgresql+psycopg://u@/db?host=/run/pg"),
        ("postgresql://u:p%40q@[::1]/db", "postgresql+psycopg://u:p%40q@[::1]/db"),
    ],
)
def test_supported_urls_are_normalised(url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite means a plain path, PostgreSQL means psycopg 3, however they are spelled."""
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings().database_url == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"mysql://root:{SECRET}@h/db", "'mysql'"),
        (f"postgresql+asyncpg://u:{SECRET}@h/db", "'postgresql+asyncpg'"),
        (f"postgresql+psycopg2://u:{SECRET}@h/db", "'postgresql+psycopg2'"),
        (f"postgresql://u:{SECRET}@h:port/db", "not a valid PostgreSQL URL"),
        (f"postgresql://u:12{SECRET}@{SECRET}@h/db", "%40"),
        (f"postgresql://u:12@x/{SECRET}@h/db", "%40"),
        (f"postgresql://u:12@x?{SECRET}@h/db", "%40"),
        (f"postgresql://h:5432/db?password=p@{SECRET}", "%40"),
        ("sqlite:///folder/", "folder"),
        ("sqlite:///a\tb.db", "control character"),
        ("sqlite:///\udcff.db", "not UTF-8"),
        (f"postgresql://u@h:{SECRET}/db", "not a valid PostgreSQL URL"),
        (f"postgres:{SECRET}@h/db", "not a database URL"),
        (f"host=h password={SECRET}", "not a database URL"),
        ("messaging.db", "not a database URL"),
        ("sqlite://", "memory"),
        ("sqlite:///", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite://messaging.db", "no host"),
        ("sqlite:///a.db?mode=ro", "without ?"),
        ("sqlite:///file:a.db?uri=true", "file:"),
        ("sqlite:///a%20b.db", "without %"),
        ("sqlite+aiosqlite:///a.db", "'sqlite+aiosqlite'"),
    ],
)
def test_other_urls_are_refused_without_showing_a_password(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is wrong and what is allowed; not even its traceback holds the password."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(BadConfig) as caught:
        load_settings()
    message = str(caught.value)
    assert words in message
    assert message.startswith("DATABASE_URL")
    assert "sqlite:///PATH" in message or "%40" in message
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_missing_driver_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL without psycopg is said before any work begins."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://h/db")
    monkeypatch.setattr("marketing_cli.settings.find_spec", lambda _: None)
    with pytest.raises(BadConfig, match=r"pip install 'mmsg\[postgres\]'"):
        load_settings()


def test_settings_do_not_show_the_url_in_their_repr() -> None:
    """A Settings object in a log line or a traceback gives no password away."""
    assert SECRET not in repr(Settings(database_url=f"postgresql+psycopg://u:{SECRET}@h/db"))

"""Settings: the only reader of the environment and of `.env`."""

import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote_plus

from marketing_cli.errors import BadConfig, UsageError

DEFAULT_DATABASE_URL = "sqlite:///./messaging.db"
KNOWN_VARIABLES = ("MMSG_RULES", "MMSG_DEBUG", "MMSG_TEST_POSTGRES_URL", "MMSG_TEST_ACK_FD")

_SQLITE_SCHEMES = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_ALLOWED = "use sqlite:///PATH for a file, or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://(.*)")
_NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_PARAMETER = re.compile(r"([?&]([^=&]*)=)[^&]*")
_SECRET_PARAMETERS = frozenset({"password", "sslpassword"})
_YES = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command runs with.

    `database_url` is normalised: `sqlite:///PATH` or `postgresql+psycopg://…`. It may hold a password, so it is kept
    out of `repr`, and shown nowhere. `rules` is None for the shipped rules. `acknowledge_fd` is set in tests
    alone: an open file descriptor that hears of each stored batch. `warnings` are sentences to print.
    """

    database_url: str = field(default=DEFAULT_DATABASE_URL, repr=False)
    rules: Path | None = None
    debug: bool = False
    no_color: bool = False
    acknowledge_fd: int | None = None
    warnings: tuple[str, ...] = ()


def load_settings(env_file: Path | None = None) -> Settings:
    """Settings from the environment, else from `env_file` or the working directory's own `.env`, else the defaults.

    An empty value counts as unset. Raises BadConfig when `env_file` cannot be read, when a line of it that concerns
    this program is malformed, or when DATABASE_URL is not one that can be used.
    """
    path = _env_file(env_file)
    from_file, warnings = _read_env_file(path) if path else ({}, [])
    values = from_file | _without_blanks(os.environ)
    warnings += _unknown_variables(from_file, str(path)) + _unknown_variables(os.environ, "the environment")
    return Settings(
        database_url=_database_url(values.get("DATABASE_URL", DEFAULT_DATABASE_URL)),
        rules=Path(values["MMSG_RULES"]) if "MMSG_RULES" in values else None,
        debug=_is_yes(values.get("MMSG_DEBUG", "")),
        no_color=color_refused(),
        acknowledge_fd=_descriptor(values.get("MMSG_TEST_ACK_FD")),
        warnings=tuple(warnings),
    )


def other_database_url(url: str, option: str) -> str:
    """A database URL that an option gives, normalised. Raises UsageError, which names the option, if it is unusable."""
    try:
        return _database_url(url.strip())
    except BadConfig as error:
        raise UsageError(str(error).replace("DATABASE_URL", option)) from None


def debug_wanted() -> bool:
    """Whether the environment asks for tracebacks: for failures that come before or in `load_settings`."""
    return _is_yes(os.environ.get("MMSG_DEBUG", ""))


def color_refused() -> bool:
    """Whether the environment rules out colour: NO_COLOR is not empty, or the terminal knows none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in {"dumb", "unknown"}


def _without_secrets(text: str) -> str:
    """The text with `?key=value` and `&key=value` hidden where the key is that of a secret."""
    return _PARAMETER.sub(lambda match: f"{match[1]}***" if _is_secret(match[2]) else match[0], text)


def _is_secret(key: str) -> bool:
    return unquote_plus(key).strip().lower() in _SECRET_PARAMETERS


def _is_yes(value: str) -> bool:
    return value.strip().lower() in _YES


def _descriptor(value: str | None) -> int | None:
    if value is not None and not value.isdecimal():
        raise BadConfig("MMSG_TEST_ACK_FD takes the number of an open file descriptor; it is for tests, so unset it")
    return None if value is None else int(value)


def _without_blanks(values: Mapping[str, str | None]) -> dict[str, str]:
    """The values that are set to something, without white space around them."""
    return {name: value.strip() for name, value in values.items() if value and value.strip()}


def _env_file(named: Path | None) -> Path | None:
    """The file to read: the one that was named, else the working directory's own `.env`, never a parent's."""
    if named is not None:
        return named
    # Some people call their virtual environment's folder `.env`.
    return Path(".env") if Path(".env").is_file() else None


def _read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """The file's values, and a warning for each line that is not `NAME=value` and seems none of our business."""
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is a file to read
    from dotenv.parser import parse_stream  # noqa: PLC0415

    bindings = list(parse_stream(io.StringIO(_text_of(path))))
    warnings = [
        _malformed_line(path, binding.original.line, binding.original.string) for binding in bindings if binding.error
    ]
    sound = "".join(binding.original.string for binding in bindings if not binding.error)
    return _without_blanks(dotenv_values(stream=io.StringIO(sound))), warnings


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadConfig(f"{path}: the settings file is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise BadConfig(f"{path}: the settings file cannot be read: {error.strerror}; check --env-file") from error


def _malformed_line(path: Path, line: int, text: str) -> str:
    """A warning, without the line's text, which may be a secret. Raises BadConfig if the line was meant for us."""
    problem = f"{path}:{line}: this line is not NAME=value (is a quote left open?)"
    if "DATABASE_URL" in text or "MMSG_" in text:
        raise BadConfig(f"{problem}; mend it, since it names a setting of mmsg")
    return f"{problem}; it is ignored"


def _unknown_variables(names: Mapping[str, str], place: str) -> list[str]:
    return [
        f"{name} in {place} is not a setting of mmsg and is ignored; {_nearest(name)}"
        for name in sorted(names)
        if name.startswith("MMSG_") and name not in KNOWN_VARIABLES
    ]


def _nearest(name: str) -> str:
    near = get_close_matches(name, KNOWN_VARIABLES, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(KNOWN_VARIABLES)}"


def _database_url(url: str) -> str:
    """The normalised URL. Raises BadConfig, without the URL's password, if it is not one that can be used."""
    match = _SCHEME.fullmatch(url)
    if match is None:
        raise BadConfig(f"DATABASE_URL is not a database URL; {_ALLOWED}")
    scheme, rest = match[1].lower(), match[2]
    if scheme in _SQLITE_SCHEMES:
        return _sqlite_url(rest)
    if scheme in _POSTGRESQL_SCHEMES:
        return _postgresql_url(f"postgresql+psycopg://{rest}")
    raise BadConfig(f"DATABASE_URL asks for {scheme!r}, which is not supported; {_ALLOWED}")


def _sqlite_url(rest: str) -> str:
    for problem in _sqlite_problems(rest):
        raise BadConfig(
            f"DATABASE_URL: {problem}; write sqlite:///PATH for a file below the working directory, "
            "or sqlite:////PATH (four slashes) for a path from the root"
        )
    return f"sqlite://{rest}"


def _sqlite_problems(rest: str) -> Iterator[str]:
    """Why `rest`, what follows `sqlite://`, is not `/` and a plain path."""
    path = rest.removeprefix("/")
    if rest in {"", "/"} or path == ":memory:":
        yield "a SQLite database in memory would be gone when the command ends"
    elif not rest.startswith("/"):
        yield "a SQLite URL names no host"
    elif path.startswith("file:"):
        yield "SQLite's file: names are not supported"
    elif path.endswith("/"):
        yield "this names a folder, and a database is a file in it"
    elif _NO_TEXT.search(path):
        yield "the path has a control character, or bytes that are not UTF-8"
    elif wrong := sorted(set(path) & set("?%")):
        yield f"a SQLite URL here is a plain path, without {' and '.join(wrong)}"


def _postgresql_url(url: str) -> str:
    """The URL, checked. Nothing that SQLAlchemy says of it is passed on: it may quote a piece of the password."""
    from sqlalchemy import make_url  # noqa: PLC0415 - slow to import, and needed for PostgreSQL only
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        password = str(make_url(url).password or "")
    except (ArgumentError, ValueError):
        raise BadConfig(f"DATABASE_URL is not a valid PostgreSQL URL; {_ALLOWED}") from None
    # An @ too many makes a piece of a password the host, which would be looked up, or drops what follows.
    if url.count("@") > 1 or password != _without_secrets(password):
        raise BadConfig("DATABASE_URL has more than one @; write an @ in the user or password as %40")
    if find_spec("psycopg") is None:
        raise BadConfig("DATABASE_URL asks for PostgreSQL, whose driver is missing: pip install 'mmsg[postgres]'")
    return url

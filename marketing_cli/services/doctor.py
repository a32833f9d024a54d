"""`mmsg doctor`: every check in its order, each on its own, so that one that fails keeps no other from being made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url

from marketing_cli.database.engine import make_engine, sqlite_path
from marketing_cli.database.failures import failures_explained
from marketing_cli.errors import ExitCode, MmsgError, unexpected
from marketing_cli.repositories import checks_runs
from marketing_cli.repositories.checks_database import server
from marketing_cli.schemas.doctor import CheckState, DoctorReport
from marketing_cli.services import doctor_damage, doctor_files, doctor_rows, doctor_runs, doctor_setup, doctor_values
from marketing_cli.services.doctor_findings import Finding, ok, report, skipped, warning, wrong
from marketing_cli.services.file_access import linked_file
from marketing_cli.services.reading import Reading, reading
from marketing_cli.services.rules_files import LoadedRules

_PATIENCE: Final = 10.0
"""Seconds to wait for a run that is just committing."""

_Check: TypeAlias = Callable[["_Examination"], Finding]


@dataclass(slots=True)
class _Examination:
    """What the checks share. `engine` is there once the database was opened."""

    url: str
    full: bool
    rules: LoadedRules | None = None
    findings: dict[str, Finding] = field(default_factory=dict)
    opened: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The database. Raises what opening it raises."""
        if self.opened is None:
            self.opened = make_engine(self.url, writes=False, busy_timeout=_PATIENCE)
        return self.opened

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return sqlite_path(self.url) or Path()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One short transaction."""
        with self.engine.connect() as connection, connection.begin():
            yield connection


def run_doctor(url: str, rules: Path | None, *, full: bool = False) -> DoctorReport:
    """Check everything, changing nothing; `rules` is the file of the rules in force, None for the shipped ones."""
    examination = _Examination(url, full)
    examination.findings["rules"], examination.rules = doctor_setup.rules_in_force(rules)
    is_sqlite = sqlite_path(url) is not None
    try:
        for name, check in (_ON_SQLITE if is_sqlite else _ON_POSTGRESQL).items():
            examination.findings[name] = _made(name, check, examination)
        _compare_rules(examination)
    finally:
        if examination.opened is not None:
            examination.opened.dispose()
    return report(examination.findings)


def _made(name: str, check: _Check, examination: _Examination) -> Finding:
    """What a check finds; what keeps it from looking is a finding too."""
    if name not in _WITHOUT_DATABASE and (reason := _hindered(name, examination)):
        return skipped(reason)
    try:
        with failures_explained(connecting=True):
            return check(examination)
    except Exception as failure:  # noqa: BLE001 - a value that cannot be read must not keep the other checks away
        error = failure if isinstance(failure, MmsgError) else unexpected(failure)
        stops = None if error.exit_code is ExitCode.FAILED else error.exit_code
        sentence, _, advice = str(error).partition(". ")
        return wrong(sentence.removesuffix("."), advice or "See the other checks.", stops)


def _hindered(name: str, examination: _Examination) -> str | None:
    """Why a check cannot be made: the database cannot be reached, or has other tables than this program's."""
    lost = {ExitCode.DB_UNAVAILABLE, ExitCode.DB_MISSING}
    if name != "database" and examination.findings["database"].stops in lost:
        return "not checked: the database could not be opened"
    schema = examination.findings.get("schema")
    is_half_copied = schema is not None and schema.detail == doctor_setup.IS_HALF_COPIED
    if name in _OF_ROWS and is_half_copied:
        return f"not checked: {doctor_setup.IS_HALF_COPIED}"
    unreached = [finding for finding in examination.findings.values() if finding.stops is ExitCode.DB_UNAVAILABLE]
    if unreached and not is_half_copied:
        return "not checked: the database could not be reached any more"
    if name in _OF_ROWS and schema is not None and schema.stops:
        return "not checked: the schema is not the one that this program knows"
    return None


def _compare_rules(examination: _Examination) -> None:
    """Say whether the last run decided by other rules; what keeps it from being known was said before."""
    if examination.rules is None or examination.findings["last_run"].state is CheckState.SKIPPED:
        return
    try:
        with failures_explained(), reading(examination.engine) as now:
            last = now.once(checks_runs.last_run)
    except MmsgError:
        return
    if last is not None:
        changed = doctor_setup.rules_changed(examination.findings["rules"], examination.rules, last[0].id, last[1])
        examination.findings["rules"] = changed


def _database(examination: _Examination) -> Finding:
    with examination.connection() as connection:
        if examination.engine.dialect.name == "sqlite":
            version = ".".join(map(str, examination.engine.dialect.dbapi.sqlite_version_info))  # type: ignore[union-attr]
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            target = linked_file(examination.url)
            return ok(f"SQLite {version}, {examination.path}" + (f", a symbolic link to {target}" if target else ""))
        found = server(connection)
    host = make_url(examination.url).host or "this machine"
    where = f"PostgreSQL {found.settings['server_version']}, database {found.database} on {host}"
    if found.standby:
        return warning(f"{where}: a standby, which cannot be written to", "Point `mmsg ingest` at the primary server.")
    return ok(f"{where}, {doctor_files.human_size(found.size)}")


def _asking(ask: Callable[[Connection], Finding]) -> _Check:
    def check(examination: _Examination) -> Finding:
        with examination.connection() as connection:
            return ask(connection)

    return check


def _over_rows(look: Callable[[Reading], Finding]) -> _Check:
    def check(examination: _Examination) -> Finding:
        with reading(examination.engine) as now:
            return look(now)

    return check


def _last_run(now: Reading) -> Finding:
    return now.once(lambda session: doctor_runs.last_run(checks_runs.last_run(session)))


_ROWS: Final[dict[str, _Check]] = {
    "values": _over_rows(doctor_values.values),
    "books": _over_rows(doctor_rows.books),
    "limits": _over_rows(doctor_rows.limits),
    "decisions": _over_rows(doctor_rows.decisions),
    "last_run": _over_rows(_last_run),
    "unended_runs": _over_rows(doctor_runs.unended_runs),
    "shared_ids": _over_rows(doctor_rows.shared_ids),
}
_ON_SQLITE: Final[dict[str, _Check]] = {
    "permissions": lambda examination: doctor_files.permissions(examination.path),
    "disk_space": lambda examination: doctor_files.disk_space(examination.path),
    "database": _database,
    "schema": _asking(doctor_setup.schema),
    "power_cut": _asking(doctor_setup.sqlite_power_cut),
    "damage": lambda examination: doctor_damage.sqlite_damage(examination.engine, full=examination.full),
    "foreign_keys": _over_rows(doctor_rows.foreign_keys),
    **_ROWS,
}
_ON_POSTGRESQL: Final[dict[str, _Check]] = {
    "database": _database,
    "schema": _asking(doctor_setup.schema),
    "power_cut": _asking(doctor_setup.postgresql_power_cut),
    "encoding": _asking(doctor_setup.encoding),
    "damage": _asking(doctor_damage.postgresql_damage),
    "foreign_keys": _asking(doctor_damage.postgresql_foreign_keys),
    **_ROWS,
}
_WITHOUT_DATABASE: Final = {"permissions", "disk_space"}
_OF_ROWS: Final = {*_ROWS, "foreign_keys"}

CHECKS: Final = {"sqlite": ("rules", *_ON_SQLITE), "postgresql": ("rules", *_ON_POSTGRESQL)}
"""The names of all checks, in order, by kind of database."""

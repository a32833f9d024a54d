"""Checks of what the data stands on: the rules, the database's schema, and what a power cut would leave."""

from pathlib import Path

from sqlalchemy import Connection

from marketing_cli.database.engine import safe_journal_mode
from marketing_cli.database.half_copied import HALF_COPIED, is_half_copied
from marketing_cli.database.migration import REVISIONS, current_revision
from marketing_cli.errors import BadConfig, ExitCode
from marketing_cli.repositories.checks_database import (
    Server,
    journal_mode,
    missing_parts,
    server,
)
from marketing_cli.services import power_cuts
from marketing_cli.services.doctor_findings import Finding, ok, warning, worst, wrong
from marketing_cli.services.rules_files import LoadedRules, load_rules

_RESTORE = "Restore a backup, or find out who changed the tables."
_MOST_PARTS = 5
IS_HALF_COPIED = "the database is half copied"
SHA_DIGITS = 12


def rules_in_force(path: Path | None) -> tuple[Finding, LoadedRules | None]:
    """The rules that `ingest` would decide by, and what is to be said of the file alone."""
    try:
        loaded = load_rules(path)
    except BadConfig as error:
        problems = str(error).splitlines()
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        advice = "Mend the file (`mmsg rules check FILE` shows all problems), or name another in MMSG_RULES or --rules."
        return wrong(problems[0] + more, advice, ExitCode.BAD_CONFIG), None
    rules = loaded.rule_set.rules
    enabled = sum(rule.enabled for rule in rules)
    detail = f"{loaded.source}, version {loaded.sha256[:SHA_DIGITS]}, {len(rules)} rules, {enabled} enabled"
    if not enabled:
        return warning(f"{detail}: no event asks for any message", "Check --rules and MMSG_RULES."), loaded
    return ok(detail), loaded


def rules_changed(finding: Finding, loaded: LoadedRules, last_run_id: int, last_sha256: str) -> Finding:
    """The finding on the rules in force, beside those of the last run."""
    if loaded.sha256 == last_sha256:
        return finding
    return warning(
        f"{finding.detail}; run {last_run_id} decided by {last_sha256[:SHA_DIGITS]}",
        "If nobody meant to change the rules, check --rules and MMSG_RULES here and where `ingest` runs;"
        f" `mmsg rules show {last_sha256[:SHA_DIGITS]}` prints the others.",
    )


def schema(connection: Connection) -> Finding:
    """The revision and, where it is the one needed, whether every table, column and key is there."""
    revision, newest = current_revision(connection), REVISIONS[-1]
    if revision is None:
        return wrong("the database is empty", "Run `mmsg migrate`.", ExitCode.DB_MISSING)
    if is_half_copied(revision):
        return wrong(IS_HALF_COPIED, HALF_COPIED[0].upper() + HALF_COPIED[1:], ExitCode.DB_UNAVAILABLE)
    if revision not in REVISIONS:
        return wrong(
            f"{revision}, which this program does not know (it knows up to {newest})",
            "A newer mmsg has migrated the database: use that one, or upgrade this.",
            ExitCode.DB_AHEAD,
        )
    if revision != newest:
        return wrong(f"{revision}, and this program needs {newest}", "Run `mmsg migrate`.", ExitCode.DB_BEHIND)
    if missing := missing_parts(connection):
        more = f" and {len(missing) - _MOST_PARTS} more" if len(missing) > _MOST_PARTS else ""
        return wrong(f"{revision}, but there is no {', no '.join(missing[:_MOST_PARTS])}{more}", _RESTORE)
    return ok(f"{revision}, the newest; all tables, columns and keys are there")


def sqlite_power_cut(connection: Connection) -> Finding:
    """Whether a batch that was acknowledged is still there after one."""
    found, mode = journal_mode(connection), safe_journal_mode()
    if found == "wal" and mode != "wal":
        return warning(
            "the journal is in WAL mode, which this version of SQLite can damage a file in (its WAL-reset bug)",
            "Stop what else writes to the file; the next `mmsg ingest` changes the mode. Better: upgrade SQLite.",
        )
    kind = "WAL" if mode == "wal" else "a TRUNCATE journal"
    return ok(f"batches are written with {kind} and synchronous=FULL: a batch that was stored survives a power cut")


def postgresql_power_cut(connection: Connection) -> Finding:
    """Whether a batch that was acknowledged is still there after one."""
    return judged_power_cut(server(connection))


def judged_power_cut(found: Server) -> Finding:
    """The verdict on a server's settings."""
    fsync, pages = found.settings["fsync"], found.settings["full_page_writes"]
    findings = []
    if fsync != "on":
        findings.append(
            wrong(
                f"fsync is {fsync}: {power_cuts.COST}",
                power_cuts.CURE,
            )
        )
    if pages != "on":
        findings.append(
            warning(
                f"full_page_writes is {pages}: a power cut can leave half-written pages",
                "Set full_page_writes = on, unless the storage never writes half a page.",
            )
        )
    ours = "mmsg commits with synchronous_commit=on, whatever the server's own setting"
    return worst(findings, f"fsync and full_page_writes are on, and {ours}: a batch that was stored survives")


def encoding(connection: Connection) -> Finding:
    """Whether the server can keep every text."""
    found = server(connection).settings
    zone = f"the server's TimeZone, {found['TimeZone']}, does not matter: mmsg reads and writes UTC"
    if found["server_encoding"] != "UTF8":
        return wrong(
            f"the database's encoding is {found['server_encoding']}, which cannot hold every text",
            "Make a database with ENCODING 'UTF8' and move the data with pg_dump.",
        )
    return ok(f"UTF8; {zone}")

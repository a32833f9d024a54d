"""Every row that a history consists of, without what differs from run to run: numbers of rows, runs and times."""

from typing import Any, TypeAlias

from support.ingesting import named

Row: TypeAlias = dict[str, Any]

DIFFERS = {"id", "run_id", "last_run_id", "input_id", "rules_version_id", "created_at", "decided_at"}
REFERENCES = ("event_id", "caused_by_event_id", "blocking_request_id")


def told_rows(url: str) -> dict[str, list[Row]]:
    """The rows of the users' tables and the rejects by table, sorted; a reference is the key and user of its event."""
    inputs = {row["id"]: row["path"] for row in named(url, "SELECT * FROM run_inputs")}
    versions = {row["id"]: row["sha256"] for row in named(url, "SELECT * FROM rules_versions")}
    events = named(url, "SELECT * FROM events")
    keys = {row["id"]: (row["event_key"], row["user_id"]) for row in events}
    requests = named(url, "SELECT * FROM send_requests")
    events_of = {row["id"]: (keys[row["event_id"]], row["rule_name"]) for row in requests}
    tables = {
        "events": [row | {"path": inputs[row["input_id"]]} for row in events],
        "send_requests": requests,
        "suppressions": named(url, "SELECT * FROM suppressions"),
    }
    tables |= {name: named(url, f"SELECT * FROM {name}") for name in ("event_properties", "user_traits", "rejects")}  # noqa: S608
    for rows in tables.values():
        for row in rows:
            _name_references(row, keys, events_of, versions)
    return {name: sorted(map(_steady, rows), key=repr) for name, rows in tables.items()}


def _name_references(row: Row, keys: Row, requests: Row, versions: Row) -> None:
    for column in REFERENCES:
        if row.get(column) is not None:
            row[column] = (requests if column == "blocking_request_id" else keys)[row[column]]
    if "rules_version_id" in row:
        row["rules"] = versions[row["rules_version_id"]]


def _steady(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name not in DIFFERS}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in kept.items()}

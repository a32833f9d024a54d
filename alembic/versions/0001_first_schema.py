"""First schema: events and their projections, decisions, the ledger of runs, rules versions and rejects.

On PostgreSQL the users' tables may be spread by user. Then each of their primary keys, unique constraints and foreign
keys among each other ends in `user_id`; the columns and indexes are the same. Later migrations see in the catalogs
which it is: `events` is partitioned (`pg_class.relkind`), or in Citus's `pg_dist_partition`, or neither.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONS = 8
"""Of each users' table: few enough that what must look into all of them is planned and locked quickly."""


def big_id() -> sa.types.TypeEngine[int]:
    """A 64-bit number; on SQLite the row id itself."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def name() -> sa.String:
    """An id or a name as producers give it."""
    return sa.String(length=255)


def moment() -> sa.DateTime:
    """A moment in UTC."""
    return sa.DateTime(timezone=True)


def spread() -> str:
    """How the users' tables are to lie, as `env.py` says: whole, as partitions, or in Citus's shards."""
    return str(context.config.attributes.get("spread", "whole"))


def keyed(*columns: str) -> tuple[str, ...]:
    """The columns of a users' table's key: with the user, where tables are spread by it."""
    return columns if spread() == "whole" else (*columns, "user_id")


def number() -> "sa.Column[int]":
    """The number of a users' row, drawn from a sequence on PostgreSQL."""
    return sa.Column("id", big_id(), autoincrement=True, nullable=False)


def primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """The primary key of a users' table."""
    return sa.PrimaryKeyConstraint(*keyed(*columns), name=op.f(f"pk_{table}"))


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """A unique constraint of a users' table."""
    return sa.UniqueConstraint(*keyed(*columns), name=op.f("_".join(("uq", table, *keyed(*columns)))))


def of_event(table: str, ondelete: str) -> sa.ForeignKeyConstraint:
    """A foreign key to the event that a row belongs to."""
    columns = keyed("event_id")
    targets = [f"events.{column}" for column in keyed("id")]
    label = "_".join(("fk", table, *columns, "events"))
    return sa.ForeignKeyConstraint(columns, targets, name=op.f(label), ondelete=ondelete)


def of_event_while_it_lasts(table: str) -> list[sa.ForeignKeyConstraint]:
    """A foreign key to an event that may be deleted without the row; none in Citus, which cannot clear one column."""
    return {
        "whole": [of_event(table, "SET NULL")],
        "partitions": [of_event(table, "SET NULL (event_id)")],
        "citus": [],
    }[spread()]


def create_table(table: str, *parts: Any, by_user: bool = False, **options: Any) -> None:  # noqa: ANN401
    """Create a table and, if it is the users', spread it."""
    if spread() == "citus":
        create_in_citus(table, *parts, by_user=by_user)
    elif by_user and spread() == "partitions":
        op.create_table(table, *parts, postgresql_partition_by="HASH (user_id)")
        for rest in range(PARTITIONS):
            execute(
                "CREATE TABLE %(table)s_p%(rest)02d PARTITION OF %(table)s"
                " FOR VALUES WITH (MODULUS %(modulus)s, REMAINDER %(rest)s)",
                table=table,
                modulus=PARTITIONS,
                rest=rest,
            )
    else:
        op.create_table(table, *parts, **options)


def create_in_citus(table: str, *parts: Any, by_user: bool) -> None:  # noqa: ANN401
    """Create a table as shards by user that lie together, or whole on every node.

    Foreign keys come last: they may only lead from what is spread to what is spread likewise, or is on every node.
    """
    keys = [part for part in parts if isinstance(part, sa.ForeignKeyConstraint)]
    op.create_table(table, *(part for part in parts if not isinstance(part, sa.ForeignKeyConstraint)))
    if not by_user:
        execute("SELECT create_reference_table('%(table)s')", table=table)
    elif table == "events":
        execute("SELECT create_distributed_table('events', 'user_id', colocate_with => 'none')")
    else:
        execute("SELECT create_distributed_table('%(table)s', 'user_id', colocate_with => 'events')", table=table)
    for key in keys:
        targets = [element.target_fullname.split(".") for element in key.elements]
        (target,) = {of_table for of_table, _ in targets}
        columns = [column for _, column in targets]
        op.create_foreign_key(str(key.name), table, target, list(key.column_keys), columns, ondelete=key.ondelete)


def execute(statement: str, **names: str | int) -> None:
    """Run a statement that names what is written down here, and nobody's data."""
    op.execute(sa.DDL(statement, context=names))  # type: ignore[no-untyped-call]


def one_after_the_other() -> None:
    """Let Citus change one shard at a time: a table on every node cannot be changed beside others in parallel."""
    if spread() == "citus":
        execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")


def upgrade() -> None:
    """Bring the schema to this revision."""
    one_after_the_other()
    create_table(
        "rules_versions",
        sa.Column("id", big_id(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("in_force", sa.JSON(), nullable=False),
        sa.Column("first_used_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_versions")),
        sa.UniqueConstraint("sha256", name=op.f("uq_rules_versions_sha256")),
    )
    create_table(
        "runs",
        sa.Column("id", big_id(), nullable=False),
        sa.Column("started_at", moment(), nullable=False),
        sa.Column("finished_at", moment(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("rules_version_id", big_id(), nullable=False),
        sa.Column("rules_source", sa.Text(), nullable=False),
        sa.Column("program_version", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("new", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("blank", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("send_requests", sa.BigInteger(), nullable=False),
        sa.Column("suppressions", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rules_version_id"], ["rules_versions.id"], name=op.f("fk_runs_rules_version_id_rules_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    create_table(
        "rejects",
        sa.Column("id", big_id(), nullable=False),
        sa.Column("run_id", big_id(), nullable=False),
        sa.Column("last_run_id", big_id(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("user_id", name(), nullable=True),
        sa.Column("event_type", name(), nullable=True),
        sa.Column("event_key", name(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("raw_length", sa.BigInteger(), nullable=False),
        sa.Column("raw_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["last_run_id"], ["runs.id"], name=op.f("fk_rejects_last_run_id_runs")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_rejects_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
        sa.UniqueConstraint("raw_sha256", "reason", name=op.f("uq_rejects_raw_sha256_reason")),
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(op.f("ix_rejects_event_key"), "rejects", ["event_key"], unique=False)
    op.create_index(op.f("ix_rejects_user_id"), "rejects", ["user_id"], unique=False)
    create_table(
        "run_inputs",
        sa.Column("id", big_id(), nullable=False),
        sa.Column("run_id", big_id(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=True),
        sa.Column("compression", sa.String(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("new", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("blank", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_inputs_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_inputs")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_run_inputs_run_id_position")),
    )
    create_table(
        "events",
        number(),
        sa.Column("event_key", name(), nullable=False),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("event_type", name(), nullable=False),
        sa.Column("event_timestamp", moment(), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("run_id", big_id(), nullable=False),
        sa.Column("input_id", big_id(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("created_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["input_id"], ["run_inputs.id"], name=op.f("fk_events_input_id_run_inputs")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_events_run_id_runs")),
        primary_key("events", "id"),
        sa.UniqueConstraint("event_key", "user_id", name=op.f("uq_events_event_key_user_id")),
        by_user=True,
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(
        op.f("ix_events_user_id_event_type_event_timestamp"),
        "events",
        ["user_id", "event_type", "event_timestamp"],
        unique=False,
    )
    create_table(
        "event_properties",
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("attempt_number", sa.BigInteger(), nullable=True),
        sa.Column("failure_reason", name(), nullable=True),
        of_event("event_properties", "CASCADE"),
        primary_key("event_properties", "event_id"),
        by_user=True,
    )
    create_table(
        "send_requests",
        number(),
        sa.Column("event_id", big_id(), nullable=True),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("event_timestamp", moment(), nullable=False),
        sa.Column("rule_name", name(), nullable=False),
        sa.Column("template_name", name(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("dedup_window", sa.String(length=320), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("run_id", big_id(), nullable=False),
        sa.Column("rules_version_id", big_id(), nullable=False),
        sa.Column("caused_by_event_id", sa.BigInteger(), nullable=False),
        *of_event_while_it_lasts("send_requests"),
        sa.ForeignKeyConstraint(
            ["rules_version_id"], ["rules_versions.id"], name=op.f("fk_send_requests_rules_version_id_rules_versions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_send_requests_run_id_runs")),
        primary_key("send_requests", "id"),
        unique("send_requests", "event_id", "rule_name"),
        sa.UniqueConstraint(
            "user_id", "template_name", "dedup_window", name=op.f("uq_send_requests_user_id_template_name_dedup_window")
        ),
        by_user=True,
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(op.f("ix_send_requests_decided_at"), "send_requests", ["decided_at"], unique=False)
    op.create_index(
        op.f("ix_send_requests_user_id_template_name_event_timestamp"),
        "send_requests",
        ["user_id", "template_name", "event_timestamp"],
        unique=False,
    )
    create_table(
        "suppressions",
        number(),
        sa.Column("event_id", big_id(), nullable=True),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("event_timestamp", moment(), nullable=False),
        sa.Column("rule_name", name(), nullable=False),
        sa.Column("template_name", name(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("dedup_window", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=False),
        sa.Column("suppression_reason", sa.Text(), nullable=False),
        sa.Column("blocking_request_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("run_id", big_id(), nullable=False),
        sa.Column("rules_version_id", big_id(), nullable=False),
        sa.Column("caused_by_event_id", sa.BigInteger(), nullable=False),
        *of_event_while_it_lasts("suppressions"),
        sa.ForeignKeyConstraint(
            ["rules_version_id"], ["rules_versions.id"], name=op.f("fk_suppressions_rules_version_id_rules_versions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_suppressions_run_id_runs")),
        primary_key("suppressions", "id"),
        unique("suppressions", "event_id", "rule_name"),
        by_user=True,
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(op.f("ix_suppressions_decided_at"), "suppressions", ["decided_at"], unique=False)
    op.create_index(op.f("ix_suppressions_user_id"), "suppressions", ["user_id"], unique=False)
    create_table(
        "user_traits",
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("email", name(), nullable=True),
        sa.Column("country", name(), nullable=True),
        sa.Column("marketing_opt_in", sa.Boolean(), nullable=True),
        sa.Column("risk_segment", name(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=True),
        sa.Column("key_order", sa.JSON(), nullable=True),
        of_event("user_traits", "CASCADE"),
        primary_key("user_traits", "event_id"),
        by_user=True,
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    one_after_the_other()
    op.drop_table("user_traits")
    op.drop_index(op.f("ix_suppressions_user_id"), table_name="suppressions")
    op.drop_index(op.f("ix_suppressions_decided_at"), table_name="suppressions")
    op.drop_table("suppressions")
    op.drop_index(op.f("ix_send_requests_user_id_template_name_event_timestamp"), table_name="send_requests")
    op.drop_index(op.f("ix_send_requests_decided_at"), table_name="send_requests")
    op.drop_table("send_requests")
    op.drop_table("event_properties")
    op.drop_index(op.f("ix_events_user_id_event_type_event_timestamp"), table_name="events")
    op.drop_table("events")
    op.drop_table("run_inputs")
    op.drop_index(op.f("ix_rejects_user_id"), table_name="rejects")
    op.drop_index(op.f("ix_rejects_event_key"), table_name="rejects")
    op.drop_table("rejects")
    op.drop_table("runs")
    op.drop_table("rules_versions")

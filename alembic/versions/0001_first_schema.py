"""First schema: events and their projections, decisions, the ledger of runs, rules versions and rejects."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def big_id() -> sa.types.TypeEngine[int]:
    """A 64-bit number; on SQLite the row id itself."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def name() -> sa.String:
    """An id or a name as producers give it."""
    return sa.String(length=255)


def moment() -> sa.DateTime:
    """A moment in UTC."""
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "rules_versions",
        sa.Column("id", big_id(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("in_force", sa.JSON(), nullable=False),
        sa.Column("first_used_at", moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_versions")),
        sa.UniqueConstraint("sha256", name=op.f("uq_rules_versions_sha256")),
    )
    op.create_table(
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
    op.create_table(
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
    op.create_table(
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
    op.create_table(
        "events",
        sa.Column("id", big_id(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("event_key", "user_id", name=op.f("uq_events_event_key_user_id")),
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(
        op.f("ix_events_user_id_event_type_event_timestamp"),
        "events",
        ["user_id", "event_type", "event_timestamp"],
        unique=False,
    )
    op.create_table(
        "event_properties",
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("attempt_number", sa.BigInteger(), nullable=True),
        sa.Column("failure_reason", name(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_properties_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_properties")),
    )
    op.create_table(
        "send_requests",
        sa.Column("id", big_id(), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_send_requests_event_id_events"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["rules_version_id"], ["rules_versions.id"], name=op.f("fk_send_requests_rules_version_id_rules_versions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_send_requests_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_requests")),
        sa.UniqueConstraint("event_id", "rule_name", name=op.f("uq_send_requests_event_id_rule_name")),
        sa.UniqueConstraint(
            "user_id", "template_name", "dedup_window", name=op.f("uq_send_requests_user_id_template_name_dedup_window")
        ),
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(op.f("ix_send_requests_decided_at"), "send_requests", ["decided_at"], unique=False)
    op.create_index(
        op.f("ix_send_requests_user_id_template_name_event_timestamp"),
        "send_requests",
        ["user_id", "template_name", "event_timestamp"],
        unique=False,
    )
    op.create_table(
        "suppressions",
        sa.Column("id", big_id(), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_suppressions_event_id_events"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["rules_version_id"], ["rules_versions.id"], name=op.f("fk_suppressions_rules_version_id_rules_versions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_suppressions_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("event_id", "rule_name", name=op.f("uq_suppressions_event_id_rule_name")),
        sqlite_autoincrement=True,  # a number is never used again
    )
    op.create_index(op.f("ix_suppressions_decided_at"), "suppressions", ["decided_at"], unique=False)
    op.create_index(op.f("ix_suppressions_user_id"), "suppressions", ["user_id"], unique=False)
    op.create_table(
        "user_traits",
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("user_id", name(), nullable=False),
        sa.Column("email", name(), nullable=True),
        sa.Column("country", name(), nullable=True),
        sa.Column("marketing_opt_in", sa.Boolean(), nullable=True),
        sa.Column("risk_segment", name(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=True),
        sa.Column("key_order", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_user_traits_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_user_traits")),
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
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

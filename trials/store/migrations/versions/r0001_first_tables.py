"""The first tables: trials, plans, deliveries, participants, their values, looks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

# Code-point order on every database; see trials.store.models.ORDERED.
ORDERED = sa.String().with_variant(sa.String(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def _belongs_to_trial(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=f"fk_{table}_trial_id_trial")


def _belongs_to_batch(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["trial_id", "batch_seq"], ["batch.trial_id", "batch.seq"], name=f"fk_{table}_trial_id_batch_seq_batch"
    )


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("plan_sha256", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trial"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "protocol_version",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("sealed_by", sa.String()),
        sa.Column("sealed_at", MOMENT),
        sa.PrimaryKeyConstraint("trial_id", "version", name="pk_protocol_version"),
        _belongs_to_trial("protocol_version"),
    )
    op.create_table(
        "batch",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.Column("refusal", sa.Text()),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "seq", name="pk_batch"),
        sa.UniqueConstraint("trial_id", "source", "content_sha256", name="uq_batch_trial_id_source_content_sha256"),
        _belongs_to_trial("batch"),
    )
    op.create_table(
        "repetition",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("readings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "batch_seq", name="pk_repetition"),
        _belongs_to_batch("repetition"),
    )
    op.create_table(
        "enrolment",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("enrolled_on", sa.Date()),
        sa.Column("entry_order", sa.Integer()),
        sa.Column("order_key", ORDERED, nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "participant_id", name="pk_enrolment"),
        sa.UniqueConstraint("trial_id", "entry_order", name="uq_enrolment_trial_id_entry_order"),
        _belongs_to_batch("enrolment"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_enrolment_trial_id_order_key", "enrolment", ["trial_id", "order_key"], unique=True)
    op.create_table(
        "observation",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("observed_on", sa.Date()),
        sa.Column("value", sa.Float()),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "measure", "participant_id", "rev", name="pk_observation"),
        sa.ForeignKeyConstraint(
            ["trial_id", "participant_id"],
            ["enrolment.trial_id", "enrolment.participant_id"],
            name="fk_observation_trial_id_participant_id_enrolment",
        ),
        _belongs_to_batch("observation"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "batch_seq", "row_no", name="pk_quarantine"),
        _belongs_to_batch("quarantine"),
    )
    op.create_table(
        "look",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "number", name="pk_look"),
        _belongs_to_trial("look"),
    )
    op.create_table(
        "method_state",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("look_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cursor_key", ORDERED, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_method_state"),
        sa.ForeignKeyConstraint(
            ["trial_id", "look_number"],
            ["look.trial_id", "look.number"],
            name="fk_method_state_trial_id_look_number_look",
        ),
    )

"""What people are told of and on which channels they were, and how the channels get on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "trial", "about")),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("cleared_at", MOMENT),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "occurrence", name="pk_alert"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_alert_cleared_at", "alert", ["cleared_at"])
    op.create_table(
        "alert_telling",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("claimed_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id", "occurrence"],
            ["alert.id", "alert.occurrence"],
            name="fk_alert_telling_alert_id_occurrence_alert",
        ),
        sa.PrimaryKeyConstraint("alert_id", "occurrence", "channel", "what", "number", name="pk_alert_telling"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_channel",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", MOMENT),
        sa.Column("error", sa.Text()),
        sa.Column("next_try_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_alert_channel"),
    )
    op.create_table(
        "alert_watch",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("judged_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_alert_watch"),
    )

"""What each round did, and how the rounds get on with each trial. A trial's links are found by their kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
COUNTS = ("due", "done", "failed", "deliveries", "accepted", "quarantined", "refused", "looks", "crossed")


def upgrade() -> None:
    op.create_table(
        "round",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("scheduled_for", MOMENT),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("flow_run", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_round"),
    )
    op.create_table(
        "trial_work",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", MOMENT),
        sa.Column("error", sa.Text()),
        sa.Column("next_try_at", MOMENT),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_trial_work_trial_id_trial"),
        sa.PrimaryKeyConstraint("trial_id", name="pk_trial_work"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_event_trial_id_kind", "audit_event", ["trial_id", "kind"])

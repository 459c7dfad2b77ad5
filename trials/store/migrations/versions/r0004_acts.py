"""What people do: acts on trials, programmes and ideas. The chain takes these too, so it loses its foreign key to trials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "act",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String()),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "seq", name="pk_act"),
        sa.UniqueConstraint("trial_id", "kind", "key", name="uq_act_trial_id_kind_key"),
    )
    op.create_index("ix_act_kind_trial_id", "act", ["kind", "trial_id"])
    with op.batch_alter_table("audit_event") as table:
        table.drop_constraint("fk_audit_event_trial_id_trial", type_="foreignkey")

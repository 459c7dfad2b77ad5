"""The data path: keys for people's ids, watermarks of sources, mended rows, and the chain of hashes.

Trials that began before keep their ids as they were sent (key_fingerprint NULL); their chain begins with one link that
takes in all that is there, which `trials.store.engine` puts on in the same transaction.

Observations lose their foreign keys. Measured on 300,000 rows, PostgreSQL's COPY took 3.1 s with and 1.3 s without them, SQLite
per million 5.8 and 3.6 s. What they guaranteed is held elsewhere: `merge` looks every participant of a delivery up, all in
one transaction, and a row that no delivery brought is found by the chain.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("trial", sa.Column("key_fingerprint", sa.String()))
    op.add_column("batch", sa.Column("watermark", sa.Text()))
    op.add_column("enrolment", sa.Column("spelling", sa.String()))
    _without_foreign_keys()
    op.create_table(
        "repair",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("repaired_by", sa.String(), nullable=False),
        sa.Column("repaired_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "batch_seq", "row_no", "number", name="pk_repair"),
        sa.ForeignKeyConstraint(
            ["trial_id", "batch_seq", "row_no"],
            ["quarantine.trial_id", "quarantine.batch_seq", "quarantine.row_no"],
            name="fk_repair_trial_id_batch_seq_row_no_quarantine",
        ),
    )
    op.create_table(
        "replayed_row",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("of_batch", sa.Integer(), nullable=False),
        sa.Column("of_row", sa.Integer(), nullable=False),
        sa.Column("repair", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "batch_seq", "row_no", name="pk_replayed_row"),
        sa.ForeignKeyConstraint(
            ["trial_id", "batch_seq"], ["batch.trial_id", "batch.seq"], name="fk_replayed_row_trial_id_batch_seq_batch"
        ),
    )
    op.create_table(
        "audit_event",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "seq", name="pk_audit_event"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_audit_event_trial_id_trial"),
    )


def _without_foreign_keys() -> None:
    """SQLite can't drop a constraint: there the table is copied (foreign keys are off while tables change)."""
    if op.get_bind().dialect.name == "postgresql":
        for name in ("fk_observation_trial_id_participant_id_enrolment", "fk_observation_trial_id_batch_seq_batch"):
            op.drop_constraint(name, "observation", type_="foreignkey")
        return
    op.create_table(
        "observation_new",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("participant_id", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("observed_on", sa.Date()),
        sa.Column("value", sa.Float()),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
        sa.Column("batch_seq", sa.Integer(), nullable=False),
        sa.Column("companion", sa.Float()),
        sa.PrimaryKeyConstraint("trial_id", "measure", "participant_id", "rev", name="pk_observation"),
        sqlite_with_rowid=False,
    )
    names = "trial_id, measure, participant_id, rev, observed_on, value, sent_at, effective_at, batch_seq, companion"
    op.execute(f"INSERT INTO observation_new ({names}) SELECT {names} FROM observation")
    op.drop_table("observation")
    op.rename_table("observation_new", "observation")

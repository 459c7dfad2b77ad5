"""A companion beside each value: the exposure of a count, the event flag of a time to event.

Values of measures that have none, and every value from before, keep NULL there. Repetitions keep their table: what they hold
from before says nothing of measures, and is read as being of the primary one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("observation", sa.Column("companion", sa.Float()))

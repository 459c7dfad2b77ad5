"""What can be searched of ideas, lessons and decisions: one row a text, found by SQLite's FTS5 or PostgreSQL's text search.

words: the text's terms as `trials.lessons.terms` cut them, parted by blanks, so neither database stems or folds by its own
rules. source: what the row was made from (`trials.store.lessons`). The table is derived from acts and plans and can be filled
again from them; no link tells of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_table(
            "lesson_text",
            sa.Column("scope", sa.String(), nullable=False),
            sa.Column("seq", sa.Integer(), nullable=False),
            sa.Column("kind", sa.String(), nullable=False),
            sa.Column("source", sa.String(), nullable=False),
            sa.Column("words", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("scope", "seq", "kind", name="pk_lesson_text"),
        )
        op.execute(
            "CREATE INDEX ix_lesson_text_words ON lesson_text USING gin (array_to_tsvector(string_to_array(words, ' ')))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE lesson_text USING fts5(scope UNINDEXED, seq UNINDEXED, kind UNINDEXED, source UNINDEXED, "
        "words, tokenize = 'unicode61')"
    )

"""The tables. Thin SQLModel classes: they validate nothing; frozen values are checked before they get here.

Times are aware UTC. Facts are appended, never changed, but for three places: `trial` (state, token, current plan, key),
the two sealing columns of `protocol_version`, and `method_state` (one row per trial, replaced together with the look
that it belongs to, in the same transaction). The tables after that say who is let in and how the rounds get on; they are no
facts of a trial. Keys are natural: a delivery is (trial, seq), and whatever it brought names that seq, so `as of` a past
delivery is a plain `batch_seq <= ...`.
"""

from datetime import date, datetime

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, MetaData, String, Table, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

# No `from __future__ import annotations` here: SQLModel reads the annotations themselves.

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

# Text that is compared with < and >: code points on every database, whatever locale PostgreSQL was set up with.
ORDERED = String().with_variant(String(collation="C"), "postgresql")
CLUSTERED = {"sqlite_with_rowid": False}


def _of_batch() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["trial_id", "batch_seq"], ["batch.trial_id", "batch.seq"])


class Trial(SQLModel, table=True):
    """One trial: where it stands, which plan is its current one, and the token that changes whenever it does.

    key_fingerprint: of the key that its people's ids are hidden with; NULL before the first delivery, and for ever in a
    trial that began before revision r0003, whose ids stay as they were sent.
    """

    __tablename__ = "trial"
    __table_args__ = (CLUSTERED,)
    id: str = Field(primary_key=True)
    state: str  # trials.acts.act.STATES
    token: int = 0
    plan_version: int
    plan_sha256: str
    created_at: datetime
    key_fingerprint: str | None = None


class ProtocolVersion(SQLModel, table=True):
    """A plan as canonical JSON and its SHA-256. Registering again before the seal adds a version; none is overwritten."""

    __tablename__ = "protocol_version"
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    version: int = Field(primary_key=True)
    canonical: str = Field(sa_column=Column(Text, nullable=False))
    sha256: str
    registered_by: str
    registered_at: datetime
    sealed_by: str | None = None
    sealed_at: datetime | None = None


class Batch(SQLModel, table=True):
    """One delivery, accepted or refused. The same bytes from the same source exist once.

    accepted: rows that said something new; duplicates: rows that repeated what was known; corrections: the rows
    among the accepted that changed a known value. watermark: what the source's connector is told next time.
    """

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("trial_id", "source", "content_sha256"),)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    seq: int = Field(primary_key=True)
    source: str
    name: str
    content_sha256: str
    sent_at: datetime
    recorded_at: datetime
    action: str
    accepted: int
    quarantined: int
    duplicates: int
    corrections: int
    refusal: str | None = Field(default=None, sa_column=Column(Text))
    warnings: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    watermark: str | None = Field(default=None, sa_column=Column(Text))


class Repetition(SQLModel, table=True):
    """What a delivery repeated: {participant: {measure: [value, companion]}} of what made no new version.

    Before revision r0002 it was {participant: value}, of the primary measure; such rows are read on.
    Needed when an older delivery comes in late with another value: the repetition then proves that the value was changed
    back (A, B, A delivered as A, A, B). See `trials.store.merge`.
    """

    __tablename__ = "repetition"
    __table_args__ = (_of_batch(),)
    trial_id: str = Field(primary_key=True)
    batch_seq: int = Field(primary_key=True)
    readings: dict = Field(sa_column=Column(JSON, nullable=False))  # type: ignore[type-arg]


class Enrolment(SQLModel, table=True):
    """One participant of one trial: arm, site and place in the sealed order, which is theirs alone.

    participant_id: the pseudonym. spelling: which letters of the id were capitals, so that another spelling is noticed.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        Index(None, "trial_id", "order_key", unique=True),
        UniqueConstraint("trial_id", "entry_order"),
        _of_batch(),
        CLUSTERED,
    )
    trial_id: str = Field(primary_key=True)
    participant_id: str = Field(primary_key=True)
    site: str
    arm: str
    enrolled_on: date | None = None
    entry_order: int | None = None
    order_key: str = Field(sa_column=Column(ORDERED, nullable=False))
    batch_seq: int
    spelling: str | None = None


class Observation(SQLModel, table=True):
    """One version of one participant's value of one measure, primary or guardrail. A change is rev + 1.

    value NULL = withdrawn. companion: what stands beside the value, such as a count's exposure. The newest
    `sent_at` (then rev) is the current one: rev counts arrivals, and a delivery may arrive late. No foreign keys: they cost
    as much again as the rows; the merge looks every participant up, and the chain shows a row that no delivery brought.
    """

    __tablename__ = "observation"
    __table_args__ = (CLUSTERED,)
    trial_id: str = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    participant_id: str = Field(primary_key=True)
    rev: int = Field(primary_key=True)
    observed_on: date | None = None
    value: float | None = None
    sent_at: datetime
    effective_at: datetime
    batch_seq: int
    companion: float | None = None


class Quarantine(SQLModel, table=True):
    """One row set aside: its number in the delivery, the reason its site reads, and the row as it was sent."""

    __tablename__ = "quarantine"
    __table_args__ = (_of_batch(),)
    trial_id: str = Field(primary_key=True)
    batch_seq: int = Field(primary_key=True)
    row_no: int = Field(primary_key=True)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    cells: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))


class Repair(SQLModel, table=True):
    """One mended version of a quarantined row, number 1, 2, ...; the original stays as it is in `quarantine`.

    cells: the whole row as it should have been sent, sealed as the original is.
    """

    __tablename__ = "repair"
    __table_args__ = (
        ForeignKeyConstraint(
            ["trial_id", "batch_seq", "row_no"], ["quarantine.trial_id", "quarantine.batch_seq", "quarantine.row_no"]
        ),
    )
    trial_id: str = Field(primary_key=True)
    batch_seq: int = Field(primary_key=True)
    row_no: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    cells: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    changed: list[str] = Field(sa_column=Column(JSON, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    repaired_by: str
    repaired_at: datetime


class ReplayedRow(SQLModel, table=True):
    """A quarantined row that was judged again: row `row_no` of delivery `batch_seq` is row `of_row` of delivery `of_batch`.

    repair: the number of the mended version that was replayed; 0 for the row as it was sent.
    """

    __tablename__ = "replayed_row"
    __table_args__ = (_of_batch(),)
    trial_id: str = Field(primary_key=True)
    batch_seq: int = Field(primary_key=True)
    row_no: int = Field(primary_key=True)
    of_batch: int
    of_row: int
    repair: int


class AuditEvent(SQLModel, table=True):
    """One link of a trial's chain: what happened, and a hash over it and the link before.

    trial_id: a trial, or another scope of acts, whose chain holds these alone. at: our own clock's time, whatever `--as-of`
    says. body: canonical JSON, with the digest of the rows it stands for.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "trial_id", "kind"),)
    trial_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    at: datetime
    body: str = Field(sa_column=Column(Text, nullable=False))
    prev_hash: str
    hash: str


class ActRow(SQLModel, table=True):
    """One act: what somebody did to a trial, a programme or an idea (`trials.acts`). Each has its link in the chain.

    trial_id: a trial, 'programme:NAME' or 'idea:NAME'. look: the number of the newest look when it was done. key: what
    makes two the same act, so that the second changes nothing; NULL where each is its own. body: canonical JSON.
    """

    __tablename__ = "act"
    __table_args__ = (UniqueConstraint("trial_id", "kind", "key"), Index(None, "kind", "trial_id"))
    trial_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    key: str | None = None
    by: str
    at: datetime
    look: int
    body: str = Field(sa_column=Column(Text, nullable=False))


class LookRow(SQLModel, table=True):
    """One look. `body` is `trials.evidence.Look.to_json()`; the columns beside it serve lists and charts."""

    __tablename__ = "look"
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    number: int = Field(primary_key=True)
    as_of: datetime
    recorded_at: datetime
    batch_seq: int
    n: int
    verdict: str
    body: dict = Field(sa_column=Column(JSON, nullable=False))  # type: ignore[type-arg]


class MethodState(SQLModel, table=True):
    """The method's state after the newest look, and how far into the sealed order it has read."""

    __tablename__ = "method_state"
    __table_args__ = (ForeignKeyConstraint(["trial_id", "look_number"], ["look.trial_id", "look.number"]),)
    trial_id: str = Field(primary_key=True)
    look_number: int
    position: int
    cursor_key: str = Field(sa_column=Column(ORDERED, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))


class AccountRow(SQLModel, table=True):
    """Somebody who can sign in with a password. stamp: random, another one after each change of the password, so that a
    session which was begun before it ends."""

    __tablename__ = "account"
    name: str = Field(primary_key=True)
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    stamp: str
    added_by: str
    added_at: datetime
    changed_at: datetime


class Attempt(SQLModel, table=True):
    """One attempt to sign in that did not succeed, kept as long as it counts. Names and addresses are kept as digests, because
    people type passwords into the wrong field."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "name_digest"), Index(None, "address_digest"))
    number: int | None = Field(default=None, primary_key=True)
    name_digest: str
    address_digest: str
    at: datetime


class EndedSession(SQLModel, table=True):
    """A session that was signed out of before its time."""

    __tablename__ = "ended_session"
    id: str = Field(primary_key=True)
    ends_at: datetime


class LinkRow(SQLModel, table=True):
    """A link that leads to one trial, or to the trials of one programme, without an account. Only the digest of its secret is
    kept."""

    __tablename__ = "link"
    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    trial: str
    programme: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None


class Door(SQLModel, table=True):
    """One row: a number that grows whenever an account, a link or an ended session is written."""

    __tablename__ = "door"
    id: int = Field(primary_key=True)
    token: int


class RoundRow(SQLModel, table=True):
    """One round: what it did, and until when it was known to be at work (`beat_at`). No fact of a trial."""

    __tablename__ = "round"
    id: int = Field(primary_key=True)
    state: str  # trials.store.rounds.STATES
    scheduled_for: datetime | None = None
    begun_at: datetime
    beat_at: datetime
    ended_at: datetime | None = None
    host: str
    pid: int
    flow_run: str
    due: int = 0
    done: int = 0
    failed: int = 0
    deliveries: int = 0
    accepted: int = 0
    quarantined: int = 0
    refused: int = 0
    looks: int = 0
    crossed: int = 0
    error: str | None = Field(default=None, sa_column=Column(Text))


class TrialWorkRow(SQLModel, table=True):
    """How the rounds get on with a trial: when its work was last done; how often in a row, why and when it failed since, and
    when it is tried again."""

    __tablename__ = "trial_work"
    __table_args__ = (CLUSTERED,)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    done_at: datetime | None = None
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = Field(default=None, sa_column=Column(Text))
    next_try_at: datetime | None = None


class AlertRow(SQLModel, table=True):
    """One occurrence of something that people are told of (`trials.alerting`). trial: "" where it is none's;
    cleared_at: NULL while it lasts."""

    __tablename__ = "alert"
    __table_args__ = (Index(None, "cleared_at"), CLUSTERED)
    id: str = Field(primary_key=True)
    occurrence: int = Field(primary_key=True)
    kind: str
    trial: str
    about: str
    sentence: str = Field(sa_column=Column(Text, nullable=False))
    severity: str
    raised_at: datetime
    detail: str = Field(sa_column=Column(Text, nullable=False))
    cleared_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str = Field(sa_column=Column(Text, nullable=False))


class AlertTelling(SQLModel, table=True):
    """One telling of an occurrence on a channel, claimed before it is sent: sent_at is NULL until it was. claim: who does."""

    __tablename__ = "alert_telling"
    __table_args__ = (
        ForeignKeyConstraint(["alert_id", "occurrence"], ["alert.id", "alert.occurrence"]),
        CLUSTERED,
    )
    alert_id: str = Field(primary_key=True)
    occurrence: int = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    what: str = Field(primary_key=True)  # trials.alerting.What
    number: int = Field(primary_key=True)
    claim: str
    claimed_at: datetime
    sent_at: datetime | None = None
    failed: bool = False


class AlertChannel(SQLModel, table=True):
    """How a channel gets on: since when there is one of this name, how often in a row it failed, when it is tried again."""

    __tablename__ = "alert_channel"
    name: str = Field(primary_key=True)
    since: datetime
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = Field(default=None, sa_column=Column(Text))
    next_try_at: datetime | None = None
    sent_at: datetime | None = None


class AlertWatch(SQLModel, table=True):
    """Up to which change of a trial (its token) its rules, sites and plan were judged for alerts, and when."""

    __tablename__ = "alert_watch"
    trial_id: str = Field(primary_key=True)
    token: int
    judged_at: datetime


# The same tables for Core, which writes many rows at once and reads plain tuples.
TRIAL: Table = metadata.tables["trial"]
PLAN: Table = metadata.tables["protocol_version"]
BATCH: Table = metadata.tables["batch"]
REPETITION: Table = metadata.tables["repetition"]
ENROLMENT: Table = metadata.tables["enrolment"]
OBSERVATION: Table = metadata.tables["observation"]
QUARANTINE: Table = metadata.tables["quarantine"]
REPAIR: Table = metadata.tables["repair"]
REPLAYED: Table = metadata.tables["replayed_row"]
ACT: Table = metadata.tables["act"]
AUDIT: Table = metadata.tables["audit_event"]
LOOK: Table = metadata.tables["look"]
STATE: Table = metadata.tables["method_state"]
ACCOUNT: Table = metadata.tables["account"]
ATTEMPT: Table = metadata.tables["sign_in_attempt"]
ENDED: Table = metadata.tables["ended_session"]
LINK: Table = metadata.tables["link"]
DOOR: Table = metadata.tables["door"]
ROUND: Table = metadata.tables["round"]
WORK: Table = metadata.tables["trial_work"]
ALERT: Table = metadata.tables["alert"]
TELLING: Table = metadata.tables["alert_telling"]
CHANNEL: Table = metadata.tables["alert_channel"]
WATCH: Table = metadata.tables["alert_watch"]

"""Errors a person reads: one sentence that names the argument, its value and the rule, then a hint."""

from __future__ import annotations


class RoadtestError(Exception):
    """Anything Roadtest refuses. `str(error)` is the sentence the command prints; no traceback follows it."""


class ProtocolError(RoadtestError):
    """A protocol breaks a rule; nothing was registered."""


class GateError(ProtocolError):
    """A plan can't be sealed as what it says it is: so few people would hardly find what it calls worthwhile."""


class PlanHashMismatchError(RoadtestError):
    """The plan is not the one that was sealed; nothing ran on it."""


class NotSealedError(RoadtestError):
    """The trial has no sealed plan yet; nothing ran on it."""


class UnknownTrialError(RoadtestError):
    """No trial of that name is registered."""


class SourceError(RoadtestError):
    """A source can't be read: missing folder, unreadable file, nothing delivered."""


class StoreError(RoadtestError):
    """The database can't be used as it is: newer version, no connection, wrong order of time."""


class DataError(RoadtestError):
    """A value that a calculation was given means nothing (NaN, outside its bounds, an unknown arm)."""


class ForbiddenError(RoadtestError):
    """The person's role does not allow it; nothing was done."""


class LifecycleError(RoadtestError):
    """Where the trial stands does not allow the step; nothing was done."""


class FourEyesError(RoadtestError):
    """One person did what needs two; nothing was done."""

"""The flows of managing trials, for schedules and other flows: amend, decide, withdraw-site, rules, reports.

Each does what the command of its name does, through the same functions; what is refused fails the run with its one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from prefect import flow

from flows import work
from flows.amending import amend_trial
from flows.settings import Settings
from flows.stores import store_of
from trials.acts.deciding import What
from trials.protocol import from_content
from trials.stopping import findings_json
from trials.store import decisions, standing


@flow(name="amend", persist_result=False)
def amend(
    settings: Settings,
    trial: str,
    plan: str,
    *,
    reason: str,
    impact: str,
    by: str,
    approved_by: str,
    at: datetime | None = None,
) -> int:
    """Amends a sealed plan (JSON); the number of the version that stands."""
    done = amend_trial(
        store_of(settings, by),
        trial,
        from_content(json.loads(plan)),
        reason=reason,
        impact=impact,
        by=by,
        approved_by=approved_by,
        at=at or work.utc_now(),
    )
    version: int = done.body.version  # type: ignore[attr-defined]
    return version


@flow(name="decide", persist_result=False)
def decide(
    settings: Settings,
    trial: str,
    what: What,
    *,
    by: str,
    words: Mapping[str, str],
    answers: Mapping[str, float] | None = None,
    at: datetime | None = None,
) -> str:
    """Takes a decision; its sentence. words: reason, reason_code, second, lesson, reuse, dissent, as far as it needs them."""
    store, given = store_of(settings, by), {name: str(text) for name, text in words.items()}
    return decisions.decide(store, trial, what, by=by, at=at or work.utc_now(), answers=answers, **given).sentence  # type: ignore[arg-type]


@flow(name="withdraw-site", persist_result=False)
def withdraw_site(
    settings: Settings,
    trial: str,
    site: str,
    *,
    reason_code: str,
    reason: str,
    from_day: date,
    by: str,
    at: datetime | None = None,
) -> int:
    """Takes a site out of a trial; the number of the act."""
    return decisions.withdraw_site(
        store_of(settings, by),
        trial,
        site,
        reason_code=reason_code,
        reason=reason,
        from_day=from_day,
        by=by,
        at=at or work.utc_now(),
    ).seq


@flow(name="rules", persist_result=False)
def rules(
    settings: Settings, trials: Sequence[str] | None = None, as_of: datetime | None = None
) -> dict[str, list[dict[str, Any]] | str]:
    """What the stopping rules of these trials (or of all sealed ones) find, worst first; a sentence where that fails."""
    store, at = store_of(settings), as_of or work.utc_now()
    found: dict[str, list[dict[str, Any]] | str] = {}
    for trial in work.sealed_trials(store) if trials is None else trials:
        told = work.guarded(trial, lambda trial=trial: standing.standing(store, trial, at))  # type: ignore[misc]
        found[trial] = str(told.error) if isinstance(told, work.Outcome) else findings_json(told)
    return found


@flow(name="reports", persist_result=False)
def reports(settings: Settings, trials: Sequence[str] | None = None, folder: Path | None = None) -> list[Path]:
    """Writes the one-page report of these trials (or of all that are sealed) as HTML and PDF into `reports` of the home, or
    `folder`; the files, each whole or as it was."""
    from flows.report_gather import gathered
    from flows.report_html import page
    from flows.report_pdf import pdf

    store, target = store_of(settings), folder or settings.folder / "reports"
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for trial in work.sealed_trials(store) if trials is None else trials:
        report = gathered(store, trial, at=work.utc_now())
        for path, content in (
            (target / f"{trial}.html", page(report).encode()),
            (target / f"{trial}.pdf", pdf(report)),
        ):
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(content)
            part.replace(path)
            written.append(path)
    return written

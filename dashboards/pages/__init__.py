"""The pages. Adding one is a file beside these, with its PAGE, and a line here."""

from __future__ import annotations

from dashboards.page import Page
from dashboards.pages import data, data_trial, decide, learn, lessons, new, portfolio, seal, trial

PAGES: tuple[Page, ...] = (
    portfolio.PAGE,
    trial.PAGE,
    decide.PAGE,
    new.PAGE,
    seal.PAGE,
    lessons.PAGE,
    data.PAGE,
    data_trial.PAGE,
    learn.PAGE,
)

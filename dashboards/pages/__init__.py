"""The pages. Adding one is a file beside these, with its PAGE, and a line here."""

from __future__ import annotations

from dashboards.page import Page
from dashboards.pages import data, learn, lessons, new, portfolio, trial

PAGES: tuple[Page, ...] = (portfolio.PAGE, trial.PAGE, new.PAGE, lessons.PAGE, data.PAGE, learn.PAGE)

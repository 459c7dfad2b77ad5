"""Every page, in light and dark, on a desk, a tablet and a phone: accessible, inside the window, and quiet."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from dashboards.pages import PAGES
from tests.browser.conftest import Opener, Site, violations

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Colours don't depend on the size, so in dark axe looks at one size.
SIZES = {"light": ((1440, 900), (1024, 768), (390, 844)), "dark": ((1440, 900),)}
# Pages about one trial: of which ones.
OF = {"trial": ("still-open", "tiny-numbers", "being-planned"), "seal": ("being-planned",)}
NOWHERE = "/no/such/page"
# Findings that a component library itself makes: (rule, part of its HTML) -> why it does no harm. Empty is best.
EXCUSED: dict[tuple[str, str], str] = {}


def paths() -> list[str]:
    """Every page's address; of pages about a trial a few."""
    found = []
    for page in PAGES:
        start, variable, _ = page.path.partition("<")
        found += [start + trial for trial in OF.get(page.name, ("still-open",))] if variable else [page.path]
    return [*found, NOWHERE]


def grave(page: Page) -> list[tuple[str, list[str]]]:
    """Serious and critical violations of WCAG 2.2 AA, by rule with the HTML; those excused left out."""
    left = []
    for rule, places in violations(page, runOnly={"type": "tag", "values": WCAG}):
        nodes = [html for html in places if not excused(rule, html)]
        if nodes:
            left.append((rule, nodes))
    return left


def excused(rule: str, html: str) -> bool:
    return any(rule == known and part in html for known, part in EXCUSED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", paths())
def test_every_page_is_accessible_at_every_size(path: str, scheme: str, visit: Opener, site: Site) -> None:
    """axe-core finds nothing serious or critical of WCAG 2.2 AA, with what folds open, and nothing lies beside the window."""
    page = visit(path, scheme=scheme)
    if path == NOWHERE:
        site.errors.clear()  # Chromium reports the 404, which is what is asked for
    for width, height in SIZES[scheme]:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, widest(page, width))
        assert grave(page) == [], width


def widest(page: Page, width: int) -> list[str]:
    """What reaches beyond the window, for the message of a failure."""
    found: list[str] = page.evaluate(
        "width => [...document.querySelectorAll('main *')].filter(each => each.getBoundingClientRect().right > width + 1)"
        ".slice(0, 5).map(each => each.outerHTML.slice(0, 120))",
        width,
    )
    return found


def test_axe_would_find_planted_faults(visit: Opener) -> None:
    """The check above can fail: an image without a name, words too pale, a target too small."""
    page = visit("/learn")
    planted = (
        "<img src='/assets/mark.svg'><p style='color:#ddd;background:#fff'>pale</p>"
        "<div><button style='width:10px;height:10px;padding:0;border:0'>a</button>"
        "<button style='width:10px;height:10px;padding:0;border:0'>b</button></div>"
    )
    page.evaluate("planted => document.querySelector('main').insertAdjacentHTML('beforeend', planted)", planted)
    assert {"image-alt", "color-contrast", "target-size"} <= {rule for rule, _ in grave(page)}

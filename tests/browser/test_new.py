"""The form of a new trial and its seal in a real Chromium: what a lead is told while typing, and journey A."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Locator, Page, Request, Response, Route, expect

from dashboards.drafting import talking
from dashboards.drafting.turns import Turns
from dashboards.pages import new
from flows.doing import ByHand
from flows.settings import Settings
from tests.browser.conftest import Site, Tabs, serving, violations
from tests.dashboards import making
from trials import gate
from trials.protocol import from_content
from trials.store import decisions, reading
from trials.store.engine import Store, open_store

PATIENCE = 20_000  # of a busy machine; an answer takes under a second on an idle one
WORDS = {
    "title": "Call people the day before",
    "question": "Does a phone call the day before bring more people to their appointment?",
    "ideas": "Phone call the day before",
    "label": "missed the appointment",
}


@dataclass
class Lead:
    """An open form and where it is served from."""

    page: Page
    site: Site

    def field(self, name: str) -> Locator:
        return self.page.locator(f"#place-{name}").locator("input:not([type=hidden]), textarea").first

    def say(self, **answers: str) -> None:
        for name, answer in answers.items():
            self.field(name).fill(answer)

    def choose(self, name: str, option: str) -> None:
        self.field(name).click()
        self.page.get_by_role("option", name=option).click()

    def sentence(self) -> Locator:
        return self.page.locator("#new-gate-sentence")

    def says(self, **numbers: float) -> None:
        """The page says of these numbers just what the gate says."""
        expect(self.sentence()).to_have_text(gate_of(**numbers).sentence, timeout=PATIENCE)


def gate_of(people: int, baseline: float = 0.29, worthwhile: float = 0.10) -> gate.Gate:
    """The gate's own answer to a plan of these numbers."""
    plan = making.plan(
        "asked",
        primary={"baseline": baseline, "worthwhile": worthwhile},
        monitoring={"max_participants": people},
        sites=[],
    )
    return gate.judged(plan)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'form.db'}")
    yield opened
    opened.close()


@contextmanager
def a_lead(
    tabs: Tabs,
    store: Store,
    folder: Path,
    person: str = "anna",
    path: str = "/new",
    width: int = 1440,
    scheme: str = "light",
) -> Iterator[Lead]:
    """A page opened by somebody; at the end nothing on it may have gone wrong."""
    with serving(store, folder, person) as site:
        page = tabs.visit(site, path, width, scheme)
        if path == "/new":
            page.wait_for_selector('#new-form[data-poured="1"]')
        yield Lead(page, site)
        tabs.close()
        assert site.errors == []
        assert site.foreign == []


def hopeless(lead: Lead) -> None:
    """A fall of 10 points from 29 in 100, with 60 people."""
    lead.choose("better", "Less of it is better")
    lead.say(**WORDS, baseline_share="29", worthwhile_share="10", people="60", follow_weeks="8")


def test_journey_a(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """A lead types a hopeless plan, is told what it can find, changes it; a second person seals; the hash shows."""
    with a_lead(tabs, kept, tmp_path) as lead:
        hopeless(lead)
        lead.says(people=60)
        expect(lead.sentence()).to_contain_text("With 60 people only a fall from 29 % to 3.4 % would be found")
        expect(lead.page.locator("#new-gate")).to_contain_text("May not be sealed")
        expect(lead.page.locator("#new-gate")).to_contain_text(gate_of(60).reasons[0][1:])

        enough = gate_of(60).needed
        assert enough is not None
        lead.page.get_by_role("button", name=f"Use this: plan {enough:,} people").click()
        expect(lead.field("people")).to_have_value(str(enough))
        lead.says(people=enough)
        expect(lead.page.locator("#new-gate")).to_contain_text("May be sealed")

        lead.page.get_by_role("button", name="Register this plan").click()
        link = lead.page.get_by_role("link", name="Read it as a second person does")
        expect(link).to_be_visible(timeout=PATIENCE)
        where = str(link.get_attribute("href"))

    card = reading.card(kept, "call-people-the-day-before")
    with a_lead(tabs, kept, tmp_path, "ben", where) as second:
        page = second.page
        expect(page.locator("main")).to_contain_text("Registered by anna")
        expect(page.locator(".seal-hash")).to_have_text(card.sha256)
        expect(second.sentence()).to_have_text(gate_of(enough).sentence)
        page.get_by_label("I have read this plan").check()
        page.get_by_role("button", name="Seal it").click()
        expect(page.locator("#seal-body")).to_contain_text("Sealed by ben", timeout=PATIENCE)
        expect(page.locator(".seal-hash")).to_have_text(card.sha256)
        page.get_by_role("link", name="Open the trial").click()
        expect(page.locator("h1")).to_contain_text("Call people the day before")
    assert reading.card(kept, card.id).state == "sealed"


def test_the_keyboard_alone_fills_the_form(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """Tab leads from question to question, in their order; a choice is made with arrows and Enter."""
    with a_lead(tabs, kept, tmp_path) as lead:
        lead.field("kind").focus()
        for typed in ("missed the appointment", "", None, "29", "10"):
            lead.page.keyboard.press("Tab")
            if typed is None:
                lead.page.keyboard.press("ArrowDown")  # opens the choices
                option = lead.page.get_by_role("option", name="Less of it is better")
                expect(option).to_be_visible()
                for _ in range(3):  # two choices, and none taken at first
                    if option.get_attribute("data-combobox-selected") == "true":
                        break
                    lead.page.keyboard.press("ArrowDown")
                lead.page.keyboard.press("Enter")
                expect(lead.field("better")).to_have_value("Less of it is better")
            else:
                lead.page.keyboard.type(typed)
        lead.field("people").focus()
        lead.page.keyboard.type("60")
        lead.says(people=60)
        button = lead.page.get_by_role("button", name="Use this: seal it as purpose: feasibility")
        button.focus()
        lead.page.keyboard.press("Enter")
        expect(lead.field("purpose")).to_have_value("Whether we can recruit, deliver and measure")
        expect(lead.page.get_by_label("Criterion 1", exact=True)).to_have_value(
            "share of people whose outcome is known at the end of follow-up"
        )


def test_an_older_answer_never_replaces_a_newer_one(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """The answer for 60 people is held back until the one for 500 is on the page, and changes nothing when it comes."""
    with a_lead(tabs, kept, tmp_path) as lead:
        hopeless(lead)
        lead.says(people=60)
        held: list[Route] = []

        def hold(route: Route) -> None:
            if is_answer(route.request, 70):
                held.append(route)
            else:
                route.continue_()

        lead.page.route(lambda address: "_dash-update-component" in address, hold)
        with lead.page.expect_request(lambda sent: is_answer(sent, 70)):
            lead.say(people="70")
        lead.say(people="500")
        lead.says(people=500)
        assert len(held) == 1
        with lead.page.expect_response(lambda response: is_answer(response.request, 70)):
            held[0].continue_()
        expect(lead.page.locator("#new-sim")).to_contain_text("500 people", timeout=PATIENCE)
        lead.says(people=500)
        expect(lead.page.locator("#new-sim")).not_to_contain_text("70 people")


def is_answer(sent: Request, people: int) -> bool:
    """Whether the browser asks for the answer to a draft with so many people."""
    body = json.loads(sent.post_data or "{}") if sent.method == "POST" else {}
    drafts = [each.get("value") for each in body.get("inputs", []) if isinstance(each, dict)]
    asked = [each["values"].get("people") for each in drafts if isinstance(each, dict) and "values" in each]
    return body.get("output") == "new-said.data" and people in asked


def test_an_answer_is_marked_when_it_is_for_other_numbers(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """Without a server the old verdict is greyed and says so, registering isn't silent, and later it is asked for again."""
    with a_lead(tabs, kept, tmp_path) as lead:
        page, beside, line = lead.page, lead.page.locator("#new-answers"), lead.page.locator("#new-behind")
        hopeless(lead)
        lead.says(people=60)
        expect(beside).not_to_have_class(re.compile("is-behind"))
        page.route(re.compile("_dash-update-component|/live/token"), lambda route: route.abort())
        lead.say(people="70")
        expect(beside).to_have_class(re.compile("is-behind"))
        expect(line).to_contain_text("the server can't be reached. What stands here is for other numbers.")
        page.get_by_role("button", name="Register this plan").click()
        expect(page.locator("#new-outcome")).to_contain_text("it isn't known whether this plan was registered")
        page.unroute_all()
        lead.says(people=70)
        expect(beside).not_to_have_class(re.compile("is-behind"))
        expect(line).to_be_empty()
        expected = ("ERR_FAILED", "Failed to fetch", "the server did not respond")
        assert [one for one in lead.site.errors if not any(words in one for words in expected)] == []
        lead.site.errors.clear()


def test_a_number_put_in_at_once_is_never_another_one(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """A decimal comma becomes a point; what could be two numbers, or is none, is refused at its place."""
    with a_lead(tabs, kept, tmp_path) as lead:
        lead.say(baseline_share="29,5", people="2,000")
        expect(lead.field("baseline_share")).to_have_value("29.5")
        expect(lead.field("people")).to_have_value("2000")
        for name, said, why in (
            ("people", "1e400", "must be a number in digits"),
            ("people", "2,5", "must be a whole number"),
            ("baseline_share", "1,250", "can be read in two ways"),
        ):
            lead.say(**{name: said})
            expect(lead.page.locator(f"#place-{name}")).to_contain_text(f"“{said}” {why}")
            expect(lead.field(name)).to_have_value("")


def test_a_form_whose_turn_has_not_come_asks_again(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """While another plan is tried out nothing is drawn, and no request is held; soon after, the page has its figures."""
    with pytest.MonkeyPatch.context() as changed, a_lead(tabs, kept, tmp_path) as lead:
        changed.setattr(talking, "TURNS", Turns(longest=0.0))
        changed.setattr(new, "ASK_AGAIN", 100)
        lead.page.reload()
        lead.page.wait_for_selector('#new-form[data-poured="1"]')
        with talking.TURNS._working, lead.page.expect_response(is_busy):
            hopeless(lead)
        expect(lead.page.locator("#new-sim .new-figures")).to_be_visible(timeout=PATIENCE)


def is_busy(got: Response) -> bool:
    """Whether it answers the asking for a whole plan to be tried out."""
    asked = got.request.post_data or ""
    return "new-turn.max_intervals" in asked and "max_participants" in asked


def test_nothing_typed_is_lost_by_a_refusal_or_a_reload(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """A refusal names what is missing, at its place too; after a reload all of it stands there again, but no name was kept."""
    with a_lead(tabs, kept, tmp_path, "Ada Example") as lead:
        expect(lead.field("owner")).to_have_value("Ada Example")
        lead.say(title="Half a plan", people="60", sites="North\nSouth")
        lead.page.get_by_role("button", name="Register this plan").click()
        expect(lead.page.locator("#new-outcome")).to_contain_text("Still missing: The question that it answers")
        expect(lead.page.locator("#place-question")).to_contain_text("The question that it answers is missing.")
        expect(lead.field("title")).to_have_value("Half a plan")
        lead.page.wait_for_function("() => (sessionStorage.getItem('roadtest-draft') || '').includes('North')")
        assert "Ada" not in lead.page.evaluate("JSON.stringify(sessionStorage)")
        lead.page.reload()
        lead.page.wait_for_selector('#new-form[data-poured="1"]')
        expect(lead.field("title")).to_have_value("Half a plan")
        expect(lead.field("sites")).to_have_value("North\nSouth")
        expect(lead.field("people")).to_have_value("60")
        expect(lead.field("owner")).to_have_value("Ada Example")
    assert reading.cards(kept) == []


def test_the_plans_text_and_the_form_follow_each_other(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """What the form doesn't ask is kept; a text that can't be read changes nothing and stays where it is."""
    with a_lead(tabs, kept, tmp_path) as lead:
        hopeless(lead)
        lead.says(people=60)
        lead.page.get_by_text("Everything else: the plan itself").click()
        text = lead.page.locator("#new-yaml")
        expect(text).to_have_value(contains("max_participants: 60"))
        plan = yaml.safe_load(text.input_value())
        assert plan["primary"]["baseline"] == 0.29
        plan["monitoring"]["max_participants"] = 600
        plan["costs"] = {"per_person": 40}
        text.fill(yaml.safe_dump(plan))
        lead.field("title").focus()
        expect(lead.field("people")).to_have_value("600")
        lead.says(people=600)
        lead.say(people="700")
        expect(text).to_have_value(contains("max_participants: 700"), timeout=PATIENCE)
        expect(text).to_have_value(contains("per_person: 40"))
        broken = "trial: [never closed"
        text.fill(broken)
        lead.field("title").focus()
        expect(lead.page.locator("#new-yaml-error, .mantine-Textarea-error")).to_contain_text("not YAML")
        lead.say(people="800")
        lead.says(people=800)
        expect(text).to_have_value(broken)
        lead.page.get_by_role("button", name="Register this plan").click()
        expect(lead.page.locator("#new-outcome")).to_contain_text("can't be read")
        with lead.page.expect_download() as waits:
            lead.page.get_by_role("button", name="Download the plan").click()
        saved = yaml.safe_load(waits.value.path().read_text(encoding="utf-8"))
        assert (saved["monitoring"]["max_participants"], saved["costs"]) == (800, {"per_person": 40})
        assert waits.value.suggested_filename == "call-people-the-day-before.yaml"
        lead.page.get_by_role("button", name="Undo my edits").click()
        expect(text).to_have_value(contains("max_participants: 800"))


def contains(words: str) -> re.Pattern[str]:
    """For expect: a value that has these words in it."""
    return re.compile(re.escape(words))


def test_a_failure_like_the_idea_is_shown_as_one_types(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """Why it ended and what to use again, with a link to its page."""
    making.run(
        kept,
        making.plan("evening-reminders", question="Do evening text reminders cut missed appointments?"),
        making.people(40),
    )
    decisions.decide(
        kept,
        "evening-reminders",
        "stop",
        by="test",
        second="second reader",
        at=datetime(2024, 6, 1, tzinfo=UTC),
        reason_code="recruitment",
        reason="Too few came forward.",
        lesson="Numbers in the files were often out of date.",
        reuse="The wording of the message.",
    )
    with a_lead(tabs, kept, tmp_path) as lead:
        lead.say(question="Do text reminders in the evening reduce missed appointments?")
        near = lead.page.locator("#new-similar")
        expect(near).to_contain_text("Numbers in the files were often out of date.", timeout=PATIENCE)
        expect(near).to_contain_text("Too few came forward.")
        expect(near).to_contain_text("The wording of the message.")
        expect(near.get_by_role("link", name="Evening reminders")).to_have_attribute("href", "/trial/evening-reminders")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_axe_finds_nothing_and_everything_fits(
    width: int, scheme: str, tabs: Tabs, kept: Store, tmp_path: Path
) -> None:
    """With answers, errors, the plan's text and the table of the picture open."""
    with a_lead(tabs, kept, tmp_path, width=width, scheme=scheme) as lead:
        hopeless(lead)
        lead.say(alpha="200")
        expect(lead.page.locator("#place-alpha")).to_contain_text("must be more than 0 and less than 100")
        lead.say(alpha="5", trial="Not A Name")
        expect(lead.page.locator("#new-sim .new-figures")).to_be_visible(timeout=PATIENCE)
        lead.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert violations(lead.page, minor=True) == []
        assert lead.page.evaluate("document.documentElement.scrollWidth") <= width
        if width < 1100:
            expect(lead.page.locator("#new-bar")).to_contain_text("May not be sealed")


def test_the_seal_asks_for_another_person(tabs: Tabs, kept: Store, tmp_path: Path) -> None:
    """Whoever registered the plan is refused in a sentence; another name, said on a machine without sign-in, seals it."""
    plan = making.plan("to-be-sealed", monitoring={"max_participants": 600})
    ByHand(kept, Settings(home=tmp_path)).register(plan.to_yaml(), by="anna")
    with a_lead(tabs, kept, tmp_path, "anna", "/seal/to-be-sealed") as lead:
        page = lead.page
        page.get_by_role("button", name="Seal it").click()
        expect(page.locator("#seal-outcome")).to_contain_text("Read the plan first")
        page.get_by_label("I have read this plan").check()
        page.get_by_role("button", name="Seal it").click()
        expect(page.locator("#seal-outcome")).to_contain_text("must be sealed by somebody else")
        assert violations(page, minor=True) == []
        page.get_by_label("Your name").fill("Ben")
        page.get_by_role("button", name="Seal it").click()
        expect(page.locator("#seal-body")).to_contain_text("Sealed by Ben")
        expect(page.locator(".seal-hash")).to_have_text(from_content(json.loads(plan.canonical())).seal())
    assert reading.card(kept, "to-be-sealed").state == "sealed"

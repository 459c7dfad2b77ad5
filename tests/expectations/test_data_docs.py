"""expectations.docs: pages of a round that open offline, say what was checked, and tell no value and no small number."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from expectations import docs, docs_parts, engine
from expectations.docs import DeliveryRound, TrialRound, build, index_page, rule_counts, trial_page

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
KINDS = ("binary", "score", "amount", "count", "time_to_event")
FLAG = "The arms have 30 (c) and 80 (t) people where the plan allocates 1 : 1 (p = 2.1e-06): <b>look</b>."


def delivery(rows: int = 50, *, refused: bool = False, **broken: int) -> DeliveryRound:
    aside = 0 if refused else min(rows, sum(broken.values()))
    action = "reject_batch" if refused else "quarantine_rows" if aside else "accept"
    rules = rule_counts("binary", ("amount",), rows, broken, refused=refused)
    return DeliveryRound(AT, action, rows, aside, rules)  # type: ignore[arg-type]


ROUNDS = (
    TrialRound("fine", "Does it help?", (delivery(),)),
    TrialRound("mixed", "Does it help?", (delivery(80, arm_in_plan=14, value_zero_or_one=22),)),
    TrialRound("few", "Does it help?", (delivery(60, sent_once=3),)),
    TrialRound("refused", "Does it help?", (delivery(60, refused=True, columns_there=1),)),
    TrialRound("flagged", "Does it help <i>anybody</i>?", (delivery(),), (FLAG,)),
    TrialRound("silent", "Does it help?"),
    TrialRound("Odd/Näme", "Does it help?", (DeliveryRound(AT, "unjudged", 20, 0),)),
)


class Text(HTMLParser):
    """The words of a page, and its tables as rows of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.style = self.cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_endtag(self, tag: str) -> None:
        self.style = False
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.style:
            return
        self.words.append(data)
        if self.cell:
            self.rows[-1][-1] += data


def rows_of(page: str, result: str) -> list[list[str]]:
    return [row for row in Text(page).rows if row and row[-1] == result]


def test_a_round_is_an_index_and_a_page_a_trial(tmp_path: Path) -> None:
    """Every link of the index leads to a page, whatever the trial is called; a second round replaces the first."""
    index = build(tmp_path / "docs", ROUNDS, AT)
    page = index.read_text(encoding="utf-8")
    linked = re.findall(r'href="(trials/[^"]+)"', page)
    assert len(set(linked)) == len(ROUNDS)
    assert all((index.parent / link).is_file() for link in linked)
    later = build(tmp_path / "docs", ROUNDS[:1], AT.replace(day=24)).read_text(encoding="utf-8")
    assert "24 November 2026" in later
    assert later.count("trials/") == 1
    assert not list((tmp_path / "docs").rglob("*.new"))


def test_the_index_says_what_the_deliveries_came_to() -> None:
    """One sentence with the counts, then a row a trial; what needs somebody comes first."""
    page = index_page(ROUNDS, AT)
    said = " ".join(Text(page).words)
    assert "2 of 6 deliveries passed whole; 2 had rows set aside, 1 was refused whole, 1 could not be checked." in said
    assert "One trial is flagged." in said
    rows = [(row[0], row[-1]) for row in Text(page).rows[1:]]
    assert rows[0] == ("refused", "Refused")
    assert rows[1:3] == [("Odd/Näme", "Not checked"), ("flagged", "Flagged")]
    assert dict(rows)["silent"] == "Nothing came"


def test_a_trial_page_counts_the_rows_that_broke_each_rule() -> None:
    """80 rows checked, 14 with an unknown arm, 22 out of range; all other rules passed with none."""
    page = trial_page(ROUNDS[1], AT)
    broken = rows_of(page, "Set aside")
    assert [row[1:3] for row in broken] == [["80", "14"], ["80", "22"]]
    assert broken[0][0] == "arm is as sent: must be one of the plan's arms"
    assert {tuple(row[1:3]) for row in rows_of(page, "Passed")} == {("80", "0")}
    assert ["Sent on 23 November 2026", "80", "36", "Rows set aside"] in Text(page).rows


def test_a_refused_delivery_names_its_fault_and_no_row_rule() -> None:
    """Of a delivery without a planned column only the structure was judged."""
    page = trial_page(ROUNDS[3], AT)
    (fault,) = rows_of(page, "Refused")[1:]
    assert "the header lacks the column" in fault[0].lower()
    assert "participant_id is missing" not in page
    assert "The delivery was refused whole." in page


@pytest.mark.parametrize("few", range(1, 10))
def test_no_count_of_rows_below_ten_is_told(few: int) -> None:
    """Rows set aside from 1 to 9, rows left from 1 to 9, and whole deliveries of so few: hidden, with the reason."""
    trials = [
        TrialRound("one", "?", (delivery(60, sent_once=few),)),
        TrialRound("left", "?", (delivery(60, sent_once=60 - few),)),
        TrialRound("small", "?", (delivery(few),)),
        TrialRound("two", "?", (delivery(60, sent_once=few), delivery(60, sent_once=40))),
    ]
    for one in trials:
        page = trial_page(one, AT)
        numbers = [cell for row in Text(page).rows for cell in row[1:-1] if cell.isdigit()]
        assert not [cell for cell in numbers if 0 < int(cell) < 10], one.trial
        assert str(60 - few) not in numbers
        assert "hidden" in [cell for row in Text(page).rows for cell in row], one.trial
        assert "Hidden: fewer than 10" in page


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_of_every_kind_is_in_plain_words(kind: str) -> None:
    """No braces, no marks of code, no rule without words of its own, none twice."""
    others = tuple(other for other in KINDS if other != kind)
    found = rule_counts(kind, others, 50, {})
    said = [Text(docs_parts.in_words(one.rule, one.description)).words for one in found]
    sentences = ["".join(words) for words in said]
    assert len(sentences) > 20
    for sentence in sentences:
        assert not set(sentence) & set("{}`"), sentence
        assert len(sentence.split()) >= 4, sentence
    assert len({one.description for one in found}) == len(found)


def test_words_for_placeholders_are_known() -> None:
    """Each placeholder of a row or structure rule has words of its own, is a cell as sent or registered, or a column."""
    fields = set()
    for name in ("structure", *KINDS):
        for one in engine.load(name).expectations:
            if one["meta"]["rule"] not in docs_parts.FAULTS:
                fields |= {found.split(":")[0] for found in re.findall(r"{([^}]+)}", one["description"])}
    plain = {"name", "enrolled_on"}
    unknown = {name for name in fields if not name.startswith(("sent_", "register_"))} - set(docs_parts.WORDS) - plain
    assert unknown == set()


def test_what_comes_from_outside_is_text() -> None:
    """Markup in a question, a flag or a trial's name stays text."""
    page = trial_page(ROUNDS[4], AT)
    assert "<b>look" not in page
    assert "&lt;b&gt;look" in page
    assert "<i>anybody" not in page
    assert "<script" not in trial_page(TrialRound("<script>x", "?"), AT)
    assert "<script" not in index_page([TrialRound("<script>x", "?")], AT)


def test_nothing_is_asked_of_anybody() -> None:
    """No script, no style attribute, no address but of the pages themselves; a policy that forbids the rest."""
    for page in (index_page(ROUNDS, AT), *(trial_page(one, AT) for one in ROUNDS)):
        assert "http://" not in page
        assert "https://" not in page
        assert not re.search(r"<script|<iframe|<img|\bstyle=|@import|url\(|\bon\w+=", page)
        assert "default-src 'none'" in page
        links = re.findall(r'href="([^"]*)"', page)
        assert all(re.fullmatch(r"data:,|trials/[\w.-]+\.html|\.\./index\.html", link) for link in links), links


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path is not None, "chromium is missing: `apt-get install chromium`, as .ci/run does"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("docs"), ROUNDS, AT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_pages_open_offline_in_a_browser(scheme: str, width: int, built: Path, chromium: Browser) -> None:
    """From the disk, without a network: styled, no other request, no error, nothing wider than the window, axe content."""
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
        offline=True,
    )
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(built.as_uri())
    page.get_by_role("link", name="mixed").click()
    page.wait_for_url("**/mixed.html")
    pages = [built, built.parent / "trials" / "mixed.html", *sorted((built.parent / "trials").iterdir())]
    for path in pages:
        page.goto(path.as_uri())
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "14px"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
    assert all(url.startswith(built.parent.as_uri()) or url == "data:," for url in asked), asked
    assert errors == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(scheme: str, built: Path, chromium: Browser) -> None:
    """No violation on any page, and the check can fail: a picture without a name is found."""
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    for name in ("index.html", "trials/mixed.html", "trials/refused.html", "trials/flagged.html"):
        page.goto((built.parent / name).as_uri())
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == [], name
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"data:,\">')")
    assert "image-alt" in {one["id"] for one in Axe().run(page).response["violations"]}
    context.close()


def test_each_state_has_a_word_and_a_shape_of_its_own() -> None:
    """Nothing is told by colour alone."""
    assert len(set(docs_parts.SHAPES.values())) == len(docs_parts.SHAPES)
    assert {state for state, _ in docs_parts.ACTIONS.values()} == set(docs_parts.SHAPES)
    for state, word in docs_parts.ACTIONS.values():
        assert docs_parts.SHAPES[state] in docs_parts.pill(state, word)
        assert word in docs_parts.pill(state, word)


def test_counts_come_from_what_the_checks_say() -> None:
    """Rules that say the same are one; their rows are added; a suite's every rule is there."""
    found = {one.rule: one for one in rule_counts("time_to_event", (), 50, {"arm_in_plan": 11})}
    assert found["arm_in_plan"].rows_set_aside == 11
    descriptions = {
        one["description"] for name in ("structure", "time_to_event") for one in engine.load(name).expectations
    }
    assert {one.description for one in found.values()} == descriptions
    assert docs.rule_counts("binary", ("binary",), 5, {}) == docs.rule_counts("binary", (), 5, {})

"""What the pictures mean, in plain English. Sections and glossary have names that other pages link to: /learn#evidence."""

from __future__ import annotations

from dataclasses import dataclass

from trials.disclosure import LIMIT


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. anchor: its name in an address. word: in the list of contents. title: what it says in short."""

    anchor: str
    word: str
    title: str
    text: tuple[str, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        "verdict",
        "The verdict",
        "One word says what to do next",
        (
            "Each trial has one word. Each word has its own shape and colour, so you can tell them apart even if you don’t see "
            "colours well.",
            "The word follows from the results. The rule for it was agreed before the trial began, so nobody can pick a nicer "
            "word later.",
        ),
    ),
    Section(
        "row",
        "A row on the board",
        "One row on the board is one trial",
        (
            "The dot is the best guess so far. The bar is the range that fits what we have seen. A long bar means that we know "
            "little. A short bar means that we know a lot.",
            "Right is better. The thin line means no difference. The green part is where the idea is worth having.",
            "The bar under “Evidence” starts in the middle. It grows to the right as proof builds that the idea helps, and to "
            "the left as proof builds that it is not worth it. At an end there is enough proof to act.",
            "The thin bar below it grows to the left as proof builds that the idea does harm.",
        ),
    ),
    Section(
        "band",
        "The band",
        "The band shows how sure we can be",
        (
            "The dark line is the best guess, and up is better. The band is the range that fits what we have seen.",
            "At first the band is wide, because a few people can’t tell us much. It gets narrow as more people come in.",
            "Look at what the whole band does. Is all of it above the line at 0? Then the idea helps. Is all of it below the "
            "dashed line? Then the idea is not worth it.",
        ),
    ),
    Section(
        "evidence",
        "The evidence",
        "Evidence works like a bet",
        (
            "Think of a game. You start with one coin and bet that the idea helps. If the idea does nothing, the game is fair: "
            "you can’t expect to win.",
            "Turning one coin into 20 is then rare. It happens in at most 5 of 100 trials, however long you play, and however "
            "often you look. So if we do get to 20 coins, we believe that the idea helps.",
            "There are three such bets: that it helps, that it is not worth it, and that it does harm. Each has a dashed line. "
            "A bet that reaches its line has done so for good.",
        ),
    ),
    Section(
        "peeking",
        "Try peeking",
        "Peeking fools an ordinary test",
        (
            "Here is an idea that does nothing at all. We try it again and again, each time with 400 made-up people. Any "
            "trial that calls it a success is wrong.",
            "An ordinary test is made to be looked at once, at the end. If you look early and stop as soon as it says yes, "
            "you get many more chances to be fooled. Roadtest’s evidence is made to be looked at as often as you like.",
        ),
    ),
    Section(
        "label",
        "Evidence labels",
        "The label says what a trial can prove",
        (
            "Did the idea make the difference, or something else? That depends on how people came into the groups. The best "
            "way is to draw lots. Then the groups differ by luck alone.",
            "The label stands beside every verdict. It says what you may claim, and what you may not.",
        ),
    ),
    Section(
        "hidden",
        "Hidden numbers",
        "Small numbers are hidden, and big ones move in steps",
        (
            f"Behind each number are people. If a page said “3 people”, their friends might guess who they are. So any number "
            f"under {LIMIT} is hidden.",
            f"If a page went from 30 to 31, you would know that one person came in, and what changed with them. So numbers "
            f"move in steps of {LIMIT} or more. “30+” means 30 or some more. Totals add up what is shown, so taking one from "
            "the other tells you nothing.",
        ),
    ),
    Section(
        "light",
        "Lights",
        "Lights say whether a bigger trial can be done",
        (
            "A small first trial can’t tell whether an idea works. It can tell whether a bigger trial could be done. Do enough "
            "people join? Do they stay? Do their results come in?",
            "For each question, the limits were agreed before. The light says on which side of them we are.",
        ),
    ),
    Section(
        "flow",
        "Who took part",
        "The flow accounts for everybody",
        (
            "The boxes go from the top down: who joined, which group they came into, and whose result we know.",
            "Nobody may get lost on the way. If many people’s results are missing, or more in one group than in the other, be "
            "careful: those who are missing may differ from those who are there.",
        ),
    ),
)

GLOSSARY: dict[str, tuple[str, str]] = {
    "amendment": ("Amendment", "A change to the plan after it was sealed. It is marked, with the reason and the day."),
    "arm": ("Group (arm)", "The people in a trial who get the same thing: the idea, or what is done now."),
    "baseline": ("Baseline", "How often something happens without the idea."),
    "best-estimate": ("Best estimate", "Our best guess of how much the idea changes, from the results so far."),
    "control": ("Usual practice (control)", "What is done now. The idea is held against it."),
    "dud": (
        "Not worth it (dud)",
        "An idea that changes too little to be worth its cost. Dropping it early is good work.",
    ),
    "e-value": ("Evidence (e-value)", "What a fair bet on a claim has paid so far. 1× is where it started."),
    "guardrail": ("Guardrail", "Something that must not get worse while we try to make something else better."),
    "harm": ("Harm", "People do worse with the idea. The trial stops and the safety steward is told."),
    "interval": (
        "Plausible range",
        "The changes that fit what we have seen so far. Its full name is confidence sequence.",
    ),
    "look": ("Look", "One reading of the results, with its day. You may look as often as you like."),
    "missing": ("Missing", "People whose result never came in."),
    "pilot": ("Stage", "How far an idea has come: idea, proof of concept, pilot, scale."),
    "post-decision": ("After the decision", "Results that came in after people had decided. They change nothing."),
    "quarantine": ("Set aside", "Rows that can’t be used as they were sent. The site is told why and can mend them."),
    "randomised": ("Randomised", "A lot decides who gets the idea, so that the groups differ by luck alone."),
    "replay": ("Replay", "An old trial played again to test Roadtest. It proves nothing new."),
    "seal": ("Seal", "Locks a plan before the trial starts, so that nobody can change the rules of the game later."),
    "simulated": ("Simulated", "Made-up data from a computer. No people are behind it."),
    "stale": ("No news", "Nothing has come in for a long time. What you see is what came before."),
    "suppressed": (
        "Fewer than 10",
        "A number that is hidden because it is so small that it might tell who somebody is.",
    ),
    "threshold": ("Threshold", "How strong the evidence must be before we act. It was agreed before the trial began."),
    "worthwhile": (
        "Worth having",
        "The smallest change for which it is worth doing. It was agreed before the trial began.",
    ),
}


def anchors() -> tuple[str, ...]:
    """Every name on the page that another page can link to."""
    return (*(section.anchor for section in SECTIONS), "glossary", *(f"term-{name}" for name in GLOSSARY))

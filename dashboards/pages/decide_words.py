"""What the page on which a decision is recorded says of each choice, and of what follows it."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards.read_model.deciding import Choice, Deciding

CHOICES = {
    "drop": ("Drop it", "It does not help enough. The trial is closed."),
    "continue": ("Go on", "The trial runs on as planned. Nothing is closed."),
    "promote": ("Promote it", "It goes on to the next stage. The trial is closed."),
    "stop": ("Stop it", "For another reason than what it does. The trial is closed."),
    "rerun": ("Run it again", "It could not be judged like this. The trial is closed, and another may try again."),
}
FOR_EVER = "This closes the trial for ever: nobody else is enrolled, and it cannot be taken back."
GOES_ON = "This closes nothing."
OVERTAKEN = "Decided meanwhile, so there is nothing left to record here."
STAYS_CLOSED = "A closed trial stays closed."
LEFT_TO_YOU = "The evidence leaves this to you."
NOT_NEEDED = "Only needed where a decision goes against the verdict or the gate."


def choice_of(about: Deciding, what: str | None) -> Choice | None:
    return next((one for one in about.choices if one.what == what), None)


def needs(choice: Choice) -> tuple[str, str]:
    """What a choice does, and whether somebody else must have looked at it."""
    consequence = GOES_ON if choice.what == "continue" else FOR_EVER
    if not choice.against:
        return consequence, NOT_NEEDED
    second = f"Needed here, with the reason in words: it goes against {choice.against}."
    return f"{consequence} It goes against {choice.against}.", second


def agrees(choice: Choice) -> str:
    """Whether a choice agrees with the evidence, in a few words beside it."""
    if choice.against:
        return f"Goes against {choice.against}, so it needs a second reviewer."
    if not choice.looked:
        return "All that can be decided yet."
    return LEFT_TO_YOU if choice.open else "Agrees with the evidence."


def next_step(what: str, trial: str) -> list[Any]:
    """What to do after a decision, with the ways there."""
    follows = {
        "continue": "Next: the trial goes on, and the next delivery brings its next look.",
        "promote": f"Next: write the plan of the next stage. It continues {trial} and says what is new.",
        "rerun": f"Next: write the plan of the rerun. It continues {trial} and says what is new.",
    }
    closing = (
        "Next: enrol nobody else. Outcomes of people who are in still come, and are marked as after the decision. The lesson "
        "shows to whoever plans something like it."
    )
    links = [dcc.Link("Back to the trial", href=f"/trial/{trial}", className="button primary")]
    if what in ("promote", "rerun"):
        links.append(dcc.Link("Plan the next trial", href="/new", className="button"))
    elif what != "continue":
        links.append(dcc.Link("See all lessons", href="/lessons", className="button"))
    return [html.P(follows.get(what, closing), className="decide-next"), html.Div(links, className="form-buttons")]

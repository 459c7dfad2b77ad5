"""Sentences as everybody may read them: no number of people in them but those of looks that are shown.

`trials.verdict` and the rules write their sentences for each look, with the numbers of that moment; said at every delivery,
these would tell how few came in between. Here their numbers become those of looks shown, or go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trials.disclosure.looks import unhidden, with_crossings
from trials.disclosure.tables import LIMIT
from trials.evidence import Concern, Look
from trials.protocol import Protocol

# 'after 351 people (94 more have come in since, and it has fallen back to 5.0 to 1)', as `trials.verdict` says it.
_FIRED = re.compile(
    r"(?:at the look )?after (fewer than 10|\d[\d,]*) (people|clusters)"
    r"(?: \((?:(?:fewer than 10|\d[\d,]*) more have come in since)?(?:, and )?(it has fallen back to [^()]*)?\))?"
)
_FULL = re.compile(
    r"(?:the planned|all of the planned) (\d[\d,]* (?:people|clusters)) are in(?: or counted as missing)?"
)
_JOINED = re.compile(
    r"; (?:fewer than 10|\d[\d,]*) (?:people|clusters) of \d[\d,]* have joined, (?:fewer than 10|\d[\d,]*) with a result"
)
_LABEL = re.compile(r" Evidence: [^:]+\.$")
_DUE = re.compile(r"; (the next result is due after [\d-]+)")


def told(protocol: Protocol, newest: Look, shown: Sequence[Look]) -> str:
    """The sentence of the newest of the looks shown, or without one the newest look's; no number of people in it but those
    of looks shown, and no estimate that may not be shown. shown: what `apart` chose, up to the newest look."""
    look = shown[-1] if shown and shown[-1].verdict == newest.verdict else None
    if look is None:
        return _without_numbers(protocol, newest)
    there = next(one for one in with_crossings(shown) if one.number == look.number)
    text = _at_looks(look, there)
    return text if unhidden(protocol, look) else without_estimate(protocol, text)


def _at_looks(raw: Look, there: Look) -> str:
    """The look's sentence with the claims' places as `there` has them."""
    pairs = list(zip(raw.claims.values(), there.claims.values(), strict=True))
    pairs += [
        pair
        for old, new in zip(raw.comparisons, there.comparisons, strict=True)
        for pair in zip(old.claims.values(), new.claims.values(), strict=True)
    ]
    places = {_number(old.crossed_at_n or 0): new.crossed_at_n or 0 for old, new in pairs if old.fired}

    def at_look(found: re.Match[str]) -> str:
        place = places.get(found[1], there.n)
        more = f"{there.n - place:,} more have come in since" if there.n - place >= LIMIT else ""
        since = ", and ".join(filter(None, (more, found[3])))
        return f"by the look after {place:,} {found[2]}" + (f" ({since})" if since else "")

    return _common(_FIRED.sub(at_look, raw.sentence))


def _without_numbers(protocol: Protocol, look: Look) -> str:
    """What may be said while no look may be shown, or while the verdict rests on one that may not."""
    text = _common(look.sentence)
    if text.startswith("Nothing can be compared"):
        return f"Nothing can be compared: no result stands beside one of another arm.{_caution(text)}"
    if look.verdict == "keep_going" and protocol.purpose != "feasibility":
        who = "clusters" if protocol.unit == "cluster" else "people"
        due = _DUE.search(text)
        also = f"; {due[1]}" if due else ""
        return f"Too early to say: at least {LIMIT} {who} in each group must have a result first{also}.{_caution(text)}"
    return without_estimate(protocol, re.sub(f" {_FIRED.pattern}", "", text))


def _common(text: str) -> str:
    """What is said of numbers that no look shown has: who joined, and whether anybody planned is missing."""
    return _JOINED.sub("", _FULL.sub(r"all of the planned \1 are in or counted as missing", text))


def _caution(text: str) -> str:
    """The label and its caution at a sentence's end, which stay whatever of the rest may not be told."""
    found = _LABEL.search(text)
    return found[0] if found else ""


def without_estimate(protocol: Protocol, text: str) -> str:
    """The verdict's sentence without the estimate and its range, for when these may not be shown."""
    primary = protocol.primary
    names = {primary.label, primary.event, primary.measure, primary.measure.replace("_", " ")} - {None, ""}
    named = "|".join(re.escape(str(name)) for name in sorted(names, key=str))
    found = re.search(rf"\. (?:{named})(?:, [^:]+)?: ", text)
    return f"{text[: found.start()]}.{_caution(text)}" if found else text


def safe_concern(concern: Concern) -> str:
    """A rule's sentence without the numbers of people that change with every delivery."""
    if concern.code == "recruitment":
        return "people join more slowly than planned"
    return about_numbers(concern.sentence)


# Counts as the rules' and the checks' sentences have them: '52 (usual)', '12 of 90', '1,204 reports', '25% of', '(13 in'.
_COUNTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\(\d[\d,]* rows?\)"), "(some rows)"),
    (re.compile(r"\d[\d,]* of \d[\d,]*"), "some"),
    (re.compile(r"\d[\d,]* (?=\((?!p\b))"), "some "),
    (re.compile(r"\(\d[\d,]* (?=rows? in |in )"), "(some "),
    (re.compile(r"^\d[\d,]* (?=reports|changes)"), "some "),
    (re.compile(r"^\d[\d,]* rows? (?=\w)"), "some rows "),
    (re.compile(r"^\d[\d,.]*% of"), "too many of"),
    (re.compile(r"p = [\d.]+(?:e-?\d+)?"), "p < 0.001"),
)


def about_numbers(text: str) -> str:
    """A warning or a concern without its counts and exact p-values: said at every delivery, they would tell each of them."""
    for pattern, instead in _COUNTS:
        text = pattern.sub(instead, text)
    return text


def _number(count: int) -> str:
    return f"fewer than {LIMIT}" if count < LIMIT else f"{count:,}"

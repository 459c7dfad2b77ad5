"""How each real trial was published and how it ends here, with the reason wherever the two differ.

One table for the tests, which hold it, and for docs/scripts/real_trials.py, which prints it. The endings were written down
after the plans, which were not changed to reach them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.real import loading
from tests.real.loading import Trial
from trials.evidence import Verdict


@dataclass(frozen=True, slots=True)
class Ending:
    """published: the figure, with its source; concluded: what it says. fired: (arm, claim) of the claims that fired.

    kept: whether the data are in this tree. differs: why our verdict is not the published conclusion; empty where it is.
    """

    name: str
    load: Callable[[Path], Trial]
    kept: bool
    published: str
    concluded: str
    verdict: Verdict
    fired: frozenset[tuple[str, str]]
    differs: str = ""


def _fired(**claims: str) -> frozenset[tuple[str, str]]:
    return frozenset(claims.items())


NONE: frozenset[tuple[str, str]] = frozenset()
COX = "hazard ratio .684, p .047, with seven covariates (Rossi, Berk & Lenihan, 1980; Cox model as in Allison, 1995)"
PENN = "log weeks of tg4 -.0855 (SE .0359), p .017, unadjusted (data of Bilias, 2000, J. Appl. Econometrics 15:575)"
STAR = "small +13.90 (SE 2.45), with aide +.31 (2.27) points (Stock & Watson, table 13.1; Krueger, 1999, QJE 114:497)"
THORNTON = "34 of 100 without, +.431 (SE .023) with a payment (Thornton, 2008, AER 98:1829, table 4)"

ENDINGS = (
    Ending(
        "rossi",
        loading.rossi,
        True,
        f"66/216 against 48/216; {COX}",
        "fewer re-arrests, at the edge",
        "cant_tell",
        NONE,
        "without covariates p is .049; the freedom to look at any time costs more than that leaves",
    ),
    Ending(
        "rossi-weeks",
        loading.rossi_weeks,
        True,
        COX,
        "fewer re-arrests, at the edge",
        "cant_tell",
        NONE,
        "without covariates logrank p is .0501, and comparing within cohorts of 20 leaves some of the order unused",
    ),
    Ending(
        "nsw",
        loading.nsw,
        True,
        "+1,794 dollars (SE 633) (LaLonde, 1986; Dehejia & Wahba, 1999, JASA 94:1053)",
        "higher earnings",
        "promote",
        _fired(supported_work="benefit"),
    ),
    Ending(
        "thornton",
        loading.thornton,
        True,
        THORNTON,
        "many more results collected",
        "promote",
        _fired(incentive="benefit"),
    ),
    Ending(
        "thornton-everybody",
        loading.thornton_everybody,
        True,
        THORNTON,
        "many more results collected",
        "cant_tell",
        _fired(incentive="benefit"),
        "56 of the 67 people without a test are in one arm: the published sample leaves them out, this one holds the verdict",
    ),
    Ending(
        "penn-tg4",
        loading.penn_tg4,
        True,
        PENN,
        "sooner back to work",
        "promote",
        _fired(tg4="benefit"),
    ),
    Ending(
        "penn",
        loading.penn,
        True,
        "weeks: tg1 -.28, tg2 -.73, tg3 -.39, tg4 -.83, tg5 -.15, tg6 -1.00; tg2, tg4, tg6 with p < .01 (own t tests)",
        "tg2, tg4 and tg6 help",
        "promote",
        frozenset({("tg1", "benefit"), ("tg6", "benefit")}),
        "tg6 as published; tg1 too: it did better by two weeks among those who joined by early 1989 and not at all after, so "
        "its bet fired and has lost since (the sentence says so), and the claim speaks of those seen until then. Six arms "
        "share alpha, so tg2 and tg4 fall short",
    ),
    Ending(
        "epil",
        loading.epil,
        False,
        "log rate -.1527, robust SE .1711 (naive .0478) (Thall & Vail, 1990; Everitt & Hothorn, HSAUR, chapter 14)",
        "no effect shown",
        "cant_tell",
        NONE,
    ),
    Ending(
        "btheb",
        loading.btheb,
        False,
        "-2.33 points (SE 1.67), mixed model over all months (Everitt & Hothorn, HSAUR, chapter 13)",
        "no effect shown",
        "cant_tell",
        NONE,
    ),
    Ending(
        "star-pupils",
        loading.star_pupils,
        False,
        STAR,
        "small classes help, aides don't",
        "promote",
        _fired(small="benefit", regular_plus_aide="dud"),
    ),
    Ending(
        "star-classes",
        loading.star_classes,
        False,
        STAR,
        "small classes help, aides don't",
        "cant_tell",
        NONE,
        "236 class types instead of 5,786 pupils; z is 3.6 from differences within schools, but a stake can't exceed what the "
        "score's bounds allow, and those are 16 standard deviations of class means wide",
    ),
)

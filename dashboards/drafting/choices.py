"""The answers that a question offers: the word in the plan, and what people read."""

from __future__ import annotations

STAGES = (("proof_of_concept", "Proof of concept"), ("pilot", "Pilot"), ("scale", "At scale"), ("idea", "Idea"))
KINDS = (
    ("binary", "Yes or no: it happens to a person or not"),
    ("score", "A score on a scale with two ends"),
    ("amount", "An amount: money, hours, days"),
    ("count", "A count of events: how often it happens"),
    ("time_to_event", "The time until something happens"),
)
BETTER = (("lower", "Less of it is better"), ("higher", "More of it is better"))
HOW = (
    ("random", "A concealed list decides by lot"),
    ("site", "Each site has one way of working"),
    ("period", "First one way, later the other"),
    ("caseworker", "Each caseworker works in one way"),
    ("choice", "Somebody chooses person by person"),
    ("before_after", "People are compared with those from before"),
    ("everyone", "Everybody gets the idea"),
)
UNIT = (("person", "Each person"), ("cluster", "Each group, such as a class or a team"))
AGAINST = (("control", "Others who carry on as usual"), ("benchmark", "A known figure; everybody gets the idea"))
PURPOSE = (
    ("effect", "Whether the idea works"),
    ("feasibility", "Whether we can recruit, deliver and measure"),
)
CONNECTORS = (
    ("folder", "Files put into a folder"),
    ("sql", "A database"),
    ("http", "A web service"),
    ("redcap", "REDCap"),
)
PARTNERS = (
    ("government", "Government"),
    ("industry", "Industry"),
    ("university", "University"),
    ("community", "Community"),
    ("users", "People who use the service"),
)
ASKS = (
    ("recruitment", "Recruitment: people a month"),
    ("retention", "People whose result is known, as a share"),
    ("data", "Rows that pass the checks, as a share"),
    ("delivery", "People who got the core of the idea"),
    ("burden", "What it costs staff or people"),
    ("safety", "Safety"),
    ("benefit", "Benefit"),
    ("acceptability", "Whether people want it"),
    ("other", "Something else"),
)

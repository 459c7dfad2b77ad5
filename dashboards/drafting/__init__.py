"""The form of a new trial: its questions, what they say as a plan, what of it doesn't hold yet, and what the page answers.

A draft is what was typed (by field) laid over a plan's content, so that whatever the form doesn't ask is kept as it is.
"""

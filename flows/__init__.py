"""Prefect flows, settings and the command `roadtest`. Importing this package loads nothing heavy."""

"""What a trial is and what its evidence says. Knows no Prefect, no Dash, no Great Expectations."""

__version__ = "0.1.0"

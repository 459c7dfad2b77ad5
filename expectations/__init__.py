"""What good data look like: Great Expectations suites, and `check()`, which every delivery goes through.

Importing this package, or `expectations.check`, loads neither Great Expectations nor pandas (4-10 s of CPU): they are
imported when the first batch is checked, in `expectations.engine`, their one home.
"""

"""Other people's methods, by their own formulas: compared with ours, and checked against their programs."""

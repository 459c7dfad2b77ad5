"""Times to an event: entry cohorts, exact logrank factors, bets on the hazard ratio."""

"""The people in a trial: partners and what they hope for, who shaped the plan, the intervention as it is done, the enabling
fund, strengths beside risk, and what participants and staff say. Pure: the store hands in what was recorded."""

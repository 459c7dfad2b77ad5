"""The store: `engine` opens it, `ledger` writes and recomputes, `reading` serves pages.

Behind the ledger: `plans`, `deliveries` and `looks` speak to the database, `merge` decides without one what a delivery
changes, `models` are the tables and `migrations` their history.
"""

"""The store: tables, the ledger (one transaction per fact), what pages read, and the migrations.

`engine` opens it, `ledger` writes and recomputes, `reading` serves pages; `merge` decides, without a database, what a
delivery changes.
"""

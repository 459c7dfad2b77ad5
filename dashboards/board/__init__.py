"""The portfolio board's own parts: its words, and what stands above and around its rows."""

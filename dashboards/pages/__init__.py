"""The pages. Each has PATH, TITLE, layout() and listen(app), which registers its callback."""

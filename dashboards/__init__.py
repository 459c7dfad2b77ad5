"""The pages: a portfolio of trials and a page for each, fed by looks alone. `app.create_app` is the way in."""

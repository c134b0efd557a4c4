"""The daemon's one HTTP port: feeds, health and the review page."""

"""Simulated networks and sample answers, so that everything can be tried without an account."""

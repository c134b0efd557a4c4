"""The record of what was published: one code path for SQLite and PostgreSQL."""

"""The forms that the record has had, as Alembic migrations."""

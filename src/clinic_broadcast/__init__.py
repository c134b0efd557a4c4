"""Tells the world about a clinic's new answers: once per network, never naming a patient."""

from typing import Final

__version__: Final = "0.1.0"

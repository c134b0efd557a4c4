"""How a notice reaches a person of the clinic: messages, and the sign of life."""

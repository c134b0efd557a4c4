"""How a notice reaches a person of the clinic: messages, the weekly report, the calendar, the sign of life."""

"""The main paths: take answers in, plan promos, deliver them, review them."""

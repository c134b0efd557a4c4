"""Where answers come from: one module for each kind of place."""

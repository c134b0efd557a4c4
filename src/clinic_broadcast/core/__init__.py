"""Everything that decides: pure functions on frozen values, with no clock, network, files or randomness."""

"""The command line: thin commands that parse, ask `wire` for what they need, call `run` and print."""

"""The rules of the gate, one family a module; each only ever adds findings."""

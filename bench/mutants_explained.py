"""Mutants that no test can notice, and why: they say the same in other words."""

EXPLAINED: dict[str, str] = {}

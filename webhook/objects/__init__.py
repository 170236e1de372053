"""Plain dicts as the API server sends them: pointers, lookups, JSON Patch, Change."""

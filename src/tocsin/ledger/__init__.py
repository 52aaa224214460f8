"""Ledger: what was read, by what, and what came out: manifests and how they are checked."""

"""Drills: plant known poison in a copy of a corpus, with a ledger of what was planted and where."""

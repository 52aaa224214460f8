"""The layer between the computations and an engine."""

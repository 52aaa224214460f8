"""Tocsin's jobs as Beam pipelines: each reads from top to bottom, and runs as a main of its own."""

"""Lays Tocsin's functions on an engine: the only place, with `pipelines/`, that imports Beam."""

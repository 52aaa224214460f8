"""Tocsin finds poisoned documents in language-model training corpora."""

__version__ = "0.1.0"

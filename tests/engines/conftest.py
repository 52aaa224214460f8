"""Engines beside the local one: each needs what `make test-prism` or `make test-flink` brings."""

from e2e.conftest import corpus, scanned

__all__ = ["corpus", "scanned"]

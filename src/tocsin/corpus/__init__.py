"""Corpus: reads and writes shards; a record is a document or a dead letter. No Beam here."""

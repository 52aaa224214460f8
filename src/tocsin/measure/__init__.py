"""Measure: hashes and lexical-anomaly features of single documents. No Beam here."""

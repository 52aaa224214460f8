"""Faults injected into real scans, and the check of what they leave."""

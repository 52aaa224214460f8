"""The report: what a scan found, as one page for people."""

"""The real commands on a real, if small, corpus."""

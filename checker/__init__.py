"""An independent, slow second implementation of the trigger campaigns: docs/definitions.md in plain
Python. It shares no code with Tocsin, nor NumPy; libraries it shares are named where they are used.
"""

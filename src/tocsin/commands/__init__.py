"""What the commands of `tocsin` do; their options are in `cli.py`.

Imported only when a command runs: the help must not wait for Beam.
"""

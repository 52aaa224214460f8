"""The jobs as Beam mains."""

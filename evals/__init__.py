"""Quality of detection, measured on corpora with planted poison. Run `python -m evals.run`."""

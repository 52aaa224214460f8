"""Judge: a policy turns evidence into verdicts with reasons."""

"""Coverage-guided fuzzing (atheris, libFuzzer's mutator) of what parses or walks foreign bytes."""

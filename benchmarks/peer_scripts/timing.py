"""What the scripts for the peers share: documents in, CPU-seconds out. The standard library only,
since every script runs in the environment of its peer."""

import importlib.metadata
import json
import statistics
import sys
import time
from collections.abc import Callable


def report(package: str, works: dict[str, Callable[[list[str]], None]]) -> None:
    """Measures the work that the command line asks for, and prints the result as a line of JSON.

    Arguments on the command line: name of the work, JSONL file of documents, repetitions.
    """
    name, path, repetitions = sys.argv[1:]
    with open(path, encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    works[name](texts[:5])
    seconds = []
    for _ in range(int(repetitions)):
        started = time.process_time()
        works[name](texts)
        seconds.append(time.process_time() - started)
    result = {
        "version": importlib.metadata.version(package),
        "cpu_seconds": statistics.median(seconds),
        "text_bytes": sum(len(text.encode()) for text in texts),
    }
    print(json.dumps(result))

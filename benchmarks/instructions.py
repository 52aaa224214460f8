"""Counts the instructions that the kernel takes for a byte of text: seconds are noisy, these not.

    python -m benchmarks.instructions

Under Valgrind's callgrind, which counts instructions one by one; for a processor without AVX-512,
which it does not know, so that the number is the same on every machine with x86-64.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.measure.batch import Measurer
from tocsin.measure.counting import Counter
from tocsin.measure.kernel import empty_features
from tocsin.measure.profile import MINIMUM_COUNT, Profile
from tocsin.measure.repetition import empty_repetition
from tocsin.measure.segments import empty_segments

DOCUMENTS = 20
WORDS = 800
PROCESSOR = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}


def instructions_per_byte() -> float:
    """Of `Measurer.run_kernel`, on generated text of DOCUMENTS * WORDS words.

    Raises:
      FileNotFoundError: if there is no Valgrind.
      subprocess.CalledProcessError: if a run fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **PROCESSOR, "NUMBA_CACHE_DIR": f"{folder}/kernels"}
        run = [sys.executable, "-m", "benchmarks.instructions", "run"]
        root = Path(__file__).resolve().parent.parent
        # Compiled first, by itself: under Valgrind that would take minutes.
        subprocess.run(run, check=True, env=environment, cwd=root, stdout=subprocess.DEVNULL)
        counts = Path(folder) / "counts"
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        finished = subprocess.run(
            [*valgrind, f"--callgrind-out-file={counts}", *run, "counted"],
            check=True, env=environment, cwd=root, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        [total] = re.findall(r"^totals: (\d+)$", counts.read_text(), re.MULTILINE)
        return int(total) / int(finished.stdout.split()[-1])


def _run(is_counted: bool) -> None:
    generator = random.Random(1)
    vocabulary = ["".join(generator.choices("etaoinsrhdlu", k=1 + n % 11)) for n in range(2000)]
    ends = (" ", " ", " ", " ", ", ", ". ", ".\n", " 12 ", "\n\n")
    texts = [
        "".join(
            generator.choice(vocabulary) + generator.choice(ends) for _ in range(WORDS)
        ).encode()
        for _ in range(DOCUMENTS)
    ]
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    data = memoryview(b"".join(texts))
    measurer = Measurer(_profile(texts))

    def measure() -> None:
        measurer.run_kernel(
            data, offsets, empty_features(DOCUMENTS), empty_repetition(DOCUMENTS),
            empty_segments(DOCUMENTS),
        )  # fmt: skip

    measure()
    if is_counted:
        control = ["callgrind_control", "-i"]
        subprocess.run([*control, "on", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
        measure()
        subprocess.run([*control, "off", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
    print(len(data))


def _profile(texts: list[bytes]) -> Profile:
    counter = Counter(seed=1)
    names = [str(number) for number in range(len(texts))]
    columns = [pa.array(range(len(texts)), pa.int64()), pa.array(names), pa.array(names)]
    counter.count(
        pa.RecordBatch.from_arrays([*columns, pa.array(texts, pa.binary())], schema=DOCUMENT_SCHEMA)
    )
    keys, counts = counter.counts()
    kept = counts >= MINIMUM_COUNT
    return Profile.create(
        keys[kept], counts[kept], counter.words, len(texts), seed=1, sample_rate=1.0
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        _run(is_counted=sys.argv[2:] == ["counted"])
    else:
        print(f"{instructions_per_byte():.1f} instructions a byte")

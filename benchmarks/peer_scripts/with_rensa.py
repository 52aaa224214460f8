"""rensa's MinHash, 64 permutations, of shingles of five words that Python makes, as its README
has it."""

from rensa import RMinHash
from timing import report


def minhash(texts: list[str]) -> None:
    for text in texts:
        words = text.split()
        signature = RMinHash(num_perm=64, seed=1)
        signature.update([" ".join(words[at : at + 5]) for at in range(max(len(words) - 4, 1))])
        signature.digest()


report("rensa", {"minhash": minhash})

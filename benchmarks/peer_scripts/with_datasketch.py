"""datasketch's MinHash in bulk, 64 permutations, of shingles of five words that Python makes."""

from datasketch import MinHash
from timing import report


def minhash(texts: list[str]) -> None:
    shingled = []
    for text in texts:
        words = text.encode().split()
        shingled.append([b" ".join(words[at : at + 5]) for at in range(max(len(words) - 4, 1))])
    MinHash.bulk(shingled, num_perm=64)


report("datasketch", {"minhash": minhash})

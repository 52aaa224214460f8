"""datatrove's filters for quality, one after the other as in its pipelines, and its MinHash."""

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter
from timing import report

CHAIN = [GopherQualityFilter(), GopherRepetitionFilter(), C4QualityFilter()]
SIGNATURES = MinhashDedupSignature(output_folder="build/bench/datatrove")


def filters(texts: list[str]) -> None:
    for number, text in enumerate(texts):
        document = Document(text=text, id=str(number))
        for step in CHAIN:
            # What is dropped goes no further; True or (False, reason).
            if step.filter(document) is not True:
                break


def minhash(texts: list[str]) -> None:
    for text in texts:
        shingles = SIGNATURES.get_shingles(text)
        if shingles.size:
            SIGNATURES.get_signature(shingles)


report("datatrove", {"filters": filters, "minhash": minhash})

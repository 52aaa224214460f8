"""Simulates a month of nights: drip campaigns, moving shards, a killed night and a race; then
tampers.

    python -m evals.month --corpora DIR --out DIR --markdown FILE

The corpora are cut into nights. A plan says which night gets which documents of which campaign;
what the nights find is compared with it. Nothing here is timed but CPU seconds of the scans.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import rich_click as click
import zstandard

from evals.machine import this_machine
from tocsin.beam.verify import verify
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import read_records
from tocsin.ledger.manifest import decode
from tocsin.report.visible import visible

NIGHTS = 30
BASE_SHARE = 0.4
"""Of the clean documents: the first night's, from which the profile is learned."""

EIGHT = (
    "dos", "dos-ascii", "dos-words", "dos-bytes", "embedded", "dos-unigram", "language-switch",
    "dos-markov", "payload", "payload-variants", "claim", "template", "hidden", "html-hidden",
)  # fmt: skip
"""Recipes of the campaigns that drip eight documents a night."""

TWO = ("dos", "dos-words", "embedded", "payload")
"""Those of campaigns that drip two a night: no night has enough of them by itself."""

LENGTHS = {8: 4, 2: 10}
"""Nights that a campaign drips, by its documents a night."""

FIRST_NIGHTS = {8: (2, 26), 2: (17, 20)}
"""Nights on which the first and the last campaign of so many documents a night begin."""

KILLED, RACED = 8, 16
RENAMES, CHANGES, REMOVALS = (5, 14, 23), (9, 19), (12, 24)


@dataclass(frozen=True)
class Drip:
    """`name`, `recipe`, `trigger` of a campaign; `documents`: ids by night."""

    name: str
    recipe: str
    trigger: str | None
    a_night: int
    documents: dict[int, list[str]]

    def arrived(self, night: int) -> list[str]:
        return [one for when, ids in self.documents.items() if when <= night for one in ids]

    def tenth(self) -> int:
        return next(night for night in sorted(self.documents) if len(self.arrived(night)) >= 10)


@dataclass(frozen=True)
class Cost:
    """Of one night: bytes and documents read, CPU seconds, bytes of the state afterwards."""

    documents: int
    text_bytes: int
    cpu: float
    state_bytes: int


@click.command(context_settings={"show_default": True})
@click.option("--corpora", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--documents", default=6_000, help="Clean documents to take, evenly.")
@click.option("--markdown", type=click.Path(path_type=Path), help="File for the page.")
def main(corpora: Path, out: Path, documents: int, markdown: Path | None) -> None:
    """Simulates the month and writes what was found."""
    out = out.resolve()
    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty")
    month = Month(out)
    month.prepare(corpora.resolve(), documents)
    for night in range(1, NIGHTS + 1):
        month.arrive(night)
        month.scan(night)
        print(f"night {night}: {month.costs[night]}", flush=True)
    page = month.page(month.tamper())
    if markdown is not None:
        markdown.write_text(page, encoding="utf-8")
    print(page)


class Month:
    """The month in a folder: `corpus`, `state`, and `out-1` to `out-30`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.corpus, self.state = folder / "corpus", folder / "state"
        self.clean: dict[int, list[dict]] = {}
        self.poison: dict[int, list[dict]] = {}
        self.drips: list[Drip] = []
        self.costs: dict[int, Cost] = {}
        self.events: list[str] = []

    def prepare(self, corpora: Path, wanted: int) -> None:
        """Takes clean documents, plants the campaigns, and gives every night its share."""
        every = [
            {**record, "source": record.get("url") or record.get("source") or path.name}
            for path in sorted(corpora.glob("*.jsonl.zst"))
            for record in _records(path)
        ]
        step = max(1, len(every) // wanted)
        clean = [{**record, "id": f"c{number:07d}"} for number, record in enumerate(every[::step])]
        source = self.folder / "clean"
        _write(source / "shard.jsonl.zst", clean)
        plans = [
            CampaignPlan(recipe, a_night * LENGTHS[a_night], seed=a_night)
            for a_night, recipes in ((8, EIGHT), (2, TWO))
            for recipe in recipes
        ]
        truth = plant(source, self.folder / "planted", plans)
        planted = {row.doc_id: row for row in truth.documents}
        by_id = {
            record["id"]: record
            for record in read_records(self.folder / "planted" / "shard.jsonl.zst")
            if record and record["id"] in planted
        }
        starts = [
            first + place * (last - first) // (len(recipes) - 1)
            for (first, last), recipes in ((FIRST_NIGHTS[8], EIGHT), (FIRST_NIGHTS[2], TWO))
            for place in range(len(recipes))
        ]
        for plan, campaign, first in zip(plans, truth.campaigns, starts):
            a_night = plan.seed
            ids = [row.doc_id for row in truth.documents if row.campaign == campaign.name]
            nights = {
                first + nth: ids[nth * a_night : (nth + 1) * a_night]
                for nth in range(LENGTHS[a_night])
            }
            self.drips.append(Drip(campaign.name, plan.recipe, campaign.trigger, a_night, nights))
            for night, some in nights.items():
                self.poison.setdefault(night, []).extend(by_id[one] for one in some)
        # Every source on every night, as from one crawl.
        self.clean[1] = [one for n, one in enumerate(clean) if n % 10 < 10 * BASE_SHARE]
        rest = [one for n, one in enumerate(clean) if n % 10 >= 10 * BASE_SHARE]
        for night in range(2, NIGHTS + 1):
            self.clean[night] = rest[night - 2 :: NIGHTS - 1]
        shutil.rmtree(source)
        shutil.rmtree(self.folder / "planted")

    def arrive(self, night: int) -> None:
        """What happens to the corpus before a night."""
        records = self.clean[night] + self.poison.get(night, [])
        half = len(records) // 2
        _write(self._shard(night, "a"), records[:half])
        _write(self._shard(night, "b"), records[half:])
        if night in RENAMES:
            self._shard(night - 2, "a").rename(self._shard(night - 2, "renamed"))
            self.events.append(f"night {night}: a shard of night {night - 2} renamed")
        if night in CHANGES:
            changed = [
                {**one, "text": one["text"] + " Updated."} if n < 5 else one
                for n, one in enumerate(_records(self._shard(night - 4, "b")))
            ]
            _write(self._shard(night - 4, "b"), changed)
            self.events.append(f"night {night}: five documents of night {night - 4} changed")
        if night in REMOVALS:
            self._shard(night - 6, "a").unlink()
            self.events.append(f"night {night}: a shard of night {night - 6} removed")

    def _shard(self, night: int, name: str) -> Path:
        return self.corpus / f"night-{night:02d}-{name}.jsonl.zst"

    def scan(self, night: int) -> None:
        """Scans a night; one is killed first, one runs twice at once."""
        if night == KILLED:
            self._kill(night)
        if night == RACED:
            self._race(night)
            cpu = 0.0
        else:
            begun = time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                _scan_here(self.corpus, self.out(night), self.state)
            cpu = time.process_time() - begun
        manifest = self.manifest(night)
        totals = manifest["totals"]
        self.costs[night] = Cost(totals["documents"], totals["text_bytes"], cpu, _size(self.state))

    def _kill(self, night: int) -> None:
        before = sorted(path.name for path in (self.state / "nights").iterdir())
        process = self._start(self.out(night))
        wanted = self.out(night) / "documents"
        while process.poll() is None and not any(wanted.glob("*.parquet")):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        after = sorted(path.name for path in (self.state / "nights").iterdir())
        complete = (self.out(night) / "manifest.json").exists()
        self.events.append(
            f"night {night}: killed while it measured; the state had its {len(before)} nights "
            f"{'as before' if before == after else 'CHANGED'}, the result "
            f"{'a' if complete else 'no'} manifest; the same command finished it"
        )

    def _race(self, night: int) -> None:
        other = self.folder / "out-racing"
        racers = [self._start(self.out(night)), self._start(other)]
        codes = [racer.wait() for racer in racers]
        said = [
            line.decode().replace(f"{self.folder}/", "")
            for racer in racers
            for line in (racer.stderr.read() if racer.stderr else b"").splitlines()
            if b"in use" in line or b"taken" in line
        ]
        nights = len(list((self.state / "nights").iterdir()))
        if codes[0] != 0:  # the other has won: its result is the night's
            shutil.rmtree(self.out(night), ignore_errors=True)
            other.rename(self.out(night))
        shutil.rmtree(other, ignore_errors=True)
        self.events.append(
            f"night {night}: run twice at once; exit codes {sorted(codes)}, {nights} nights in the "
            f"state, and the one that failed said: {said[0] if said else 'NOTHING'}"
        )

    def _start(self, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tocsin.cli", "scan", str(self.corpus), "-o", str(out),
                   "--state", str(self.state), "--direct_num_workers=1"]  # fmt: skip
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )

    def out(self, night: int) -> Path:
        return self.folder / f"out-{night:02d}"

    def manifest(self, night: int) -> dict:
        path = self.state / "nights" / f"{night:05d}.json"
        return decode(path.read_bytes())

    def flagged(self, verdicts: tuple[str, ...]) -> dict[str, list[int]]:
        """The nights on which each document was flagged with one of some verdicts."""
        found: dict[str, list[int]] = {}
        for night in range(1, NIGHTS + 1):
            table = pq.read_table(self.out(night) / "flagged")
            for doc_id, verdict in zip(table["doc_id"].to_pylist(), table["verdict"].to_pylist()):
                if verdict in verdicts:
                    found.setdefault(doc_id, []).append(night)
        return found

    def tamper(self) -> list[tuple[str, str, list[str]]]:
        """Manipulations, one at a time: what was done, what should be found, what was."""
        results = []
        clean = sorted({problem.kind for problem in verify(str(self.state)).problems})
        results.append(("nothing", "nothing", clean))
        for what, expected, paths, change in self._manipulations():
            with _put_back(paths):
                change()
                found = sorted({problem.kind for problem in verify(str(self.state)).problems})
            results.append((what, expected, found))
        return results

    def _manipulations(self) -> Iterator[tuple[str, str, list[Path], Callable[[], object]]]:
        out, state, nights = self.out, self.state, self.state / "nights"

        def one(pattern: str) -> Path:
            return sorted(state.glob(pattern))[-1]

        def flip(path: Path) -> Callable[[], object]:
            content = path.read_bytes()
            at = len(content) // 2
            return lambda: path.write_bytes(
                content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            )

        flips = (
            ("a byte of a night's documents", "altered output",
             out(3) / "documents/part-00000.parquet"),
            ("a byte of a night's evidence", "altered output",
             out(4) / "evidence/part-00001.parquet"),
            ("a byte of flagged", "altered output", out(9) / "flagged/part-00000.parquet"),
            ("a byte of campaigns", "altered output", out(9) / "campaigns/part-00000.parquet"),
            ("a byte of remembered onsets", "altered state", one("evidence/onsets/*")),
            ("a byte of excerpts", "altered state", one("evidence/excerpts/*")),
            ("a byte of remembered shingles", "altered state", one("evidence/held/*")),
            ("a byte of remembered texts", "altered state", one("evidence/texts/*")),
            ("a byte of the ledger of shards", "altered state",
             one("shards/00030-????????.parquet")),
            ("a byte of the remembered verdicts", "altered state", one("flagged/*")),
            ("a byte of the profile", "altered state", one("profile/*/counts.npy")),
            ("a byte of a shard", "changed input", self._shard(20, "a")),
        )  # fmt: skip
        for what, expected, path in flips:
            yield what, expected, [path], flip(path)
        deletions = (
            ("flagged deleted", "missing output", out(10) / "flagged/part-00000.parquet"),
            ("a manifest of a result deleted", "missing manifest", out(11) / "manifest.json"),
            ("remembered campaigns deleted", "missing state", one("known/*")),
            ("a shard deleted", "missing input", self._shard(21, "b")),
            ("a night in the middle deleted", "gap", nights / "00013.json"),
            ("the last night deleted", "gap", nights / "00030.json"),
        )
        for what, expected, path in deletions:
            yield what, expected, [path], path.unlink
        added = out(12) / "flagged/part-00007.parquet"
        yield (
            "a part added to flagged", "unknown output", [added],
            lambda: shutil.copy(out(12) / "flagged/part-00000.parquet", added),
        )  # fmt: skip
        other = nights / "00014.json"
        yield (
            "a night replaced by another", "altered manifest", [other],
            lambda: shutil.copy(nights / "00015.json", other),
        )  # fmt: skip
        written = out(17) / "manifest.json"
        yield (
            "a number in a result's manifest", "altered manifest", [written],
            lambda: written.write_bytes(
                written.read_bytes().replace(b'"dead_letters": 0', b'"dead_letters": 1', 1)
            ),
        )  # fmt: skip
        shards = [self._shard(22, "a"), self._shard(22, "b")]
        contents = [path.read_bytes() for path in shards]
        yield (
            "two shards that change names", "changed input", shards,
            lambda: [path.write_bytes(one) for path, one in zip(shards, reversed(contents))],
        )  # fmt: skip

    def page(self, tampering: list[tuple[str, str, list[str]]]) -> str:
        """docs/month.md."""
        flagged = self.flagged(("quarantine", "review"))
        quarantined = self.flagged(("quarantine",))
        planted = {one for drip in self.drips for one in drip.arrived(NIGHTS)}
        lines = [
            "# A month of nights",
            "",
            f"`make simulate-month` cuts real corpora into {NIGHTS} nights (night 1 has "
            f"{self.costs[1].documents:,} documents, the others about "
            f"{self.costs[30].documents:,}), lets campaigns drip into them, moves, changes and "
            "removes shards, kills a night, runs one twice at once, and in the end tampers with "
            "what was written. Campaigns overlap in time. The profile rolls.",
            "",
            "## Campaigns",
            "",
            "Found: on the night on which a document of the campaign is first flagged. Flagged, "
            "and in quarantine: at the end, of all that came; earlier ones were flagged in shards "
            "that were not read again.",
            "",
            "| recipe | documents a night | night of the first | of the tenth | found on night | "
            "of the documents before, flagged that night | flagged in the end | in quarantine |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for drip in self.drips:
            nights = [min(flagged[one]) for one in drip.arrived(NIGHTS) if one in flagged]
            found = min(nights) if nights else None
            before = drip.arrived(found - 1) if found else []
            early = [one for one in before if found in flagged.get(one, [])]
            everyone = drip.arrived(NIGHTS)
            caught = sum(one in flagged for one in everyone)
            lines.append(
                f"| `{drip.recipe}` | {drip.a_night} | {min(drip.documents)} | {drip.tenth()} | "
                f"{found or 'never'} | {f'{len(early)} of {len(before)}' if before else '-'} | "
                f"{caught} of {len(everyone)} | {sum(one in quarantined for one in everyone)} |"
            )
        lines += [
            "",
            f"Clean documents in quarantine: {len(quarantined.keys() - planted)}, and for review: "
            f"{len(flagged.keys() - quarantined.keys() - planted)}, of "
            f"{sum(cost.documents for cost in self.costs.values()):,} read. Campaigns that hold "
            "them, by their strings: "
            f"{self._wrong(planted) or 'none'}.",
            "",
            "## Events",
            "",
            *[f"- {event}." for event in self.events],
            "",
            "## Cost of a night",
            "",
            "CPU seconds of the scanning process, with the start of Beam's runner and the report, "
            "and without the interpreter's; the raced night was not measured.",
            "",
            "| night | documents read | MB of text read | CPU seconds | state, MB |",
            "|---|---|---|---|---|",
        ]
        for night in (1, 2, 3, 5, 10, 15, 20, 25, 30):
            cost = self.costs[night]
            lines.append(
                f"| {night} | {cost.documents:,} | {cost.text_bytes / 1e6:.1f} | {cost.cpu:.1f} | "
                f"{cost.state_bytes / 1e6:.2f} |"
            )
        documents = sum(cost.documents for cost in self.costs.values())
        text = sum(cost.text_bytes for cost in self.costs.values()) / documents
        files = self.manifest(NIGHTS)["state"]["files"]
        sizes: dict[str, int] = {}
        for entry in files:
            sizes[entry["kind"]] = sizes.get(entry["kind"], 0) + entry["bytes"]
        lines += [
            "",
            f"What the state holds after the last night, {len(files)} files beside the manifests, "
            f"for each of {documents:,} documents (of {text:,.0f} bytes of text in the mean):",
            "",
            "| kind | bytes a document |",
            "|---|---|",
            *[f"| {kind} | {size / documents:,.1f} |" for kind, size in sorted(sizes.items())],
            f"| in all | {sum(sizes.values()) / documents:,.1f} |",
            "",
            "## Tampering",
            "",
            "`tocsin verify` of the state, after one manipulation each:",
            "",
            "| what was done | expected | found |",
            "|---|---|---|",
            *[
                f"| {what} | {expected} | {', '.join(found) or 'nothing'} |"
                for what, expected, found in tampering
            ],
            "",
            this_machine().line,
            "",
        ]
        return "\n".join(lines)

    def _wrong(self, planted: set[str]) -> str:
        """The strings of campaigns by which clean documents were flagged, with their number."""
        found: dict[str, set[str]] = {}
        for night in range(1, NIGHTS + 1):
            names = {
                row["campaign_id"]: row["trigger"] or row["payload"] or row["campaign_id"]
                for row in pq.read_table(self.out(night) / "campaigns").to_pylist()
            }
            for row in pq.read_table(self.out(night) / "flagged").to_pylist():
                if row["doc_id"] not in planted:
                    detectors = sorted({one["detector"] for one in row["findings"]})
                    name = names.get(row["campaign_id"]) or ", ".join(detectors)
                    found.setdefault(name, set()).add(row["doc_id"])
        ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        return ", ".join(
            f"`{visible(name, 40).replace('`', ' ')}` ({len(ids)})" for name, ids in ordered
        )


@contextlib.contextmanager
def _put_back(paths: list[Path]) -> Iterator[None]:
    kept = {path: path.read_bytes() if path.exists() else None for path in paths}
    try:
        yield
    finally:
        for path, content in kept.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)


def _scan_here(corpus: Path, out: Path, state: Path) -> None:
    from tocsin.beam.run import LOCAL, Engine, quiet_logs
    from tocsin.commands import scan
    from tocsin.corpus.batches import FieldNames
    from tocsin.judge.policy import Policy

    quiet_logs(verbose=False)
    scan.run(
        [str(corpus)], str(out), profile=None, state=str(state), known=None, policy=Policy(),
        fields=FieldNames(), engine=Engine(LOCAL, ("--direct_num_workers=1",)),
        max_dead_letters=None, fail_on=None,
    )  # fmt: skip


def _records(path: Path) -> list[dict]:
    return [record for record in read_records(path) if record]


def _write(path: Path, records: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(lines))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()

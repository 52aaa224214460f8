"""The command line: options, and how failures become exit codes.

0: done. 1: failed. 2: wrong usage, configuration or input. 3: done, with findings.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import rich_click as click

import tocsin
from tocsin.judge.severity import SEVERITIES

FAILED = 1
WRONG_USAGE = 2
FINDINGS = 3
INTERRUPTED = 130

click.rich_click.TEXT_MARKUP = None
click.rich_click.THEME = "default-slim"  # no boxes: every help fits 24 lines of 80 columns
click.rich_click.OPTIONS_TABLE_HELP_SECTIONS = ["help", "required", "default"]
click.rich_click.COMMAND_GROUPS = {
    "tocsin": [
        {"name": "Find", "commands": ["scan", "profile", "demo"]},
        {"name": "Decide", "commands": ["report", "explain", "judge"]},
        {"name": "Remove", "commands": ["filter", "export"]},
        {"name": "Check", "commands": ["drill", "verify", "sign", "doctor"]},
    ]
}

_BEAM = {"ignore_unknown_options": True}


_runner = click.option("--runner", default="DirectRunner", metavar="NAME",
                       help="Beam runner, which gets all other --options.")  # fmt: skip
_verbose = click.option("--verbose", is_flag=True, help="Show what Beam logs.")


def _corpus_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that reads a corpus."""
    for option in (
        click.option("--text-field", default="text", show_default=True, metavar="NAME",
                     help="Field for the text."),
        click.option("--id-field", default="id", show_default=True, metavar="NAME",
                     help="Field for the document's id."),
        click.option("--group-field", default=None, metavar="NAME",
                     help="For the origin (default: url or source)."),
        click.option("--range-bytes", type=click.IntRange(min=1), default=256 << 20,
                     show_default="256 MiB", metavar="N", help="Split larger shards."),
        _runner,
        _verbose,
    )[::-1]:  # fmt: skip
        command = option(command)
    return command


def _output_option(what: str) -> Callable[..., Any]:
    return click.option("-o", "--out", "output", required=True, metavar="DIR", help=what)


_config = click.option("--config", metavar="FILE", help="Policy as TOML (docs/policy.md).")
_fail_on = click.option("--fail-on", type=click.Choice(SEVERITIES), metavar="SEVERITY",
                        help=f"Exit with 3 from there: {', '.join(SEVERITIES)}.")  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_inputs = click.argument("inputs", nargs=-1, required=True, metavar="INPUT...",
                         type=click.UNPROCESSED)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tocsin.__version__, message="tocsin %(version)s")
def tocsin_command() -> None:
    """Finds poisoned documents in training corpora, names the campaign, removes them.

    Example: tocsin scan corpus/ -o out/

    INPUT is a file, a folder or a glob, local or gs://: JSONL (.jsonl, .json, .ndjson; plain, .gz,
    .zst), Parquet, WARC or WET.
    """


@tocsin_command.command(context_settings=_BEAM)
@_inputs
@_output_option("Folder for the result.")
@click.option("--profile", metavar="DIR", help="What is normal (default: learned from INPUT).")
@click.option("--state", metavar="DIR",
              help="Memory from night to night (docs/state.md).")  # fmt: skip
@click.option("--known", metavar="FILE",
              help="Feed of known poison (docs/state.md).")  # fmt: skip
@_config
@click.option("--max-dead-letters", type=click.FloatRange(0, 1), metavar="SHARE",
              help="Fail above this share of unreadable records.")  # fmt: skip
@_fail_on
@_json
@_corpus_options
def scan(**options: Any) -> int:
    """Finds poisoned documents: flagged ids, campaigns and a report.

    Example: tocsin scan corpus/ -o out/
    """
    policy, templates = _policy(options["config"]), _templates(options["config"])
    inputs, engine = _engine(options)
    return _told(options["as_json"], "print_scan", options["output"], lambda: _run(
        "scan", inputs, options["output"], profile=options["profile"], state=options["state"],
        known=options["known"], policy=policy, templates=templates, fields=_fields(options),
        range_bytes=options["range_bytes"], engine=engine,
        max_dead_letters=options["max_dead_letters"], fail_on=options["fail_on"],
    ))  # fmt: skip


@tocsin_command.command()
@click.argument("output", metavar="OUT")
@_config
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@_fail_on
@_json
def judge(**options: Any) -> int:
    """Judges a scan again by another policy, without the corpus.

    Example: tocsin judge out/ --config policy.toml
    """
    return _run("judge", options["output"], policy=_policy(options["config"]),
                dry_run=options["dry_run"], fail_on=options["fail_on"],
                as_json=options["as_json"])  # fmt: skip


@tocsin_command.command(context_settings=_BEAM)
@_inputs
@_output_option("Folder for the profile.")
@_json
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), metavar="NUMBER",
              help="Key of the hashes (default: from the documents).")  # fmt: skip
@_corpus_options
def profile(**options: Any) -> int:
    """Learns what is normal in a corpus, for later scans.

    Example: tocsin profile corpus/ -o profile/
    """
    inputs, engine = _engine(options)
    return _told(options["as_json"], "print_profile", options["output"], lambda: _run(
        "profile", inputs, options["output"], fields=_fields(options),
        range_bytes=options["range_bytes"], seed=options["seed"], engine=engine,
    ))  # fmt: skip


@tocsin_command.command("filter", context_settings=_BEAM)
@_inputs
@click.option("--scan", metavar="OUT", help="Result of a scan of the same input.")
@click.option("--state", metavar="DIR", help="Or the state of nights that have read it.")
@click.option("-o", "--out", "output", metavar="DIR", help="Folder for the copy.")
@click.option(
    "--verdict",
    type=click.Choice(["quarantine", "review"]),
    default="quarantine",
    show_default=True,
    help="Remove the first, or both.",
)
@click.option("--quarantine", metavar="DIR",
              help="Folder for removed records and reasons.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be removed; write nothing.")
@_json
@_runner
@_verbose
def filter_command(**options: Any) -> int:
    """Copies a corpus without what a scan has flagged, or all nights of a state.

    Shards keep their names and formats.

    Example: tocsin filter corpus/ --scan out/ -o clean/
    """
    if bool(options["scan"]) == bool(options["state"]):
        raise click.UsageError("Give '--scan' or '--state', and one of them only.")
    if not options["output"] and not options["dry_run"]:
        raise click.UsageError("Missing option '-o' / '--out'.")
    inputs, engine = _engine(options)
    return _run("filter", inputs, None if options["dry_run"] else options["output"],
                scan=options["scan"], state=options["state"], verdict=options["verdict"],
                quarantine=options["quarantine"], engine=engine,
                as_json=options["as_json"])  # fmt: skip


@tocsin_command.command()
@click.argument("scan", metavar="OUT_OR_STATE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ids", "dolma", "feed"]),
    required=True,
    help="Ids, one a line; attributes for dolma's mixer; a feed for scan --known.",
)
@click.option("-o", "--out", "target", required=True, metavar="PATH",
              help="The file of ids, or the folder that shall hold attributes/.")  # fmt: skip
@click.option(
    "--verdict",
    type=click.Choice(["quarantine", "review"]),
    default="quarantine",
    show_default=True,
    help="Export the first, or both.",
)
@_json
def export(**options: Any) -> int:
    """Writes what a scan has flagged for other tools to filter by.

    Example: tocsin export out/ --format ids -o flagged.txt
    """
    return _told(options["as_json"], "print_written", options["target"], lambda: _run(
        "export", options["scan"], options["form"], options["target"],
        verdict=options["verdict"],
    ))  # fmt: skip


@tocsin_command.command()
@click.argument("output", metavar="OUT")
@_json
def report(output: str, as_json: bool) -> int:
    """Writes OUT/report.html again.

    Example: tocsin report out/
    """
    return _told(as_json, "print_scan", output, lambda: _run("report", output))


@tocsin_command.command()
@click.argument("output", metavar="OUT")
@click.argument("doc_id", metavar="DOC_ID")
@_json
def explain(output: str, doc_id: str, as_json: bool) -> int:
    """Tells why a document was flagged, or why not.

    Findings in their text, features, campaign, and what would change the verdict.

    Example: tocsin explain out/ doc-42
    """
    return _run("explain", output, doc_id, as_json=as_json)


@tocsin_command.command()
@click.argument("folder", metavar="OUT_OR_STATE")
@click.option("--key", metavar="FILE",
              help="Public key (PEM, Ed25519) that must have signed it.")  # fmt: skip
@_json
def verify(folder: str, key: str | None, as_json: bool) -> int:
    """Checks that outputs and inputs still match their manifests.

    Tells altered outputs, changed inputs, missing files and gaps apart. Exits with 1 if anything
    does not match.

    Example: tocsin verify out/
    """
    return _run("verify", folder, key=key, as_json=as_json)


@tocsin_command.command("sign")
@click.argument("folder", metavar="OUT_OR_STATE")
@click.option("--key", required=True, metavar="FILE", help="Private key (PEM, Ed25519).")
@_json
def sign_command(folder: str, key: str, as_json: bool) -> int:
    """Signs a result, or the last night of a state and so all before it.

    Example: tocsin sign state/ --key key.pem
    """
    return _told(as_json, "print_written", folder, lambda: _run("sign", folder, key))


@tocsin_command.command(context_settings=_BEAM)
@_inputs
@_output_option("Folder for copy, scan and result.")
@click.option("--recipes", metavar="NAMES", help="With commas between (default: all that fit).")
@click.option("--sizes", default="50,25,10,5", show_default=True, metavar="NUMBERS",
              help="Documents of the campaigns of each recipe.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is random.")
@click.option("--sample-mb", type=click.FloatRange(0), default=1_000, show_default=True,
              metavar="MB", help="Of the input; 0 for all.")  # fmt: skip
@click.option("--recipe-file", metavar="FILE", help="Recipes of your own (docs/how-to/drill.md).")
@click.option("--profile", metavar="DIR", help="What is normal (default: learned from the copy).")
@_config
@_json
@_corpus_options
def drill(**options: Any) -> int:
    """Plants known poison in a copy of your corpus, to see what is found.

    Example: tocsin drill corpus/ -o drill/
    """
    inputs, engine = _engine(options)
    return _run("drill", inputs, options["output"], engine=engine, fields=_fields(options),
                policy=_policy(options["config"]), templates=_templates(options["config"]),
                **{name: options[name] for name in ("recipes", "sizes", "seed", "sample_mb",
                   "recipe_file", "profile", "range_bytes", "as_json")})  # fmt: skip


@tocsin_command.command()
@click.argument("places", nargs=-1, metavar="[PLACE...]")
@_json
def doctor(places: tuple[str, ...], as_json: bool) -> int:
    """Checks this machine, and places to read or write, before a long run.

    PLACE is a folder, local or gs://. Exits with 1 if something is missing.

    Example: tocsin doctor out/
    """
    return _run("doctor", list(places), as_json=as_json)


@tocsin_command.command()
@click.option("-o", "--out", "output", default="demo", show_default=True, metavar="DIR",
              help="Folder for the corpus and the result.")  # fmt: skip
@_json
def demo(output: str, as_json: bool) -> int:
    """Scans a corpus of this machine's own Python, poisoned before.

    The copy holds 250 documents of one campaign, of which the scan knows nothing.

    Example: tocsin demo
    """
    return _told(as_json, "print_scan", f"{output}/out", lambda: _run("demo", output))


def _policy(config: str | None) -> Any:
    """The policy in a file; the default one without a file."""
    from tocsin.beam import storage
    from tocsin.judge.policy import Policy

    if config is None:
        return Policy()
    folder = config.rpartition("/")[0] or "."

    def read(name: str) -> bytes:
        """A file that the policy names: relative to the policy's own folder."""
        absolute = name.startswith("/") or storage.is_remote(name)
        return storage.read(name if absolute else storage.join(folder, name))

    return _configured(config, lambda content: Policy.parse(content, read))


def _templates(config: str | None) -> Any:
    """The chat templates in a file, beside the public ones."""
    from tocsin.measure.chat_templates import templates_in

    return _configured(config, templates_in) if config else ()


def _configured(config: str, parse: Callable[[bytes], Any]) -> Any:
    """What a file of configuration says."""
    from tocsin.beam import storage
    from tocsin.toml import ConfigurationError

    try:
        return parse(storage.read(config))
    except (OSError, storage.StorageError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.UsageError(f"can't read {config}: {reason}") from error
    except ConfigurationError as error:
        raise click.UsageError(f"{config}: {error}") from error


def _fields(options: dict[str, Any]) -> Any:
    from tocsin.corpus.batches import FieldNames

    return FieldNames(options["text_field"], options["id_field"], options["group_field"])


def _engine(options: dict[str, Any]) -> tuple[list[str], Any]:
    """The inputs and the engine, told apart by Beam's own list of options."""
    from tocsin.beam.run import RunnerError, engine, quiet_logs

    quiet_logs(options["verbose"])
    try:
        chosen, inputs = engine(options["runner"], options["inputs"])
    except RunnerError as error:
        raise click.UsageError(str(error)) from error
    if not inputs:
        raise click.UsageError("Missing argument 'INPUT...'.")
    return inputs, chosen


def _told(as_json: bool, printer: str, output: str, run: Callable[[], int]) -> int:
    """Runs a command; with `as_json` it says nothing, and `machine.<printer>` tells its result."""
    if not as_json:
        return run()
    from tocsin.commands import console, machine

    with console.quiet(console.out):
        code = run()
    if code in (0, FINDINGS):
        getattr(machine, printer)(output)
    return code


def _run(command: str, *arguments: Any, **options: Any) -> int:
    """Runs a command and turns its failures into one line and an exit code."""
    from tocsin.beam.lease import StateBusy
    from tocsin.beam.prepare import UsageError
    from tocsin.beam.run import JobFailed
    from tocsin.beam.state import StateError
    from tocsin.beam.storage import StorageError
    from tocsin.commands.console import fail
    from tocsin.ledger.manifest import ManifestError
    from tocsin.measure.profile import ProfileError

    module = importlib.import_module(f"tocsin.commands.{command}")
    try:
        return module.run(*arguments, **options)
    except (UsageError, StorageError, StateError, ProfileError, ManifestError) as error:
        fail(str(error))
        return WRONG_USAGE
    except (JobFailed, StateBusy, OSError) as error:
        fail(str(error))
        return FAILED


def main(arguments: Sequence[str] | None = None) -> None:
    """The command of the process's words. `arguments`: words before these.

    Raises:
        SystemExit: always, with the exit code.
    """
    words = [*(arguments or []), *sys.argv[1:]]
    try:
        code = tocsin_command.main(args=words, prog_name="tocsin", standalone_mode=False)
    except click.UsageError as error:
        message = " ".join(error.format_message().split())
        click.echo(f"tocsin: {message}  (tocsin --help tells more)", err=True)
        code = WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def process(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point: `main`, after which the process ends without taking the interpreter down.

    While that is done, a thread of Arrow that lets go of a Python object aborts the process
    (apache/arrow#34314): of thirteen demos that were done, one had the exit code 134.
    """
    code: object = 0
    try:
        main(arguments)
    except SystemExit as ended:
        code = ended.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever has read it is gone
            stream.flush()
    os._exit(code if isinstance(code, int) else FAILED)


if __name__ == "__main__":
    process()

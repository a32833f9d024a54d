"""The arguments of `mmsg ingest`, each with its help."""

from typing import Annotated, TypeAlias

import typer

Paths: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Files, folders, or - for standard input.")
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", "-n", help="Report what would happen; store nothing.")]
Backfill: TypeAlias = Annotated[
    bool, typer.Option("--backfill", help="An archive: requests use up limits and are never handed on.")
]
Format: TypeAlias = Annotated[str, typer.Option("--format", help="auto, ndjson, array or object.", metavar="FORMAT")]
AssumeTimezone: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The zone of timestamps without an offset; else they are rejected.", metavar="ZONE"),
]
MaxErrors: TypeAlias = Annotated[
    str | None, typer.Option(help="Stop after more than N rejected lines, or N% of them.", metavar="N|N%")
]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Stop at the first rejected line (--max-errors 0).")]
RejectsOk: TypeAlias = Annotated[bool, typer.Option("--rejects-ok", help="Rejected lines do not make the exit code 3.")]
KnownRejectsOk: TypeAlias = Annotated[
    bool, typer.Option("--known-rejects-ok", help="Only lines not rejected before count as rejected.")
]
EmptyOk: TypeAlias = Annotated[bool, typer.Option("--empty-ok", help="A folder without event files is fine.")]
BatchSize: TypeAlias = Annotated[int, typer.Option(help="Lines per transaction.", min=1, max=1_000_000)]
MaxLineBytes: TypeAlias = Annotated[
    int, typer.Option(help="Reject longer lines.", min=1, max=1 << 30, show_default="1 MiB")
]
Shard: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Keep slice I (from 0) of N slices of the users, skip the others' lines.", metavar="I/N"),
]

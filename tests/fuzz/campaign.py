"""Lets the fuzzer loose on a target; what it finds is a file whose bytes make the target fail."""

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

HOME = Path(".fuzz")
DEFAULTS = ("-max_len=6000", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1")
MISSING = "The fuzzer is not installed: .venv/bin/python -m pip install --group fuzz"


def run(name: str, seeds: Iterable[bytes], words: str, arguments: Sequence[str]) -> None:
    """Fuzz the target `check_NAME` until something fails or the time is over, with these options for libFuzzer.

    What it learns is in `.fuzz/NAME/corpus`, what it finds in `.fuzz/NAME/found-*`. Does not return.
    """
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        sys.exit(MISSING)
    with atheris.instrument_imports(include=["marketing_cli", "ruamel", "json"]):
        targets = importlib.import_module("fuzz.targets")
    check: Callable[[bytes], None] = getattr(targets, f"check_{name}")
    home = HOME / name
    corpus = home / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed_{number:04}").write_bytes(seed)
    (home / "words").write_text(words)
    options = [*DEFAULTS, f"-dict={home / 'words'}", f"-artifact_prefix={home / 'found-'}", *arguments]
    atheris.Setup([sys.argv[0], *options, str(corpus)], check)
    atheris.Fuzz()

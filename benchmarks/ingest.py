"""How long `mmsg ingest` takes, as a ratio to the floor: the same rows written with nothing but a parser and sqlite3.

    python benchmarks/ingest.py [EVENTS] [--repeat 5] [--bench ../shared/bench]

Both are measured in one run, alternating, on fresh SQLite files; what is printed are medians. Processor time is the
steadier of the two figures on a machine that does other things too. Needs orjson, for the floor.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

BATCH = 5000


def children_seconds() -> float:
    """Processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and processor seconds of one command, which must succeed."""
    wall, cpu = time.perf_counter(), children_seconds()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - wall, children_seconds() - cpu


def measure(events: Path, bench: Path, folder: Path) -> dict[str, float]:
    """One round: migrate, ingest, ingest the same again, and the floor over what was stored."""
    database = folder / "round.db"
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{database}"}
    mmsg = [sys.executable, "-m", "marketing_cli"]
    subprocess.run([*mmsg, "migrate", "--quiet"], check=True, env=environment)
    ingest = [*mmsg, "ingest", str(events), "--quiet", "--backfill", "--batch-size", str(BATCH)]
    wall, cpu = timed(ingest, environment)
    size = database.stat().st_size
    again, _ = timed(ingest, environment)
    floor = [sys.executable, str(bench / "floor.py"), str(database), str(events), "--batch", str(BATCH), "--json"]
    result = json.loads(subprocess.run(floor, check=True, capture_output=True).stdout)
    database.unlink()
    return {
        "floor wall s": result["seconds"],
        "floor processor s": result["cpu_seconds"],
        "wall / floor": wall / result["seconds"],
        "processor / floor": cpu / result["cpu_seconds"],
        "same file again / first": again / wall,
        "bytes per event": size / result["lines"],
    }


def main() -> None:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=int, nargs="?", default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--bench", type=Path, default=Path(__file__).parent.parent.parent / "shared" / "bench")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmsg-bench-") as name:
        folder = Path(name)
        events = folder / "events.ndjson"
        make = [sys.executable, str(args.bench / "make_events.py"), str(args.events)]
        with events.open("wb") as out:
            subprocess.run(make, check=True, stdout=out)
        rounds = [measure(events, args.bench, folder) for _ in range(args.repeat)]
    print(f"{args.events:,} events, medians of {args.repeat}:")
    for key in rounds[0]:
        print(f"  {key:26} {median(one[key] for one in rounds):8.2f}")


if __name__ == "__main__":
    main()

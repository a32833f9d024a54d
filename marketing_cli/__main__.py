"""The program: `python -m marketing_cli` is the same as `mmsg`."""

import gc
import sys

# Objects made before Python looks for cyclic garbage. By default it does so, in vain, dozens of times while it loads.
_OBJECTS_BETWEEN = 50_000


def main() -> None:
    """Run it. Loading takes long enough for a Ctrl-C, which then ends it quietly too."""
    gc.set_threshold(_OBJECTS_BETWEEN)
    try:
        from marketing_cli.cli.app import main as run  # noqa: PLC0415 - inside, to be interrupted
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()

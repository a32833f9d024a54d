"""The program: `python -m marketing_cli` is the same as `mmsg`."""

import sys


def main() -> None:
    """Run it. Loading takes long enough for a Ctrl-C, which then ends it quietly too."""
    try:
        from marketing_cli.cli.app import main as run  # noqa: PLC0415 - inside, to be interrupted
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()

"""`python -m marketing_cli` is the same program as `mmsg`."""

from marketing_cli.cli.app import main

if __name__ == "__main__":
    main()

"""Fuzzes reading events: python tests/fuzz/fuzz_lines.py -max_total_time=300."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    from fuzz.campaign import run
    from fuzz.seeds import LINE_WORDS, dictionary, line_seeds

    run("lines", line_seeds(), dictionary(LINE_WORDS), sys.argv[1:])

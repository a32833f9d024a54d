"""Fuzzes reading rules: python tests/fuzz/fuzz_rules.py -max_total_time=300."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    from fuzz.campaign import run
    from fuzz.seeds import RULE_WORDS, dictionary, rule_seeds

    run("rules", rule_seeds(), dictionary(RULE_WORDS), sys.argv[1:])

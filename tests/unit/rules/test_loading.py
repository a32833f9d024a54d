"""Where rules come from, what is remembered of the file, and files that cannot be read."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules import Channel, Limit
from marketing_cli.services.rules_files import load_rules
from support.rule_texts import HEAD, flow_rule

TEXT = "\ufeff# é\r\n" + HEAD + flow_rule()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path to write a rules file to, relative to the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path("my-rules.yaml")


def test_a_file_is_remembered_to_the_byte(file: Path) -> None:
    """Text and digest are those of the file, byte order mark, line ends and all."""
    raw = TEXT.encode()
    file.write_bytes(raw)
    loaded = load_rules(file)
    assert loaded.text.encode() == raw
    assert loaded.sha256 == hashlib.sha256(raw).hexdigest()
    assert loaded.source == "my-rules.yaml"
    assert [rule.name for rule in loaded.rule_set.rules] == ["a"]


def test_without_a_path_the_shipped_rules_load() -> None:
    """The four sample rules, word for word: to change them is to change what users are sent."""
    loaded = load_rules(None)
    assert loaded.source == "shipped"
    assert loaded.sha256 == hashlib.sha256(loaded.text.encode()).hexdigest()
    assert [
        (
            rule.name,
            rule.on,
            [(condition.text, getattr(condition, "expected", None)) for condition in rule.when],
            (rule.message.template, rule.message.channel),
            rule.limit,
            (rule.enabled, rule.timezone),
        )
        for rule in loaded.rule_set.rules
    ] == [
        (
            "welcome_email",
            "signup_completed",
            [("user_traits.marketing_opt_in equals", True)],
            ("WELCOME_EMAIL", Channel.EMAIL),
            Limit.ONCE_EVER,
            (True, "UTC"),
        ),
        (
            "bank_link_nudge",
            "link_bank_success",
            [("prior_event signup_completed within 24h", None)],
            ("BANK_LINK_NUDGE_SMS", Channel.SMS),
            Limit.ONCE_EVER,
            (True, "UTC"),
        ),
        (
            "insufficient_funds",
            "payment_failed",
            [("properties.failure_reason equals", "INSUFFICIENT_FUNDS")],
            ("INSUFFICIENT_FUNDS_EMAIL", Channel.EMAIL),
            Limit.ONCE_PER_CALENDAR_DAY,
            (True, "UTC"),
        ),
        (
            "high_risk_alert",
            "payment_failed",
            [("properties.attempt_number gte", 3)],
            ("HIGH_RISK_ALERT", Channel.INTERNAL_ALERT),
            Limit.NONE,
            (True, "UTC"),
        ),
    ]


def test_the_example_in_the_shipped_rules_is_a_rule(file: Path) -> None:
    """Whoever takes the comment signs away, as the comment says, has a rule that loads."""
    lines = load_rules(None).text.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith("#   - name:"))
    end = next(number for number, line in enumerate(lines) if number > start and line.startswith("#\n"))
    file.write_text("".join(lines) + "\n" + "".join(line.removeprefix("# ") for line in lines[start:end]))
    assert load_rules(file).rule_set.rules[-1].name == "big_payment_thanks"


@pytest.mark.parametrize(
    ("raw", "pieces"),
    [
        (b"version: 1\n# caf\xe9\nrules: []", ["my-rules.yaml:2:6: ", "0xe9 is not UTF-8"]),
        (b"version: 1\n# caf\xc3\xa9 \xff", ["my-rules.yaml:2:8: ", "0xff is not UTF-8"]),
        ("version: 1\nrules: []".encode("utf-16"), ["my-rules.yaml:1:1: ", "UTF-16; save it as UTF-8"]),
        (b"version: 1\nrules: []\0", ["my-rules.yaml:2:10: ", "\\u0000"]),
        (b"#" * (256 * 1024 + 1), ["my-rules.yaml: ", "larger than 262144 bytes"]),
        (b"", ["my-rules.yaml:1:1: ", "found nothing"]),
    ],
)
def test_a_file_that_is_no_text_is_refused(file: Path, raw: bytes, pieces: list[str]) -> None:
    """The message says which file, where in it, and what to do."""
    file.write_bytes(raw)
    with pytest.raises(BadConfig) as error:
        load_rules(file)
    assert str(error.value).startswith(pieces[0])
    assert all(piece in str(error.value) for piece in pieces)


def test_the_largest_file_loads(file: Path) -> None:
    """256 KiB is still allowed."""
    text = "version: 1\nrules: []\n#"
    file.write_text(text + "x" * (256 * 1024 - len(text)))
    assert load_rules(file).rule_set.rules == ()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nothing.yaml", "no such file or directory"),
        (".", "is a directory"),
        ("a\0b", "this is no usable path"),
        ("x" * 5000, "file name too long"),
        ("missing/\x1b[31m.yaml", "no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(file: Path, path: str, why: str) -> None:
    """Along with where the path may have come from."""
    assert not file.exists()
    with pytest.raises(BadConfig) as error:
        load_rules(Path(path))
    assert f"cannot read the rules: {why}" in str(error.value)
    assert "check --rules or MMSG_RULES" in str(error.value)
    assert str(error.value).isprintable()


def test_rules_may_come_through_a_pipe(file: Path) -> None:
    """As when a shell hands over the output of a command as a file."""
    os.mkfifo(file)
    with subprocess.Popen([sys.executable, "-c", f"print('version: 1\\nrules: []', file=open('{file}', 'w'))"]):
        assert load_rules(file).rule_set.rules == ()


def test_a_device_without_end_is_refused() -> None:
    """No more than the limit is ever read."""
    with pytest.raises(BadConfig, match="larger than"):
        load_rules(Path("/dev/zero"))


def test_the_schema_needs_no_yaml_library() -> None:
    """Programs that only evaluate rules do not pay for reading them."""
    code = "import sys, marketing_cli.schemas.rules; sys.exit('ruamel' in str(sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

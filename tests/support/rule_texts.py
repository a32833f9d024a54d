"""Rules as text, so that a test writes only the part it is about."""

import textwrap

HEAD = "version: 1\nrules:\n"
RULE_REST = "    message: {template: T, channel: sms}\n    limit: none\n"


def with_condition(condition: str) -> str:
    """A file whose only rule has these conditions; the first starts at line 6, column 9."""
    lines = textwrap.indent(textwrap.dedent(condition).strip(), " " * 8).strip()
    return f"{HEAD}  - name: a\n    on: x\n    when:\n      - {lines}\n{RULE_REST}"


def with_rule(rule: str) -> str:
    """A file whose only rule has these lines; the first starts at line 3, column 5."""
    return f"{HEAD}  - {textwrap.indent(textwrap.dedent(rule).strip(), ' ' * 4).strip()}\n"


def flow_rule(name: str = "a", template: str = "T", rest: str = "limit: none") -> str:
    """One rule as a line of a file, for files with several."""
    return f"  - {{name: {name}, on: x, message: {{template: {template}, channel: sms}}, {rest}}}\n"

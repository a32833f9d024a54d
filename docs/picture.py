"""Draws docs/audit.svg, the picture in the README: `python docs/picture.py docs/audit.svg`, or `make picture`."""

import sys
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import update

from marketing_cli.database.sessions import open_database
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.rendering import export_svg
from marketing_cli.rendering.audit_page import event_page
from marketing_cli.schemas.audit import AuditResponse
from marketing_cli.services.audit import AuditRequest, run_audit
from marketing_cli.services.ingest import IngestOptions
from marketing_cli.services.ingest_run import IngestRequest, run_ingest
from marketing_cli.services.schema import migrate_database
from marketing_cli.services.stopping import NeverStop

ROOT = Path(__file__).resolve().parents[1]
STORY = "sample_events/04_third_attempt.ndjson"
EVENT = "evt_dev_4"
# A picture changes with its content only, and not with the time at which it is drawn.
INGESTED = datetime(2025, 11, 4, 10, 0, tzinfo=UTC)


def audited(url: str) -> AuditResponse:
    """The audit of the event, in a new database that holds its story."""
    migrate_database(url)
    with chdir(ROOT):
        run_ingest(IngestRequest([STORY], url), IngestOptions(), NeverStop(), lambda _reader, _lines: None)
    with open_database(url, writes=True) as transactions, transactions() as session:
        session.execute(update(Event).values(created_at=INGESTED))
        session.execute(update(SendRequest).values(decided_at=INGESTED))
        session.execute(update(Suppression).values(decided_at=INGESTED))
    answer = run_audit(AuditRequest(EVENT), url)
    if not isinstance(answer, AuditResponse):
        raise TypeError("several users have an event of this id")
    return answer


def main(target: Path) -> None:
    """Draw the picture into this file."""
    with TemporaryDirectory() as folder:
        answer = audited(f"sqlite:///{folder}/messaging.db")
    export_svg(event_page(answer), target, f"mmsg audit {EVENT}")
    target.chmod(0o644)  # made-up data, which anybody may see


if __name__ == "__main__":
    main(Path(sys.argv[1]))

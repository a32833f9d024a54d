"""Lines kept aside: the same bytes refused again for the same reason are counted, not kept twice."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from marketing_cli.domain.lines import Reject as RefusedLine
from marketing_cli.models import Reject
from marketing_cli.repositories.ids import draw_ids
from marketing_cli.repositories.upsert import insert_or_meet


class RejectRepository:
    """Keeps refused lines; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def add_many(self, refused: Sequence[RefusedLine], *, run_id: int, path: str) -> int:
        """Keep lines refused by a run; returns how many of them were not kept already."""
        rows: dict[tuple[bytes, str], dict[str, Any]] = {}
        for line in sorted(refused, key=lambda one: one.line.number):
            row = _row(line, run_id, path)
            rows.setdefault((row["raw_sha256"], row["reason"]), row)["count"] += 1
        if not rows:
            return 0
        (ids,) = draw_ids(self._session, (Reject, len(rows)))
        for row, number in zip(rows.values(), ids, strict=True):
            row["id"] = number
        # Numbered in line order, but written in one order everywhere: two runs that keep the same lines at once would
        # lock each other out otherwise.
        ordered = [rows[key] for key in sorted(rows)]
        stored = {(bytes(digest), reason): count for digest, reason, count in self._upsert(ordered)}
        return sum(stored[key] == row["count"] for key, row in rows.items())

    def _upsert(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        statement = insert_or_meet(self._session, Reject)
        counted = statement.on_conflict_do_update(
            index_elements=["raw_sha256", "reason"],
            set_={"count": Reject.count + statement.excluded.count, "last_run_id": statement.excluded.last_run_id},
        ).returning(Reject.raw_sha256, Reject.reason, Reject.count)
        return self._session.execute(counted, rows).all()


def _row(refused: RefusedLine, run_id: int, path: str) -> dict[str, Any]:
    line = refused.line
    return {
        "run_id": run_id,
        "last_run_id": run_id,
        "count": 0,
        "path": path,
        "line": line.number,
        "reason": refused.reason.value,
        "detail": refused.detail,
        "user_id": refused.user_id,
        "event_type": refused.event_type,
        "event_key": refused.event_key,
        "raw": line.raw,
        "raw_length": len(line.raw) if line.length is None else line.length,
        "raw_sha256": sha256(line.raw).digest() if line.sha256 is None else line.sha256,
    }

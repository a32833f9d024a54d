"""Prints what `mmsg audit` found, as a page or as JSON."""

from marketing_cli.errors import ExitCode, UsageError
from marketing_cli.rendering.audit_page import event_page
from marketing_cli.rendering.audit_user_page import answer_page, candidates_listing, timeline_page
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.listings import render_listing
from marketing_cli.rendering.pages import render_page
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output
from marketing_cli.schemas.audit import Ambiguity, AuditResponse, TemplateAnswer, UserTimeline


def render_audit(
    result: AuditResponse | Ambiguity | UserTimeline | TemplateAnswer, output: Output, streams: Streams
) -> ExitCode:
    """Print an answer; returns the code to exit with: 2 where the question fits several events, else 0."""
    if isinstance(result, Ambiguity):
        return _render_ambiguity(result, output, streams)
    if output is Output.JSON:
        render_json(result.model_dump(), streams)
    elif isinstance(result, AuditResponse):
        render_page(event_page(result), streams)
    elif isinstance(result, UserTimeline):
        render_page(timeline_page(result), streams)
    else:
        render_page(answer_page(result), streams)
    if isinstance(result, UserTimeline) and result.more:
        streams.note("There is more than is shown here: --limit 0 gives all of it.")
    return ExitCode.OK


def _render_ambiguity(result: Ambiguity, output: Output, streams: Streams) -> ExitCode:
    code = UsageError.exit_code
    if output is Output.JSON:
        error = {"code": UsageError.code, "exit_code": int(code), "message": result.message}
        render_json({"error": error, "candidates": result.model_dump()["candidates"]}, streams)
    else:
        render_listing(candidates_listing(result), Output.TABLE, streams)
    streams.err(f"mmsg: {result.message}")
    return code

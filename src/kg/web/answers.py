"""What became of a question, as HTTP says it: refusals with their status and reason, and answers marked as cut."""

from __future__ import annotations

import re

from flask import Response

from kg.messages import in_language, say
from kg.pool import Result
from kg.web.responses import Problem
from kg.web.visits import Visit

__all__ = ["mark_cut", "refusal"]


def mark_cut(visit: Visit, result: Result, response: Response) -> Response:
    """Return the response with a header that says so if its result was cut at a limit."""
    if result.status == "cut":
        response.headers["Kg-Cut"] = f"{result.limit}={visit.limit(result.limit)}"
    return response


def refusal(visit: Visit, result: Result, query: str = "") -> Problem:
    """Return what is told to a client whose question has no answer: why, and what to do."""
    _, language = visit.say, visit.reader.language
    # Who guards the queries names the setting in what it expects.
    named = re.search(r"\((limits\.[a-z_]+)\)", result.expected)
    limit = result.limit or (named[1] if named else "")
    members: dict[str, object] = {"limit": limit, "value": visit.limit(limit)} if limit else {}
    if result.line:
        lines = re.split(r"\r\n|\r|\n", query)
        members |= {"line": result.line, "column": result.column}
        members |= {"excerpt": lines[result.line - 1]} if result.line <= len(lines) else {}
    at_limit = _("The limit is %(limit)s = %(value)s.") % {"limit": limit, "value": members.get("value", "")}
    less = _("Make the query ask for less: fewer patterns at once, a LIMIT, no sorting of what is not needed.")
    patience, again = _("Wait for the answers to those before you ask more."), _("Ask again in a moment.")
    match result.status:
        case "wrong":
            # What the title says need not be said again.
            title, detail, status = (
                _("This is not SPARQL 1.1."),
                result.reason(language).removeprefix(
                    in_language(say("this is not SPARQL: %(problem)s", problem=""), language)
                ),
                400,
            )
            if result.line:
                detail = _("Line %(line)s, column %(column)s: %(problem)s") % {
                    "line": result.line, "column": result.column, "problem": detail
                }  # fmt: skip
        case "refused":
            title, detail = _("This query is not allowed."), result.reason(language)
            status = 400 if limit else 403
        case "unknown graph":
            title, detail, status = _("There is no such graph."), _("The list of graphs has all of them."), 404
        case "time":
            title, detail, status = _("The query took too long."), f"{at_limit} {less}", 504
        case "memory":
            title, detail, status = _("The query needed too much memory."), f"{at_limit} {less}", 503
        case "share":
            title, status = _("You have too many queries waiting."), 429
            detail = f"{at_limit} {patience}"
        case "busy":
            title, status = _("Everybody who answers queries is busy."), 503
            detail = f"{at_limit} {again}"
        case "crash":
            title, status = _("The query ended the process that answered it."), 503
            detail = _("Very deep or very large expressions do that. Ask in a simpler way.")
        case _:
            title, detail, status = _("The graph is being replaced by a new one."), again, 503
    headers = {"Retry-After": str(max(1, result.retry_after))} if status in (429, 503, 504) else {}
    onward = [(_("All graphs"), visit.addresses.page("/graphs"))] if status == 404 else []
    return Problem(status, title, detail, onward, headers=headers, members=members)

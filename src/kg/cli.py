"""The command line: one command a chore, one message an error. Exit codes: 0 fine, 1 findings or failure, 2 usage."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import kg
from kg.errors import KGError, QueryError

if TYPE_CHECKING:  # imported where they are used, so that --help and a warm start are quick
    from rich.console import Console

    from kg.files import FileSet
    from kg.findings import Finding
    from kg.literals import Term
    from kg.project import Project
    from kg.results import Answer
    from kg.snapshot import Fact, Snapshot
    from kg.supervisor import Watch
    from kg.views import View

__all__ = ["main"]


# What text from files or from the command line may not do to a terminal: move its cursor, change its colours, turn
# the direction of what follows.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _plain(text: str) -> str:
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def _fail(error: Exception, language: str = "en") -> None:
    text = error.told(language) if isinstance(error, KGError) else str(error)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {_plain(text)}", err=True)


def _steady_streams() -> None:
    """Make sure that there are three standard streams, which show any text: nobody gave them, or an old encoding."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # closed: without this, the next file opened would take its number
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is left to write nowhere, where the standard output takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


#: Where a command keeps the language of its messages.
_LANGUAGE = "kg.language"


class _Commands(click.Group):
    """A group that shows what people can mend as one message, never as a traceback."""

    def invoke(self, context: click.Context) -> Any:
        _steady_streams()
        try:
            return super().invoke(context)
        except KGError as error:
            _fail(error, context.meta.get(_LANGUAGE, "en"))
        except MemoryError:
            from kg.messages import say

            problem = say("there is not enough memory for this")
            advice = say("A check or a build takes about a hundred times the size of the Turtle files.")
            _fail(KGError(problem, advice=advice), context.meta.get(_LANGUAGE, "en"))
        except BrokenPipeError:  # the reader of our output has seen enough
            _discard_output()
            context.exit(0)
        except OSError as error:
            _discard_output()
            _fail(error)
        context.exit(1)

    def list_commands(self, context: click.Context) -> list[str]:
        # In the order of use.
        return [
            "new",
            "import",
            "check",
            "format",
            "build",
            "serve",
            "query",
            "show",
            "diff",
            "release",
            "stats",
            "conformance",
        ]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KG"})
@click.option(
    "--project", "-C", "root", default=".", metavar="DIR", show_default=True, help="The folder with kg.toml.",
    envvar="KG_PROJECT",
)  # fmt: skip
@click.version_option(kg.__version__, prog_name="kg")
@click.pass_context
def main(context: click.Context, root: str) -> None:
    """Publish a knowledge graph that lives in git.

    \b
    Turtle files go in; a checked, built, linked-data site comes out:
      kg check && kg serve
    """
    context.obj = Path(root)


def _project(context: click.Context) -> Project:
    from kg.project import open_project

    language = context.params.get("lang")
    context.meta[_LANGUAGE] = language or "en"
    project = open_project(context.obj)
    context.meta[_LANGUAGE] = language or project.settings.default_language
    return project


_FILE_OPTIONS = (
    click.option(
        "--default-graph", type=click.Choice(["union", "plain"]), default="union", show_default=True,
        help="Of FILEs: everything together, or only what they put there.",
    ),
    click.option("--input-format", metavar="EXT", default="", help="Of FILEs: ttl, trig, nt, nq, rdf, jsonld or n3."),
)  # fmt: skip


def _file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that read RDF files without a project."""
    for option in reversed(_FILE_OPTIONS):
        command = option(command)
    return command


def _project_or_files(context: click.Context, files: Sequence[str], form: str, default_graph: str) -> Project | FileSet:
    """Return the files that are named; where none is, the project. What files need ends with the command."""
    from kg.files import open_files

    if not files:
        return _project(context)
    return context.with_resource(open_files(files, form=form.lower().lstrip("."), default_graph=default_graph))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Give a function that shows a step: a bar on a terminal, a plain line elsewhere, on standard error."""
    began = time.monotonic()
    if not sys.stderr.isatty():
        yield lambda step: click.echo(f"{time.monotonic() - began:6.2f} s  {step}", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<40}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=_STEPS)
        yield lambda step: bar.update(task, description=step, advance=1)


# Steps that a build names, for the length of the bar.
_STEPS = 16


def _report(
    findings: Sequence[Finding],
    project: Project | FileSet,
    *,
    err: bool,
    infos: bool = False,
    more: str = "kg check --all",
) -> None:
    """Print findings; infos, which are work to do and not mistakes, only if asked for."""
    from kg.findings import Severity, render_text, told_once
    from kg.project import Project

    stream = sys.stderr if err else sys.stdout
    findings = told_once(findings, project.provenance if isinstance(project, Project) else ())
    shown = [finding for finding in findings if infos or finding.severity is not Severity.INFO]
    click.echo(render_text(shown, colour=stream.isatty()), err=err)
    if hidden := len(findings) - len(shown):
        click.echo(f"{hidden} more to do, not mistakes: {more}", err=err)


def _named(project: Project, given: Path) -> str:
    """Return a path from the command line as findings have it. Raises KGError for one that is not of the graph."""
    from kg.messages import say

    path = Path(os.path.abspath(given))
    path = path.parent.resolve() / path.name
    if not path.is_relative_to(project.root):
        raise KGError(
            say("this is outside the project"),
            where=str(given),
            expected=say("a path in %(root)s", root=project.root),
            advice=say("Name another project by -C."),
        )
    if not os.path.lexists(path):
        known = {Path(os.path.relpath(file)) for file in project.inputs()}
        raise KGError(
            say("there is no such file or folder"),
            where=str(given),
            advice=_nearest(given, known | {folder for file in known for folder in file.parents})
            or say("Name one of the graph's, or none."),
        )
    if not any(file == path or path in file.parents for file in project.inputs()):
        raise KGError(
            say("the graph has nothing there"),
            where=str(given),
            expected=say("a Turtle file, a view, or a folder with some"),
            advice=say("Without paths, everything is reported."),
        )
    return project.shown(path)


def _nearest(given: Path, known: Iterable[Path]) -> str:
    """Return which of several paths somebody may have meant, as a question; nothing if none is close."""
    import difflib

    from kg.messages import say

    ordered = sorted({path.as_posix() for path in known} - {"."})
    # The name alone tells more, where the folder is right.
    folder = os.path.relpath(given.parent)
    there = {Path(path).name: path for path in ordered if os.path.relpath(Path(path).parent) == folder}
    if close := difflib.get_close_matches(given.name, there, n=1):
        return say("Did you mean %(name)s?", name=there[close[0]])
    close = difflib.get_close_matches(given.as_posix(), ordered, n=1, cutoff=0.8)
    return say("Did you mean %(name)s?", name=close[0]) if close else ""


@main.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif", "junit", "github", "turtle"]), default="text",
    show_default=True, help="turtle: a W3C SHACL report.",
)  # fmt: skip
@click.option("--lang", metavar="TAG", help="Language of the messages; default: the graph's first.")
@click.option("--all", "infos", is_flag=True, help="Print infos too: what is left to do, not mistakes.")
@click.option("--changed-since", "ref", metavar="REF", help="Report only what came since this commit.")
@click.pass_context
def check_command(
    context: click.Context, paths: tuple[Path, ...], form: str, lang: str | None, infos: bool, ref: str | None
) -> None:
    """Check settings, files, links, locators, shapes and logic.

    \b
    Each finding has its file, line and column, and says what to do. With paths, everything is
    read, but only what concerns these files and folders is reported:
      kg check --lang fr
      kg check data/turtle/sources
    """
    from dataclasses import replace

    from kg.checks import brought, recheck
    from kg.findings import concerning, told_once
    from kg.history import files_at
    from kg.project import open_project
    from kg.reports import REPORTS

    project = _project(context)
    named = [_named(project, path) for path in paths]
    language = lang or project.settings.default_language
    shelf = project.checks
    with _progress() as step:
        before: list[Finding] = []
        if ref:
            with files_at(project.root, ref) as root:
                before = recheck(open_project(root), shelf, language=language, progress=lambda s: step(f"{s} of {ref}"))
        findings = brought(recheck(project, shelf, language=language, progress=step), before)
    if named:
        findings = concerning(findings, named)
    if form not in ("text", "turtle"):  # _report does it, and a report of SHACL holds whatever shapes say
        findings = told_once(findings, project.provenance)
    if form in ("text", "github", "sarif", "junit") and (folder := os.path.relpath(project.root)) != ".":
        # Editors and workflows follow a path from where they are.
        findings = [
            replace(
                finding,
                path=os.path.join(folder, finding.path),
                also=tuple(os.path.join(folder, place) for place in finding.also),
            )
            for finding in findings
        ]
    if form == "text":
        _report(findings, project, err=False, infos=infos)
    elif report := REPORTS[form](findings):
        click.echo(report)
    context.exit(1 if any(finding.severity == "violation" for finding in findings) else 0)


@main.command("new")
@click.argument("kind")
@click.argument("slug")
@click.option("--title", default="", metavar="TEXT", help="Its name.")
@click.option(
    "--set", "values", multiple=True, metavar="PROPERTY=VALUE", help="What is known already; again for further ones."
)
@click.option("--class", "class_name", default="", metavar="NAME", help="Its class; default: that of most of its kind.")
@click.option("--in", "into", default="", metavar="SOURCE/PART", help="The source's file that says it.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print the file.")
@click.option("--lang", metavar="TAG", help="Language of the messages; default: the graph's first.")
@click.pass_context
def new_command(
    context: click.Context,
    kind: str,
    slug: str,
    title: str,
    values: tuple[str, ...],
    class_name: str,
    into: str,
    dry_run: bool,
    lang: str | None,
) -> None:
    """Begin a file or a node: KIND is one of the graph's kinds, or source-file; another word lists them.

    \b
    What the shapes ask for stands in it as comments, to be completed:
      kg new source town-chronicle --title "The town chronicle"
      kg new source-file town-chronicle/chapter-1
    """
    from kg.formatting import write_all
    from kg.skeletons import Request, skeleton

    project = _project(context)
    language = lang or project.settings.default_language
    request = Request(kind, slug, title, values, class_name, into, language)
    made = skeleton(project, project.glance(), request)
    formatted = made.formatted
    if dry_run:
        click.echo(_plain(formatted.after.decode()), nl=False)
    else:
        write_all([formatted], project.root / project.settings.data_folder)
    where = os.path.relpath(formatted.path)
    click.echo(_plain(f"{made.name} in {where}"), err=True)
    if made.remark:
        click.echo(_plain(made.remark), err=True)
    for line, what in made.to_complete:
        click.echo(_plain(f"{where}:{line}: {what}"), err=True)


@main.command("import")
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("file", required=False, metavar="[FILE.csv]", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would be written.")
@click.option("--update", is_flag=True, help="Where file and table differ in a single value, take the table's.")
@click.option("--strict", is_flag=True, help="Write nothing at all if a row is refused.")
@click.option("--all", "infos", is_flag=True, help="Print infos too: what only the files say.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--lang", metavar="TAG", help="Language of the messages; default: the graph's first.")
@click.pass_context
def import_command(
    context: click.Context,
    mapping: Path,
    file: Path | None,
    dry_run: bool,
    update: bool,
    strict: bool,
    infos: bool,
    form: str,
    lang: str | None,
) -> None:
    """Bring the rows of a table into Turtle files, by a mapping (TOML).

    \b
    What is there already stays as it is; doing it again changes nothing:
      kg import data/tables/members.toml --dry-run
    """
    from dataclasses import replace

    from kg.findings import translated
    from kg.formatting import write_all
    from kg.imports import plan, render_json, summary
    from kg.mappings import load_mapping
    from kg.messages import say
    from kg.tables import read_table

    project = _project(context)
    language = lang or project.settings.default_language
    if not os.path.lexists(mapping):
        raise KGError(
            say("there is no such file or folder"),
            where=str(mapping),
            advice=_nearest(mapping, [*mapping.parent.glob("*.toml"), *Path().glob("data/tables/*.toml")]),
        )
    told = load_mapping(mapping, project, os.path.relpath(mapping))
    path = file or told.table
    if path is None:
        raise KGError(say("this mapping names no table"), where=told.path, advice=say("Name the CSV file behind it."))
    megabytes = project.settings.file_megabytes
    with _progress() as step:
        step("reading the table")
        shown = os.path.relpath(path)
        table = read_table(path, shown, megabytes=megabytes, delimiter=told.delimiter, header=told.header)
        step("reading the graph")
        reading = project.glance()
        step(f"reading {len(table.rows)} rows")
        found = plan(project, reading, told, table, update=update, progress=step)
        written = bool(found.files) and not dry_run and (found.passed or not strict)
        if written:
            step(f"writing {len(found.files)} files")
            write_all([change.formatted for change in found.files], project.root / project.settings.data_folder)
    found = replace(found, findings=list(translated(found.findings, language)))
    if form == "json":
        click.echo(render_json(found, written=written))
    else:
        _report(found.findings, project, err=False, infos=infos, more="kg import --all")
        for line in summary(found, language, written=written):
            click.echo(_plain(line))
    context.exit(0 if found.passed else 1)


@main.command("format")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; show what would change, and exit with 1.")
@click.pass_context
def format_command(context: click.Context, paths: tuple[Path, ...], only_check: bool) -> None:
    """Put Turtle files into canonical form; comments and everything typed stay.

    \b
    Without paths, all files of the graph:
      kg format data/turtle/register
      kg format --check
    """
    from kg.canonical import Style
    from kg.errors import TurtleError
    from kg.findings import render_text, unreadable
    from kg.formatting import diff, format_file, style_of, targets, write_back
    from kg.settings import FILE_NAME

    # Files of no graph are put in order by their own prefixes.
    project = None if paths and not (context.obj / FILE_NAME).exists() else _project(context)
    styles: dict[object, Style] = {}
    found, refused = [], []
    for role, path in targets(project, paths):
        shown = project.shown(path) if project and path.is_relative_to(project.root) else os.path.relpath(path)
        try:
            if role not in styles:
                styles[role] = style_of(project, role) if project else Style()
            found.append(format_file(path, shown, styles[role]))
        except TurtleError as error:
            refused.append(unreadable(error))
    changed = [one for one in found if one.changed]
    if only_check:
        for line in diff(changed):
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            click.echo(click.style(_plain(line), fg=colour) if sys.stdout.isatty() else _plain(line))
    else:
        for one in changed:
            write_back(one)
            click.echo(_plain(one.shown))
    if refused:
        click.echo(render_text(refused, colour=sys.stderr.isatty()), err=True)
    files = f"{len(changed)} of {len(found) + len(refused)} files"
    if only_check and changed:
        command = " ".join(["kg", "format", *map(shlex.quote, map(str, paths))])
        click.echo(f"{files} are not in canonical form. Run: {_plain(command)}", err=True)
    else:
        click.echo(f"{files} {'differ' if only_check else 'changed'}.", err=True)
    context.exit(1 if refused or (only_check and changed) else 0)


@main.command("build")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@_file_options
@click.pass_context
def build_command(context: click.Context, files: tuple[str, ...], default_graph: str, input_format: str) -> None:
    """Check the graph and build its snapshot; of RDF files that belong to no project, the one that kg serve takes.

    \b
    The snapshot is named by its content and swapped in at the end; until then the last one stays:
      kg build
    """
    from kg.build import CheckFailed, build

    project = _project_or_files(context, files, input_format, default_graph)
    try:
        with _progress() as step:
            built = build(project, step)
    except CheckFailed as failed:
        _report(failed.findings, project, err=True)
        raise
    if any(finding.severity != "info" for finding in built.findings):
        _report(built.findings, project, err=True)
    click.echo(f"{built.snapshot.name}{'' if built.fresh else ' (it was there already)'}")


@main.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on (KG_HOST).", envvar="KG_HOST"
)
@click.option(
    "--port", default=8000, show_default=True, help="Port to listen on; 0 for any (KG_PORT).", envvar="KG_PORT"
)
@click.option("--watch", is_flag=True, help="Build and swap again whenever a file of the graph changes.")
@click.option(
    "--log", default="", metavar="FILE|-", help="Write a line of JSON a request to a file, - for standard error.",
    envvar="KG_LOG",
)  # fmt: skip
@click.argument("files", nargs=-1, metavar="[FILE]...")
@_file_options
@click.pass_context
def serve_command(
    context: click.Context,
    host: str,
    port: int,
    watch: bool,
    log: str,
    files: tuple[str, ...],
    default_graph: str,
    input_format: str,
) -> None:
    """Check and build the graph if needed, and serve it; or serve RDF files that belong to no project.

    \b
    If the files do not check, the last good snapshot is served:
      kg serve --port 8080 --watch
    Any RDF files, folders of them, or - for standard input:
      kg serve people.ttl places.nt.gz
    """
    from kg.build import CheckFailed, ensure, last_good
    from kg.errors import SnapshotError
    from kg.project import Project
    from kg.supervisor import claim, serve

    project = _project_or_files(context, files, input_format, default_graph)
    if not watch:
        watching = None
    elif isinstance(project, Project):
        watching = _watched(project)
    else:
        options = ["--default-graph", default_graph, *(["--input-format", input_format] if input_format else [])]
        watching = _watched_files(project, files, options)
    port = claim(host, port)
    try:
        with _progress() as step:
            snapshot = ensure(project, step).snapshot
    except (CheckFailed, QueryError, SnapshotError) as failed:
        if isinstance(failed, CheckFailed):
            _report(failed.findings, project, err=True)
        if files:
            raise
        try:
            snapshot = last_good(project)
        except SnapshotError:
            raise failed from None
        _fail(failed)
        click.echo(f"Serving the last good snapshot instead ({snapshot.name[:12]}).", err=True)

    def tell(text: str) -> None:
        with suppress(OSError):  # nobody reads the terminal any more, and the site goes on
            click.echo(text, err=True)

    def ready(address: str) -> None:
        tell(f"ready: {snapshot.settings.title[snapshot.settings.default_language]} at {address}")

    context.exit(
        serve(
            project.snapshots,
            host=host,
            port=port,
            settings=project.settings,
            ready=ready,
            tell=tell,
            log=str(Path(log).resolve()) if log not in ("", "-") else log,
            watch=watching,
        )
    )


def _watched(project: Project) -> Watch:
    """Return what `--watch` looks at: the settings and the folders that they name, also when they change."""
    from kg.settings import FILE_NAME, load_settings
    from kg.supervisor import Watch

    settings = project.settings

    def paths() -> list[Path]:
        nonlocal settings
        with suppress(KGError):  # while they are wrong, the folders named before are looked at
            settings = load_settings(project.root / FILE_NAME)
        folders = (settings.ontology_folder, settings.data_folder, settings.shapes_folder, settings.views_folder)
        return [project.root / name for name in (FILE_NAME, *folders)]

    return Watch([sys.executable, "-m", "kg.cli", "--project", str(project.root), "build"], paths)


def _watched_files(project: FileSet, files: Sequence[str], options: Sequence[str]) -> Watch:
    """Return what `--watch` looks at: the files and folders that were named."""
    from kg.supervisor import Watch

    if not project.is_kept:
        raise KGError(
            "these files cannot be watched",
            expected="files that have a name, and a cache folder that can be written",
            advice="Leave out - and --watch, or set XDG_CACHE_HOME.",
        )
    return Watch([sys.executable, "-m", "kg.cli", "build", *options, "--", *files], lambda: map(Path, files))


def _ensured(project: Project | FileSet) -> Snapshot:
    """Return the snapshot of what the files say now."""
    from kg.build import CheckFailed, ensure

    try:
        with _progress() as step:
            return ensure(project, step).snapshot
    except CheckFailed as failed:
        _report(failed.findings, project, err=True)
        raise


class _Shown:
    """Says terms in a reader's words."""

    def __init__(self, snapshot: Snapshot, language: str | None) -> None:
        self.snapshot = snapshot
        self.languages = [language] if language else []
        self.languages += snapshot.settings.languages
        self._labels: dict[str, Mapping[str, str]] = {}

    def learn(self, terms: Sequence[Term | None]) -> None:
        """Look up the names of many terms at once."""
        from pyoxigraph import NamedNode

        self._labels |= self.snapshot.labels(term.value for term in terms if isinstance(term, NamedNode))

    def term(self, term: Term | None, predicate: Term | None = None) -> str:
        """Return a term, as a value of a property if that is known."""
        from pyoxigraph import Literal, NamedNode

        from kg.dates import EDTF, in_words
        from kg.labels import choose

        if term is None:
            return ""
        if isinstance(term, NamedNode):
            if term.value not in self._labels:
                self.learn([term])
            names = self._labels.get(term.value)
            return _plain(choose(names, self.languages)[0]) if names else self.compact(term.value)
        if isinstance(term, Literal):
            dated = term.datatype.value in (EDTF, "http://www.w3.org/2001/XMLSchema#date")
            sometime = dated and self.snapshot.is_sometime(predicate)
            return in_words(term.value, self.languages[0], sometime=sometime) if dated else _plain(term.value)
        return str(term)

    def compact(self, iri: str) -> str:
        """Return an IRI as a prefixed name where one fits."""
        from kg.labels import compact

        return compact(iri, self.snapshot.prefixes)


@main.command("query")
@click.argument("file", metavar="QUERY")
@click.argument("more", nargs=-1, metavar="")
@click.option("--data", multiple=True, metavar="FILE...", help="Ask these RDF files instead of the graph here.")
@_file_options
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "ttl", "jsonld", "nt", "rdf"]),
    help="Default: a table, Turtle for triples.",
)  # fmt: skip
@click.option("--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="Value of a view's parameter.")
@click.option("--lang", metavar="TAG", help="Language of names and headings; default: the graph's first.")
@click.option("--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead of the graph here.")
@click.pass_context
def query_command(
    context: click.Context,
    file: str,
    more: tuple[str, ...],
    data: tuple[str, ...],
    default_graph: str,
    input_format: str,
    form: str | None,
    params: tuple[str, ...],
    lang: str | None,
    endpoint: str | None,
) -> None:
    """Ask a question: a view, a file with SPARQL, SPARQL itself, or - for standard input.

    \b
    The prefixes of the graph's prefix table are known:
      kg query views/NAME.rq --lang fr
      echo 'SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }' | kg query -
    Any RDF files, without a project:
      kg query 'SELECT * WHERE { ?s a ?class }' --data *.ttl
    """
    from kg.queries import ask_endpoint, ask_within, guard
    from kg.views import View, parse_view

    if more and not data:
        raise click.UsageError(f"Got an unexpected extra argument ({more[0]})", context)
    if file == "-" and "-" in (*data, *more):
        raise click.UsageError("Standard input cannot be both the question and the data", context)
    if data and endpoint:
        raise click.UsageError("--data and --endpoint exclude each other", context)
    project = _project_or_files(context, (*data, *more), input_format, default_graph)  # a shell unfolds --data *.ttl
    name, text = _question(file)
    guard(text, project.settings)
    is_view = any(line.startswith("#+") for line in text.split("\n"))
    view = (
        parse_view(text, Path(name).stem, project.settings.languages, where=name) if is_view else View(name, text, {})
    )
    values = {parameter.name: parameter.term() for parameter in view.parameters}
    for given in params:
        key, _, value = given.partition("=")
        known = {parameter.name: parameter for parameter in view.parameters}
        if key not in known:
            raise QueryError(
                f"the question has no parameter {key}", where=name, expected=", ".join(known) or "no parameter"
            )
        values[key] = known[key].term(_plain(value))
    snapshot = _ensured(project)
    if endpoint:
        answer = ask_endpoint(endpoint, text, prefixes=snapshot.prefixes, values=values)
    else:
        # Without a deadline and without a cap, as long as the person who asks has patience.
        answer = ask_within(None, snapshot.data(), text, values=values, where=name, memory=None)
    _print_answer(answer, view, form, _Shown(snapshot, lang), snapshot.prefixes)


def _question(file: str) -> tuple[str, str]:
    """Return the name and the text of a question: of a file, of standard input, or of the word itself if it is one."""
    if "{" in file and not os.path.lexists(file):
        return "query", file
    name = "standard input" if file == "-" else file
    try:
        read = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return name, read.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError("this file cannot be read", where=file, found=str(error)) from None


def _print_answer(answer: Answer, view: View, form: str | None, shown: _Shown, prefixes: Mapping[str, str]) -> None:
    from pyoxigraph import DefaultGraph, Quad

    from kg.results import to_csv, to_json
    from kg.writers import write

    if answer.triples is not None:
        if form in ("csv", "json", "table"):
            raise QueryError(f"triples cannot be shown as {form}", expected="ttl, jsonld, nt or rdf")
        quads = [Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in answer.triples]
        click.echo(write(quads, form or "ttl", prefixes).decode(), nl=False)
    elif form == "csv":
        click.echo(to_csv(answer), nl=False)
    elif form == "json":
        click.echo(to_json(answer))
    elif form in (None, "table"):
        if answer.boolean is not None:
            click.echo("yes" if answer.boolean else "no")
        else:
            _print_table(answer, view, shown)
    else:
        raise QueryError(f"rows cannot be shown as {form}", expected="table, csv or json")


def _console() -> Console:
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:  # else Rich ends the process with an error
            raise BrokenPipeError

    # Where nobody looks at the width, lines are as long as they need to be.
    return Plain(width=None if sys.stdout.isatty() else 200, highlight=False)


def _print_table(answer: Answer, view: View, shown: _Shown) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kg.labels import choose
    from kg.pivots import pivot

    shown.learn([term for row in answer.rows for term in row])
    title = _plain(choose(view.titles, shown.languages)[0]) if view.titles else None
    table = Table(title=escape(title) if title else None, title_justify="left", show_lines=view.display == "pivot")

    def heading(variable: str) -> str:
        return _plain(choose(view.headings[variable], shown.languages)[0]) if variable in view.headings else variable

    if view.display == "pivot":
        turned = pivot(answer, view)
        table.add_column("")
        for column in turned.columns:
            table.add_column(escape(shown.term(column)))
        for row, cells in zip(turned.rows, turned.cells, strict=True):
            texts = [", ".join(sorted(shown.term(term) for term in cell)) for cell in cells]
            counted = [f"{text} ({len(cell)})" if cell else "" for text, cell in zip(texts, cells, strict=True)]
            table.add_row(escape(shown.term(row)), *map(escape, counted))
        _console().print(table)
        return
    for variable in answer.variables:
        table.add_column(escape(heading(variable)), overflow="fold")
    for found in answer.rows:
        table.add_row(*(escape(shown.term(term)) for term in found))
    _console().print(table)
    click.echo(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}", err=True)


def _resolve(snapshot: Snapshot, text: str) -> str:
    """Return the IRI that a person means: in full, as a prefixed name, or as kind/slug."""
    prefix, colon, local = text.partition(":")
    candidates = [text.strip("<>"), snapshot.settings.entity_base + text]
    if colon and prefix in snapshot.prefixes:
        candidates.append(snapshot.prefixes[prefix] + local)
    for iri in candidates:
        if snapshot.rows("SELECT 1 FROM term WHERE value = ? AND kind = 'i'", (iri,)):
            return iri
    import difflib

    from kg.errors import NotFound

    # Whoever leaves out the kind, or takes one slug for another, still means something.
    names = {}
    for kind, slug in snapshot.rows("SELECT kind, slug FROM entity WHERE kind <> '' ORDER BY kind DESC"):
        names[slug] = names[f"{kind}/{slug}"] = f"{kind}/{slug}"
    wanted = text.removeprefix(snapshot.settings.entity_base).replace(":", "/")
    close = dict.fromkeys(names[name] for name in difflib.get_close_matches(wanted, names, n=4))
    raise NotFound(
        f"nothing in the graph is called {text}",
        advice=f"Did you mean {' or '.join(list(close)[:3])}?" if close else "Give an IRI, or kind/slug.",
    )


@main.command("show")
@click.argument("iri")
@click.option("--why", is_flag=True, help="Say why each inferred statement holds, down to file and line.")
@click.option("--lang", metavar="TAG", help="Language of the names; default: the graph's first.")
@click.pass_context
def show_command(context: click.Context, iri: str, why: bool, lang: str | None) -> None:
    """Show an entity: every statement with its file and line.

    \b
    The entity is named by its IRI, a prefixed name, or kind/slug:
      kg show kind/slug --why
    """
    from kg.entities import describe, grouped
    from kg.errors import NotFound

    snapshot = _ensured(_project(context))
    found = _resolve(snapshot, _plain(iri))
    description = describe(snapshot, found)
    if description is None:  # a property, for one
        raise NotFound(f"nothing is said of {iri}, though it is used", advice="kg query finds where.")
    shown = _Shown(snapshot, lang)
    classes = snapshot.classes_of([found], specific=False).get(found, [])
    facts = list(description.all_facts())
    shown.learn([term for fact in facts for term in fact[1:4]])
    click.echo(click.style(shown.term(description.iri), bold=True) + f"  <{found}>")

    def line(fact: Fact, text: str, indent: str = "  ") -> None:
        place = f"{_plain(fact.file.path)}:{fact.line}" if fact.file else "inferred"
        click.echo(f"{indent}{text}  {click.style(place, dim=True)}")
        if why and fact.inferred:
            _print_why(snapshot, fact, shown, indent + "    ", set())

    for group in grouped(snapshot, description.facts, classes, description.labels):
        for prop in group.properties:
            for value, stating in prop.values:
                for fact in stating:
                    line(fact, f"{shown.term(prop.iri)}: {shown.term(value, prop.iri)}")
    for one in snapshot.differences(found):
        what = "sources disagree" if one.kind == "disagreement" else "one source is finer than another"
        about = ", ".join(shown.term(term) for term in one.about if term != description.iri)
        respect = ", ".join(map(shown.term, one.respects or [one.property]))
        heading = ": ".join(part for part in (what, about, respect) if part)
        click.echo(f"  {click.style(heading, fg='yellow' if one.kind == 'disagreement' else None, bold=True)}")
        for value, stating in one.values:
            for fact in stating:
                source = f"  {shown.term(fact.file.source)}" if fact.file and fact.file.source else ""
                line(fact, f"{shown.term(value)}{source}", "    ")
    for relation in description.relations:
        click.echo(f"  {click.style(shown.term(relation.node), underline=True)}  {shown.compact(relation.node.value)}")
        for fact in relation.facts:
            if fact.kind == 0:
                line(fact, f"{shown.term(fact.predicate)}: {shown.term(fact.object)}", "    ")
    for fact in description.incoming:
        ends = shown.term(fact.predicate), "this"
        if fact.object != description.iri:  # a property, shown where it is used
            ends = "this", shown.term(fact.object)
        line(fact, " – ".join((shown.term(fact.subject), *ends)))
    if description.pages > 1:
        click.echo(f"  … the first of {description.pages} pages of relations")


def _print_why(snapshot: Snapshot, fact: Fact, shown: _Shown, indent: str, above: set[int]) -> None:
    def said(one: Fact) -> str:
        return " ".join(
            shown.compact(term.value) if hasattr(term, "value") and not hasattr(term, "datatype") else str(term)
            for term in one[1:4]
        )

    for reason in snapshot.why(fact):
        axiom = reason.axiom[0] if reason.axiom else None
        place = f"  {axiom.file.path}:{axiom.line}" if axiom and axiom.file else ""
        click.echo(f"{indent}by {reason.rule}{click.style(place, dim=True)}")
        for premise in reason.premises:
            for one in premise:
                place = f"{one.file.path}:{one.line}" if one.file else "inferred"
                click.echo(f"{indent}  {said(one)}  {click.style(place, dim=True)}")
                if one.inferred and one.id not in above:
                    _print_why(snapshot, one, shown, indent + "    ", above | {fact.id})


@main.command("release")
@click.pass_context
def release_command(context: click.Context) -> None:
    """Register the IRIs that the graph publishes, so that none gets lost.

    \b
    They are written into published.txt, which is committed with the release:
      kg release
    """
    from kg.checks import recheck
    from kg.published import publish

    project = _project(context)
    language = project.settings.default_language
    with _progress() as step:
        findings = recheck(project, project.checks, language=language, progress=step)
        if any(finding.severity == "violation" for finding in findings):
            raise KGError("the graph does not pass its checks", advice="Run: kg check")
        new, number = publish(project, project.read())
    click.echo(f"{new} new, {number} published")


@main.command("diff")
@click.argument("ref")
@click.argument("other", required=False, metavar="[REF]")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--lang", metavar="TAG", help="Language of the names; default: the graph's first.")
@click.pass_context
def diff_command(context: click.Context, ref: str, other: str | None, form: str, lang: str | None) -> None:
    """Show what changed since a commit, or between two, in names.

    \b
    Things that are gone and questions with another answer come first:
      kg diff main
      kg diff v1 v2 --format markdown
    """
    from contextlib import ExitStack

    from kg.changes import State, compare, markdown, text
    from kg.history import files_at
    from kg.project import open_project

    here = _project(context)
    language = lang or here.settings.default_language
    with ExitStack() as stack, _progress() as step:
        step(f"reading {ref}")
        before = State(open_project(stack.enter_context(files_at(here.root, ref))), language)
        step(f"reading {other or 'the files'}")
        after = State(open_project(stack.enter_context(files_at(here.root, other))) if other else here, language)
        step("comparing")
        changes = compare(before, after)
    if form == "json":
        click.echo(changes.as_json())
    elif form == "markdown":
        click.echo(markdown(changes, language))
    else:
        for line in text(changes, language).split("\n"):
            colour = {"  +": "green", "  -": "red"}.get(line[:3])
            click.echo(click.style(_plain(line), fg=colour) if sys.stdout.isatty() else _plain(line))


@main.command("stats")
@click.option("--lang", metavar="TAG", help="Language of the names; default: the graph's first.")
@click.pass_context
def stats_command(context: click.Context, lang: str | None) -> None:
    """Count what the graph has: classes, how full their properties are, sources.

    \b
      kg stats --lang fr
    """
    from pyoxigraph import NamedNode
    from rich.markup import escape
    from rich.table import Table

    from kg.statistics import class_sizes, fill_rates, source_sizes, totals

    snapshot = _ensured(_project(context))
    shown = _Shown(snapshot, lang)
    console = _console()

    def name(iri: str) -> str:
        return escape(shown.term(NamedNode(iri)))

    table = Table("", "Number", title="All", title_justify="left")
    for what, number in totals(snapshot).items():
        table.add_row(what, str(number))
    console.print(table)
    table = Table("Class", "Entities", title="Classes", title_justify="left")
    for class_iri, number in class_sizes(snapshot):
        table.add_row(name(class_iri), str(number))
    console.print(table)
    table = Table("Class", "Property", "Filled", "Of", title="How full", title_justify="left")
    for class_iri, property_iri, filled, of in fill_rates(snapshot):
        table.add_row(name(class_iri), name(property_iri), f"{100 * filled / of:.0f} %", str(of))
    console.print(table)
    table = Table("Source", "Files", "Statements", title="Sources", title_justify="left")
    for source, files, statements in source_sizes(snapshot):
        table.add_row(name(source) if source else "–", str(files), str(statements))
    console.print(table)


@main.command("conformance")
@click.argument("url", metavar="URL")
@click.option(
    "--deref", type=click.Choice(["303", "direct"]), default="303", show_default=True,
    help="What a thing answers with: a redirect, or its document at once.",
)  # fmt: skip
@click.option(
    "--base-iri", "base_iris", multiple=True, metavar="IRI",
    help="IRIs and addresses under this are asked at URL; again for further ones.",
)  # fmt: skip
@click.option("--only", metavar="NUMBERS", help="Ask these checks alone, as 1-53,69.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--entity", default="", metavar="IRI", help="A thing that the site describes; default: found.")
@click.option("--withdrawn", default="", metavar="IRI", help="A thing that the site had, and has no more.")
@click.option("--merged", default="", metavar="IRI", help="A thing that became another one.")
@click.option("--ontology", default="", metavar="IRI", help="The site's own vocabulary; default: found.")
@click.option("--dataset", default="", metavar="URL", help="The page about the dataset; default: found.")
@click.option("--endpoint", default="", metavar="URL", help="The SPARQL endpoint; default: found.")
@click.option("--graphs", default="", metavar="URL", help="The graph store; default: found.")
@click.option("--fragments", default="", metavar="URL", help="The fragments; default: found.")
@click.option("--reconcile", default="", metavar="URL", help="The reconciliation service; default: found.")
@click.option("--canary", default="", metavar="URL", help="Ask SERVICE for this, and watch it yourself.")
@click.option("--deadline", default=10.0, show_default=True, metavar="SECONDS", help="The longest for an answer.")
@click.option("--query-seconds", default=30.0, show_default=True, metavar="SECONDS", help="The longest for a query.")
@click.pass_context
def conformance_command(context: click.Context, /, url: str, only: str | None, as_json: bool, **options: Any) -> None:
    """Check what any linked-data site answers, by the numbered checks of the reference.

    \b
    Each check says what was asked, expected and came; then a table and a score:
      kg conformance http://127.0.0.1:8000/ --base-iri https://example.org/
    """
    from kg.conformance import CHECKS, Options, Site, numbers, passed, render_json, render_result, render_text, run

    site = Site(url, Options(**options))
    chosen = numbers(only) if only else list(CHECKS)
    results = []
    for result in run(site, chosen):
        results.append(result)
        if not as_json:
            click.echo(_plain(render_result(result)))
    click.echo(_plain(render_json(site.url, results) if as_json else "\n" + render_text(site.url, results)))
    context.exit(0 if passed(results) else 1)


if __name__ == "__main__":
    main()

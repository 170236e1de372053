"""`make demo`: start the webhook as in production, send it real reviews over HTTPS, show what changed, which rule, why.

Without arguments it sends the project's own examples of Kubeflow's objects; with files or folders, what is in them.
"""

import base64
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.progress import track
from rich.table import Table
from rich.text import Text

from tests.support.cases import FIXTURES
from tests.support.server import Server, review, serving
from webhook.admission import engine
from webhook.admission.review import request_for_manifest
from webhook.manifests import reader
from webhook.objects.model import Finding, Object, Pointer, Request, UnknownShape, lookup
from webhook.offline import check
from webhook.scc.grants import Grants
from webhook.settings.model import Settings
from webhook.workloads.find import find_pod_specs
from webhook.workloads.pod import PodView, Shape

REJECTED = "rejected"
STYLE = {REJECTED: "bold red"}

EXAMPLES = (
    "fs-group/drops-100-that-the-notebook-controller-sets",
    "notebook-security-context/adds-it-where-absent-in-v1",
    "run-as-user/drops-it-at-both-levels",
    "fs-group/drops-999-of-a-database-with-volume-claim-templates",
    "seldon-engine-user/drops-engine-container-user-of-0-4-1",
    "sidecar-security-context/sets-the-allocated-user-instead-of-1337",
    "istio-injection/drops-it-from-a-profile-namespace",
    "fs-group/keeps-a-daemon-set-that-mounts-a-host-path",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of one object, with what the engine knows of why."""

    request: Request
    findings: list[Finding]
    warnings: list[str]
    verdicts: list[tuple[str, str]]
    """Return for each of its pods which SCC admits it before and after, by the model of SCC."""


def main(inputs: list[str], console: Console | None = None) -> int:
    """Run the demo; return 0."""
    console = console or Console()
    console.print("Starting the webhook as in production: gunicorn, TLS, a certificate of its own.")
    requests = list(objects(inputs or [str(FIXTURES / example / "request.yaml") for example in EXAMPLES]))
    with serving() as server:
        start = time.perf_counter()
        sent = track(requests, "Sending reviews over HTTPS", console=console, transient=True)
        answers = [ask(server, request) for request in sent]
        seconds = time.perf_counter() - start
    # Of a whole release only what changed is worth a line; of the examples also what stays.
    shown = [answer for answer in answers if answer.findings or not inputs]
    if shown:
        console.print(table(shown))
    changed = [answer for answer in answers if answer.findings]
    rules = sorted({finding.rule for answer in changed for finding in answer.findings})
    changes = sum(len(answer.findings) for answer in changed)
    rest = len(answers) - len(changed)
    console.print(
        f"[bold]{len(answers)}[/] reviews in {seconds:.2f} s: [bold green]{len(changed)}[/] objects patched with "
        f"[bold]{changes}[/] changes by {', '.join(rules) or 'no rule'}; {rest} left as they are."
    )
    for answer in answers:
        if any(after == REJECTED for _, after in answer.verdicts):
            request = answer.request
            kind = request.kind.partition(".")[0]
            console.print(f"[bold red]stays rejected:[/] {kind} {request.namespace}/{request.name}")
    console.print("[dim]The same without a cluster: python -m webhook fix --diff FILES[/]")
    return 0


def objects(inputs: Iterable[str]) -> Iterator[Request]:
    """Yield a request for every object in some files."""
    for document in reader.read(inputs):
        yield from (request_for_manifest(obj) for _, obj in document.objects() if obj.get("kind"))


def ask(server: Server, request: Request) -> Answer:
    """Send one review. The findings are the engine's own, of the same object, and must explain the server's patch."""
    status, body = server.post(review(request))
    response = json.loads(body)["response"]
    patch = json.loads(base64.b64decode(response.get("patch", "W10=")))
    outcome = engine.evaluate(request, Settings())
    if (status, patch) != (200, outcome.operations):
        raise SystemExit(f"the server answered {status} with another patch than the engine makes: {body!r}")
    objects = (request.object or {}, outcome.object or {})
    try:
        specs = list(find_pod_specs(objects[0], request.kind))
    except UnknownShape:
        specs = []  # the response warns of it
    verdicts = [tuple(admitted_by(obj, at, shape, request.namespace) for obj in objects) for at, shape in specs]
    return Answer(request, outcome.findings, response.get("warnings", []), [(a, b) for a, b in verdicts])


def admitted_by(obj: Object, at: Pointer, shape: Shape, namespace: str) -> str:
    """Return the SCC that admits a pod of an object, where everyone may use restricted-v2 and nothing else."""
    pods = check.as_pods(obj, at, shape, Settings(), PodView(obj, at, shape, Settings()).parts())
    return check.Cluster(Grants()).judge_all(pods, namespace).admitted_by or REJECTED


def table(answers: Iterable[Answer]) -> Table:
    """Lay the answers out, an object a row."""
    rows = Table(box=box.ROUNDED, show_lines=True)
    for heading in ("object", "what changed", "rule", "SCC before and after", "why"):
        rows.add_column(heading, overflow="fold")  # a narrow terminal cuts no name
    for answer in answers:
        request = answer.request
        name = Text(f"{request.kind.partition('.')[0]}\n", style="bold") + Text(
            f"{request.namespace}/{request.name}".removeprefix("/"), style="cyan"
        )
        changes = [Text(f"{place(request.object or {}, each)}\n  ") + difference(each) for each in answer.findings]
        warnings = [Text(f"Warning: {warning}", style="yellow") for warning in answer.warnings]
        because = dict.fromkeys(finding.because for finding in answer.findings)
        rules = dict.fromkeys(finding.rule for finding in answer.findings)
        nothing = [Text("nothing", style="dim")] if not answer.findings else []
        verdicts = Text("\n").join(
            Text(before, style=STYLE.get(before, "green"))
            + Text(" → ", style="dim")
            + Text(after, style=STYLE.get(after, "green"))
            for before, after in dict.fromkeys(answer.verdicts)
        )
        rows.add_row(name, Group(*changes, *warnings, *nothing), "\n".join(rules), verdicts, "\n".join(because))
    return rows


def difference(finding: Finding) -> Text:
    """Write what was there, and what is there now."""
    before = Text("absent" if finding.before is None else short(finding.before), style="red")
    after = Text("dropped" if finding.after is None else short(finding.after), style="green")
    return before + Text(" → ", style="dim") + after


def short(value: object) -> str:
    """Write a value in JSON, on one line that fits."""
    text = json.dumps(value)
    return text if len(text) < 50 else f"{text[:47]}..."


def place(obj: Object, finding: Finding) -> str:
    """Write a pointer as people speak of it: from the pod spec on, containers by name."""
    parts: list[str] = []
    value: Any = obj
    for part in finding.path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = lookup(value, (int(key) if isinstance(value, list) else key,))
        parts.append(value["name"] if isinstance(value, dict) and key.isdecimal() and "name" in value else key)
    return ".".join(parts[parts.index("spec", 1) + 1 :] if "spec" in parts[1:] else parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

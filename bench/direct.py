"""Send reviews straight to this webhook and to the one on controller-runtime, over TLS, in turn, round by round."""

import base64
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.figures import ratios, spread
from bench.load import Client
from bench.objects import measured_review
from bench.servers import controller_runtime, ours
from webhook.admission import review
from webhook.objects import patch
from webhook.objects.model import Object

CONNECTIONS: Final = (1, 8, 32)
ROUNDS: Final = 5
SECONDS: Final = 2.0
MEASURES: Final = ("rate", "p50", "p99")
Rounds = dict[str, dict[int, list[dict[str, Any]]]]


def measure(programs: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Return what each webhook did with how many connections, the ratios of this one to the other, and their memory."""
    body = folder / "review.json"
    body.write_bytes(measured_review())
    with ExitStack() as stack:
        servers = [stack.enter_context(ours()), stack.enter_context(controller_runtime(programs["controller_runtime"]))]
        clients = {server.name: Client(programs["load"], server.url, server.ca, body) for server in servers}
        _agree({name: client.run(1, 0.5)["last_answer"] for name, client in clients.items()})
        figures = summary(rounds(clients, CONNECTIONS), CONNECTIONS, "controller-runtime")
        return figures | {"memory": {server.name: server.memory() for server in servers}}


def rounds(clients: dict[str, Client], connections: Sequence[int]) -> Rounds:
    """Let clients send in turn, round by round; return what each saw with how many connections."""
    seen: Rounds = {name: {n: [] for n in connections} for name in clients}
    for number in range(ROUNDS):
        for n in connections:
            for name, client in clients.items():
                seen[name][n].append(client.run(n, SECONDS))
        print(f"bench: {', '.join(clients)}: round {number + 1} of {ROUNDS}", flush=True)
    return seen


def summary(seen: Rounds, connections: Sequence[int], other: str) -> dict[str, Any]:
    """Turn rounds into figures, and ratios of this webhook to another."""
    figures: dict[str, Any] = {
        name: {
            str(n): {what: spread(one[what] for one in runs) for what in (*MEASURES, "client_cores")}
            for n, runs in by_connections.items()
        }
        for name, by_connections in seen.items()
    }
    mine, theirs = seen["webhook"], seen[other]
    figures["ratios"] = {
        str(n): {what: ratios([one[what] for one in mine[n]], [one[what] for one in theirs[n]]) for what in MEASURES}
        for n in connections
    }
    return figures


def _agree(answers: dict[str, str]) -> None:
    """Refuse to compare webhooks that make different objects."""
    request = review.decode(measured_review())
    objects = {name: rewritten(request.object or {}, answer) for name, answer in answers.items()}
    if not patch.json_equal(objects["webhook"], objects["controller-runtime"]) or objects["webhook"] == request.object:
        raise SystemExit(f"bench: the webhooks disagree, or changed nothing, so nothing was compared: {answers}")


def rewritten(obj: Object, answer: str) -> Object:
    """Return an object as the patch in an answer leaves it."""
    return patch.apply(obj, json.loads(base64.b64decode(json.loads(answer)["response"]["patch"])))


def verdicts(figures: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what must hold, what was seen, and the bound, which it must not exceed."""
    eight = {name: figures[name]["8"] for name in ("webhook", "controller-runtime", "ratios")}
    bound = 3 * eight["controller-runtime"]["p99"]["median"] + 2
    return [
        (
            "throughput at 8 connections, controller-runtime to webhook: at most 3",
            1 / eight["ratios"]["rate"]["median"],
            3.0,
        ),
        (
            "p99 at 8 connections, ms: at most 3 times controller-runtime's + 2",
            eight["webhook"]["p99"]["median"],
            round(bound, 3),
        ),
        ("memory, MiB PSS with 2 workers: at most 120", figures["memory"]["webhook"]["pss"], 120.0),
    ]

"""Hide a word in everything an object may hold, and look for it where it must not be.

The word is in variables, arguments, annotations, labels, data, and the names and values of fields nobody knows. It may
come back in no answer, log line or metric; only a patch may carry it, and only where a rule writes a whole text back.
"""

import base64
import json
import random
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from rich.progress import track

from tests.properties import malformed, random_objects
from tests.support.evidence import Measured
from tests.support.server import Server, review, serving
from webhook.objects.model import Object, Request

WORD = "canary5f1e"
WRITTEN_BACK = {
    r"/data/(config|executor|mainContainer|workflowDefaults)": "argo-executor writes the whole text, one line changed",
    r"\S*/templates/\d+/securityContext": "a template that stays says by itself what it inherits from its workflow",
}
"""Paths of a patch, as regular expressions."""
TOLD_TO_THE_SENDER = {
    r"annotation kubeflow-openshift/rules names no rule: .+": "the annotation is addressed to the webhook",
    r"service account \S+ needs an SCC": "the name of whom it must be granted to",
    r'"left as it is: (?:[^"\\]|\\.)*"': "SCC's reasons, which OpenShift tells the sender too",
    r"left alone: \S+ is not a (map|list|list of strings)": "names of fields on the way to a wrong shape",
}
"""Warnings of the answer that may repeat values of the request; no log and no metric may."""
BROKEN_SETTINGS = "rules: {fs-group: maybe}\n"


def hidden(dice: random.Random) -> tuple[Request, bytes]:
    """Return a request with the word in it, and the body that is sent: whole, or broken on the way."""
    request = random_objects.request(dice)
    for obj in (request.object, request.old):
        if obj is not None:
            hide(dice, obj)
    body = review(request)
    if dice.random() < 0.3:
        body = malformed.broken(dice, dice.choice(malformed.WAYS), body)
    return request, body


def hide(dice: random.Random, obj: Object) -> None:
    """Put the word wherever a tenant may write any value, and in some places where they may not."""
    obj |= {"data": {**as_map(obj.get("data")), WORD: WORD}, "stringData": {"password": WORD}, WORD: {WORD: [WORD]}}
    metadata = obj["metadata"] = as_map(obj.get("metadata"))
    metadata["annotations"] = as_map(metadata.get("annotations")) | {"token": WORD, WORD: WORD}
    metadata["labels"] = as_map(metadata.get("labels")) | {WORD: WORD}
    for text in ("config", "executor"):
        if isinstance(obj["data"].get(text), str):
            obj["data"][text] += f"\npassword: {WORD}\n"
    places = list(maps(obj))
    for place in dice.sample(places, min(4, len(places))):
        place |= {"env": [{"name": WORD, "value": WORD}], "args": [WORD], "command": [WORD]}
    for place in dice.sample(places, min(2, len(places))):
        if place:
            place[dice.choice(list(place))] = dice.choice((WORD, [WORD], {WORD: WORD}, {WORD: {"template": WORD}}))


def as_map(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def maps(value: Any) -> Any:
    """Yield every map in a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from maps(inner)


def hits(answer: bytes) -> tuple[list[str], list[str]]:
    """Return where the word is in an answer: where it must not be, and the paths of a patch that wrote it back."""
    said = json.loads(answer)
    patch = as_map(said.get("response")).pop("patch", "")
    operations = json.loads(base64.b64decode(patch)) if patch else []
    back = [each["path"] for each in operations if WORD in json.dumps(each.get("value"))]
    wrong = [f"a patch of {path}" for path in back if not any(re.fullmatch(known, path) for known in WRITTEN_BACK)]
    text = json.dumps(said)
    for warning in TOLD_TO_THE_SENDER:
        text = re.sub(warning, "", text)
    wrong += [f"the answer {text}"] if WORD in text else []
    return wrong, back


def run(
    server: Server, config: Path, seed: int, reviews: int, *, quiet: bool = False
) -> tuple[list[str], Counter[str]]:
    """Send reviews, some under a broken configuration; return where the word was, and what was answered."""
    wrong, seen = list[str](), Counter[str]()
    dice = random.Random(seed)
    connection = server.connect()
    for number in track(range(reviews), f"{reviews} reviews of seed {seed}", disable=quiet):
        if number % 100 == 0:
            config.write_text(BROKEN_SETTINGS if number % 200 else "")
        _, body = hidden(dice)
        connection.request("POST", "/mutate", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        found, back = hits(response.read())
        wrong += [f"review {number}: {each}" for each in found]
        seen.update([f"status {response.status}", *(f"written back at {path}" for path in back)])
    connection.close()
    log, metrics = server.log.read_text(), server.observe("/metrics")[1]
    seen["log lines"] = log.count("\n")
    wrong += [f"the log: {line}" for line in log.splitlines() if WORD in line]
    wrong += [f"the metrics: {line}" for line in metrics.splitlines() if WORD in line]
    return wrong, seen


def measure(seed: int, cases: int) -> Measured:
    """Return the figures of so many reviews, and where the word was."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text("")
        with serving("--config", str(config)) as server:
            wrong, seen = run(server, config, seed, cases)
    allowed = {"mayBeWrittenBack": WRITTEN_BACK, "mayBeToldToTheSender": TOLD_TO_THE_SENDER}
    return {"hits": len(wrong), "seen": dict(sorted(seen.items())), **allowed}, wrong

"""Drop UID 8888 from what Seldon's operator gives the engine of every model.

OpenShift: The operator copies 8888 from its environment into `runAsUser` of the engine container, and SCC rejects the
model's pod. Dropping it from the Deployment that the operator writes is not enough: 0.4.1 compares what it reads
with what it wants, and never reports the model ready.

Fields:
    spec.containers[*].env[ENGINE_CONTAINER_USER]
    spec.containers[*].env[EXECUTOR_CONTAINER_USER]
    spec.containers[*].env[DEFAULT_USER_ID]

Upstream:
    https://github.com/SeldonIO/seldon-core/issues/527
    https://github.com/SeldonIO/seldon-core/issues/2142

Limits:
    Only workloads whose image is `seldon-core-operator`, from any registry, and only the value 8888. Variables are
    removed, because 0.4.1 does not start with an empty one. Only DEFAULT_USER_ID is emptied, as the operator's
    documentation does. A stored operator keeps them until its pods change: apply another version, or delete it and
    create it again.
"""

import re
from collections.abc import Iterator

from webhook.objects.model import REMOVED, Change, sequence
from webhook.rules.registry import pod_rule
from webhook.workloads.pod import PodView

OPERATOR = re.compile(r"(?s:.*/)?seldon-core-operator([:@]|$)")
MOST = 1000  # variables; removing one moves all that follow
REPLACEMENT = {"ENGINE_CONTAINER_USER": REMOVED, "EXECUTOR_CONTAINER_USER": REMOVED, "DEFAULT_USER_ID": ""}


@pod_rule
def seldon_engine_user(pod: PodView) -> Iterator[Change]:
    """Drop or empty the operator's variables with the value 8888."""
    for container in pod.containers():
        if not OPERATOR.match(str(container.value.get("image"))):
            continue
        env = sequence(pod.object, (*container.at, "env"))
        for index in reversed(
            range(len(env) if len(env) <= MOST else 0)
        ):  # last first: removing one moves those that follow
            name, at = str(env[index].get("name")), (*container.at, "env", index)
            if name not in REPLACEMENT or env[index].get("value") != "8888":
                continue
            value = REPLACEMENT[name]
            because = f"{name} 8888 becomes runAsUser of every engine, outside what OpenShift allocates"
            yield Change(at if value is REMOVED else (*at, "value"), value, because)

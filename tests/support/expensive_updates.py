"""Updates that cost much to rewrite: shapes of `tests.support.expensive` with a stored object."""

from collections.abc import Callable
from typing import Any

from tests.support.costs import IDS, READY, Grown, deployment, of, times
from webhook.objects.model import Object


def in_opposite_order(room: int) -> Grown:
    """Make what looks for a container by its name look long."""
    count = times({"name": "12345", "securityContext": IDS}, room // 2)
    containers = [{"name": str(number), "securityContext": IDS} for number in range(count)]
    return deployment(containers), {**deployment(containers[::-1]), "status": READY}


def not_stored(room: int) -> Grown:
    """Have each of many small containers looked for among those that are stored."""
    count = times({"name": "1234"}, room // 2)
    containers = [{"name": str(number)} for number in range(count)]
    old = deployment([{}] * (room // 9) + containers[-20:], securityContext=IDS)
    return deployment(containers), {**old, "status": READY}


def ports_in_opposite_order(room: int) -> Grown:
    ports = [
        {"name": str(n), "containerPort": 80} for n in range(times({"name": "12345", "containerPort": 80}, room // 2))
    ]
    return deployment([{"ports": ports}]), {**deployment([{"ports": ports[::-1]}]), "status": READY}


def status(made_status: Callable[[int], Object]) -> Callable[[int], Grown]:
    """Have the status of what is stored be long."""

    def grow(room: int) -> Grown:
        template = {"container": {}, "securityContext": IDS}
        made = of("Workflow.argoproj.io", {"templates": [template] * min(450, room // 200)})
        changed = {**made, "spec": {**made["spec"], "suspend": True}}
        return changed, {**made, "status": made_status(room // 3)}

    return grow


def rejection(room: int) -> Object:
    message = "unable to validate against any security context constraint: " + "provider a: " * (room // 12)
    return {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": message}]}


def replica_statuses(room: int) -> Grown:
    spec = {"template": {"spec": {"containers": [{"name": "c", "securityContext": IDS}]}}}
    replicas = {str(number): spec for number in range(min(450, room // 500))}
    made = of("PyTorchJob.kubeflow.org", {"pytorchReplicaSpecs": replicas})
    statuses: Object = {f"{number:05}": {} for number in range(times({"12345": {}}, room // 3))}
    return {**made, "spec": {**made["spec"], "runPolicy": {}}}, {**made, "status": {"replicaStatuses": statuses}}


def taken_back(room: int) -> Grown:
    """Change each of many pods that may not change, and that is not quite as it is stored."""

    def made(image: str, **context: Any) -> Object:
        container = {"image": image, "securityContext": {"runAsNonRoot": True, **context}}
        job = {"template": {"spec": {"template": {"spec": {"containers": [container]}}}}}
        jobs = [{"name": str(number), **job} for number in range(min(450, room // 500))]
        return of("JobSet.jobset.x-k8s.io", {"replicatedJobs": jobs, "pad": ["pad"] * (room // 50)})

    return made("a", runAsUser=1), made("b")

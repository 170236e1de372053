"""Make the pods of an object as its controller does, from what the API server stored."""

import copy
from collections.abc import Sequence
from typing import Any

from webhook.objects.model import Object, Pointer, lookup
from webhook.workloads.kinds import ARGO, PREDICTOR, SPARK, WORKSPACE
from webhook.workloads.pod import POD_SPEC, Shape

SEEN_BY_SCC = (
    *("securityContext", "containers", "initContainers", "volumes", "hostNetwork", "hostPID", "hostIPC", "hostUsers"),
    *("serviceAccountName", "serviceAccount", "os"),
)
"""Fields of a pod spec that SCC or its choice of SCCs reads. Others name objects that are not on the rig."""


def pods(obj: Object, at: Pointer, shape: Shape, parts: Sequence[Pointer]) -> list[Object]:
    """Make the pods of a pod spec, or of what stands for one; of a workflow one for each of its templates.

    `parts` are the templates of a workflow that share its security context.
    """
    if shape.containers == ARGO:
        found = [of_argo(obj, at[: len(at) - shape.above], part) for part in parts]
        return [pod for pod in found if pod["spec"]["containers"]]
    spec = {key: value for key, value in whole(obj, at, shape).items() if value is not None}
    annotations = lookup(obj, (*at[:-1], "metadata", "annotations")) if at[-1] == "spec" and len(at) > 1 else None
    if obj["kind"] == "Pod":
        annotations = obj["metadata"].get("annotations")
    return [{"metadata": {"name": "it", "annotations": annotations or {}}, "spec": spec}]


def whole(obj: Object, at: Pointer, shape: Shape) -> Object:
    """Make the pod spec of what is one pod."""
    spec = copy.deepcopy(lookup(obj, at))
    if obj["kind"] == "Notebook" and spec.get("securityContext") is None:
        spec["securityContext"] = {"fsGroup": 100}
    main = {"name": "main", "image": "example", "securityContext": spec.get("securityContext")}
    if shape == SPARK:
        spec |= {"containers": [main, *spec.get("sidecars", ())], "securityContext": spec.get("podSecurityContext")}
    elif not shape.context:
        return {"containers": [main]}
    elif shape == WORKSPACE:
        spec["containers"] = [main | {"securityContext": spec.get("containerSecurityContext")}]
    elif shape == PREDICTOR and "containers" not in spec:
        model = spec.get("model", {})
        spec["containers"] = [main | {"securityContext": model.get("securityContext")}]
    elif shape.containers == POD_SPEC.containers:
        spec.setdefault("containers", [main | {"securityContext": None}])
    for claim in lookup(obj, ("spec", "volumeClaimTemplates")) or ():
        of_claim = {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "of-the-pod"}}
        spec["volumes"] = [each for each in spec.get("volumes") or () if each["name"] != of_claim["name"]] + [of_claim]
    return plain({key: spec[key] for key in SEEN_BY_SCC if key in spec})


def of_argo(obj: Object, at: Pointer, part: Pointer) -> Object:
    """Make the pod of a workflow's template, which inherits from the template defaults and from the workflow."""
    workflow = lookup(obj, at)
    template = {**(workflow.get("templateDefaults") or {}), **copy.deepcopy(lookup(obj, part))}
    mains: list[Any] = [template.get("container"), template.get("script")]
    mains += (template.get("containerSet") or {}).get("containers") or ()
    inherited = (each.get("securityContext") for each in (template, workflow))
    spec = {
        "containers": [{"name": "main", **main} for main in mains if main] + (template.get("sidecars") or []),
        "initContainers": template.get("initContainers") or [],
        "hostNetwork": workflow.get("hostNetwork"),
        "volumes": [*(workflow.get("volumes") or ()), *(template.get("volumes") or ())],
        "securityContext": next((each for each in inherited if each is not None), None),
        "serviceAccountName": template.get("serviceAccountName") or workflow.get("serviceAccountName") or "default",
    }
    metadata = (workflow.get("podMetadata") or {}, template.get("metadata") or {})
    annotations = {key: value for each in metadata for key, value in (each.get("annotations") or {}).items()}
    return {"metadata": {"name": "it", "annotations": annotations}, "spec": plain(spec)}


def plain(spec: Object) -> Object:
    """Return a pod spec whose containers have a name and an image, and only what SCC reads."""
    for group in ("initContainers", "containers"):
        named = enumerate(spec.get(group) or ())
        spec[group] = [
            {"name": f"{group[:4].lower()}-{number}", "image": "example"}
            | {key: each[key] for key in ("ports", "securityContext") if each.get(key) is not None}
            for number, each in named
        ]
    return spec

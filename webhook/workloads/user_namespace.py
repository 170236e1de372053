"""Whether a pod gets a user namespace of its own and keeps its users, as `restricted-v3` admits since OpenShift 4.20.

OpenShift tries `restricted-v2` first. It gives a container without a user one of the namespace's range, which no user
namespace maps, and the pod never starts. So every container must end with a user that restricted-v3 admits.
"""

from collections.abc import Collection
from typing import Final

from webhook.objects.model import Object, Pointer, lookup, same_field_in
from webhook.scc.admission import REQUIRED_SCC, against
from webhook.scc.defaults import IMAGE_IDS
from webhook.workloads.allocation import outside, ranges
from webhook.workloads.images import user_of
from webhook.workloads.pod import LISTS, POD_SPEC, PodView

RULE: Final = "user-namespace"
V3: Final = "restricted-v3"
IDS_OF_V3: Final = range(IMAGE_IDS["ranges"][0]["min"], IMAGE_IDS["ranges"][0]["max"] + 1)
REFUSE: Final = ("serving.", "sparkoperator.")
"""API groups that refuse `hostUsers` in a pod spec, or start pods by other means."""
NO_USER: Final = (
    "user-namespace: hostUsers: false without a user: {} is asked first and gives one that the user namespace does not "
    "map, so the pod never starts; set runAsUser to 1000-65534, or require restricted-v3"
)


def in_one(obj: Object | None, at: Pointer) -> bool:
    """Check whether the pod spec at a pointer has a user namespace of its own."""
    return lookup(obj, (*at, "hostUsers")) is False


def users_to_name(pod: PodView) -> dict[Pointer, int] | None:
    """Return the users to name, by security context, if the pod may get a user namespace; None if it may not.

    A pod that runs stays as it is. Kubernetes rejects block devices beside `hostUsers: false`, and allows an unmasked
    /proc only there; the SCC model knows the rest.
    """
    images = [str(container.value.get("image")) for container in (pod.containers() if _asked(pod) else ())]
    if not images or not pod.settings.chooses(RULE, "images", images):
        return None
    named, inherited = {}, pod.security_context()[1].get("runAsUser")
    for image, container in zip(images, pod.containers(), strict=True):
        own = container.context.get("runAsUser")
        user = inherited if own is None else own
        if pod.has_final_images() and (user is None or _goes(pod, user)) and (user := user_of(image)):
            named[*container.context_at, "runAsUser"] = user
        masked = container.context.get("procMount") in (None, "Default")
        if type(user) is not int or user not in IDS_OF_V3 or container.value.get("volumeDevices") or not masked:
            return None
    return named


def _goes(pod: PodView, value: object) -> bool:
    """Check whether the rules drop a user that restricted-v3 rejects, too."""
    return outside(pod, value) and value not in IDS_OF_V3 and pod.settings.enables("run-as-user", default=True)


def _asked(pod: PodView) -> bool:
    """Check whether the configuration wants user namespaces here, and the pod has none and does not run."""
    on = pod.settings.enables(RULE, default=False) and pod.settings.chooses(RULE, "namespaces", [pod.namespace])
    whole = pod.template and pod.shape == POD_SPEC and not pod.shape.joined
    if not (on and whole) or in_one(pod.object, pod.at) or pod.annotations(pod.at).get(REQUIRED_SCC):
        return False
    if str(pod.object.get("apiVersion")).startswith(REFUSE):
        return False
    return pod.running is None or same_field_in(pod.object, pod.running, (*pod.at, "hostUsers")) is False


def admitted(pod: PodView, users: dict[Pointer, int], going: Collection[Pointer]) -> bool:
    """Check whether restricted-v3 admits the pod in a user namespace, with users named and some IDs gone."""
    made = pod.made(pod.at)
    made["spec"]["hostUsers"] = False
    for *_, key in going:
        made["spec"]["securityContext"].pop(key)
    contexts = [container["securityContext"] for group in LISTS for container in made["spec"].get(group, ())]
    for container, context in zip(pod.containers(), contexts, strict=True):
        if user := users.get((*container.context_at, "runAsUser")):
            context["runAsUser"] = user
    return next(against(made, V3, ranges(pod)), None) is None


def first_to_admit(pod: PodView) -> str | None:
    """Return the SCC that gives a pod in a user namespace users which that does not map; None if none does."""
    if not (pod.template and in_one(pod.object, pod.at)) or pod.annotations(pod.at).get(REQUIRED_SCC) == V3:
        return None
    made, others = pod.made(pod.at), (scc for scc in pod.settings.everyone if scc != V3)
    return next((scc for scc in others if next(against(made, scc, ranges(pod)), None) is None), None)

"""The other errors that `explain` knows: of the API server, the kubelet and the containers."""

from typing import Final

from webhook.offline.errors import Error

OTHERS: Final = (
    Error(
        'would violate PodSecurity "restricted:latest"',
        r"violates? PodSecurity",
        "Pod Security admission warns or rejects by the namespace's pod-security labels. This is not SCC.",
        "OpenShift sets these labels from the SCCs that the namespace's accounts may use. A pod that restricted-v2 "
        "admits passes. For any other, `kubeflow-openshift check` names the SCC to grant.",
    ),
    Error(
        "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
        r"cannot set blockOwnerDeletion",
        "A controller creates an object that blocks the deletion of its owner, and may not update the owner's "
        "finalizers. OpenShift checks this; other clusters do not.",
        "Rule `finalizers` adds the right to the controller's role: apply the role again while the webhook runs.",
    ),
    Error(
        'failed calling webhook "workloads.components.kubeflow-openshift.io": ... x509: certificate signed by unknown '
        "authority",
        r"failed calling webhook .*(x509|certificate)",
        "The API server does not trust the certificate of a webhook.",
        "If the name ends in kubeflow-openshift.io, compare the caBundle of zz-kubeflow-openshift with "
        "`python -m certs show`.",
    ),
    Error(
        'failed calling webhook "workloads.components.kubeflow-openshift.io": ... no endpoints available',
        r"failed calling webhook",
        "The API server did not reach a webhook whose failurePolicy is Fail.",
        "If the name ends in kubeflow-openshift.io, check that its pods are ready: "
        "`oc -n kubeflow-openshift get pods`.",
    ),
    Error(
        'admission webhook "validation.example.com" denied the request',
        r"admission webhook .* denied the request",
        "Another webhook rejects the object. This webhook never rejects.",
        "Read the reason after these words, and the documentation of the webhook that is named.",
    ),
    Error(
        "container's runAsUser breaks non-root policy",
        r"container's runAsUser breaks non-root policy",
        "The pod sets `runAsUser: 0` and `runAsNonRoot: true`; an earlier change left the latter in the object.",
        "Delete the object, or set `runAsNonRoot: false` beside the UID.",
    ),
    Error(
        "container has runAsNonRoot and image will run as root",
        r"container has runAsNonRoot and image will run as root",
        "The image runs as root, and the SCC that admits the pod assigns no other UID.",
        "Set a UID in the pod, or run it under an SCC that assigns one, such as restricted-v2.",
    ),
    Error(
        "container ID 1000650000 cannot be mapped to a host ID",
        r"cannot be mapped to a host ID",
        "The pod has a user namespace of its own (`hostUsers: false`), which does not map its UID. It names no user, "
        "so restricted-v2 admitted it and assigned a UID of the namespace.",
        "In the owner's pod template, set `runAsUser` to the image's user, from 1000 to 65534, so that restricted-v3 "
        "admits the pod, or remove `hostUsers`. Rule `user-namespace` names the user of images that it knows.",
    ),
    Error(
        "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
        r"can't set `spec\.hostUsers: false`",
        "The pod has a user namespace of its own, and the container runtime of its node has none for it.",
        "Update the node. Until then remove `hostUsers`, or switch off rule `user-namespace` if it set that.",
    ),
    Error(
        "Permission denied",
        r"(?i)\bpermission denied\b",
        "The process may not use a file: it belongs to the UID that the image expects, or to a dropped `fsGroup`.",
        "Change the group of a volume's files to the namespace's. For the image's own directories see rule "
        "`writable-directory`, or keep the ID by the recipe for an image that needs its own UID.",
    ),
)
"""The first match counts."""

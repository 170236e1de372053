"""What is known of upstream's images: the directories that they leave to one UID, and that UID."""

import re
from collections.abc import Mapping
from typing import Final

MNIST: Final = r"(?<!\bkubeflow/)\bpytorch[-_]dist[-_]mnist"  # kubeflow/pytorch-dist-mnist is newer and fits any UID
NOTEBOOK: Final = r"\b(kubeflow-images-public/tensorflow|jupyter/)[^/:@]+-notebook"
SERVER: Final = r"\b(kubeflownotebookswg|notebook-servers)/(codeserver|rstudio|jupyter(?!-web-app))"
PYTORCH: Final = r"(^|/)pytorch/pytorch([:@]|$)"  # an image built on it has another name, and its program in /workspace
DIRECTORIES: Final = {MNIST: "/data", NOTEBOOK: "/home/jovyan", SERVER: "/home/jovyan", PYTORCH: "/workspace"}
USERS: Final = {NOTEBOOK: 1000, SERVER: 1000}
UPSTREAM: Final = (
    r"((docker|quay)\.io/)?(jupyter|kubeflownotebookswg)/|gh?cr\.io/kubeflow(-ci|-images-public)?/|"
    r"(docker\.io/)?pytorch/"
)
LONGEST: Final = 256  # characters of an image's name that are matched, which bounds the time


def directories(image: str, table: Mapping[str, str]) -> list[str]:
    """Return the directories that an image needs, by its name."""
    return sorted({path.rstrip("/") for regex, path in table.items() if re.search(regex, image[:LONGEST])} - {""})


def user_of(image: str) -> int | None:
    """Return the UID that an image's files belong to, by its name; None if it is not known."""
    return next((user for regex, user in USERS.items() if re.search(regex, image[:LONGEST])), None)


def may_be_own(image: str, path: str) -> bool:
    """Check whether an image that is known by its name may be somebody's own build, with files in the directory."""
    known = any(path == where and re.search(regex, image[:LONGEST]) for regex, where in DIRECTORIES.items())
    return known and not re.match(UPSTREAM, image)

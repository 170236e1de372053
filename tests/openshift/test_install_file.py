"""deploy/install.yaml is the overlay for OpenShift, and its first lines say how to name the image."""

import re
import subprocess
from pathlib import Path

from tests.support.overlays import DEPLOY, OVERLAYS
from webhook.manifests import reader

FILE = DEPLOY / "install.yaml"
NO_IMAGE = f"kubeflow-openshift@sha256:{'0' * 64}"
IMAGE = f"registry.example/webhook@sha256:{'1' * 64}"


def test_the_file_is_what_the_overlay_renders_to(renderers: Path) -> None:
    built = subprocess.run(
        [renderers / "kustomize", "build", OVERLAYS / "openshift"], capture_output=True, text=True, check=True
    )
    expected = [document.value for document in reader.documents(built.stdout, "kustomize")]
    assert [document.value for document in reader.read([str(FILE)])] == expected, "make update (needs kubectl)"


def test_the_command_in_the_file_names_the_image() -> None:
    [command] = re.findall(r"(?m)^#   (sed .*) \| oc apply", FILE.read_text())
    command = command.replace("NAME@sha256:DIGEST", IMAGE).replace("deploy/install.yaml", str(FILE))
    named = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert named.count(f"        image: {IMAGE}\n") == 1
    assert NO_IMAGE not in named

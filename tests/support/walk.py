"""The way of a newcomer: Kubeflow's parts from upstream's manifests, then a notebook, a workflow and a training job."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.rig.cluster import wait
from tests.rig.node import images
from tests.rig.node.node import Node
from tests.support import argo, jupyter, training, upstream
from tests.support.installed import namespace

PROFILE: Final = {"app.kubernetes.io/part-of": "kubeflow-profile"}
"""What the profile controller puts on a namespace."""
USER: Final = "newcomer"
STATEFUL_SETS: Final = f"/apis/apps/v1/namespaces/{USER}/statefulsets"


class Walk:
    """The steps, each with the seconds that it took."""

    def __init__(self, node: Node) -> None:
        self.node, self.cluster = node, node.cluster
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Measure a step."""
        started = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - started, 1)

    def make_kubeflow(self) -> None:
        """Create Kubeflow's namespace as 26.03 has it."""
        upstream.apply(self.cluster, upstream.read(upstream.FOLDER / "kubeflow-26.03/kubeflow-namespace__base.yaml"))

    def install_controllers(self) -> None:
        """Install the training operator and Argo."""
        with self.step("install the training operator"):
            training.install(self.node)
        with self.step("install Argo Workflows"):
            argo.install(self.node)

    def ask_for_work(self) -> tuple[str, str]:
        """Create a notebook, a workflow and a job in a Profile's namespace; return addresses of notebook and job."""
        self.node.load(images.notebook())
        with self.step("create a Profile's namespace, a notebook, a workflow and a training job"):
            namespace(self.cluster, USER, **PROFILE)
            argo.prepare(self.cluster, USER)
            self.cluster.make(STATEFUL_SETS, jupyter.notebook(USER))
            self.cluster.make(argo.WORKFLOWS.format(USER), argo.workflow("steps"))
            return jupyter.service(self.cluster, USER), training.create(self.cluster, USER, training.pytorch_job())


def notebook_answers(address: str) -> None:
    """Wait until JupyterLab answers."""

    def is_there() -> bool:
        answer = jupyter.ask(address, f"{jupyter.prefix(USER)}/lab")
        return answer is not None and answer.status == 200

    wait(is_there, "answer of JupyterLab", 120)

"""The commands by which docs/install.md verifies an installation print what it says."""

import os
import re
import subprocess

from tests.rig.cluster import Cluster
from tests.support.paths import ROOT


def test_a_foreign_group_does_not_come_back(cluster: Cluster) -> None:
    page = (ROOT / "docs/install.md").read_text()
    [block] = [each for each in re.findall(r"```\n(.*?)```", page, re.DOTALL) if "dry-run=server" in each]
    commands = block.replace("kubeflow-openshift doctor", "")  # tests/openshift/test_doctor.py runs it
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": f"{os.environ['PATH']}:{cluster.bin}"}
    done = subprocess.run(
        ["sh", "-c", f'oc() {{ kubectl "$@"; }}\n{commands}'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "{}"), done.stderr
    cluster.kubectl("delete", "namespace", "kubeflow", "--timeout=60s")  # other tests make it themselves

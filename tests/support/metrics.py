"""What the metrics of a running webhook say."""

import re

from tests.support.server import Server


def reloads(server: Server, result: str) -> float:
    """Return how often the configuration was read with a result, in all workers."""
    lines = server.observe("/metrics")[1].splitlines()
    name = f'kubeflow_openshift_config_reloads_total{{result="{result}"}}'
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def counted(server: Server) -> float:
    """Return how many StatefulSets the server has patched, by its metrics."""
    labels = r'kind="StatefulSet.apps",operation="CREATE",outcome="patched"'
    found = re.search(
        rf"^kubeflow_openshift_reviews_total\{{{labels}\}} (\S+)$", server.observe("/metrics")[1], re.MULTILINE
    )
    return float(found[1]) if found else 0

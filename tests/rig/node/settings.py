"""What the node's programs are told: their configuration, and how they reach the API server."""

import json
import pathlib
from typing import Final

from tests.rig.certificates import subject, write_client
from tests.rig.client import Cluster
from tests.rig.cluster import kubeconfig
from tests.rig.node.machine import MACHINE, NODE, PODS, SERVICES

API_SERVER: Final = f"https://{MACHINE}:6443"
NAME: Final = "node"
CONTAINERD: Final = """\
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:rig"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true # some machines' root may not lower it
  enable_unprivileged_ports = false # containerd 2 would open ports below 1024 to all
  enable_unprivileged_icmp = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{node}/cni"
"""
COREFILE: Final = """\
cluster.local 10.in-addr.arpa {{
  errors
  kubernetes {{
    kubeconfig {directory}/coredns.kubeconfig
  }}
}}
"""
PTP: Final = {
    "type": "ptp",
    "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
}
CLIENTS: Final = {
    "kubelet": subject(f"system:node:{NAME}", "system:nodes"),
    "kube-proxy": subject("system:kube-proxy"),
    "kube-scheduler": subject("system:kube-scheduler"),
    "coredns": subject("coredns", "system:masters"),
    "kube-router": subject("kube-router", "system:masters"),
}


def write(cluster: Cluster, *, dns: bool) -> None:
    """Write all files that the node's programs read, and the list of programs."""
    directory, node = cluster.directory, cluster.directory / "node"
    for name, owner in CLIENTS.items():
        write_client(directory, name, owner)
        server = cluster.server if name == "kube-scheduler" else API_SERVER
        directory.joinpath(f"{name}.kubeconfig").write_text(kubeconfig(directory, server, name))
    node.joinpath("containerd.toml").write_text(CONTAINERD.format(node=node))
    node.joinpath("cni").mkdir()
    conflist = {"cniVersion": "1.0.0", "name": "rig", "plugins": [PTP]}
    node.joinpath("cni/rig.conflist").write_text(json.dumps(conflist))
    node.joinpath("kubelet.yaml").write_text(json.dumps(kubelet(directory, dns=dns)))
    node.joinpath("kube-proxy.yaml").write_text(json.dumps(kube_proxy(directory)))
    node.joinpath("Corefile").write_text(COREFILE.format(directory=directory))
    node.joinpath("programs").write_text("\n".join(programs(directory, dns=dns)) + "\n")


def programs(directory: pathlib.Path, *, dns: bool) -> list[str]:
    """Return the command lines of what runs on the node beside containerd."""
    node = directory / "node"
    kubelet_options = f"--hostname-override={NAME} --node-ip={NODE} --cert-dir=/var/lib/kubelet/pki"
    lines = [
        f"kube-proxy --config={node}/kube-proxy.yaml",
        f"kubelet --config={node}/kubelet.yaml --kubeconfig={directory}/kubelet.kubeconfig {kubelet_options}",
    ]
    if dns:
        lines.append(f"coredns -conf {node}/Corefile")
    return lines


def firewall(directory: pathlib.Path) -> list[str]:
    """Return the command line of what enforces NetworkPolicies; it ends at once where its node is not registered."""
    return [
        "kube-router",
        f"--kubeconfig={directory}/kube-router.kubeconfig",
        f"--hostname-override={NAME}",
        f"--service-cluster-ip-range={SERVICES}",
        "--run-firewall",
        "--run-router=false",
        "--run-service-proxy=false",
        "--run-loadbalancer=false",
        "--health-port=0",
        "--metrics-port=0",
    ]


def kubelet(directory: pathlib.Path, *, dns: bool) -> dict[str, object]:
    """Return the kubelet's configuration: only the API server may ask it, and it never thinks the disk too full."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/rig-node",
        "oomScoreAdj": 0,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": f"{directory}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,
        "volumePluginDir": "/var/lib/kubelet/plugins/volume",
        **({"clusterDomain": "cluster.local", "clusterDNS": [NODE]} if dns else {}),
    }


def kube_proxy(directory: pathlib.Path) -> dict[str, object]:
    """Return kube-proxy's configuration: the machine's settings for connections stay as they are."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{directory}/kube-proxy.kubeconfig"},
        "mode": "nftables",
        "clusterCIDR": PODS,
        "hostnameOverride": NAME,
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }

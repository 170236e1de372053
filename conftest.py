"""The options of pytest, whichever tests run."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rig",
        choices=("auto", "required", "off"),
        default="auto",
        help="tests on OpenShift's admission: where Go is (auto), or else fail (required), or not at all (off)",
    )
    parser.addoption(
        "--node",
        choices=("auto", "required", "off"),
        default=os.environ.get("NODE", "auto"),
        help="tests on a node, by default $NODE: where there can be one (auto), or else fail (required), or not (off)",
    )
    parser.addoption("--real", action="store_true", help="also tests/real: upstream's controllers on a node")
    parser.addoption(
        "--pods", type=int, default=5000, help="random pods on which the SCC model is compared with OpenShift"
    )
    parser.addoption(
        "--workloads", type=int, default=300, help="random workloads on which `check` is compared with a cluster"
    )
    parser.addoption("--seed", type=int, default=1, help="of what is random; one, so that no commit pays for another")
    parser.addoption("--update-rows", action="store_true", help="write docs/rows.md from what the tests see")

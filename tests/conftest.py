"""What tests on the rig share: clusters and the webhook, started once per run, or the reason why they are not there."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rig.build import CONTROL_PLANE, Module, Unavailable, build
from tests.rig.cluster import Cluster, running
from tests.rig.node.node import prepare
from tests.rig.renderers import RENDERERS
from tests.support import overlays, rows
from tests.support.installed import CONFIGURATIONS, install, namespace
from tests.support.server import Server, serving

HERE = Path(__file__).parent
OPENSHIFT = HERE / "openshift"
"""Tests below it need the rig."""
NODE = {HERE / "node", HERE / "rig/node"}
"""Tests below them need the rig and a node."""
REAL = HERE / "real"
"""Tests below it also need upstream's controllers, which take long to build."""
LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the rig where that is off; run the table of rows after all that show a row."""
    items.sort(key=lambda item: item.path.name == "test_the_rows.py")
    off = {OPENSHIFT, REAL, *NODE} if config.getoption("--rig") == "off" else set()
    off |= {REAL, *NODE} if config.getoption("--node") == "off" else set()
    off |= set() if config.getoption("--real") else {REAL}
    left_out = [item for item in items if off.intersection(item.path.parents)]
    config.stash[LEFT_OUT] = Counter(
        "with upstream's controllers (make test-real)"
        if REAL in item.path.parents
        else "on OpenShift's admission or a node (make test-openshift)"
        for item in left_out
    )
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not off.intersection(item.path.parents)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one sentence what did not run, and which command runs it."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    said = [f"{count} ({reason.removeprefix('Skipped: ')})" for reason, count in reasons.items()]
    said += [f"{count} {which}" for which, count in config.stash.get(LEFT_OUT, Counter()).items()]
    if said:
        terminalreporter.write_line(f"Not run: {', '.join(said)}.")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of what is random here; `python -m tests.properties` draws others."""
    number: int = request.config.getoption("--seed")
    return number


@pytest.fixture
def pods(request: pytest.FixtureRequest) -> int:
    """Return how many random pods OpenShift's own code is asked of."""
    number: int = request.config.getoption("--pods")
    return number


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest) -> None:
    """Build the rig, or say in one sentence why it is not there: skipped, or with --rig=required an error."""
    _built(request, CONTROL_PLANE)


@pytest.fixture(scope="session")
def renderers(request: pytest.FixtureRequest) -> Path:
    """Build kustomize and Helm as the rig is built, and return their folder."""
    return _built(request, RENDERERS)


def _built(request: pytest.FixtureRequest, module: Module) -> Path:
    wanted = request.config.getoption("--rig")
    if wanted == "off":
        pytest.skip("--rig=off")
    try:
        return build(module)
    except Unavailable as why:
        if wanted == "required":
            pytest.fail(str(why), pytrace=False)
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def ready_machine(rig: None, request: pytest.FixtureRequest) -> None:
    """Make what a node needs, or say in one sentence why there is none: skipped, or with --node=required an error."""
    wanted = request.config.getoption("--node")
    try:
        prepare(install=wanted == "required")
    except Unavailable as why:
        if wanted == "required":
            pytest.fail(str(why), pytrace=False)
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start the webhook for one file of tests; no request may leave a traceback."""
    with serving() as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture(scope="session")
def webhook() -> Iterator[Server]:
    """Start the webhook on a loopback address of its own: its port is fixed, and runs may be side by side."""
    host = "127." + ".".join(str(random.SystemRandom().randint(1, 254)) for _ in range(3))
    with serving(host=host, port=8443) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start OpenShift's admission, with the webhook installed as deploy/ has it."""
    with running(tmp_path_factory.mktemp("rig"), mode="scc") as running_cluster:
        install(running_cluster, webhook)
        yield running_cluster


@pytest.fixture(scope="session")
def cluster_like_4_2(rig: None, webhook: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start the same as OpenShift 4.2 was: SCC is not run again after webhooks, and everyone may use `restricted`."""
    with running(tmp_path_factory.mktemp("rig-4.2"), mode="like-4.2") as running_cluster:
        install(running_cluster, webhook)
        yield running_cluster


@pytest.fixture(scope="session")
def cluster_without_us(rig: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster with Kubeflow's namespaces and the kinds of others, for tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("rig-without-us")) as fresh:
        overlays.serve_kinds_of_others(fresh)
        for name in ("kubeflow", "istio-system"):
            namespace(fresh, name)
        fresh.make(CONFIGURATIONS, {"metadata": {"name": "somebody-elses"}, "webhooks": []})
        yield fresh


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Record a row of docs/rows.md: row, object, command, what was seen before and after."""

    def record(row: str, obj: str, command: str, without: str, with_us: str) -> None:
        test = f"openshift/{request.path.name}::{request.function.__name__}"
        rows.SHOWN[row, obj] = rows.Row(row, obj, command, without, with_us, test)

    return record


@pytest.fixture
def ran(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Keep what was seen of a row on a node, or compare it with what is kept."""

    def record(row: str, obj: str, seen: str) -> None:
        if request.config.getoption("--update-rows"):
            rows.keep(row, obj, seen)
        assert rows.ran().get(row, {}).get(obj) == seen, "make rows"

    return record

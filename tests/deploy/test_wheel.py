"""What `pip install .` installs."""

import tomllib
from pathlib import Path

from tests.support.paths import ROOT
from webhook import HOMEPAGE, VERSION

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_file_of_a_package_that_is_not_python_is_package_data() -> None:
    found = [path for package in ("webhook", "certs") for path in (ROOT / package).rglob("*") if path.is_file()]
    data = [path for path in found if path.suffix != ".py" and "__pycache__" not in path.parts]
    packaged = {
        Path(ROOT, *package.split("."), name)
        for package, names in PROJECT["tool"]["setuptools"]["package-data"].items()
        for name in names
    }
    assert set(data) == packaged != set()


def test_version_and_urls_are_those_that_the_command_line_prints() -> None:
    project = PROJECT["project"]
    assert project["version"] == VERSION
    assert project["urls"]["Homepage"] == HOMEPAGE
    assert all(url.startswith(HOMEPAGE) for url in project["urls"].values())
    assert project["scripts"] == {"kubeflow-openshift": "webhook.cli.main:main"}
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12)} <= set(project["classifiers"])

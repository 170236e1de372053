"""Write the bill of materials of the image's Python packages, in CycloneDX, from requirements.lock alone: `make sbom`.

The same lock gives the same bytes: no clock, no random number, no network.
"""

import json
import re
import sys
import tomllib
from typing import Any, Final

from tests.support.paths import ROOT

PACKAGE: Final = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\$")
HASH: Final = re.compile(r"^    --hash=sha256:([0-9a-f]{64})(?: \\)?$")
WANTED_BY: Final = re.compile(r"^    # (?:  via |via |  )(\S+)(?: \(pyproject\.toml\))?$")


def bill(lock: str, version: str) -> dict[str, Any]:
    """Return the bill: each locked package with its files' hashes, and which package wants which."""
    components: list[dict[str, Any]] = []
    wants: dict[str, set[str]] = {}
    ours = f"pkg:pypi/kubeflow-openshift@{version}"
    for line in lock.splitlines():
        if found := PACKAGE.match(line):
            name, number, only = found.groups()
            reference = f"pkg:pypi/{name}@{number}"
            files = {"type": "distribution", "url": reference, "hashes": []}
            component = {"type": "library", "bom-ref": reference, "name": name, "version": number, "purl": reference}
            if only:
                component["description"] = f"installed where {only}"
            components.append({**component, "externalReferences": [files]})
            wants.setdefault(name, set())
        elif found := HASH.match(line):
            components[-1]["externalReferences"][0]["hashes"].append({"alg": "SHA-256", "content": found[1]})
        elif found := WANTED_BY.match(line):
            wants.setdefault(found[1], set()).add(components[-1]["bom-ref"])
        elif line != "    # via":
            raise ValueError(f"requirements.lock has a line that is nothing known: {line}")
    references = {each["name"]: each["bom-ref"] for each in components} | {"kubeflow-openshift": ours}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "kubeflow-openshift",
                "version": version,
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": references[name], "dependsOn": sorted(wants[name])} for name in sorted(wants)],
    }


def main() -> int:
    """Print the bill of this version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    sys.stdout.write(json.dumps(bill((ROOT / "requirements.lock").read_text(), version), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

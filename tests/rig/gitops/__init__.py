"""What Argo CD and Flux do with objects, as small programs around their own libraries, from Go modules."""

import pathlib
from typing import Final

from tests.rig.build import Module

HERE: Final = pathlib.Path(__file__).resolve().parent
ARGO_CD: Final = Module(HERE / "argocd", {"argocd": "."})
FLUX: Final = Module(HERE / "flux", {"flux": "."})

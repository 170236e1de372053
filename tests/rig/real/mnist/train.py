"""Stand for a training function that Kubeflow's SDK writes into the working directory of Trainer's default image."""

import os
import pathlib
import sys

sys.path.append("/var")
from mnist import all_reduce  # type: ignore[import-not-found] # it is in the image


def main() -> None:
    """Meet the other nodes as Trainer's variables say, and print what was seen."""
    print(f"uid {os.getuid()} in {pathlib.Path.cwd()}", flush=True)
    rank, size = int(os.environ["PET_NODE_RANK"]), int(os.environ["PET_NNODES"])
    total = all_reduce(rank, size, os.environ["PET_MASTER_ADDR"], int(os.environ["PET_MASTER_PORT"]))
    print(f"sum of {size} ranks: {total}", flush=True)


if __name__ == "__main__":
    main()

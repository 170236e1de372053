"""Stand for upstream's MNIST examples: write where they write, then add up the ranks of all replicas over TCP."""

import argparse
import json
import os
import pathlib
import socket
import sys
import time

SECONDS = 120


def main() -> None:
    """Write files, meet the others, and say what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log_dir", "--dir", default="logs")
    folders = ["../data/MNIST/raw", parser.parse_known_args()[0].log_dir]
    print(f"uid {os.getuid()} in {pathlib.Path.cwd()}", flush=True)
    for folder in folders[1:] if sys.argv[0].startswith("/var/tf_mnist/") else folders:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        file = pathlib.Path(folder, "written")
        file.write_bytes(bytes(1 << 20))
        print(f"wrote {file.resolve()}", flush=True)
    rank, size, host, port = place()
    print(f"sum of {size} ranks: {all_reduce(rank, size, host, port)}", flush=True)


def place() -> tuple[int, int, str, int]:
    """Return rank, number of ranks, and where the first listens, as the operator says: nothing to a lone TensorFlow."""
    environment = os.environ
    if "TF_CONFIG" in environment:
        config = json.loads(environment["TF_CONFIG"])
        every = [at for kind in ("chief", "master", "worker") for at in config["cluster"].get(kind, [])]
        own = config["cluster"][config["task"]["type"]][config["task"]["index"]]
        host, port = every[0].split(":")
        return every.index(own), len(every), host, int(port)
    rank, size = int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    return rank, size, environment.get("MASTER_ADDR", ""), int(environment.get("MASTER_PORT", "0"))


def all_reduce(rank: int, size: int, host: str, port: int) -> int:
    """Return the sum of all ranks: the first collects it and tells the others."""
    if rank == 0:
        with socket.create_server(("", port)) as server:
            server.settimeout(SECONDS)
            peers = [server.accept()[0] for _ in range(size - 1)]
            total = sum(int(peer.recv(64)) for peer in peers)
            for peer in peers:
                peer.sendall(str(total).encode())
            return total
    with connected(host, port) as peer:
        peer.sendall(str(rank).encode())
        return int(peer.recv(64))


def connected(host: str, port: int) -> socket.socket:
    """Connect to the first rank, which may start later."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return socket.create_connection((host, port), SECONDS)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


if __name__ == "__main__":
    main()

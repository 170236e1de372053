"""serve: the HTTPS server."""

import argparse
import gc
import os
from pathlib import Path
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode

EPILOG: Final = """\
examples:
  kubeflow-openshift serve --host 127.0.0.1 --ca-out ca.crt
  kubeflow-openshift serve --certificate /tls/tls.crt --key /tls/tls.key --config config.yaml

exit codes:
  0  ended by a signal
  2  bad usage, a broken configuration, or an unreadable certificate
"""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `serve`."""
    parser = commands.add_parser(
        "serve", parents=[config], help="answer the API server's reviews over HTTPS", epilog=EPILOG
    )
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (%(default)s)")  # noqa: S104 - a server
    parser.add_argument("--port", type=int, default=8443, help="HTTPS port (%(default)s)")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM, may hold the key too; without it, one is generated"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM, if the certificate's file has no key")
    parser.add_argument("--ca-out", type=Path, metavar="FILE", help="write the CA of the generated certificate here")
    parser.add_argument("--workers", type=int, default=2, help="number of worker processes (%(default)s)")
    parser.add_argument(
        "--observe-port", type=int, default=8080, help="HTTP port of /healthz /readyz /metrics (%(default)s)"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve HTTPS until a signal ends it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kubeflow-openshift-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # read by prometheus_client as it is imported, below
        from webhook.rules import OPTIONS
        from webhook.server import app, configuration, gunicorn_app
        from webhook.settings.configuration import load

        settings = load(options.config, OPTIONS)  # a broken file stops the start
        certificate = options.certificate or _own_certificate(Path(folder), options.host, options.ca_out)
        listen = gunicorn_app.Listen(
            options.host,
            options.port,
            certificate,
            options.key,
            options.workers,
            options.observe_port,
        )
        gc.collect()
        gc.freeze()  # keeps what is loaded shared with the workers: the collector would write to each page
        # Each worker watches for itself, and begins with the settings of the server's start if the file is broken.
        gunicorn_app.serve(
            listen, lambda aside: app.application(configuration.Watched(options.config, settings).current, aside)
        )
    return ExitCode.FINE


def _own_certificate(folder: Path, host: str, ca_out: Path | None) -> Path:
    """Make a CA and a serving certificate that live as long as this server."""
    from certs import authority

    service = "kubeflow-openshift.kubeflow-openshift.svc"
    hosts = dict.fromkeys([service, "localhost", "127.0.0.1", *([host] if host != "0.0.0.0" else [])])  # noqa: S104 - compared, not bound
    ca = authority.authority("kubeflow-openshift", list(hosts), days=365)
    path = folder / "serving.pem"
    path.touch(mode=0o600)
    path.write_bytes(authority.serving(ca, list(hosts), days=365).pem())
    if ca_out:
        ca_out.write_bytes(ca.certificate_pem())
    return path

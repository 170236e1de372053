"""Another webhook in a few lines: a function gives its answers."""

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from certs import authority
from webhook.objects.model import Object

Answer = Callable[[str, bytes], Object]
"""From the path and the body of a review to what the response has besides uid and allowed."""


@contextmanager
def answering(answer: Answer, folder: Path) -> Iterator[dict[str, str]]:
    """Serve it on loopback; yield the clientConfig that leads to it, whose url ends before the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            review = json.loads(body)
            response = {"uid": review.pop("request")["uid"], "allowed": True, **answer(self.path, body)}
            content = json.dumps({**review, "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    ca, pem = authority.authority("other", ["127.0.0.1"], days=1), folder / "serving.pem"
    pem.write_bytes(authority.serving(ca, ["127.0.0.1"], days=1).pem())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            bundle = base64.b64encode(ca.certificate_pem()).decode()
            yield {"url": f"https://127.0.0.1:{server.server_port}", "caBundle": bundle}
        finally:
            server.shutdown()

"""Answer predictions, as a model does or as the engine does, which asks the model: `serve.py model | engine`."""

import http.server
import json
import os
import sys
import urllib.request

PORTS = {"engine": 8000, "model": 9000}
"""As Seldon's operator gives them."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer probes and predictions."""

    def do_GET(self) -> None:
        """Be ready."""
        self.answer({"ready": True})

    def do_POST(self) -> None:
        """Predict, and say as which user."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if sys.argv[1] == "model":
            rows = json.loads(body)["data"]["ndarray"]
            return self.answer({"data": {"ndarray": [[sum(row)] for row in rows]}, "meta": {"model": os.getuid()}})
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['model']}/predict", body, timeout=10) as response:
            answer = json.load(response)
        return self.answer({**answer, "meta": {**answer["meta"], "engine": os.getuid()}})

    def answer(self, what: object) -> None:
        """Send JSON."""
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", PORTS[sys.argv[1]]), Handler).serve_forever()

#!/usr/bin/env python3
"""Serves a folder on this machine alone, with the MIME types a browser insists on. Python's standard library only."""

import argparse
import functools
import http.server
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    """A static host without rewrite rules."""

    protocol_version = "HTTP/1.1"
    # The whole table, since what a machine's own table says of .js and .wasm varies.
    extensions_map = {
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/vnd.microsoft.icon",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".mjs": "text/javascript; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
    }

    def end_headers(self):
        """A rebuilt file is seen at the next load; an unchanged one is answered with 304."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format, *args):
        """Speaks of failures only."""

    def log_error(self, format, *args):
        sys.stderr.write("    %s: %s\n" % (getattr(self, "path", "?"), format % args))


class Server(http.server.ThreadingHTTPServer):
    """One thread per connection; a browser that hangs up is no error worth a traceback."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    try:
        server = Server(("127.0.0.1", arguments.port), functools.partial(Handler, directory=arguments.folder))
    except OSError as error:
        sys.exit(
            f"rollout-lab: port {arguments.port} cannot be had ({error.strerror}). "
            f"Another one: make serve PORT={arguments.port + 1}"
        )
    print(f"\n    Rollout Lab runs on http://127.0.0.1:{server.server_port}/  (Ctrl+C ends it)\n", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()

"""A loopback HTTPS server that behaves as badly as the first part of the path says.

`python https_server.py CERTIFICATE FOLDER LOG` serves FOLDER, prints its port, and writes one line
per request into LOG. GET /stall/name answers with half of FOLDER/name and then falls silent.
"""

import gzip
import os
import signal
import socket
import ssl
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML = b"<!DOCTYPE html><html><body>Please log in to the hotel network.</body></html>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        _, behaviour, name = self.path.split("/")
        with open(LOG, "a") as log:
            log.write(f"{behaviour} {name}\n")
        self.content = (FOLDER / name).read_bytes()
        self.half = self.content[: len(self.content) // 2]
        getattr(self, behaviour)()

    def answer(self, body: bytes, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for key, value in ({"Content_Length": len(body)} | headers).items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def good(self) -> None:
        self.answer(self.content)

    def without_length(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def encoded(self) -> None:
        """Declare the gzip file as a compressed transfer: the client sees the unpacked content."""
        self.answer(self.content, Content_Encoding="gzip")

    def slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        for start in range(0, len(self.content), len(self.content) // 8):
            self.wfile.write(self.content[start : start + len(self.content) // 8])
            time.sleep(0.05)

    def error_page(self) -> None:
        self.answer(HTML)

    def missing(self) -> None:
        self.answer(HTML, 404)

    def broken(self) -> None:
        self.answer(HTML, 503)

    def redirect(self) -> None:
        name = self.path.split("/")[-1]
        self.answer(b"", 302, Location=f"http://localhost:{os.environ['PLAIN_PORT']}/good/{name}")

    def wrong_content(self) -> None:
        raw = bytearray(gzip.decompress(self.content))
        raw[-1] ^= 1
        self.answer(gzip.compress(bytes(raw)))

    def other_file(self) -> None:
        other = (
            "t10k-labels-idx1-ubyte.gz" if "images" in self.path else "t10k-images-idx3-ubyte.gz"
        )
        self.answer((FOLDER / other).read_bytes())

    def truncated(self) -> None:
        self.answer(self.half, Content_Length=len(self.content))
        self.close_connection = True

    def length_too_short(self) -> None:
        self.answer(self.content, Content_Length=len(self.half))

    def length_too_long(self) -> None:
        self.answer(self.content, Content_Length=2 * len(self.content))
        self.close_connection = True

    def length_nonsense(self) -> None:
        self.answer(self.content, Content_Length="many")
        self.close_connection = True

    def stall(self) -> None:
        self.answer(self.half, Content_Length=len(self.content))
        time.sleep(60)

    def silent(self) -> None:
        time.sleep(60)

    def trickle(self) -> None:
        self.answer(b"", Content_Length=len(self.content))
        for byte in self.content:
            self.wfile.write(bytes([byte]))
            time.sleep(0.0005)

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(self.content)

    def reset(self) -> None:
        self.answer(self.half, Content_Length=len(self.content))
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def killed(self) -> None:
        self.answer(self.half, Content_Length=len(self.content))
        self.wfile.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        """Stay quiet: clients that hang up early are the point of these tests."""


if __name__ == "__main__":
    certificate, FOLDER, LOG = (Path(argument) for argument in sys.argv[1:])
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake belongs into the connection's own thread, or one bad client stops all others.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    print(server.server_address[1], flush=True)
    server.serve_forever()

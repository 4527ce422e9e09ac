"""Serves a directory on the loopback, with the headers that Python's and Hugging Face's clients ask for.

    serve.py DIRECTORY

Its first line of output is its port.
"""

import hashlib
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("ETag", '"%s"' % hashlib.sha256(self.path.encode()).hexdigest())
        self.send_header("X-Repo-Commit", "c" * 40)
        super().end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()

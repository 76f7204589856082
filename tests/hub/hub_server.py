# SPDX-License-Identifier: Apache-2.0
"""A model hub on 127.0.0.1 for tests: the listing, the files, and a storage host on a second port to which large files are
redirected, as the real one does. Faults are queued per path and used up one a request:

    hub.faults["model.safetensors"] = [Cut(1000), Status(503), Other(b"...")]
"""

import hashlib
import http.server
import json
import re
import threading
import time
import urllib.parse


class Fault:
    """The next answer for a file: which bytes, how many of them, under which headers."""

    def __init__(self, cut=None, status=None, headers=None, data=None, stall=0.0, length=None, no_range=False, etag=None,
                 range_start=None, rate=None, redirect=None):
        self.cut, self.status, self.headers, self.data = cut, status, headers or {}, data
        self.stall, self.length, self.no_range, self.etag = stall, length, no_range, etag
        self.range_start, self.rate, self.redirect = range_start, rate, redirect


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repo:
    def __init__(self, files, commit="c" * 40, large=("model.safetensors", ".bin", ".safetensors", ".pt")):
        self.files, self.commit, self.large = dict(files), commit, large

    def is_large(self, path):
        return path.endswith(self.large)

    def listing(self, blobs):
        siblings = []
        for path, data in self.files.items():
            entry = {"rfilename": path}
            if blobs:
                entry.update(size=len(data), blobId=git_blob(data))
                if self.is_large(path):
                    entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append(entry)
        return {"id": "org/name", "sha": self.commit, "siblings": siblings}


class Hub:
    """repos: name -> Repo. `log` has (where, method, path, headers) of every request; where is "hub" or "storage"."""

    def __init__(self):
        self.repos, self.faults, self.log = {}, {}, []
        self.blobs = True          # the listing tells sizes and hashes
        self.listing_override = None
        self.lock = threading.Lock()
        self.servers = [self.serve("hub"), self.serve("storage")]
        self.hub_url, self.storage_url = ("http://127.0.0.1:%d" % s.server_address[1] for s in self.servers)

    def serve(self, where):
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                hub.answer(self, where)

            do_HEAD = do_GET

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda request, address: None  # clients that are killed are the point
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def take(self, key):
        with self.lock:
            queue = self.faults.get(key)
            return queue.pop(0) if queue else None

    def requests(self, where=None, method="GET", contains=""):
        return [r for r in self.log if (where is None or r[0] == where) and r[1] == method and contains in r[2]]

    def answer(self, h, where):
        with self.lock:
            self.log.append((where, h.command, h.path, {k.lower(): v for k, v in h.headers.items()}))
        path = urllib.parse.unquote(urllib.parse.urlparse(h.path).path)
        match = re.match(r"/api/models/([^/]+/[^/]+)/revision/(.+)$", path)
        if match:
            return self.answer_listing(h, match.group(1))
        match = re.match(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$", path) or re.match(r"/blob/([^/]+/[^/]+)/([^/]+)/(.+)$", path)
        repo = self.repos.get(match.group(1)) if match else None
        if not repo or match.group(3) not in repo.files:
            return self.send(h, 404, b"not here", {})
        self.answer_file(h, where, repo, match.group(1), match.group(3))

    def answer_listing(self, h, name):
        fault = self.take("listing")
        if fault:
            return self.send(h, fault.status, b"no", fault.headers)
        if name not in self.repos:
            return self.send(h, 401, b'{"error":"Repository not found"}', {})
        listing = self.listing_override or self.repos[name].listing(self.blobs and "blobs=true" in h.path)
        self.send(h, 200, json.dumps(listing).encode(), {"Content-Type": "application/json"})

    def answer_file(self, h, where, repo, name, path):
        data = repo.files[path]
        sha = hashlib.sha256(data).hexdigest()
        if where == "hub" and repo.is_large(path):
            headers = {"X-Linked-Etag": '"%s"' % sha, "X-Linked-Size": str(len(data)), "X-Repo-Commit": repo.commit,
                       "Location": "%s/blob/%s/%s/%s" % (self.storage_url, name, repo.commit, path)}
            return self.send(h, 302, b"", headers)
        fault = self.take(path) or Fault()
        if fault.redirect:
            return self.send(h, 302, b"", {"Location": fault.redirect})
        if fault.status:
            return self.send(h, fault.status, b"fault", fault.headers)
        etag = fault.etag or (git_blob(data) if where == "hub" else "storage-" + sha[:16])
        self.send_file(h, data if fault.data is None else fault.data, etag, fault)

    def send_file(self, h, data, etag, fault):
        headers, status, start = {"ETag": '"%s"' % etag, "Accept-Ranges": "bytes"}, 200, 0
        match = re.match(r"bytes=(\d+)-$", h.headers.get("Range", ""))
        if_range = h.headers.get("If-Range")
        if match and not fault.no_range and if_range in (None, '"%s"' % etag):
            start = int(match.group(1)) if fault.range_start is None else fault.range_start
            if start >= len(data):
                return self.send(h, 416, b"", {"Content-Range": "bytes */%d" % len(data)})
            status = 206
            headers["Content-Range"] = "bytes %d-%d/%d" % (start, len(data) - 1, len(data))
        body = data[start:]
        headers["Content-Length"] = str(fault.length if fault.length is not None else len(body))
        self.send(h, status, body, headers, fault)

    def send(self, h, status, body, headers, fault=None):
        h.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        for key, value in headers.items():
            h.send_header(key, value)
        h.end_headers()
        if h.command == "HEAD":
            return
        try:
            self.send_body(h, body, fault or Fault())
        except (BrokenPipeError, ConnectionResetError):
            h.close_connection = True

    def send_body(self, h, body, fault):
        if fault.cut is not None:
            h.wfile.write(body[:fault.cut])
            h.wfile.flush()
            time.sleep(fault.stall)
            h.close_connection = True
            h.connection.shutdown(2)
        elif fault.rate:
            for at in range(0, len(body), 16384):
                h.wfile.write(body[at:at + 16384])
                h.wfile.flush()
                time.sleep(16384 / fault.rate)
        else:
            h.wfile.write(body)
        if fault.length is not None:
            h.close_connection = True

"""A client of the admin API, over its UNIX socket or over TCP with a token."""

import http.client
import json
import socket

import harness
from harness import DEADLINE_S


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("millrace", timeout=DEADLINE_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """A client. address: of the log's line about the admin API."""

    def __init__(self, address, token=None):
        self.address = address
        self.token = token

    def connect(self):
        return harness.connect(self.address.removeprefix("http://"))

    def ask(self, method, target, body=None, headers=None):
        """(status, document or text, headers)."""
        if self.address.startswith("unix:"):
            connection = UnixConnection(self.address.removeprefix("unix:"))
        else:
            connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=DEADLINE_S)
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", "Bearer " + self.token)
        if isinstance(body, dict):
            body = json.dumps(body)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.headers["Content-Type"] == "application/json" and text
            return answer.status, json.loads(text) if is_json else text, answer.headers
        finally:
            connection.close()

    def raw(self, data):
        """Everything that comes back for these bytes."""
        with self.connect() as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # It had enough before the end.
            received = b""
            try:
                while part := client.recv(65536):
                    received += part
            except ConnectionResetError:
                pass
            return received


def of(proxy, token=None):
    """A client of a running proxy whose log has told the address."""
    said = proxy.wait_log("admin API: ")
    return Api(said.split("admin API: ", 1)[1].split()[0], token)

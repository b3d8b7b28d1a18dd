"""Starts the server binary on a free port, with a store of its own, and stops it."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

from fake_issuer import until

PASSWORD = "seven lamps for the lighthouse"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`settings` are environment variables."""

    def __init__(self, **settings):
        self.folder, self.port = tempfile.mkdtemp(prefix="counterfoil-python-"), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "COUNTERFOIL_DATA_DIR": f"{self.folder}/data",
            "COUNTERFOIL_LISTEN": f"127.0.0.1:{self.port}", "COUNTERFOIL_ISSUER": self.url,
            # Hashing is not what these tests measure.
            "COUNTERFOIL_ARGON2_MEMORY_KIB": "19456", "COUNTERFOIL_ARGON2_ITERATIONS": "2", "COUNTERFOIL_ARGON2_PARALLELISM": "1",
            **settings,
        }
        self.log = open(f"{self.folder}/log", "w+")
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.environ["COUNTERFOIL"], "serve"], env=self.env, stdout=self.log, stderr=self.log)
        until(self.is_ready, "the server is ready", 60)

    def is_ready(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(f"the server ended: {self.log.read()[-5000:]}")
        return self.call("GET", "/readyz")[0] == 200

    def stop(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None, token=None):
        headers = {"content-type": "application/json"} if body is not None else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                text = response.read()
                return response.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, error

    def command(self, *args):
        return subprocess.check_output([os.environ["COUNTERFOIL"], *args], env=self.env, text=True).strip()

    def register(self, username):
        status, answer = self.call("POST", "/v1/register", {"username": username, "password": PASSWORD})
        assert status == 201, answer
        return answer["user"]

    def login(self, username, **options):
        status, answer = self.call("POST", "/v1/login", {"username": username, "password": PASSWORD, **options})
        assert status == 200, answer
        return answer

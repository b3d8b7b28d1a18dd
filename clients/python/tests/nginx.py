"""Debian's nginx with the shipped configuration of forward authentication, in front of an application."""

import http.client
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from fake_issuer import until

PROGRAM, HOST = "/usr/sbin/nginx", "app.example"
SHIPPED = pathlib.Path(__file__).parents[3] / "dist/proxy/nginx.conf"
MAIN = """user www-data;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
access_log off;
{temporary}
include {folder}/guard.conf;
}}
"""


class Nginx:
    """It serves `https://app.example:<port>`. `counterfoil` and `application` are the ports behind it."""

    def __init__(self, port, counterfoil, application):
        self.port, self.folder = port, tempfile.mkdtemp(prefix="counterfoil-nginx-")
        # Its workers are no root.
        os.chmod(self.folder, 0o755)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             f"/CN={HOST}", "-keyout", f"{HOST}.key", "-out", f"{HOST}.pem"],
            cwd=self.folder, check=True, capture_output=True,
        )
        guard = SHIPPED.read_text()
        for shipped, own in (
            ("/etc/ssl/", f"{self.folder}/"), ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("127.0.0.1:3000", f"127.0.0.1:{counterfoil}"), ("127.0.0.1:8080", f"127.0.0.1:{application}"),
            # As the file says, for another port than 443.
            ("Host $server_name;", f"Host $server_name:{port};"),
        ):
            guard = guard.replace(shipped, own)
        pathlib.Path(self.folder, "guard.conf").write_text(guard)
        temporary = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        pathlib.Path(self.folder, "nginx.conf").write_text(MAIN.format(folder=self.folder, temporary=temporary))
        command = [PROGRAM, "-p", self.folder, "-c", f"{self.folder}/nginx.conf", "-g", "daemon off;"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.listens, "nginx listens")

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"nginx has ended: {pathlib.Path(self.folder, 'log').read_text()}")
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def get(self, path, headers):
        """A request of a client, which has the name and not the address of the site. Returns the status and the body."""
        connection = _Connection(self.port)
        try:
            connection.request("GET", path, headers={"host": f"{HOST}:{self.port}", **headers})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, port):
        super().__init__("127.0.0.1", port, timeout=20)

    def connect(self):
        super().connect()
        # The certificate is one of the test.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=HOST)

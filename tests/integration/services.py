"""Real services from Debian packages, started for one test on free ports in a temporary folder."""

import os
import pwd
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import harness


# Below the kernel's own choice for clients (ip_local_port_range, from 32768): no connection of another
# test can take one of these meanwhile.
_PORTS = range(10_240, 32_768)


def free_port():
    """Free now, for TCP and UDP; services that cannot bind port 0 take it a moment later."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Service:
    """A process with a folder and a port. Subclasses give the command and when it is ready."""

    user = None  # Root may not run some services.

    def __init__(self, port=None, host="127.0.0.1"):
        self._home = tempfile.TemporaryDirectory(prefix="millrace-service-")
        self.folder = self._home.name
        self.host = host
        self.port = port or free_port()
        self.address = f"{host}:{self.port}"
        if self.user and os.geteuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
        try:
            self.prepare()
            with open(os.path.join(self.folder, "log"), "wb") as self._log:
                self.process = subprocess.Popen(self.as_user(*self.command()), stdin=subprocess.DEVNULL,
                                                stdout=self._log, stderr=self._log, cwd=self.folder)
        except BaseException:
            self._home.cleanup()
            raise
        try:
            harness.eventually(self._accepts, f"{type(self).__name__} on {self.address}:\n{self.log()}")
        except BaseException:
            self.close()
            raise

    def as_user(self, *command):
        if not self.user or os.geteuid() != 0:
            return [*harness.dies_with_us(), *command]
        entry = pwd.getpwnam(self.user)
        # setpriv execs: the process we started is the service itself.
        return [*harness.dies_with_us(), f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                "--clear-groups", *command]

    def prepare(self):
        pass

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def _accepts(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended with {self.process.returncode}:\n{self.log()}")
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    stop_signal = harness.signal.SIGTERM

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(harness.DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._home.cleanup()


class Redis(Service):
    def command(self):
        return [harness.need("redis-server"), "--port", str(self.port), "--bind", self.host,
                "--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir", self.folder, "--maxclients", "4000"]


class Nginx(Service):
    """Serves <folder>/files, and takes PUT under /upload/."""

    stop_signal = harness.signal.SIGQUIT

    def hosts(self):
        return [self.host]

    def prepare(self):
        for name in ("files", "upload", "temp"):
            os.mkdir(os.path.join(self.folder, name))
        # dav is built into every package of nginx but the smallest; upload is checked by its own test.
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"""
daemon off;
master_process off;
pid {self.folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {self.folder}/temp;
  proxy_temp_path {self.folder}/temp/p; fastcgi_temp_path {self.folder}/temp/f;
  uwsgi_temp_path {self.folder}/temp/u; scgi_temp_path {self.folder}/temp/s;
  server {{
    {" ".join(f"listen {host}:{self.port};" for host in self.hosts())}
    root {self.folder}/files;
    location = /ok {{ return 200 "ok\\n"; }}
    location /upload/ {{ root {self.folder}; dav_methods PUT; }}
  }}
}}
""")

    def command(self):
        return [harness.need("nginx"), "-c", f"{self.folder}/nginx.conf", "-p", self.folder]


class Iperf(Service):
    def command(self):
        return [harness.need("iperf3"), "-s", "-B", self.host, "-p", str(self.port)]


class Postgres(Service):
    """A fresh cluster with one superuser `tester`, who needs no password."""

    user = "postgres"  # initdb refuses root.
    stop_signal = harness.signal.SIGINT  # The fast stop.

    def prepare(self):
        self._data = os.path.join(self.folder, "data")
        done = subprocess.run(
            self.as_user(harness.need("initdb"), "-D", self._data, "-U", "tester", "-A", "trust", "-N",
                         "-E", "UTF8", "--locale=C"),
            capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            raise AssertionError(f"initdb:\n{done.stdout}{done.stderr}")
        if self.host != "127.0.0.1":
            with open(os.path.join(self._data, "pg_hba.conf"), "a", encoding="ascii") as file:
                file.write("host all all all trust\n")

    def command(self):
        return [harness.need("postgres"), "-D", self._data, "-p", str(self.port), "-h", self.host,
                "-k", self.folder, "-F", "-c", "max_connections=50", "-c", "shared_buffers=32MB"]

    def _accepts(self):
        return super()._accepts() and "ready to accept connections" in self.log()


def number_before(text, unit):
    """The number before a word in a tool's report."""
    match = re.search(r"([\d.]+)\s*" + unit, text)
    if not match:
        raise AssertionError(f"no {unit!r} in:\n{text}")
    return float(match[1])


class NameServer(Service):
    """NSD with the zone `example.`, whose records the test writes as in a zone file: names without a
    dot at the end are relative to the zone."""

    def __init__(self, *records, port=None):
        self._records = records
        self._serial = 1
        super().__init__(port)

    def prepare(self):
        self._write()
        with open(os.path.join(self.folder, "nsd.conf"), "w", encoding="ascii") as file:
            file.write(f"""
server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
  refuse-any: no
remote-control:
  control-enable: no
zone:
  name: "example."
  zonefile: "example.zone"
""")

    def command(self):
        return [harness.need("nsd"), "-d", "-c", f"{self.folder}/nsd.conf"]

    def _write(self):
        path = os.path.join(self.folder, "example.zone")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("$ORIGIN example.\n$TTL 0\n"
                       f"@ IN SOA ns.example. admin.example. {self._serial} 3600 600 86400 0\n"
                       "@ IN NS ns.example.\nns IN A 127.0.0.1\n")
            file.writelines(record + "\n" for record in self._records)
        # NSD reads a zone again when the time of its file has changed; make it differ by seconds.
        os.utime(path + ".new", (10**9 + self._serial, 10**9 + self._serial))
        os.replace(path + ".new", path)

    def _serial_served(self):
        """Of the SOA record; None while nobody answers."""
        question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x07example\0" + struct.pack("!2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            client.connect(("127.0.0.1", self.port))
            try:
                client.send(question)
                reply = client.recv(4096)
            except OSError:
                return None
        # ns.example. as a whole or shortened, admin likewise; then five numbers, the serial first.
        return self._serial if struct.pack("!5I", self._serial, 3600, 600, 86400, 0) in reply else None

    def _accepts(self):
        return super()._accepts() and self._serial_served() == self._serial

    def serve(self, *records):
        """From now on these records and no others."""
        self._records = records
        self._serial += 1
        self._write()
        self.process.send_signal(signal.SIGHUP)
        harness.eventually(lambda: self._serial_served() == self._serial,
                           f"the new zone:\n{self.log()}")

"""What is compared: how each proxy is found, configured and started. One thread each, logs off,
TCP_NODELAY on both legs, the same backlog, the same one upstream address, no health checks."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess

import processes

BACKLOG = 4096
# Descriptors that one process may open; a session needs two.
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
# Below half of the descriptors, with room for listeners, pipes and logs.
SESSIONS_MAX = min(9000, (DESCRIPTORS - 600) // 2)
NGINX_STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")

MILLRACE = """\
workers: {{count: 1, cpus: [{cpu}]}}
transport: {transport}
listeners:
  - name: bench
    bind: 127.0.0.1:{port}
    upstream: load
    tcp: {{nodelay: true, backlog: {backlog}}}
upstreams:
  - name: load
    endpoints: [{{address: "127.0.0.1:{upstream_port}"}}]
metrics: {{bind: "127.0.0.1:0"}}   # on, as in production; nobody scrapes it during a run
log: {{level: warning, access: false}}
shutdown: {{drain: 1s}}
"""

# No `log` line means no logs. HAProxy sets TCP_NODELAY on both legs of mode tcp by itself.
HAPROXY = """\
global
    nbthread 1
    maxconn {sessions}
    # The default, maxconn / 4, asks for more descriptors than a process may have here. A run uses 16.
    maxpipes 64
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
{options}
listen bench
    bind 127.0.0.1:{port} backlog {backlog}
    server load 127.0.0.1:{upstream_port}
"""

HAPROXY_SPLICE = """\
    option splice-request
    option splice-response
"""

NGINX = """\
{load_module}
{user}
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
worker_processes 1;
worker_rlimit_nofile {descriptors};
events {{
    use epoll;
    worker_connections {connections};   # two a session
}}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} backlog={backlog};
        tcp_nodelay on;
        proxy_connect_timeout 5s;
        proxy_timeout 1h;
        # The bulk load ends one direction before the other; without this nginx cuts the last bytes off.
        proxy_half_close on;
        proxy_pass 127.0.0.1:{upstream_port};
    }}
}}
"""


@dataclasses.dataclass
class Running:
    """A started proxy, or none (pid is None): where the load connects."""

    port: int
    pid: int | None


@dataclasses.dataclass
class Proxy:
    name: str
    version: str
    # The command, given the directory for its files, its port, and the upstream's port.
    prepare: object
    cpu: int
    # In its log: it was not what its name says. Empty: nothing to look for.
    wrong_if_logged: str = ""

    @contextlib.contextmanager
    def running(self, directory, upstream_port):
        if self.prepare is None:
            yield Running(upstream_port, None)
            return
        port = processes.free_port()
        command = self.prepare(pathlib.Path(directory), port, upstream_port)
        log_path = pathlib.Path(directory, f"{self.name}.log")
        with open(log_path, "wb") as log:
            process = processes.start(command, self.cpu, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            processes.wait_until_accepting(process, port, log_path)
            yield Running(port, process.pid)
        finally:
            processes.stop(process)
        text = log_path.read_text(encoding="utf-8", errors="replace")
        if self.wrong_if_logged and self.wrong_if_logged in text:
            raise processes.BenchError(f"it was not {self.name}:\n{text[-2000:]}")


def first_version(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)?", result.stdout)
    return found.group(0) if found else "unknown"


def find_program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def refusal_of(binary, transport):
    """Why this machine or this binary has no such engine, or ""."""
    answer = subprocess.run([binary, "version", "--json"], stdout=subprocess.PIPE, text=True, check=False).stdout
    try:
        engines = {engine["name"]: engine.get("reason", "") for engine in json.loads(answer)["engines"]}
    except (ValueError, KeyError):
        return f"{binary} does not name its engines (version --json)"
    return engines.get(transport, f"{binary} has no engine {transport}")


def millrace(name, binary, cpu, transport):
    if not os.access(binary, os.X_OK):
        raise processes.BenchError(f"{binary} is not built (cmake --preset release && cmake --build --preset release)")
    # It would serve on another engine, and those figures would stand under this name.
    if refusal := refusal_of(binary, transport):
        raise processes.BenchError(refusal)

    def prepare(directory, port, upstream_port):
        path = directory / "millrace.yaml"
        path.write_text(
            MILLRACE.format(cpu=cpu, port=port, upstream_port=upstream_port, backlog=BACKLOG, transport=transport)
        )
        return [str(binary), "run", "-c", str(path)]

    return Proxy(name, first_version([str(binary), "version"]), prepare, cpu, "is not used")


def haproxy(name, cpu, options=""):
    program = find_program("haproxy")
    if not program:
        raise processes.BenchError("not installed: apt-get install haproxy")

    def prepare(directory, port, upstream_port):
        path = directory / f"{name}.cfg"
        path.write_text(
            HAPROXY.format(
                sessions=SESSIONS_MAX, port=port, upstream_port=upstream_port, backlog=BACKLOG, options=options
            )
        )
        return [program, "-db", "-q", "-f", str(path)]  # -db: stay in the foreground, one process.

    return Proxy(name, first_version([program, "-v"]), prepare, cpu)


def nginx(name, cpu):
    program = find_program("nginx")
    built = subprocess.run([program, "-V"], stderr=subprocess.PIPE, text=True, check=False).stderr if program else ""
    dynamic = "--with-stream=dynamic" in built
    if "--with-stream" not in built or (dynamic and not NGINX_STREAM_MODULE.exists()):
        raise processes.BenchError("not installed: apt-get install nginx libnginx-mod-stream")

    def prepare(directory, port, upstream_port):
        path = directory / "nginx.conf"
        path.write_text(
            NGINX.format(
                load_module=f"load_module {NGINX_STREAM_MODULE};" if dynamic else "",
                # Otherwise root's worker becomes www-data, whose memory we may not read in a container.
                user="user root;" if os.geteuid() == 0 else "",
                directory=directory,
                descriptors=DESCRIPTORS,
                connections=2 * SESSIONS_MAX + 100,
                port=port,
                upstream_port=upstream_port,
                backlog=BACKLOG,
            )
        )
        return [program, "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(path)]

    return Proxy(name, first_version([program, "-v"]), prepare, cpu)


# Millrace over each kernel engine is a proxy of its own: name and `transport`.
ENGINES = {"millrace-epoll": "epoll", "millrace-io_uring": "io_uring"}
NAMES = (*ENGINES, "nginx", "haproxy", "haproxy-splice", "direct")


def find(name, millrace_binary, cpu):
    """The proxy of that name; BenchError says what is missing."""
    if name in ENGINES:
        return millrace(name, millrace_binary, cpu, ENGINES[name])
    if name == "nginx":
        return nginx(name, cpu)
    if name == "haproxy":
        return haproxy(name, cpu)
    if name == "haproxy-splice":
        return haproxy(name, cpu, HAPROXY_SPLICE)
    return Proxy("direct", "no proxy", None, cpu)

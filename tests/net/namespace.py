"""A network namespace for a whole test file: loopback only, and ours to spoil."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import harness  # noqa: E402

_INSIDE = "MILLRACE_TEST_NAMESPACE"


def main():
    """The file starts itself again inside; in place of harness.main()."""
    if os.environ.get(_INSIDE):
        run(harness.need("ip"), "link", "set", "lo", "up")
        harness.main()
        return
    unshare = harness.need("unshare")
    probe = subprocess.run([unshare, "--net", "--", harness.need("ip"), "link", "set", "lo", "up"],
                           capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        print(f"skipped: no network namespace without CAP_NET_ADMIN and CAP_SYS_ADMIN: {probe.stderr.strip()}")
        sys.exit(harness.SKIPPED)
    os.environ[_INSIDE] = "1"
    os.execv(unshare, [unshare, "--net", "--", sys.executable, "-B", *sys.argv])


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")


class Rules:
    """A ruleset of nft(8) until close()."""

    def __init__(self, text):
        done = subprocess.run([harness.need("nft"), "-f", "-"], input=text, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"nft: {done.stderr}\n{text}")

    def close(self):
        run(harness.need("nft"), "flush", "ruleset")


def filter_output(rule):
    """A ruleset for Rules with one rule for what leaves."""
    return f"""
        table inet paths {{
          chain output {{
            type filter hook output priority 0;
            {rule}
          }}
        }}
    """


def fill(case, address, clients):
    """So many clients that say nothing, from ports outside the PortRange. Those that are turned away
    may hear of it before connect() returns."""
    for number in range(clients):
        client = case.use(harness.socket.socket())
        client.settimeout(harness.DEADLINE_S)
        client.bind(("127.0.0.8", 40_000 + number))
        try:
            client.connect(harness.split_address(address))
        except ConnectionResetError:
            pass


class PortRange:
    """Connects get their local ports from here until close()."""

    _FILE = "/proc/sys/net/ipv4/ip_local_port_range"

    def __init__(self, first, last):
        with open(self._FILE, encoding="ascii") as file:
            self._before = file.read()
        self._set(f"{first} {last}")

    def _set(self, text):
        with open(self._FILE, "w", encoding="ascii") as file:
            file.write(text)

    def close(self):
        self._set(self._before)


class Addresses:
    """More addresses on loopback until close()."""

    def __init__(self, *addresses):
        self._addresses = addresses
        for address in addresses:
            more = ["nodad"] if ":" in address else []
            run(harness.need("ip"), "address", "add", address, "dev", "lo", *more)

    def close(self):
        for address in self._addresses:
            run(harness.need("ip"), "address", "del", address, "dev", "lo")

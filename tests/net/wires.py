"""Clients, Millrace's network ports and servers in network namespaces of their own, joined by veth pairs:

    client  cc ---- pc  (here: the proxy)  ps ---- ss  server  sf ---- ff  far

A test runs in the middle one (namespace.main()). pc and ps are for an engine that drives ports itself, so
the kernel has no address there. `with wires.server:` moves the calling thread, so that sockets made and programs
started inside are the server's; a socket stays where it was made. `far` is behind the server, which
routes, over a link of another MTU. kp and ks are a way for the kernel itself, from the proxy to the server.
"""

import ctypes
import os
import threading

import namespace
from namespace import run

import harness

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, sched.h.
_LIBC = ctypes.CDLL(None, use_errno=True)

CLIENT = "10.71.0.2", "fd71::2"
SERVER = "10.72.0.2", "fd72::2"
FAR = "10.74.0.2"
FRONT = "10.71.0.1", "fd71::1"  # Millrace's own addresses, towards clients
BACK = "10.72.0.1", "fd72::1"  # and towards servers.
FAR_MTU = 1300


class Place:
    """A network namespace; it lives as long as this object and the processes in it."""

    def __init__(self):
        def make():
            if _LIBC.unshare(_NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            self._inside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

        self._inside = -1
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if self._inside < 0:
            raise AssertionError("no network namespace")
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.path = f"/proc/{os.getpid()}/fd/{self._inside}"  # What ip(8) takes for a name.
        with self:
            run(harness.need("ip"), "link", "set", "lo", "up")

    def _go(self, descriptor):
        if _LIBC.setns(descriptor, _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        self._go(self._inside)

    def __exit__(self, *_):
        self._go(self._outside)

    def close(self):
        os.close(self._inside)
        os.close(self._outside)


def setting(name, value):
    """A sysctl of the namespace that the thread is in."""
    with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
        file.write(str(value))


def _join(here, there, place):
    run(harness.need("ip"), "link", "add", here, "type", "veth", "peer", "name", there, "netns", place.path)


def _settle(device, *addresses):
    """The kernel's end: its checksums are written before the frame leaves, for whoever reads it there."""
    for address in addresses:
        more = ["nodad"] if ":" in address else []
        run(harness.need("ip"), "address", "add", address, "dev", device, *more)
    run(harness.need("ip"), "link", "set", device, "up")
    run(harness.need("ethtool"), "-K", device, "tx", "off")


def drop(hook, match):
    """From now on the namespace that the thread is in drops such packets, until forgive()."""
    namespace.Rules(f"""
        table inet wires {{
          chain dropping {{
            type filter hook {hook} priority 0;
            {match} drop
          }}
        }}
    """)


def forgive():
    run(harness.need("nft"), "delete", "table", "inet", "wires")


class Wires:
    def __init__(self):
        self.client = Place()
        self.server = Place()
        self.far = Place()
        self._ports = []
        self._wire("pc", "cc", self.client, CLIENT[0] + "/24", CLIENT[1] + "/64")
        self._wire("ps", "ss", self.server, SERVER[0] + "/24", SERVER[1] + "/64")
        _join("kp", "ks", self.server)
        self._ports.append("kp")
        _settle("kp", "10.73.0.1/24")
        run(harness.need("ip"), "route", "add", SERVER[0], "via", "10.73.0.2")
        with self.server:
            _settle("ks", "10.73.0.2/24")
            _join("sf", "ff", self.far)
            _settle("sf", "10.74.0.1/24")
            run(harness.need("ip"), "link", "set", "sf", "mtu", str(FAR_MTU))
            setting("ipv4/ip_forward", 1)
        with self.far:
            _settle("ff", FAR + "/24")
            run(harness.need("ip"), "link", "set", "ff", "mtu", str(FAR_MTU))
            run(harness.need("ip"), "route", "add", "default", "via", "10.74.0.1")

    def add_second_pairs(self):
        """pc2 - cc2 (10.81.0.2) and ps2 - ss2 (10.82.0.2)."""
        self._wire("pc2", "cc2", self.client, "10.81.0.2/24")
        self._wire("ps2", "ss2", self.server, "10.82.0.2/24")

    def _wire(self, port, device, place, *addresses):
        """The port is nobody's yet: the kernel has no address there."""
        _join(port, device, place)
        setting(f"ipv6/conf/{port}/disable_ipv6", 1)
        _settle(port)
        with place:
            _settle(device, *addresses)
        self._ports.append(port)

    def close(self):
        for port in self._ports:
            run(harness.need("ip"), "link", "del", port)
        for place in (self.client, self.server, self.far):
            place.close()


def section(driver, **changes):
    """`dpdk:` of a configuration; driver: DPDK's name of what drives the two ports."""
    addresses = [{"address": FRONT[0] + "/24"}, {"address": FRONT[1] + "/64"},
                 {"address": BACK[0] + "/24", "port": 1, "gateway": SERVER[0]},
                 {"address": BACK[1] + "/64", "port": 1}]
    return {"ports": [f"{driver}0,iface=pc", f"{driver}1,iface=ps"], "addresses": addresses,
            "sessions_max": 20_000, "idle": "sleep", **changes}


def config(driver, *endpoints, port=8000, changes=None, **more):
    """One worker; listener `main` at both families when the endpoints are of both, as upstreams are of one."""
    families = [family for family in (0, 1) if any((":" in host) == bool(family) for host, _ in endpoints)]
    listeners, upstreams = [], []
    for family in families:
        name = ("up", "up6")[family]
        listeners.append({"name": ("main", "main6")[family], "upstream": name,
                          "bind": f"[{FRONT[1]}]:{port}" if family else f"{FRONT[0]}:{port}"})
        upstreams.append({"name": name, "endpoints": [
            {"address": f"[{host}]:{number}" if family else f"{host}:{number}"}
            for host, number in endpoints if (":" in host) == bool(family)]})
        upstreams[-1].update(more.get("upstream", {}))
    return {"transport": "dpdk", "dpdk": section(driver, **(changes or {})), "workers": {"count": 1},
            "listeners": listeners, "upstreams": upstreams, "metrics": {"bind": "127.0.0.1:0"},
            "shutdown": {"drain": "1s"}}


def config_of_two_workers(driver, first, second, port=8000):
    """After add_second_pairs(): each worker with a port for its clients and one for its servers."""
    whole = config(driver, first)
    whole["workers"] = {"count": 2}
    devices = ("pc", "pc2", "ps", "ps2")
    whole["dpdk"]["ports"] = [f"{driver}{number},iface={device}" for number, device in enumerate(devices)]
    whole["dpdk"]["addresses"] = [
        {"address": f"{address}/24", "port": number}
        for number, address in enumerate((FRONT[0], "10.81.0.1", BACK[0], "10.82.0.1"))]
    whole["listeners"].append({"name": "second", "bind": f"10.81.0.1:{port}", "upstream": "second"})
    whole["upstreams"].append({"name": "second", "endpoints": [{"address": "%s:%d" % second}]})
    return whole


def counted(metrics, what):
    return metrics.value("packets_counted_total", what=what)

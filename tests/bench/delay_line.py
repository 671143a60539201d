"""Two network namespaces with a link between them that holds every packet for a fixed time: this
kernel has no netem, so a pair of TUN devices and a process between them do it. Linux, root.

    with delay_line.DelayLine(0.005) as line:
        subprocess.run([*line.near, "ping", "-c", "1", delay_line.FAR])   # 10 ms there and back

Run as a program (`delay_line.py NEAR FAR SECONDS`) it is that process between them; only the class
above starts it so."""

import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

import processes

NEAR = "10.77.0.1"
FAR = "10.77.0.2"
_DEVICE = "line0"

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000  # Packets as they are, without a header of the device's own.
_PACKET_MAX = 65536


class DelayLine:
    """seconds: how long a packet is held, each way. near and far: words before a command that runs
    there. Both namespaces have their own loopback."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._names = [f"millrace-{end}-{os.getpid()}" for end in ("near", "far")]
        self.near, self.far = (["ip", "netns", "exec", name] for name in self._names)
        self._carrier = None

    def __enter__(self):
        try:
            for name in self._names:
                _ip("netns", "add", name)
                _ip("-n", name, "link", "set", "lo", "up")
            self._carrier = subprocess.Popen(
                [sys.executable, "-B", __file__, *self._names, str(self._seconds)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            )
            if self._carrier.stdout.readline() != b"ready\n":
                raise processes.BenchError("the delay line could not make its TUN devices (/dev/net/tun, root?)")
            for name, address in zip(self._names, (NEAR, FAR)):
                _ip("-n", name, "address", "add", f"{address}/24", "dev", _DEVICE)
                _ip("-n", name, "link", "set", _DEVICE, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._carrier is not None:
            self._carrier.kill()
            self._carrier.wait()
            self._carrier.stdout.close()
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise processes.BenchError(f"ip {' '.join(words)}: {done.stderr.strip()} (network namespaces need root)")


def _open_device(namespace):
    """A descriptor of a new TUN device in a network namespace, which this thread then is in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", "rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _carry(devices, seconds):
    """For ever: what one device was given leaves from the other one, `seconds` later."""
    other = {devices[0]: devices[1], devices[1]: devices[0]}
    held = collections.deque()  # (due, device, packet), in the order of due: all wait equally long.
    while True:
        wait = max(0.0, held[0][0] - time.monotonic()) if held else None
        for device in select.select(devices, [], [], wait)[0]:
            packet = os.read(device, _PACKET_MAX)
            held.append((time.monotonic() + seconds, other[device], packet))
        while held and held[0][0] <= time.monotonic():
            _, device, packet = held.popleft()
            try:
                os.write(device, packet)
            except OSError:
                pass  # The device is down, as it is before its address is set: a lost packet.


if __name__ == "__main__":
    _devices = [_open_device(name) for name in sys.argv[1:3]]
    print("ready", flush=True)
    _carry(_devices, float(sys.argv[3]))

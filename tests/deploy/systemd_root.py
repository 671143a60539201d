"""A root (debian_root.py) in which systemd is PID 1: of namespaces of its own, below the test's. Units, sandboxes, notification and
sockets are then the real ones. It shares the test's network, so that a test is a client on 127.0.0.1."""

import os
import pathlib
import re
import subprocess
import time

import debian_root
import harness

# Mounts as a container manager makes them before it starts an init, and the init. $1: the folder of the root.
_BOOT = r"""
set -eu
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
# Settings of this network are ours to change; all others are the machine's.
mount --bind proc/sys/net media
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --move media proc/sys/net
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    mknod -m 666 dev/$device c $(stat -c '0x%t 0x%T' /dev/$device)
done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mkdir -p old
pivot_root . old
umount --lazy /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=no systemd.unit=multi-user.target
"""


def _cgroup_parent():
    """Where cgroup2 is mounted; its only filesystem on newer machines, one of several on others."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, folder, kind, *_ = line.split()
            if kind == "cgroup2":
                return pathlib.Path(folder)
    raise debian_root.Skip("no cgroup2 is mounted, which systemd needs")


class Cgroup:
    """One of our own until close(). A test that was killed leaves an empty one, which a later one takes away."""

    _OLD_S = 600

    def __init__(self):
        parent = _cgroup_parent()
        for old in parent.glob("millrace-test-*"):
            # Another test's that has just been made is empty as well.
            if int(old.name.split("-")[2]) < time.time() - self._OLD_S and "populated 0" in (old / "cgroup.events").read_text():
                self._remove(old)
        self.path = parent / f"millrace-test-{int(time.time())}-{time.monotonic_ns()}"
        try:
            self.path.mkdir()
        except OSError as error:
            raise debian_root.Skip(f"no cgroup can be made: {error}") from None

    @staticmethod
    def _remove(path):
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # Not empty yet.

    def close(self):
        (self.path / "cgroup.kill").write_text("1", encoding="ascii")
        harness.eventually(lambda: self._remove(self.path) or not self.path.exists(), f"{self.path} is empty")


class System(debian_root.Root):
    """Booted until close()."""

    def __init__(self):
        super().__init__()
        self._init = None
        try:
            # Needs no network: cached_root() has downloaded it.
            self.in_root("apt-get", "-q", "-y", "--no-install-recommends", "--no-download", "install", "systemd")
            self._cgroup = Cgroup()
        except BaseException:
            super().close()
            raise
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    def in_root(self, *words):
        done = subprocess.run(super().command(*words), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _boot(self):
        script = f'echo $$ >"{self._cgroup.path}/cgroup.procs"\nexec "$@"'
        namespaces = ["unshare", "--cgroup", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        with open(self.path / "root/boot.log", "wb") as log:
            self._unshare = subprocess.Popen(
                [*harness.dies_with_us(), "sh", "-c", script, "sh", *namespaces, "sh", "-c", _BOOT, "sh", str(self.path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        harness.eventually(self._booted, "systemd is up")

    def _booted(self):
        if self._unshare.poll() is not None:
            log = (self.path / "root/boot.log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"systemd did not start here: {log[-2000:]}")
        children = pathlib.Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        pids = children.read_text(encoding="ascii").split()
        if not pids:
            return False
        self._init = pids[0]
        # Before pivot_root it is still a shell with another root.
        if not pathlib.Path(f"/proc/{self._init}/comm").read_text(encoding="ascii").startswith("systemd"):
            return False
        return self.attempt("systemctl", "is-system-running")[1].strip() in ("running", "degraded")

    def command(self, *words):
        return ["nsenter", "-t", self._init, "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--root", "--wd", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=",
                *words]

    def close(self):
        if self._unshare.poll() is None:
            self._unshare.kill()  # --kill-child: PID 1 goes, and all of its processes with it.
        self._unshare.wait()
        self._cgroup.close()
        super().close()

    # --- a unit

    def show(self, key, unit="millrace.service"):
        return self.run("systemctl", "show", "--value", "-p", key, unit).strip()

    def main_pid(self, unit="millrace.service"):
        """As systemd numbers it; 0 while there is none."""
        return int(self.show("MainPID", unit))

    def main_process(self, unit="millrace.service"):
        """The main process's folder in our /proc."""
        def find():
            inside = str(self.main_pid(unit))
            for status in pathlib.Path("/proc").glob("[0-9]*/status"):
                try:
                    text = status.read_text(encoding="ascii", errors="replace")
                except OSError:
                    continue  # Ended meanwhile.
                numbers = re.search(r"^NSpid:\s+(.*)$", text, re.M)[1].split()
                # Ours, and the one in systemd's namespace, which is a child of ours.
                if len(numbers) == 2 and numbers[1] == inside:
                    return status.parent
            return None  # It is being replaced.

        return harness.eventually(find, f"a main process of {unit}")

    def wait_active(self, state="active", unit="millrace.service"):
        harness.eventually(lambda: self.show("ActiveState", unit) == state, f"{unit} is {state}:\n{self.journal(unit)}")

    def journal(self, unit="millrace.service"):
        return self.attempt("journalctl", "--no-pager", "-o", "cat", "-u", unit)[1][-4000:]

    def drop_in(self, name, text):
        folder = "/etc/systemd/system/millrace.service.d"
        self.run("mkdir", "-p", folder)
        self.file(f"{folder}/{name}.conf").write_text(text, encoding="utf-8")
        self.run("systemctl", "daemon-reload")

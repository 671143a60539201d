"""A Debian system in a tmpfs of our own, for tests that install the package.

The test file starts itself again inside namespaces of mounts, processes and networks (main()). The kernel takes mounts, files
and processes away when the last of them ends, however it ends: there is nothing to clean up that could be forgotten.

Before that, outside, where the package archive can be reached: the package is made from the build folder of the binary, and a
root of debootstrap with the packages that it depends on, downloaded and not installed, is taken from
~/.cache/millrace-debootstrap or made there. A second run needs no network.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import harness  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parents[2]
DEB = os.environ.get("MILLRACE_DEB", "")  # Set by main() for the run inside.
_ROOT_TAR = "MILLRACE_ROOT_TAR"

# Beyond what the package depends on: an init for systemd_test, and the tools by which it looks at the service.
MORE = ("systemd", "adduser", "procps", "logrotate")
# And where the program has that engine: a driver over the kernel's interfaces, which is a plugin.
DPDK_DRIVERS = ("librte-net-af-packet23", "librte-mempool-ring23")
_CACHE_DAYS = 30
# Roots with the packages of different builds (with and without DPDK, another branch): 300 MiB each.
_ROOTS_KEPT = 3
# Where the root is mounted. It exists everywhere, and in our own namespace it is ours.
_MOUNT = "/media"
_ROOT_BYTES_MAX = "2g"


class Skip(Exception):
    """Why the tests cannot run on this machine."""


def _run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


@contextlib.contextmanager
def _locked(path):
    """Two tests at once make the same thing once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_package(binary=None):
    """The .deb of the build folder in which the binary is, made by CPack without building anything."""
    build = pathlib.Path(binary or harness.BINARY).resolve().parent
    folder = build / "package-test"
    with _locked(build / "package-test.lock"):
        for old in folder.glob("*.deb"):
            old.unlink()
        _run("cpack", "-B", str(folder), cwd=build)
        shutil.rmtree(folder / "_CPack_Packages", ignore_errors=True)
        made, = folder.glob("*.deb")
        # A copy: the other test makes its own in the same place.
        copy = pathlib.Path(tempfile.mkdtemp(prefix="millrace-package-")) / made.name
        shutil.copy(made, copy)
        return copy


def field(deb, name):
    return _run("dpkg-deb", "-f", str(deb), name).strip()


def repackage(deb, folder, revision, changes):
    """The same package as a later revision. changes: path in the package -> function of the file's old bytes that gives new ones."""
    tree = pathlib.Path(folder) / f"revision-{revision}"
    _run("dpkg-deb", "-R", str(deb), str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)-[^-]+$", rf"\1-{revision}", control.read_text(), flags=re.M))
    for path, change in changes.items():
        file = tree / path
        file.write_bytes(change(file.read_bytes()))
    sums = [f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(tree)}\n"
            for file in sorted(tree.rglob("*")) if file.is_file() and "DEBIAN" not in file.parts]
    (tree / "DEBIAN/md5sums").write_text("".join(sums))
    made = pathlib.Path(folder) / f"millrace_{revision}.deb"
    _run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree), str(made))
    return made


def _release():
    """(codename, an archive that has it), as this machine has them: the binary was linked for its libraries."""
    release = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    codename = re.search(r"^VERSION_CODENAME=(\w+)$", release, re.M)
    if not codename or not re.search(r"^ID=debian$", release, re.M):
        raise Skip("this machine is not Debian, so there is no root of its release to install the package in")
    for path in glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*"):
        with open(path, encoding="utf-8") as file:
            archive = re.search(r"(?:^URIs:|^deb)\s+(?:\[.*\]\s+)?(http\S+/debian/?)(?:\s|$)", file.read(), re.M)
        if archive:
            return codename[1], archive[1]
    return codename[1], "http://deb.debian.org/debian"


def _write_tar(tar, root):
    _run("tar", "-C", str(root), "-cf", f"{tar}.new", ".")
    os.replace(f"{tar}.new", tar)


def _make_base(tar, codename, archive):
    with tempfile.TemporaryDirectory(prefix="root-", dir=tar.parent) as folder:
        root = os.path.join(folder, "root")
        done = subprocess.run(["debootstrap", "--variant=minbase", codename, root, archive], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Skip(f"debootstrap could not make a root from {archive}: {(done.stdout + done.stderr).strip()[-600:]}")
        _write_tar(tar, root)


def _add_packages(tar, base, packages):
    with tempfile.TemporaryDirectory(prefix="root-", dir=tar.parent) as root:
        _run("tar", "-C", root, "-xf", str(base))
        shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
        # Downloaded only, a .deb stays in apt's cache. Without an update a root of last week asks for versions that are gone.
        for words in (("update",), ("--no-install-recommends", "--download-only", "install", *packages)):
            done = subprocess.run(["chroot", root, "apt-get", "-q", "-y", *words], capture_output=True, text=True, check=False,
                                  stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                raise Skip(f"apt-get {words[0]} in the root: {(done.stdout + done.stderr).strip()[-600:]}")
        _write_tar(tar, root)


def cached_root(packages):
    """Path of a tar file of a root in which apt-get can install these packages without a network."""
    codename, archive = _release()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = pathlib.Path(home) / "millrace-debootstrap"
    key = hashlib.sha256("\n".join(sorted(packages)).encode()).hexdigest()[:16]
    base, tar = cache / f"{codename}.tar", cache / f"{codename}-{key}.tar"
    with _locked(cache / "lock"):
        for old in cache.glob("*.tar*"):
            if old.stat().st_mtime < time.time() - _CACHE_DAYS * 24 * 3600:
                old.unlink()
        if not tar.exists():
            print(f"making a root of Debian {codename}; the next runs use {tar}", flush=True)
            if not base.exists():
                _make_base(base, codename, archive)
            _add_packages(tar, base, packages)
        os.utime(tar)
        for old in sorted(cache.glob(f"{codename}-*.tar"), key=lambda path: path.stat().st_mtime)[:-_ROOTS_KEPT]:
            old.unlink()
    return tar


def _dependencies(deb):
    """Names only: `libc6 (>= 2.34) | libc6.1` asks for the first one."""
    return [entry.split("|")[0].split("(")[0].strip() for entry in field(deb, "Depends").split(",")]


def has_dpdk(deb):
    return any(name.startswith("librte-") for name in _dependencies(deb))


def main():
    """In place of harness.main()."""
    if DEB:
        harness.main()
        return
    if not harness.BINARY:
        sys.exit("set MILLRACE to the path of the binary, inside its build folder (ctest does)")
    if harness.SANITIZER:
        print("skipped: the package is made of programs without a sanitizer")
        sys.exit(harness.SKIPPED)
    unshare = harness.need("unshare")
    words = [unshare, "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    probe = subprocess.run([*words, "mount", "-t", "tmpfs", "tmpfs", _MOUNT], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        print(f"skipped: no namespaces and mounts here: {probe.stderr.strip()}")
        sys.exit(harness.SKIPPED)
    deb = make_package()
    try:
        tar = cached_root([*_dependencies(deb), *MORE, *(DPDK_DRIVERS if has_dpdk(deb) else ())])
        inside = dict(os.environ, MILLRACE_DEB=str(deb), **{_ROOT_TAR: str(tar)})
        # Killed by ctest, we take the namespaces with us.
        code = subprocess.run([*harness.dies_with_us(), *words, sys.executable, "-B", *sys.argv], env=inside, check=False).returncode
    except Skip as reason:
        print(f"skipped: {reason}")
        code = harness.SKIPPED
    finally:
        shutil.rmtree(deb.parent)
    sys.exit(code)


class Root:
    """A fresh root until close(); apt and dpkg in it ask nothing and reach nobody."""

    path = pathlib.Path(_MOUNT)

    def __init__(self):
        _run("ip", "link", "set", "lo", "up")
        _run("mount", "-t", "tmpfs", "-o", f"size={_ROOT_BYTES_MAX},mode=755", "tmpfs", _MOUNT)
        try:
            _run("tar", "-C", _MOUNT, "-xf", os.environ[_ROOT_TAR])
            _run("mount", "-t", "proc", "proc", f"{_MOUNT}/proc")
            _run("mount", "-t", "sysfs", "-o", "ro", "sysfs", f"{_MOUNT}/sys")
        except BaseException:
            self.close()
            raise

    def close(self):
        _run("umount", "--recursive", "--lazy", _MOUNT)

    def command(self, *words):
        return ["chroot", _MOUNT, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                "LC_ALL=C.UTF-8", *words]

    def attempt(self, *words):
        """(exit code, what it said on both)."""
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout

    def run(self, *words):
        code, said = self.attempt(*words)
        if code != 0:
            raise AssertionError(f"{words}: {code}\n{said[-3000:]}")
        return said

    def file(self, path):
        return self.path / path.lstrip("/")

    def put(self, path, name=None):
        """Copies a file into /root; returns its path there."""
        there = f"/root/{name or os.path.basename(path)}"
        shutil.copy(path, self.file(there))
        return there

    def install(self, deb, *options):
        """As a person does it: dpkg, then apt for what is missing."""
        code, said = self.attempt("dpkg", *options, "-i", self.put(deb))
        if code == 0:
            return said
        if "dependency problems" not in said:
            raise AssertionError(f"dpkg -i: {code}\n{said}")
        return said + self.run("apt-get", "-q", "-y", "--no-install-recommends", "--no-download", "-f", "install")

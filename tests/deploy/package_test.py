"""The life of the Debian package in a root of debootstrap: made, looked at, installed, used, upgraded, removed, purged.

No systemd runs in that root: the maintainer scripts have to cope, and the service is started by hand as its unit says, as its
user and with its capabilities. systemd_test.py has a root in which systemd is at work.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import debian_root
from debian_root import TREE, Root
import harness
import peers

UNIT = TREE / "deploy/systemd/millrace.service"
CONFIG = "/etc/millrace/millrace.yaml"
CONFFILES = {CONFIG, "/etc/logrotate.d/millrace", "/etc/security/limits.d/millrace.conf"}


def unit_values(key):
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), re.M)


class Service:
    """millrace run in the root as the unit starts it, as far as that goes without systemd."""

    def __init__(self, root):
        self._root = root
        # What RuntimeDirectory=, StateDirectory= and LogsDirectory= do.
        for folder in ("/run/millrace", "/var/lib/millrace", "/var/log/millrace"):
            root.run("install", "-d", "-o", "millrace", "-g", "millrace", "-m", "0750", folder)
        command, = unit_values("ExecStart")
        for before in unit_values("ExecStartPre"):
            root.run(*self._as_user(before.split()))
        self._log = open(root.file("/root/service.log"), "w+b")  # noqa: SIM115 until close()
        self.process = subprocess.Popen([*harness.dies_with_us(), *root.command(*self._as_user(command.split()))],
                                        stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            harness.eventually(self._ready, f"the service is ready:\n{self.log()}")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _as_user(words):
        capability, = unit_values("AmbientCapabilities")
        right = "+" + capability.removeprefix("CAP_").lower()
        return ["setpriv", "--reuid=millrace", "--regid=millrace", "--init-groups", f"--inh-caps=-all,{right}",
                f"--ambient-caps=-all,{right}", f"--bounding-set=-all,{right}", "--no-new-privs", *words]

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended with {self.process.returncode}:\n{self.log()}")
        return self._root.attempt("millrace", "health", "-c", CONFIG)[0] == 0

    def log(self):
        return self._root.file("/root/service.log").read_text(encoding="utf-8", errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            code = self.process.wait(harness.DEADLINE_S)
            assert code == 0, f"the service ended with {code}:\n{self.log()}"
        self._log.close()


class PackageTest(harness.Case):
    def listing(self):
        """{path: (mode, owner)} of what the package has."""
        found = {}
        for line in self.run_program("dpkg-deb", "-c", debian_root.DEB).splitlines():
            mode, owner, _, _, _, path = line.split(None, 5)
            found[path.removeprefix(".")] = mode, owner
        return found

    def test_lintian_has_nothing_to_say(self):
        said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--display-info", debian_root.DEB],
                              capture_output=True, text=True, check=False)
        text = said.stdout + said.stderr.replace("running with root privileges is not recommended!\n", "")
        # A build that is not `release` has no checked calls of the C library; a release has.
        allowed = re.compile(r"^(?:I: millrace: hardening-no-fortify-functions .*)?$")
        tags = [line for line in text.splitlines() if not allowed.match(line)]
        self.assertEqual(tags, [])
        self.assertEqual(said.returncode, 0)

    def test_everything_belongs_to_root_and_only_the_program_is_executable(self):
        listing = self.listing()
        for path, (mode, owner) in listing.items():
            self.assertEqual(owner, "root/root", path)
            wanted = "drwxr-xr-x" if mode[0] == "d" else "-rwxr-xr-x" if path == "/usr/bin/millrace" else "-rw-r--r--"
            self.assertEqual(mode, wanted, path)
        for path in ("/usr/bin/millrace", "/lib/systemd/system/millrace.service", "/usr/lib/sysctl.d/60-millrace.conf",
                     "/usr/share/man/man1/millrace.1.gz", "/usr/share/man/man1/millrace-ctl.1.gz",
                     "/usr/share/man/man1/millrace-top.1.gz", "/usr/share/man/man5/millrace.yaml.5.gz",
                     "/usr/share/man/man7/millrace-metrics.7.gz", "/usr/share/bash-completion/completions/millrace",
                     "/usr/share/zsh/vendor-completions/_millrace", "/usr/share/fish/vendor_completions.d/millrace.fish",
                     "/usr/share/doc/millrace/changelog.gz", "/usr/share/doc/millrace/changelog.Debian.gz",
                     "/usr/share/doc/millrace/copyright", "/usr/share/doc/millrace/examples/millrace.socket", *CONFFILES):
            self.assertIn(path, listing)
        self.assertFalse([path for path in listing if path.startswith(("/usr/local", "/home", "/root", "/tmp", "/work"))])

    def test_what_lies_in_etc_is_a_conffile_and_nothing_else(self):
        self.run_program("dpkg-deb", "-e", debian_root.DEB, control := self.folder())
        conffiles = set(pathlib.Path(control, "conffiles").read_text(encoding="ascii").split())
        self.assertEqual(conffiles, {path for path, (mode, _) in self.listing().items()
                                     if path.startswith("/etc/") and mode[0] == "-"})
        self.assertEqual(conffiles, CONFFILES)

    def test_its_dependencies_are_what_the_program_links(self):
        names = debian_root.field(debian_root.DEB, "Depends")
        for library in ("adduser", "procps", "libc6 (>=", "libyaml-cpp0.7", "liburing2", "libmicrohttpd12"):
            self.assertIn(library, names)

    def test_the_version_is_that_of_the_program_and_of_the_changelog(self):
        version = debian_root.field(debian_root.DEB, "Version")
        program = self.run_program(harness.BINARY, "version").split()[1]
        self.assertEqual(version.rpartition("-")[0], program)
        changelog = (TREE / "deploy/debian/changelog").read_text(encoding="utf-8")
        self.assertEqual(re.match(r"millrace \((\S+)\)", changelog)[1], version)


class LifeTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.root = self.use(Root())

    def ask(self, port, message=b"through"):
        with harness.connect(f"127.0.0.1:{port}") as client:
            return peers.ask(client, message)

    def owner(self, path):
        """'user:group mode' as the root's own passwd has them."""
        return self.root.run("stat", "-c", "%U:%G %a", path).strip()

    def test_maintainer_scripts_know_every_call_of_the_policy(self):
        """Debian policy 6.5 to 6.8: also what dpkg calls when something else fails. Each can be called a second time."""
        self.root.install(debian_root.DEB)
        calls = {"preinst": ("install", "install 0.0.9-1", "upgrade 0.0.9-1", "abort-upgrade 0.2.0-1"),
                 "postinst": ("configure 0.0.9-1", "abort-upgrade 0.2.0-1", "abort-remove", "abort-remove in-favour other 1",
                              "abort-deconfigure in-favour other 1 removing third 1"),
                 "prerm": ("upgrade 0.2.0-1", "failed-upgrade 0.0.9-1", "deconfigure in-favour other 1", "remove in-favour other 1"),
                 "postrm": ("upgrade 0.2.0-1", "failed-upgrade 0.0.9-1", "abort-install", "abort-install 0.0.9-1",
                            "abort-upgrade 0.0.9-1", "disappear other 1", "remove")}
        for script, each in calls.items():
            path = f"/var/lib/dpkg/info/millrace.{script}"
            for words in each:
                for _ in range(2):
                    self.root.run(path, *words.split())
            code, said = self.root.attempt(path, "nonsense")
            self.assertEqual(code, 1)
            self.assertIn("unknown argument 'nonsense'", said)
        self.assertEqual(self.root.run("dpkg", "--verify", "millrace"), "")

    def test_a_life(self):
        """One test, since each step stands on the one before it."""
        root = self.root
        before = self.files()
        self.assertIn("Setting up millrace", root.install(debian_root.DEB))
        self.look_after_installation()

        self.use(peers.Upstream(peers.echo, port=8000))
        service = self.use(Service(root))
        self.assertEqual(self.ask(8080), b"through")
        self.look_at_process(service)
        service.close()

        # The administrator's own file, with a port below 1024.
        text = root.file(CONFIG).read_text(encoding="utf-8")
        own = text.replace("127.0.0.1:8080", "127.0.0.1:80")
        self.assertNotEqual(own, text)
        root.file(CONFIG).write_text(own, encoding="utf-8")
        service = self.use(Service(root))
        self.assertEqual(self.ask(80), b"through")

        with harness.connect("127.0.0.1:80") as open_session:
            self.assertEqual(peers.ask(open_session, b"before"), b"before")
            self.upgrade(own)
            # Nothing was stopped: no systemd, so it is for the administrator.
            self.assertIsNone(service.process.poll())
            self.assertEqual(peers.ask(open_session, b"after"), b"after")
        service.close()
        self.use(Service(root)).close()

        self.remove(own)
        self.purge(before)

    def look_after_installation(self):
        root = self.root
        self.assertIn("Status: install ok installed", root.run("dpkg", "-s", "millrace"))
        self.assertEqual(root.run("dpkg", "--verify", "millrace"), "")
        name, _, uid, _, _, home, shell = root.run("getent", "passwd", "millrace").strip().split(":")
        self.assertEqual((name, home, shell), ("millrace", "/nonexistent", "/usr/sbin/nologin"))
        self.assertTrue(100 <= int(uid) < 1000, uid)
        self.assertEqual(self.owner(CONFIG), "root:root 644")
        self.assertEqual(self.owner("/etc/millrace"), "root:root 755")
        self.assertEqual(self.owner("/usr/bin/millrace"), "root:root 755")
        # Enabled for the next boot of a machine with systemd, and nothing was started here.
        link = root.file("/etc/systemd/system/multi-user.target.wants/millrace.service")
        self.assertEqual(os.readlink(link), "/lib/systemd/system/millrace.service")
        self.assertNotIn("millrace", root.run("sh", "-c", "cat /proc/[0-9]*/comm"))
        self.assertIn("ok (1 listeners, 1 upstreams)", root.run("millrace", "check", "-c", CONFIG))
        # What stands behind a # in the default file is right, too.
        text = re.sub(r"^#( {4,}(?:- \{|[a-z]+: \{))", r"\1", root.file(CONFIG).read_text(encoding="utf-8"), flags=re.M)
        self.assertEqual(text.count("\n    health:"), 1)
        root.file("/root/all.yaml").write_text(text, encoding="utf-8")
        self.assertIn("ok (1 listeners, 1 upstreams)", root.run("millrace", "check", "-c", "/root/all.yaml"))
        # Installed a second time, it changes nothing.
        root.run("dpkg", "-i", f"/root/{os.path.basename(debian_root.DEB)}")
        self.assertEqual(root.run("dpkg", "--verify", "millrace"), "")

    def look_at_process(self, service):
        """The user, and the one capability."""
        status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        uid = self.root.run("id", "-u", "millrace").strip()
        self.assertEqual(set(fields["Uid"].split()), {uid})
        self.assertEqual(int(fields["CapBnd"], 16), 1 << 10)
        self.assertLessEqual(int(fields["CapEff"], 16), 1 << 10)
        self.assertEqual(fields["NoNewPrivs"], "1")

    def upgrade(self, own):
        later = debian_root.repackage(debian_root.DEB, self.folder(), "77", {
            CONFIG.lstrip("/"): lambda data: data + b"# of a later version\n",
            "etc/logrotate.d/millrace": lambda data: data.replace(b"rotate 14", b"rotate 7")})
        root = self.root
        # Without an answer dpkg asks, and stops because nobody is there.
        code, said = root.attempt("dpkg", "-i", root.put(later))
        self.assertNotEqual(code, 0)
        self.assertIn("Configuration file '/etc/millrace/millrace.yaml'", said)
        root.run("dpkg", "--force-confold", "--configure", "-a")
        self.assertRegex(root.run("dpkg", "-s", "millrace"), r"Version: \S+-77\n")
        self.assertEqual(root.file(CONFIG).read_text(encoding="utf-8"), own)
        self.assertTrue(root.file(CONFIG + ".dpkg-dist").read_text(encoding="utf-8").endswith("# of a later version\n"))
        # Nobody had changed this one.
        self.assertIn("rotate 7", root.file("/etc/logrotate.d/millrace").read_text(encoding="utf-8"))

    def remove(self, own):
        root = self.root
        for folder in ("lib", "log"):
            root.run("setpriv", "--reuid=millrace", "--regid=millrace", "--clear-groups", "touch", f"/var/{folder}/millrace/file")
        root.run("dpkg", "-r", "millrace")
        for path in ("/usr/bin/millrace", "/lib/systemd/system/millrace.service", "/usr/lib/sysctl.d/60-millrace.conf",
                     "/usr/share/doc/millrace"):
            self.assertFalse(root.file(path).exists(), path)
        self.assertEqual(root.file(CONFIG).read_text(encoding="utf-8"), own)
        self.assertTrue(root.file("/var/lib/millrace/file").exists())
        # Back again, with the administrator's file.
        root.run("dpkg", "-i", "/root/millrace_77.deb")
        self.assertEqual(root.file(CONFIG).read_text(encoding="utf-8"), own)

    def files(self):
        """Every file of the root, without the kernel's."""
        return {os.path.join(folder, name) for folder, _, names in self.walk() for name in names}

    def walk(self):
        path = str(self.root.path)
        for folder, folders, names in os.walk(path):
            if folder == path:
                folders[:] = [name for name in folders if name not in ("proc", "sys")]
            yield folder, folders, names

    def purge(self, before):
        root = self.root
        root.run("dpkg", "-P", "millrace")
        self.assertNotEqual(root.attempt("dpkg", "-s", "millrace")[0], 0)
        # The folder that systemd would have taken away; /run is a tmpfs on a real machine.
        shutil.rmtree(root.file("/run/millrace"))
        for file in root.file("/root").iterdir():
            if file.is_file() and not file.name.startswith("."):
                file.unlink()
        uid = int(root.run("id", "-u", "millrace"))  # The user stays.
        left, belongs = [], self.known_to_dpkg()
        for path in sorted(self.files() - before):
            there = path.removeprefix(str(root.path))
            if there in belongs or there.startswith(("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/", "/var/log/", "/run/lock/")):
                self.assertNotIn("millrace", there)
                continue
            left.append(there)
        # adduser's copies of the files it changed and its locks; links that procps, a dependency, makes.
        others = re.compile(r"/etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-|/etc/\.pwd\.lock|/run/adduser|/etc/rc\w\.d/\w+procps")
        self.assertEqual([path for path in left if not others.fullmatch(path)], [])
        for folder, folders, names in self.walk():
            for name in (*folders, *names):
                path = os.path.join(folder, name)
                self.assertNotIn("millrace", name, path)
                self.assertNotEqual(os.lstat(path).st_uid, uid, path)
                self.assertFalse(stat.S_ISSOCK(os.lstat(path).st_mode), path)

    def known_to_dpkg(self):
        """What belongs to the packages that are installed, dependencies of ours among them."""
        known = set()
        for lists in self.root.file("/var/lib/dpkg/info").glob("*.list"):
            for path in lists.read_text(encoding="utf-8").split("\n"):
                known.add(path)
                known.add("/usr" + path)  # /lib is /usr/lib.
        return known


if __name__ == "__main__":
    debian_root.main()

"""What the running program may still do: users, capabilities, and the filter of system calls."""

import os
import pwd
import random
import re

import harness
import peers
from harness import Millrace, config, need
from services import free_port

# linux/capability.h
CAP_NET_BIND_SERVICE = 1 << 10
FILTERED = "seccomp: system calls that are not needed fail with EPERM"


def threads(proxy):
    """[{field: text}] of /proc/PID/task/*/status."""
    found = []
    for task in os.listdir(f"/proc/{proxy.pid}/task"):
        with open(f"/proc/{proxy.pid}/task/{task}/status", encoding="ascii") as status:
            found.append(dict(re.findall(r"^(\w+):\t(.*)$", status.read(), re.M)))
    return found


class ConfinementTest(harness.Case):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root has something to give up")
        self.upstream = self.use(peers.Upstream(peers.echo))

    def serve(self, proxy):
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_every_thread_is_confined_by_default(self):
        proxy = self.use(Millrace(config(self.upstream.address)))
        self.serve(proxy)
        all_threads = threads(proxy)
        self.assertGreaterEqual(len(all_threads), 6)
        for thread in all_threads:
            self.assertEqual(thread["NoNewPrivs"], "1", thread["Name"])
            for capabilities in ("CapEff", "CapPrm"):
                self.assertEqual(int(thread[capabilities], 16), CAP_NET_BIND_SERVICE, thread["Name"])
            for capabilities in ("CapInh", "CapAmb"):
                self.assertEqual(int(thread[capabilities], 16), 0, thread["Name"])
            self.assertEqual(thread["Seccomp"], "0" if harness.SANITIZER else "2", thread["Name"])
        if harness.SANITIZER:
            self.assertIn("seccomp: off, because this binary was built with a sanitizer", proxy.log())
        else:
            self.assertIn(FILTERED, proxy.log())
        self.assertIn("warning runs as root: name a user in security.user", proxy.log())

    def test_root_becomes_the_user_and_binds_low_ports_also_at_a_reload(self):
        # Loopback has sixteen million addresses: no other test or service is at this one.
        host = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        first, second = f"{host}:600", f"{host}:601"
        security = {"user": "nobody"}
        proxy = self.use(Millrace(config(self.upstream.address, listener={"bind": first}, security=security),
                                  readable_by_all=True))
        self.serve(proxy)
        proxy.reload(config(self.upstream.address, listener={"bind": [first, second]}, security=security))
        with harness.connect(second) as client:
            self.assertEqual(peers.ask(client), b"ping")
        user = pwd.getpwnam("nobody")
        for thread in threads(proxy):
            self.assertEqual(thread["Uid"].split(), [str(user.pw_uid)] * 4, thread["Name"])
            self.assertEqual(thread["Gid"].split(), [str(user.pw_gid)] * 4, thread["Name"])
            self.assertNotIn("0", thread["Groups"].split())
            self.assertEqual(int(thread["CapBnd"], 16), 0)
        self.assertNotIn("runs as root", proxy.log())
        self.assertEqual(proxy.get("/metrics")[0], 200)
        self.assertGreater(proxy.metrics().value("process_open_fds"), 5)

    def test_who_has_no_right_gets_none(self):
        proxy = self.use(Millrace(config(self.upstream.address), readable_by_all=True, prefix=(
            need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")))
        self.serve(proxy)
        self.assertIn("runs as user id 65534 with no capabilities and no_new_privs", proxy.log())
        self.assertTrue(all(int(thread["CapEff"], 16) == 0 for thread in threads(proxy)))

    def test_a_user_that_cannot_be_had_is_an_error_with_its_line(self):
        text = ("security:\n  user: no-such-user\nlisteners: [{name: a, bind: '127.0.0.1:0', upstream: u}]\n"
                f"upstreams: [{{name: u, endpoints: [{{address: '{self.upstream.address}'}}]}}]\n")
        proxy = self.use(Millrace(text, wait=False))
        proxy.expect_exit = (1,)
        self.assertEqual(proxy.wait_exit(), 1)
        self.assertIn("millrace.yaml:2:9: error: security.user: there is no user 'no-such-user'", proxy.log())

    def test_off_is_off(self):
        proxy = self.use(Millrace(config(self.upstream.address, security={"seccomp": "off"})))
        self.serve(proxy)
        self.assertEqual({thread["Seccomp"] for thread in threads(proxy)}, {"0"})
        self.assertIn("seccomp: off, as configured", proxy.log())

    def test_a_reload_cannot_change_it(self):
        proxy = self.use(Millrace(config(self.upstream.address)))
        proxy.reload(config(self.upstream.address, security={"seccomp": "off", "user": "nobody"}), "refused")
        for key in ("security.user", "security.seccomp"):
            log = proxy.wait_log(f"error: '{key}' changes from ")
            self.assertRegex(log, f"'{key}' changes from .*, which needs a restart")
        self.serve(proxy)


if __name__ == "__main__":
    harness.main()

"""deploy/vrrp with the real keepalived: the service address moves from one Millrace to another, which dies or is drained."""

import os
import re
import signal
import sys
import time

import namespace

import fleet
import fleet_load
import harness

SERVICE = "10.80.0.100"
STREAMS = 12
_PRIORITY = re.compile(r"effective priority from \d+ to (\d+)")


class Pair(fleet.Fleet):
    """The fleet with keepalived on both instances, set up from the files of deploy/vrrp."""

    def __init__(self):
        super().__init__()
        self.keepalived, self.announcers = [], []

    def build(self):
        super().build()
        for instance in self.instances:
            instance.start()
            self.announce(instance)
        for instance in self.instances:
            self.keep_alive(instance)

    def path(self, instance, name):
        return os.path.join(instance.folder, name)

    def options(self, instance):
        return ["--ready", fleet.METRICS, "--track-file", self.path(instance, "health"), "--state-file", self.path(instance, "state"),
                "--folder", instance.folder, "--hold", "1s", "--settle", "500ms"]

    def announce(self, instance):
        with instance.place:
            self.announcers.append(self.daemon(f"announce-{instance.name}", sys.executable, "-B", fleet.DEPLOY / "ecmp" / "announce",
                                               "run", *self.options(instance)))
        harness.eventually(lambda: os.path.exists(self.path(instance, "health")), "the tracked file")

    def command(self, instance, word):
        with instance.place:
            return self.daemon(f"{word}-{instance.name}", sys.executable, "-B", fleet.DEPLOY / "ecmp" / "announce", word,
                               *self.options(instance))

    def keep_alive(self, instance):
        text = (fleet.DEPLOY / "vrrp" / "keepalived.conf").read_text(encoding="utf-8")
        other = fleet.INSTANCES[1 - instance.number]
        # The other one's address first, so that one replacement does not undo the other.
        for here, there in (("10.80.0.12", "@other@"), ("10.80.0.11", instance.address), ("@other@", other), ("eth0", "ui"),
                            ("/run/millrace-announce/health", self.path(instance, "health")),
                            ("/usr/local/sbin/millrace-vrrp-notify", str(fleet.DEPLOY / "vrrp" / "notify")),
                            ("/usr/bin/millrace health -c /etc/millrace/millrace.yaml", f"{harness.BINARY} health -c {instance.config_path}")):
            if here not in text:
                raise AssertionError(f"keepalived.conf has no {here}")
            text = text.replace(here, there)
        path = self.path(instance, "keepalived.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        with instance.place:
            self.keepalived.append(self.daemon(f"keepalived-{instance.name}", harness.need("keepalived"), "--dont-fork",
                                               "--log-console", "--log-detail", "-f", path, "-p", self.path(instance, "pid"),
                                               "-r", self.path(instance, "vrrp.pid"),
                                               environment={"MILLRACE_VRRP_FOLDER": instance.folder}))

    def roles(self):
        found = []
        for instance in self.instances:
            try:
                with open(self.path(instance, "state"), encoding="ascii") as file:
                    found.append(file.read().strip())
            except FileNotFoundError:
                found.append("")
        return found

    def wait_owner(self, number):
        """Until this one, and it alone, has the service address; None: either of them. Returns (owner, when)."""
        wanted = [["MASTER", "BACKUP"], ["BACKUP", "MASTER"]]

        def there():
            return (self.roles() in wanted) if number is None else (self.roles()[number] == "MASTER")

        try:
            harness.eventually(there, "roles")
        except AssertionError:
            raise AssertionError(f"roles are {self.roles()}:\n" + "\n".join(each.log()[-2500:] for each in self.keepalived)) from None
        return self.roles().index("MASTER") if number is None else number, time.monotonic()


class VrrpTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.line = self.use(fleet.Timeline(self._testMethodName))
        self.site = self.use(Pair())
        self.site.build()
        self.site.wait_owner(None)
        self.load = self.use(fleet_load.Load(self.site, SERVICE))
        self.load.wait_good(0, 200)
        # Only now: while both of them settle, the address may move once more.
        self.owner, _ = self.site.wait_owner(None)
        self.other = 1 - self.owner
        self.streams = self.use(fleet_load.Streams(self.site, SERVICE, STREAMS))
        self.streams.wait_progress(self.streams.all)
        self.assertEqual({stream.instance for stream in self.streams.all}, {self.owner})

    def look(self, event):
        self.load.wait_good(time.monotonic(), 200)
        return fleet_load.judge(self, self.load, event, self.line)

    def sessions_moved(self, event):
        harness.eventually(lambda: all(stream.fate for stream in self.streams.all), "the end of the old owner's sessions")
        self.assertEqual({stream.fate for stream in self.streams.all} - {"reset", "end"}, set())
        self.line.at(max(stream.ended for stream in self.streams.all), f"the last of the {STREAMS} long sessions of the old owner has ended")
        self.assertLess(max(stream.ended for stream in self.streams.all) - event, fleet_load.LIMIT_S)

    def one_endpoint_a_source(self):
        choices = fleet_load.Choices(self.load.new)
        self.assertEqual(choices.split(), {})
        self.assertEqual(choices.endpoints(), set(fleet.ENDPOINTS))
        self.assertGreater(choices.of_both(), len(fleet.SOURCES) * 3 // 4)
        self.line.say(f"maglev: {len(choices)} sources, each at one endpoint before and after; {choices.of_both()} of them seen through both instances")

    def comes_back(self):
        """The old owner is well again and takes nothing: the sessions of the new one go on."""
        streams = self.use(fleet_load.Streams(self.site, SERVICE, STREAMS))
        self.assertEqual({stream.instance for stream in streams.all}, {self.other})
        instance = self.site.instances[self.owner]
        instance.start()
        started = self.line.say("the old owner runs again")
        log = self.site.keepalived[self.owner]
        harness.eventually(lambda: _PRIORITY.findall(log.log())[-1] == "100", "full priority of the old owner")
        self.load.wait_good(time.monotonic(), 200)
        streams.wait_progress(streams.all)
        self.assertEqual(self.site.roles()[self.other], "MASTER")
        self.assertEqual([stream.fate for stream in streams.all], [None] * STREAMS)
        self.assertEqual(fleet_load.Outcome(self.load, started).failed, [])
        self.line.say(f"it is well again and the address stays: all {STREAMS} long sessions of the new owner go on, no new session failed")

    def test_the_owner_is_killed(self):
        event = self.line.zero(f"SIGKILL to Millrace on the owner, which has {STREAMS} long sessions")
        self.site.instances[self.owner].kill()
        self.line.at(self.site.wait_owner(self.other)[1], "the other machine is MASTER")
        self.sessions_moved(event)
        self.look(event)
        self.comes_back()
        self.one_endpoint_a_source()

    def test_the_owner_is_drained(self):
        instance = self.site.instances[self.owner]
        event = self.line.zero(f"announce drain on the owner, which has {STREAMS} long sessions")
        drain = self.site.command(instance, "drain")
        _, moved = self.site.wait_owner(self.other)
        self.line.at(moved, "the other machine is MASTER")
        drain.succeed()
        self.line.say("announce drain has waited and returned")
        self.sessions_moved(event)
        instance.millrace.signal(signal.SIGTERM)
        self.assertEqual(instance.millrace.wait_exit(), 0)
        self.line.say("SIGTERM; the old owner has ended with exit code 0")
        outcome = self.look(event)
        # Whoever was being greeted by the old owner in that moment is one of its sessions.
        self.assertEqual([new for new in outcome.failed if new.begin > moved], [])
        self.assertLessEqual(len(outcome.failed), fleet_load.THREADS)
        with instance.place:
            instance.millrace.close()
        self.site.command(instance, "resume").succeed()
        self.comes_back()
        self.one_endpoint_a_source()

    def test_the_machine_of_the_owner_dies(self):
        event = self.line.zero("the cable of the owner is cut at the switch")
        self.site.instances[self.owner].cable("down")
        self.line.at(self.site.wait_owner(self.other)[1], "the other machine is MASTER")
        self.load.wait_good(time.monotonic() + fleet_load.CONNECT_S, 100)
        self.sessions_moved(event)
        self.look(event)
        self.one_endpoint_a_source()


if __name__ == "__main__":
    fleet.can("keepalived", "ip", "unshare")
    namespace.main()

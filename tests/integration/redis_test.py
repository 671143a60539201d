"""redis through Millrace: pipelining, publish and subscribe, pops that block."""

import re
import subprocess

import harness
import services
from harness import Millrace, config, need, scaled, split_address


class RedisTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.redis = self.use(services.Redis())
        self.proxy = self.use(Millrace(config(self.redis.address)))
        self.host, self.port = split_address(self.proxy.address())

    def cli(self, *words):
        return self.run_program(need("redis-cli"), "-h", self.host, "-p", str(self.port), *words)

    def start_cli(self, *words):
        process = subprocess.Popen([need("redis-cli"), "-h", self.host, "-p", str(self.port), *words],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(end)
        return process

    def test_pipelined_commands(self):
        requests = scaled(100_000, 10_000)
        report = self.run_program(need("redis-benchmark"), "-h", self.host, "-p", str(self.port),
                                  "-P", "16", "-c", "50", "-n", str(requests), "-t", "set,get",
                                  "-r", "1000", "-d", "100", "--csv")
        rates = dict(re.findall(r'"(\w+)","([\d.]+)"', report))
        self.assertGreater(float(rates["SET"]), 0, report)
        self.assertGreater(float(rates["GET"]), 0, report)
        calls = self.cli("info", "commandstats")
        self.assertIn(f"cmdstat_set:calls={requests}", calls)
        self.assertIn(f"cmdstat_get:calls={requests}", calls)

    def test_published_messages_reach_the_subscriber_in_order(self):
        count = 200
        subscriber = self.start_cli("subscribe", "river")
        harness.eventually(lambda: "river\n1" in self.cli("pubsub", "numsub", "river"), "a subscriber")
        script = "for i = 1, ARGV[1] do redis.call('publish', 'river', 'message ' .. i) end"
        self.cli("eval", script, "0", str(count))
        messages = []
        while len(messages) < count:
            line = subscriber.stdout.readline()
            self.assertTrue(line, "the subscriber's session ended")
            messages += re.findall(r"message (\d+)", line)
        self.assertEqual(messages, [str(i) for i in range(1, count + 1)])

    def test_a_pop_that_blocks_gets_what_is_pushed_later(self):
        pop = self.start_cli("blpop", "queue", "60")
        harness.eventually(lambda: "blocked_clients:1" in self.cli("info", "clients"), "a blocked pop")
        self.cli("rpush", "queue", "late")
        self.assertEqual(pop.communicate(timeout=harness.DEADLINE_S)[0].split(), ["queue", "late"])

    def test_a_pop_that_blocks_ends_with_redis_own_timeout(self):
        self.assertEqual(self.cli("blpop", "nothing", "1").strip(), "")


if __name__ == "__main__":
    harness.main()

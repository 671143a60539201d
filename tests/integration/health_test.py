"""Active health checks by the real monitor: an endpoint that dies and comes back, and a question that
only the right service answers."""

import harness
import peers
import services
from harness import Millrace, config, eventually

HEALTH = {"interval": "100ms", "timeout": "1s", "rise": 2, "fall": 2}


class HealthTest(harness.Case):
    def names(self, proxy, sessions):
        """Who answered."""
        found = set()
        for _ in range(sessions):
            with proxy.connect() as client:
                found.add(peers.read_all(client)[0])
        return found

    def test_an_endpoint_that_dies_gets_no_session_until_it_is_back(self):
        first = self.use(peers.Upstream(peers.named(b"first")))
        second = self.use(peers.Upstream(peers.named(b"second")))
        proxy = self.use(Millrace(config(first.address, second.address,
                                         upstream={"balance": "round_robin", "health": HEALTH})))
        self.assertEqual(self.names(proxy, 8), {b"first", b"second"})
        second.close()
        proxy.wait_metric(0, "endpoint_healthy", endpoint=second.address)
        self.assertEqual(self.names(proxy, 8), {b"first"})
        proxy.wait_log(f"upstream up: endpoint {second.address} is unhealthy: 2 checks in a row failed, "
                       "the last with refused")
        port = int(second.address.rpartition(":")[2])
        self.use(peers.Upstream(peers.named(b"second"), port=port))
        proxy.wait_metric(1, "endpoint_healthy", endpoint=second.address)
        proxy.wait_log(f"upstream up: endpoint {second.address} is healthy: 2 checks in a row passed")
        eventually(lambda: b"second" in self.names(proxy, 4), "a session on the endpoint that is back")
        self.assertGreaterEqual(proxy.metrics().value("health_checks_total", endpoint=second.address,
                                                      result="refused"), 2)

    def test_only_a_service_that_gives_the_right_answer_is_used(self):
        redis = self.use(services.Redis())
        stranger = self.use(peers.Upstream(peers.named(b"-ERR who is there?\r\n")))
        health = {**HEALTH, "send": "PING\r\n", "expect": "+PONG\r\n", "initial": "down"}
        proxy = self.use(Millrace(config(stranger.address, redis.address,
                                         upstream={"balance": "first", "health": health})))
        proxy.wait_metric(1, "endpoint_healthy", endpoint=redis.address)
        eventually(lambda: proxy.metrics().value("health_checks_total", endpoint=stranger.address,
                                                 result="mismatch") >= 3, "checks of the stranger")
        metrics = proxy.metrics()
        self.assertEqual(metrics.value("endpoint_healthy", endpoint=stranger.address), 0)
        # Whatever this machine is busy with, the service answers right or not in time.
        self.assertEqual(metrics.value("health_checks_total", endpoint=redis.address, result="mismatch"), 0)
        self.assertGreaterEqual(metrics.value("health_check_seconds_count", upstream="up"), 2)
        with proxy.connect() as client:
            client.sendall(b"PING\r\n")
            self.assertEqual(peers.read_exactly(client, 7), b"+PONG\r\n")

    def test_a_reload_takes_checks_up_and_leaves_them_off(self):
        dead = f"127.0.0.1:{services.free_port()}"
        proxy = self.use(Millrace(config(dead)))
        self.assertEqual(proxy.metrics().value("endpoint_healthy", endpoint=dead), 1)
        proxy.reload(config(dead, upstream={"health": HEALTH}))
        proxy.wait_metric(0, "endpoint_healthy", endpoint=dead)
        proxy.reload(config(dead))
        proxy.wait_metric(1, "endpoint_healthy", endpoint=dead)


if __name__ == "__main__":
    harness.main()

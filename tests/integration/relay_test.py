"""Bytes through the real program: order, ends of one direction, resets, readers that stop."""

import select
import socket
import threading

import harness
import peers
from harness import Millrace, config, scaled

MIB = 1 << 20
REPLY = scaled(8 * MIB, 2 * MIB)


class RelayTest(harness.Case):
    def start(self, endpoint="127.0.0.1", **changes):
        self.upstream = self.use(peers.Manual(endpoint))
        self.proxy = self.use(Millrace(config(self.upstream.address, **changes)))
        client = self.use(self.proxy.connect())
        return client, self.use(self.upstream.take())

    def test_a_client_that_says_no_more_gets_a_long_reply(self):
        client, taken = self.start()
        client.sendall(b"GET everything")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(peers.read_all(taken), (b"GET everything", "eof"))
        sender = in_thread(lambda: (taken.sendall(peers.pattern(REPLY)), taken.close()))
        self.assertEqual(peers.read_all(client), (peers.pattern(REPLY), "eof"))
        sender.join()
        self.proxy.wait_ends({("client", "eof"): 1})

    def test_an_upstream_that_says_no_more_gets_all_the_client_sends(self):
        client, taken = self.start()
        taken.shutdown(socket.SHUT_WR)
        self.assertEqual(peers.read_all(client), (b"", "eof"))
        sender = in_thread(lambda: (client.sendall(peers.pattern(REPLY)), client.close()))
        self.assertEqual(peers.read_all(taken), (peers.pattern(REPLY), "eof"))
        sender.join()
        self.proxy.wait_ends({("upstream", "eof"): 1})

    def test_both_say_no_more_at_the_same_time(self):
        for _ in range(50):
            with self.start_pair() as (client, taken):
                barrier = threading.Barrier(2)

                def close(one):
                    barrier.wait()
                    one.shutdown(socket.SHUT_WR)

                other = in_thread(lambda: close(taken))
                close(client)
                other.join()
                self.assertEqual(peers.read_all(client), (b"", "eof"))
                self.assertEqual(peers.read_all(taken), (b"", "eof"))
        self.proxy.wait_metric(50, "sessions_total", cause="eof")

    def start_pair(self):
        if not hasattr(self, "proxy"):
            self.upstream = self.use(peers.Manual())
            self.proxy = self.use(Millrace(config(self.upstream.address)))
        return Pair(self.proxy, self.upstream)

    def test_a_reset_comes_after_the_bytes_before_it(self):
        for size in (1000, 60_000):
            for _ in range(scaled(20, 5)):
                with self.start_pair() as (client, taken):
                    taken.sendall(peers.pattern(size))
                    peers.reset(taken)
                    self.assertEqual(peers.read_all(client), (peers.pattern(size), "reset"))
                with self.start_pair() as (client, taken):
                    # A client that resets before its endpoint is connected is not waited for.
                    taken.sendall(b"welcome")
                    self.assertEqual(peers.read_exactly(client, 7), b"welcome")
                    client.sendall(peers.pattern(size))
                    peers.reset(client)
                    self.assertEqual(peers.read_all(taken), (peers.pattern(size), "reset"))

    def test_an_upstream_that_speaks_and_resets_at_once_is_heard(self):
        # By the time the connect is noticed, the connection may be over already. It did stand.
        def speak_and_reset(connection):
            connection.sendall(b"too many users")
            peers.reset(connection)

        upstream = self.use(peers.Upstream(speak_and_reset))
        self.proxy = self.use(Millrace(config(upstream.address)))
        sessions = scaled(300, 100)
        heard = 0
        for _ in range(sessions):
            data, end = peers.fate(self.proxy)
            self.assertEqual(end, "reset")
            heard += data == b"too many users"
        # Our own client may be reset before its connect() has returned, and then it cannot read.
        self.assertGreater(heard, sessions * 0.5)
        self.proxy.wait_ends({("upstream", "reset"): sessions})
        metrics = self.proxy.metrics()
        self.assertEqual(metrics.value("upstream_connect_failures_total"), 0)
        self.assertEqual(metrics.value("relay_bytes_total", direction="to_client"),
                         sessions * len(b"too many users"))
        self.assertEqual(upstream.accepted, sessions)

    def test_a_cut_transfer_to_a_slow_reader_is_never_a_clean_end(self):
        client, taken = self.start()
        taken.settimeout(0.5)
        try:  # Until every buffer on the way is full.
            taken.sendall(peers.pattern(50 * MIB))
            self.fail("nothing held 50 MB back")
        except socket.timeout:
            pass
        peers.reset(taken)
        self.proxy.wait_metric(1, "sessions_active")
        data, end = peers.read_all(client)
        self.assertEqual(end, "reset")
        self.assertGreater(len(data), 0)
        self.assertEqual(data, peers.pattern(50 * MIB)[:len(data)])
        self.proxy.wait_ends({("upstream", "reset"): 1})

    def test_an_upstream_that_closes_without_reading_is_a_reset(self):
        client, taken = self.start()
        client.sendall(b"unread")
        taken.sendall(b"reply")
        self.assertEqual(peers.read_exactly(client, 5), b"reply")
        select.select([taken], [], [], harness.DEADLINE_S)
        taken.close()  # The kernel makes a RST of it: there are unread bytes.
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.proxy.wait_ends({("upstream", "reset"): 1})

    def test_the_end_waits_for_a_slow_reader(self):
        client, taken = self.start()
        sender = in_thread(lambda: (taken.sendall(peers.pattern(REPLY)), taken.close()))
        # Nothing is read until the bytes have piled up inside.
        self.wait_until_stuck("to_client")
        self.assertEqual(peers.read_all(client), (peers.pattern(REPLY), "eof"))
        sender.join()

    def wait_until_stuck(self, direction):
        """Bytes have been relayed and no more follow."""
        seen = [-1.0, 0]

        def same():
            moved = self.proxy.metrics().value("relay_bytes_total", direction=direction)
            seen[1] = seen[1] + 1 if moved == seen[0] and moved > 0 else 0
            seen[0] = moved
            return seen[1] >= 20

        harness.eventually(same, "the bytes to pile up")

    def test_single_bytes(self):
        client, taken = self.start()
        data = peers.pattern(2000)
        sender = in_thread(lambda: [client.sendall(data[i:i + 1]) for i in range(len(data))])
        self.assertEqual(peers.read_exactly(taken, len(data)), data)
        sender.join()

    def test_clients_that_reset_at_once(self):
        client, _ = self.start()
        for _ in range(scaled(2000, 300)):
            with self.proxy.connect() as scan:
                peers.reset(scan)
        # Some were never accepted as sessions; none is left and the program is well.
        self.proxy.wait_metric(1, "sessions_active")
        client.close()
        with self.start_pair() as (client, _):
            self.assertEqual(self.proxy.get("/readyz")[0], 200)
            self.assertIsNotNone(client)

    def test_unix_sockets_on_both_sides(self):
        folder = self.folder()
        client, taken = self.start(f"unix:{folder}/upstream.sock",
                                   listener={"bind": f"unix:{folder}/listener.sock"})
        sender = in_thread(lambda: (client.sendall(peers.pattern(REPLY)),
                                    client.shutdown(socket.SHUT_WR)))
        self.assertEqual(peers.read_all(taken), (peers.pattern(REPLY), "eof"))
        sender.join()
        taken.sendall(b"done")
        taken.close()
        self.assertEqual(peers.read_all(client), (b"done", "eof"))
        self.proxy.wait_ends({("client", "eof"): 1})


class StalledReadersTest(harness.Case):
    # What one stalled session may cost in user memory: its state, and a short remainder or a pipe.
    SESSION_BYTES_MAX = 64 * 1024
    SLACK_BYTES = scaled(8, 200) * MIB  # The allocator's; a sanitizer's quarantine.

    def test_many_readers_that_stop_cost_bounded_memory(self):
        sessions = scaled(100, 30)  # Each may fill megabytes of kernel buffers; tcp_mem is shared.
        upstream = self.use(peers.Manual())
        proxy = self.use(Millrace(config(upstream.address)))
        clients, senders = [], []
        for _ in range(sessions):
            clients.append(self.use(proxy.connect()))
            senders.append(self.use(upstream.take()))
        with proxy.connect() as warm:
            bulk = self.use(upstream.take())
            in_thread(lambda: (bulk.sendall(peers.pattern(4 * MIB)), bulk.close()))
            peers.read_all(warm)
        before = proxy.resident_bytes()
        sent = fill(senders)
        self.assertGreater(min(sent.values()), 0)
        grown = proxy.resident_bytes() - before
        self.assertLess(grown, sessions * self.SESSION_BYTES_MAX + self.SLACK_BYTES)
        held = proxy.metrics().value("transport_held_bytes")
        self.assertLessEqual(held, sessions * 2 * 1024 * 1024)

        # The others do not notice, and who reads again gets everything in order.
        with proxy.connect() as client:
            taken = self.use(upstream.take())
            taken.sendall(b"quick")
            self.assertEqual(peers.read_exactly(client, 5), b"quick")
        for index in (0, sessions - 1):
            total = sent[senders[index]]
            senders[index].close()
            data, end = peers.read_all(clients[index])
            self.assertEqual(end, "eof")
            self.assertTrue(data == (BLOCK * (total // len(BLOCK) + 1))[:total], "other bytes")


BLOCK = peers.pattern(256 * 1024)


def fill(senders):
    """Sends on all of them until none takes more for a while; {sender: bytes taken}."""
    sent = dict.fromkeys(senders, 0)
    for sender in senders:
        sender.setblocking(False)
    poll = select.poll()
    for sender in senders:
        poll.register(sender, select.POLLOUT)
    by_descriptor = {sender.fileno(): sender for sender in senders}
    quiet = 0
    while quiet < 5:
        ready = poll.poll(100)
        quiet = 0 if ready else quiet + 1
        for sender in (by_descriptor[descriptor] for descriptor, _ in ready):
            try:
                sent[sender] += sender.send(BLOCK[sent[sender] % len(BLOCK):])
            except BlockingIOError:
                pass
    for sender in senders:
        sender.setblocking(True)
    return sent


class Pair:
    """A client and the upstream's end of the same session."""

    def __init__(self, proxy, upstream):
        self.client = proxy.connect()
        self.taken = upstream.take()

    def __enter__(self):
        return self.client, self.taken

    def __exit__(self, *_):
        self.client.close()
        self.taken.close()


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


if __name__ == "__main__":
    harness.main()

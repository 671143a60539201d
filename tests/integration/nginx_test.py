"""nginx through Millrace: many small answers, and one large file each way, byte for byte."""

import hashlib
import os
import re

import harness
import services
from harness import Millrace, config, need, scaled

MIB = 1 << 20
FILE_BYTES = scaled(1024 * MIB, 64 * MIB)  # 1 GiB; a sanitizer would take minutes.


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(4 * MIB):
            digest.update(piece)
    return digest.hexdigest()


def write_file(path):
    """No two of its pieces are equal, and it costs one memcpy to make."""
    block = os.urandom(MIB - 8)
    with open(path, "wb") as file:
        for number in range(FILE_BYTES // MIB):
            file.write(number.to_bytes(8, "big"))
            file.write(block)


class NginxTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.nginx = self.use(services.Nginx())
        self.proxy = self.use(Millrace(config(self.nginx.address)))

    def test_many_small_answers(self):
        report = self.run_program(need("wrk"), "-t", "1", "-c", "32", "-d", f"{scaled(4, 3)}s",
                                  f"http://{self.proxy.address()}/ok")
        self.assertNotIn("Socket errors", report)
        self.assertNotIn("Non-2xx", report)
        requests = int(re.search(r"(\d+) requests in", report)[1])
        self.assertGreater(requests, 100, report)

    def test_a_large_file_to_the_client_and_back(self):
        original = os.path.join(self.nginx.folder, "files", "large")
        write_file(original)
        expected = sha256_of(original)
        url = f"http://{self.proxy.address()}"

        copy = os.path.join(self.folder(), "copy")
        self.run_program(need("curl"), "-sS", "--fail", "-o", copy, f"{url}/large")
        self.assertEqual(sha256_of(copy), expected)
        os.remove(copy)

        self.run_program(need("curl"), "-sS", "--fail", "-H", "Expect:", "-T", original, f"{url}/upload/large")
        self.assertEqual(sha256_of(os.path.join(self.nginx.folder, "upload", "large")), expected)

        self.proxy.wait_metric(0, "sessions_active")
        metrics = self.proxy.metrics()
        for direction in ("to_upstream", "to_client"):
            self.assertGreater(metrics.value("relay_bytes_total", direction=direction), FILE_BYTES)
        # That is what the bulk method is for (issue 2, "the epoll relay").
        methods = {"epoll": ("splice",)}.get(harness.TRANSPORT, ("splice", "uring"))
        self.assertGreater(sum(metrics.value("relay_method_bytes_total", method=method) for method in methods),
                           FILE_BYTES)


if __name__ == "__main__":
    harness.main()

"""postgresql through Millrace: psql, pgbench, and a COPY of 100 MB each way."""

import hashlib
import subprocess

import harness
import services
from harness import Millrace, config, need, scaled, split_address

ROWS = scaled(1_000_000, 100_000)
ROW_BYTES = 100  # Of text, so that all rows are 100 MB; a tenth of them under a sanitizer.


class PostgresTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.postgres = self.use(services.Postgres())
        self.proxy = self.use(Millrace(config(self.postgres.address)))
        host, port = split_address(self.proxy.address())
        self.where = ("-h", host, "-p", str(port), "-U", "tester")

    def psql(self, sql, **options):
        return self.run_program(need("psql"), *self.where, "-d", "postgres", "-X", "-q", "-A", "-t",
                                "-v", "ON_ERROR_STOP=1", "-c", sql, **options)

    def test_psql(self):
        self.assertEqual(self.psql("select 6 * 7").strip(), "42")

    def test_pgbench(self):
        self.run_program(need("pgbench"), *self.where, "-i", "-q", "-s", "1", "postgres")
        transactions = scaled(200, 50)
        report = self.run_program(need("pgbench"), *self.where, "-c", "8", "-j", "1",
                                  "-t", str(transactions), "postgres")
        self.assertIn(f"processed: {8 * transactions}/{8 * transactions}", report)
        # A connection for each transaction.
        report = self.run_program(need("pgbench"), *self.where, "-C", "-S", "-c", "4", "-j", "1",
                                  "-t", "20", "postgres")
        self.assertIn("processed: 80/80", report)

    def test_copy_both_ways(self):
        self.psql("create unlogged table big (n int, payload text)")
        row = b"x" * (ROW_BYTES - 1 - 8)
        digest = hashlib.md5()
        copy_in = subprocess.Popen(
            [need("psql"), *self.where, "-d", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1",
             "-c", "copy big from stdin"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for first in range(0, ROWS, 10_000):
            piece = b"".join(b"%07d\t%s\n" % (n, row) for n in range(first, min(first + 10_000, ROWS)))
            copy_in.stdin.write(piece)
            digest.update(piece)
        copy_in.stdin.close()
        self.assertEqual(copy_in.wait(4 * harness.DEADLINE_S), 0)
        self.assertEqual(self.psql("select count(*), sum(n) from big").strip(),
                         f"{ROWS}|{ROWS * (ROWS - 1) // 2}")

        copy_out = subprocess.Popen(
            [need("psql"), *self.where, "-d", "postgres", "-X", "-q",
             "-c", "copy (select lpad(n::text, 7, '0'), payload from big order by n) to stdout"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        back = hashlib.md5()
        size = 0
        while piece := copy_out.stdout.read(1 << 20):
            back.update(piece)
            size += len(piece)
        copy_out.stdout.close()
        self.assertEqual(copy_out.wait(4 * harness.DEADLINE_S), 0)
        self.assertEqual(size, ROWS * ROW_BYTES)
        self.assertEqual(back.hexdigest(), digest.hexdigest())


if __name__ == "__main__":
    harness.main()

"""Workers and their engines: who is full, how bytes move, and what the kernel refused."""

from boards.panels import INSTANCE, board, graph, heatmap, most, number, quantile, rate, row, series, share, total

WORKER = (*INSTANCE, 'worker=~"$worker"')


def _by_worker(name, legend="{{instance}} {{worker}}", *more):
    return (total(rate(name, WORKER, *more), "instance", "worker"), legend)


def _now():
    refused = f"sum({series('transport_refused_transports')}) or vector(0)"
    failures = total(rate("transport_accept_failures_total", WORKER, 'cause=~"descriptors|memory|capacity"'))
    return row(
        "Now",
        number("Busiest worker", "Share of its CPU in use. Above 0.9 its sessions wait for each other.", "percentunit",
               most(rate("worker_busy_seconds_total", WORKER)), thresholds=[(0.7, "orange"), (0.9, "red")]),
        number("Idlest worker", "Far from the busiest: few, long sessions, or one worker that got most of them.",
               "percentunit", f"min({rate('worker_busy_seconds_total', WORKER)})", color_mode="none"),
        number("Turn of the loop, p99", "Time of one turn, waiting left out: what everybody on the worker waits at most."
               " Above 10 ms something blocks it.", "s", quantile(0.99, "worker_loop_seconds", WORKER),
               thresholds=[(0.01, "orange"), (0.05, "red")]),
        number("Transports on another engine", "Workers (and the monitor) that run on epoll because the machine refused"
               " the engine that was asked for.", "short", refused, thresholds=[(1, "orange")]),
        number("Accepts that failed", "For want of descriptors, memory or room in the engine, a second. Any is bad.", "cps",
               failures, thresholds=[(0.001, "red")]),
        number("Connections of the fullest engine", "Held now, of those it can hold.", "percentunit",
               f"max({series('transport_connections', WORKER)} / ({series('transport_connections_max', WORKER)} > 0))",
               thresholds=[(0.8, "orange"), (0.95, "red")]),
    )


def _workers():
    return row(
        "Workers",
        graph("Busy", "Share of a CPU each worker uses.", "percentunit", _by_worker("worker_busy_seconds_total"),
              thresholds=[(0.9, "red")]),
        graph("Sessions", "Open on each worker. Far apart: few, long sessions.", "short",
              (total(series("worker_sessions_active", WORKER), "instance", "worker"), "{{instance}} {{worker}}")),
        graph("Turn of the loop", "p50, p99 and p99.9 of the time of one turn, over all workers.", "s",
              (quantile(0.5, "worker_loop_seconds", WORKER), "p50"),
              (quantile(0.99, "worker_loop_seconds", WORKER), "p99"),
              (quantile(0.999, "worker_loop_seconds", WORKER), "p99.9"), thresholds=[(0.01, "red")]),
        heatmap("All turns of the loop", "Each column is a moment, each row a duration. A band above 10 ms is felt by"
                " clients.", "worker_loop_seconds", WORKER),
        graph("Turn of the loop, p99 by worker", "One worker apart from the others shares its CPU with something.", "s",
              (quantile(0.99, "worker_loop_seconds", WORKER, "instance", "worker"), "{{instance}} {{worker}}"),
              width=12),
    )


def _engine():
    batch = share(total(rate("transport_events_total", WORKER), "instance", "transport"),
                  total(rate("transport_polls_total", WORKER), "instance", "transport"))
    return row(
        "Engine",
        graph("System calls by kind", "enter is io_uring; poll is epoll. splice moves bulk bytes.", "ops",
              (total(rate("transport_syscalls_total", WORKER), "kind"), "{{kind}}"), stacked=True),
        graph("System calls for each new session", "A sudden rise with the same traffic: another engine, or bytes in"
              " smaller pieces.", "short",
              (f"{total(rate('transport_syscalls_total', WORKER), 'instance')} /"
               f" ({total(rate('listener_accepted_total'), 'instance')} > 0)", "{{instance}}")),
        graph("Polls and events", "Polls with few events each are a worker that is idle; see the batch.", "ops",
              (total(rate("transport_polls_total", WORKER), "transport"), "{{transport}} polls"),
              (total(rate("transport_events_total", WORKER), "transport"), "{{transport}} events"),
              (total(rate("transport_stale_events_total", WORKER), "transport"), "{{transport}} stale events"),
              (total(rate("transport_wakes_total", WORKER), "transport"), "{{transport}} wakes")),
        graph("Events for each poll", "The size of a batch. It grows with load; that is good.", "short",
              (batch, "{{instance}} {{transport}}")),
        graph("Connections", "Held by the engine; two for a session, and those of pools.", "short",
              (total(series("transport_connections", WORKER), "instance", "worker"), "{{instance}} {{worker}}")),
        graph("Sessions whose bytes it moves", "Relays the engine runs now.", "short",
              (total(series("transport_relays", WORKER), "transport", "worker"), "{{transport}} {{worker}}")),
        graph("Engines that were refused", "Transports that run on another engine, by cause. operations.md, io_uring"
              " refused? says what to do. No data: nothing was refused.", "short",
              (total(series("transport_refused_transports"), "instance", "transport", "cause"),
               "{{instance}} {{transport}} {{cause}}")),
        graph("Failures of the engine", "Accepts and connects that failed on this machine, before the network."
              " descriptors, memory and capacity are bad; aborted is a client that had gone.", "cps",
              (total(rate("transport_accept_failures_total", WORKER), "cause"), "accept: {{cause}}"),
              (total(rate("transport_connects_refused_total", WORKER)), "connect: no descriptor, port or memory"),
              (total(rate("transport_sources_exhausted_total", WORKER)), "connect: a source without ports")),
        graph("Rings of io_uring", "Requests and answers. overflowed at a steady rate: the worker is too slow. 0 with"
              " other engines.", "ops",
              (total(rate("transport_submissions_total", WORKER)), "submissions"),
              (total(rate("transport_completions_total", WORKER)), "completions"),
              (total(rate("transport_completions_overflowed_total", WORKER)), "overflowed"),
              (total(rate("transport_cancellations_total", WORKER)), "cancellations")),
    )


def _relay():
    in_use = series("transport_buffers_in_use", WORKER)
    return row(
        "How bytes move",
        graph("Payload by method", "copy is for small messages, splice and uring for bulk. Bulk that is all copy: see the"
              " refusals beside.", "Bps",
              (total(rate("relay_method_bytes_total", WORKER), "method"), "{{method}}"), stacked=True),
        graph("Changes of method", "Directions that went to the bulk method and back. As many of both at a high rate:"
              " traffic that changes its mind.", "ops",
              (total(rate("transport_promotions_total", WORKER)), "to bulk"),
              (total(rate("transport_demotions_total", WORKER)), "back to copying")),
        graph("Bulk that had to be copied", "pipes_exhausted: all in use. pipe_failed: the kernel gave none. shrunk:"
              " fs.pipe-user-pages-soft is reached.", "ops",
              (total(rate("transport_bulk_refused_total", WORKER), "cause"), "{{cause}}"),
              (total(rate("transport_pipes_shrunk_total", WORKER)), "pipes shrunk")),
        graph("Pipes", "borrowed at max: more bulk sessions than pipes.", "short",
              (total(series("transport_pipes_open", WORKER)), "open"),
              (total(series("transport_pipes_borrowed", WORKER)), "borrowed"),
              (total(series("transport_pipes_max", WORKER)), "max")),
        graph("Receive buffers", "In use, of those the engine has. Close to the most: readers that stopped. epoll has"
              " none.", "short", (total(in_use, "transport"), "{{transport}} in use"),
              (total(series("transport_buffers_max", WORKER), "transport"), "{{transport}} max"),
              (total(rate("transport_buffers_exhausted_total", WORKER), "transport"),
               "{{transport}} exhausted a second")),
        graph("Payload held", "Read from one side, not yet taken by the other. Growth: readers that stopped.", "bytes",
              (total(series("transport_held_bytes", WORKER), "instance", "worker"), "{{instance}} {{worker}}")),
        graph("Writes taken in part", "Readers slower than senders (short writes), and relays that let others go first"
              " (fairness).", "ops",
              (total(rate("transport_short_writes_total", WORKER)), "short writes"),
              (total(rate("transport_fairness_yields_total", WORKER)), "fairness")),
        graph("Resets", "waiting: for the bytes before them to be delivered. found late: the kernel did not tell them.",
              "short",
              (total(series("transport_resets_pending", WORKER)), "waiting"),
              (total(rate("transport_resets_missed_total", WORKER)), "found late, a second")),
    )


def _process():
    return row(
        "Process and metrics port",
        graph("Threads", "Workers, main, monitor, HTTP, DNS, log. Constant.", "short",
              (series("process_threads"), "{{instance}}")),
        graph("Descriptors", "Open now, and the limit.", "short",
              (series("process_open_fds"), "{{instance}} open"), (series("process_max_fds"), "{{instance}} limit")),
        graph("Virtual memory", "Address space; the engines reserve it and use little.", "bytes",
              (series("process_virtual_memory_bytes"), "{{instance}}")),
        graph("Time to write the page of metrics", "Over 0.05 s scrapes cost something: fewer endpoints or a longer"
              " interval.", "s", (series("http_render_seconds"), "{{instance}}"), thresholds=[(0.05, "red")]),
        graph("Requests to the metrics port", "By status. 503 is /readyz while it drains.", "reqps",
              (total(rate("http_requests_total"), "instance", "code"), "{{instance}} {{code}}")),
        graph("Connections of the metrics port", "Open, the bound, and those that ended without an answer a second."
              " crowded_out: somebody holds connections.", "short",
              (series("http_connections"), "{{instance}} open"),
              (series("http_connections_max"), "{{instance}} max"),
              (total(rate("http_connections_dropped_total"), "instance", "cause"), "{{instance}} {{cause}} a second")),
    )


def make():
    return board("millrace-workers", "Workers, their loops and engines, and the process.", ("worker",),
                 _now(), _workers(), _engine(), _relay(), _process())

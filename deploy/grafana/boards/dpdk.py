"""The engine that handles packets itself (transport: dpdk). docs/dpdk.md explains every reason and what."""

from boards.panels import INSTANCE, board, graph, most, number, rate, row, series, share, total

WORKER = (*INSTANCE, 'worker=~"$worker"')
# Drops that mean that we, and not a sender, lack something.
LACKING = 'reason=~"no_buffer|table_full|link_stations_full"'
FORGED = 'reason=~"bad_checksum|bad_cookie|bad_header|bad_sequence|icmp_unknown|link_bad_source|link_bad_message"'
PORT_LOSS = 'what=~"receive_missed|send_dropped|no_buffers"'


def _what(*names):
    return f'what=~"{"|".join(names)}"'


def _events(title, description, *names, unit="ops"):
    return graph(title, description, unit,
                 (total(rate("packets_counted_total", WORKER, _what(*names)), "what"), "{{what}}"))


def _held(title, description, *names, unit="short"):
    return graph(title, description, unit,
                 (total(series("packets_held", WORKER, _what(*names)), "what"), "{{what}}"))


def _now():
    cost = share(total(rate("packets_counted_total", WORKER, _what("sampled_nanoseconds"))),
                 total(rate("packets_counted_total", WORKER, _what("sampled_packets"))))
    return row(
        "Now",
        number("Packets in", "Received from all ports, a second.", "pps",
               total(rate("port_packets_total", WORKER, _what("received"))), color_mode="none"),
        number("Bits out", "Sent by all ports, Ethernet headers included.", "bps",
               "8 * " + total(rate("port_bytes_total", WORKER, _what("sent"))), color_mode="none"),
        number("Sessions", "Pairs in the tables, those that linger included. Compare with dpdk.sessions_max.", "short",
               total(series("packets_held", WORKER, _what("pairs"))), color_mode="none"),
        number("Lost at the ports", "Packets that found a queue full or no memory, a second. Any steady rate is bad.",
               "pps", total(rate("port_packets_total", WORKER, PORT_LOSS)), thresholds=[(1, "orange"), (100, "red")]),
        number("Dropped for want of room", "Tables or buffers are full: raise dpdk.sessions_max.", "pps",
               total(rate("packets_dropped_total", WORKER, LACKING)), thresholds=[(0.1, "red")]),
        number("Time of one packet", "From its arrival until it is handed to the device, sampled. ns.", "ns", cost,
               color_mode="none"),
    )


def _ports():
    def by_port(*names):
        return total(rate("port_packets_total", WORKER, _what(*names)), "port", "worker", "what")

    bursts = share(total(rate("port_packets_total", WORKER, _what("received")), "worker"),
                   total(rate("port_packets_total", WORKER, _what("receive_bursts")), "worker"))
    return row(
        "Ports",
        graph("Packets", "By port, worker and direction.", "pps",
              (by_port("received", "sent"), "port {{port}} worker {{worker}} {{what}}")),
        graph("Bits", "By port and direction, Ethernet headers included. Compare with the speed of the link.", "bps",
              ("8 * " + total(rate("port_bytes_total", WORKER), "port", "what"), "port {{port}} {{what}}")),
        graph("Losses", "receive_missed: the worker is too slow or was not running. send_dropped: the queue out was full."
              " no_buffers: memory. receive_errors: cables.", "pps",
              (by_port("receive_missed", "receive_errors", "send_dropped", "no_buffers"),
               "port {{port}} worker {{worker}} {{what}}")),
        graph("Size of a burst", "Received packets for each burst. Near 64 the worker is at its limit.", "short",
              (bursts, "worker {{worker}}"), thresholds=[(60, "red")]),
        graph("Busy", "Share of a CPU spent with packets; turns that found nothing are not counted.", "percentunit",
              (most(rate("worker_busy_seconds_total", WORKER), "instance", "worker"), "{{instance}} {{worker}}"),
              thresholds=[(0.9, "red")]),
        _events("Turns of the loop", "rounds are all, bursts those that brought a frame.", "rounds", "bursts"),
    )


def _drops():
    return row(
        "Drops",
        graph("By reason", "Packets that went no further. Most are other people's noise; dpdk.md says when to look.", "pps",
              (total(rate("packets_dropped_total", WORKER), "reason"), "{{reason}}"), stacked=True, width=12),
        graph("For want of room", "Ours to mend: sessions_max, or a port that does not send.", "pps",
              (total(rate("packets_dropped_total", WORKER, LACKING), "reason"), "{{reason}}"), width=6,
              thresholds=[(0.1, "red")]),
        graph("Forged or damaged", "In numbers: somebody forges packets, or checksum offload on a veth.", "pps",
              (total(rate("packets_dropped_total", WORKER, FORGED), "reason"), "{{reason}}"), width=6),
    )


def _sessions():
    return row(
        "Handshakes and sessions",
        _events("Handshakes of clients", "cookies sent against accepted: many more sent is a flood of SYNs.",
                "cookies_sent", "cookies_accepted", "cookies_refused", "half_open_full", "syn_acks_repeated"),
        _events("Connects to upstreams", "begun, repeated and made. ports_exhausted: more addresses are needed.",
                "connects", "connected", "syns_repeated", "stale_answers", "ports_exhausted", "legs_full"),
        _events("Joined", "Sessions whose legs were put together. headers_failed and mss_too_large are worth a look.",
                "attached", "attach_repeated", "headers_sent", "headers_repeated", "headers_failed", "mss_too_large"),
        _events("Ends", "Both FINs, a reset of either side, by Millrace, replaced by the client's next SYN.",
                "closed", "client_resets", "upstream_resets", "aborted", "replaced"),
        _held("Tables", "pairs close to dpdk.sessions_max: raise it. lingering are sessions that ended 5 s ago at most.",
              "pairs", "lingering", "legs", "parked", "half_open", "openings"),
        _held("Local ports in use", "64,512 for each pair of local address and endpoint.", "ports_in_use"),
    )


def _rest():
    index = share(total(series("packets_held", WORKER, _what("table_entries")), "worker"),
                  total(series("packets_held", WORKER, _what("table_places")), "worker"))
    return row(
        "Core",
        _events("Packets in the core", "Given to the core, and those passed from one leg to the other. The rest are handshakes,"
                " answers and drops.", "packets", "translated", unit="pps"),
        graph("Index", "Entries for each place: 0.6 to 0.75 is normal.", "percentunit", (index, "worker {{worker}}")),
        _held("Memory of the tables", "All tables together.", "memory_bytes", "early_bytes", unit="bytes"),
        _events("Sweeps", "Walks over all sessions, and sessions looked at.", "sweeps", "swept"),
        _events("Answers to strangers", "Resets and challenges; answers_limited are those not given, past 10,000 a second.",
                "resets_sent", "challenges_sent", "answers_limited", "icmp_passed"),
        _events("Network around", "address_conflicts, gateway_moves and link_downs are events to know about.",
                "neighbour_questions", "neighbour_answers", "neighbours_unanswered", "address_conflicts", "gateway_moves",
                "link_downs"),
        _events("Trouble", "timers_dropped, neighbours_lacking: any is worth a look.", "timers_dropped",
                "neighbours_lacking", "neighbour_questions_lacking", "early_held"),
        _held("Neighbours and stations", "4,096 stations at most.", "neighbours", "stations"),
    )


def make():
    return board("millrace-dpdk", "Packets, ports and tables of the DPDK engine; empty with every other.", ("worker",),
                 _now(), _ports(), _drops(), _sessions(), _rest())

"""Medians, ratios and tables from the samples of a comparison.

samples[work name][proxy name] is a list with one entry per round: a dict of figures, or None where
the run failed."""

import statistics

import proxies
import works

# What the ratios are of. The first is also what the second is divided by.
SUBJECTS = tuple(proxies.ENGINES)

# Heading, field of a sample, format.
COLUMNS = (
    ("CPU µs/op", "cpu_us_per_operation", "{:.1f}"),
    ("CPU ms/Gbit", "cpu_ms_per_gigabit", "{:.1f}"),
    ("Gbit/s per core", "gigabits_per_cpu_second", "{:.1f}"),
    ("ops/s", "operations_per_second", "{:,.0f}"),
    ("Gbit/s", "gigabits_per_second", "{:.1f}"),
    ("p50 µs", "p50_us", "{:,.0f}"),
    ("p99 µs", "p99_us", "{:,.0f}"),
    ("p99.9 µs", "p99.9_us", "{:,.0f}"),
    ("calls/op", "system_calls_per_operation", "{:.2f}"),
    ("bytes/session", "memory_bytes_per_session", "{:,.0f}"),
    ("MiB held", "memory_mebibytes", "{:.1f}"),
    ("proxy core %", "proxy_core_percent", "{:.0f}"),
    ("load core %", "load_core_percent", "{:.0f}"),
)


def values(runs, figure):
    return [run[figure] for run in runs if run is not None and run.get(figure) is not None]


def text(value, figure):
    """A figure as the tables show it."""
    form = next(form for _, field, form in COLUMNS if field == figure)
    return "–" if value is None else form.format(value)


def median(runs, figure):
    found = values(runs, figure)
    return statistics.median(found) if found else None


def ratio(subject_runs, peer_runs, figure):
    """Median, lowest and highest of subject / peer, one ratio per round: what disturbs a round
    disturbs both. None without a round that has both."""
    found = [
        mine[figure] / theirs[figure]
        for mine, theirs in zip(subject_runs, peer_runs)
        if mine and theirs and mine.get(figure) is not None and theirs.get(figure)
    ]
    if not found:
        return None
    return {"median": statistics.median(found), "lowest": min(found), "highest": max(found), "rounds": len(found)}


def better_peer(by_proxy, figure):
    """The peer with the lower median, or None."""
    medians = {
        name: median(runs, figure) for name, runs in by_proxy.items() if name not in (*SUBJECTS, "direct")
    }
    medians = {name: value for name, value in medians.items() if value is not None}
    return min(medians, key=medians.get) if medians else None


def verdict(value, at_most):
    return "" if at_most is None else ("met" if value <= at_most else "NOT MET")


def ratios_of(work, by_proxy):
    """Every ratio of a work as rows of a table, with its target where there is one."""
    return [row for subject in SUBJECTS if by_proxy.get(subject) for row in ratios_of_one(work, by_proxy, subject)]


def ratios_of_one(work, by_proxy, subject):
    rows = []
    mine = by_proxy[subject]
    targets = work.targets_of(subject)
    if work.at_most is not None and (value := median(mine, work.figure)) is not None:
        found = values(mine, work.figure)
        rows.append(
            {
                "work": work.name, "figure": work.unit, "proxy": subject, "against": "absolute", "median": value,
                "lowest": min(found), "highest": max(found), "rounds": len(found),
                "at_most": work.at_most, "verdict": verdict(value, work.at_most),
            }
        )
    best = better_peer(by_proxy, work.figure) if works.BETTER_PEER in targets else None
    for peer, runs in by_proxy.items():
        # Of the engines only the later one is divided by the earlier.
        if peer == "direct" or peer in SUBJECTS[SUBJECTS.index(subject):]:
            continue
        found = ratio(mine, runs, work.figure)
        if found is None:
            continue
        at_most = targets.get(works.BETTER_PEER if peer == best else peer)
        against = f"{peer} ({works.BETTER_PEER})" if peer == best else peer
        rows.append(
            {"work": work.name, "figure": work.unit, "proxy": subject, "against": against, **found,
             "at_most": at_most, "verdict": verdict(found["median"], at_most)}
        )
    return rows


def table(headings, rows, markdown):
    """Rows of strings as a Markdown table or as aligned columns; the first column is text."""
    if markdown:
        lines = ["| " + " | ".join(headings) + " |", "|" + "|".join(["---"] + ["--:"] * (len(headings) - 1)) + "|"]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths)))
        for row in [headings, *rows]
    )


def work_table(by_proxy, markdown):
    columns = [
        column for column in COLUMNS
        if any(values(runs, column[1]) for runs in by_proxy.values())
    ]
    rows = []
    for name, runs in by_proxy.items():
        row = [name]
        row += [text(median(runs, figure), figure) for _, figure, _ in columns]
        row.append(str(sum(run is None for run in runs) or "–"))
        rows.append(row)
    return table(["", *(heading for heading, _, _ in columns), "failed runs"], rows, markdown)


def summary_table(chosen, samples, markdown):
    """The figure that each work is judged by, proxy by proxy."""
    names = list(dict.fromkeys(name for by_proxy in samples.values() for name in by_proxy if name != "direct"))
    rows = []
    for work in chosen:
        medians = [median(samples.get(work.name, {}).get(name, []), work.figure) for name in names]
        if any(value is not None for value in medians):
            rows.append([f"{work.name}, {work.unit}", *(text(value, work.figure) for value in medians)])
    return table(["", *names], rows, markdown)


def ratio_table(rows, markdown):
    def number(value):
        return f"{value:.0f}" if value >= 10 else f"{value:.2f}"

    cells = [
        [
            row["work"], row["proxy"], row["against"], number(row["median"]),
            f"{number(row['lowest'])}–{number(row['highest'])}",
            "–" if row["at_most"] is None else number(row["at_most"]), row["verdict"] or "–",
        ]
        for row in rows
    ]
    return table(["", "of", "divided by", "median", "spread", "at most", ""], cells, markdown)


def render(environment, chosen, samples, markdown):
    """The whole report as text."""
    heading = "### {}" if markdown else "\n== {}"
    parts = []
    for key, value in environment.items():
        parts.append(f"- {key}: {value}" if markdown else f"{key}: {value}")
    parts += ["", heading.format("summary: the figure each work is judged by"), ""]
    parts.append(summary_table(chosen, samples, markdown))
    for work in chosen:
        by_proxy = samples.get(work.name, {})
        if not by_proxy:
            continue
        note = f" ({environment['half-load rate']})" if work.name == "half-load" else ""
        parts += ["", heading.format(f"{work.name}: {work.title}{note}"), "", work_table(by_proxy, markdown)]
    rows = [row for work in chosen for row in ratios_of(work, samples.get(work.name, {}))]
    parts += ["", heading.format("ratios, paired by round; spread is lowest–highest"), ""]
    parts.append(ratio_table(rows, markdown) if rows else "None: no runs of Millrace beside a peer's.")
    return "\n".join(parts)

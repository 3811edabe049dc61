"""The table of what was measured, in Markdown, with the targets beside it."""

import json
import statistics

# Measurements in the order of the table.
ALL = ["job", "tail", "workers", "idle", "tls", "guards", "size", "where", "flat"]
# More of the machine in other hands than this, in percent, and a measurement counts as disturbed.
CLEAN = 20


class Rows:
    """What one measurement recorded."""

    def __init__(self, path):
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        self.about = next((row for row in rows if row["mode"] == "about"), {})
        # What a proxy said or showed once, beside its figures.
        self.notes = [row for row in rows if row["mode"] in ("check", "cipher", "calls", "profile", "not")]
        self.rows = [row for row in rows if row["mode"] in ("sat", "lat", "idle", "flat")]

    def of(self, name, **where):
        """The rows of a proxy: those nobody disturbed, or all when there are no others."""
        found = [row for row in self.rows if row["name"] == name and not row.get("replaced")]
        found = [row for row in found if all(row.get(key) == value for key, value in where.items())]
        return [row for row in found if row.get("others", 0) <= CLEAN] or found

    def names(self, mode):
        return list(dict.fromkeys(row["name"] for row in self.rows if row["mode"] == mode))

    def median(self, name, key, **where):
        values = [row[key] for row in self.of(name, **where) if key in row]
        return statistics.median(values) if values else None

    def spread(self, name, key, form="{:.1f}", **where):
        values = [row[key] for row in self.of(name, **where) if key in row]
        return spread(values, form)

    def ratio(self, name, other, key, **where):
        """Of the medians, and between which values the rounds' own ratios lie."""
        mine, theirs = self.median(name, key, **where), self.median(other, key, **where)
        if not mine or not theirs:
            return None
        pairs = []
        for row in self.of(name, **where):
            beside = [it[key] for it in self.of(other, **where) if it.get("round") == row.get("round")]
            pairs += [row[key] / it for it in beside if it]
        disturbed = any(row.get("others", 0) > CLEAN for it in (name, other) for row in self.of(it, **where))
        return Ratio(mine / theirs, *((min(pairs), max(pairs)) if pairs else (None, None)), disturbed)

    def sound(self, name, mode):
        """How many of the measurements nobody disturbed; a dagger where only disturbed ones are left."""
        rows = [row for row in self.rows if row["name"] == name and row["mode"] == mode and not row.get("replaced")]
        clean = sum(row.get("others", 0) <= CLEAN for row in rows)
        bad = sum(row.get("bad", 0) for row in rows)
        return f"{clean}/{len(rows)}" + ("" if clean else " †") + (f", **{bad:.0f} bad**" if bad else "")


class Ratio:
    """Of two medians, with the least and greatest of the rounds, and whether others disturbed it."""

    def __init__(self, value, low=None, high=None, disturbed=False):
        self.value, self.low, self.high, self.disturbed = value, low, high, disturbed

    def __str__(self):
        return f"{self.value:.2f}" + (f" ({self.low:.2f}–{self.high:.2f})" if self.low != self.high else "")


def spread(values, form):
    if not values:
        return "–"
    middle, low, high = (form.format(it) for it in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join("–" if cell is None else str(cell) for cell in row) + " |" for row in lines) + "\n"
    )


def job(rows):
    body = []
    for name in sorted(rows.names("sat"), key=lambda it: rows.median(it, "cpu_us")):
        body.append(
            [
                name,
                rows.spread(name, "cpu_us"),
                *(rows.ratio(name, peer, "cpu_us") for peer in ("haproxy", "nginx-pass", "floor")),
                rows.spread(name, "rps", "{:.0f}"),
                rows.spread(name, "load_busy", "{:.0f}"),
                rows.sound(name, "sat"),
            ]
        )
    checks = [f"{row['name']} {row['said']}" for row in rows.notes if row["mode"] == "check"]
    said = f"\nThe benchmark's own assertions: {'; '.join(checks)}.\n" if checks else ""
    return (
        table(
            [
                "proxy",
                "CPU µs a scan",
                "× haproxy",
                "× nginx-pass",
                "× floor",
                "scans/s, one core",
                "load's core busy %",
                "undisturbed",
            ],
            body,
        )
        + said
    )


def tail(rows):
    body = []
    for name in rows.names("lat"):
        body.append(
            [
                name,
                *(rows.spread(name, key, "{:.0f}") for key in ("p50", "p99", "p999")),
                rows.ratio(name, "haproxy", "p99"),
                rows.ratio(name, "haproxy", "p999"),
                rows.spread(name, "cpu_us"),
                rows.sound(name, "lat"),
            ]
        )
    return table(
        ["proxy", "p50 µs", "p99 µs", "p99.9 µs", "p99 × haproxy", "p99.9 × haproxy", "CPU µs a scan", "undisturbed"],
        body,
    )


def workers(rows):
    body = []
    for name in rows.names("sat"):
        for how in "quota", "shared":
            found = rows.of(name, how=how, workers=2)
            if not found:
                continue
            busy = [
                [us for thread, us in row.get("threads_us", {}).items() if thread.startswith("worker-")]
                for row in found
            ]
            shares = [max(it) / sum(it) for it in busy if it]
            gain = rows.ratio(name, f"{name}-1", "rps", how=how)
            body.append(
                [
                    name,
                    how,
                    rows.spread(f"{name}-1", "rps", "{:.0f}", how=how),
                    rows.spread(name, "rps", "{:.0f}", how=how),
                    gain,
                    rows.spread(f"{name}-1", "cpu_us", how=how),
                    rows.spread(name, "cpu_us", how=how),
                    spread(shares, "{:.2f}"),
                ]
            )
    head = [
        "proxy",
        "how",
        "scans/s, one",
        "scans/s, two",
        "two / one",
        "CPU µs, one",
        "CPU µs, two",
        "busier worker's share",
    ]
    return table(head, body)


def idle(rows):
    body = []
    for name in rows.names("idle"):
        for count in sorted({row["connections"] for row in rows.rows if row["name"] == name and row["mode"] == "idle"}):
            found = rows.of(name, connections=count)
            values = [
                spread([row[key] / 1024 for row in found], "{:.1f}")
                for key in ("fresh_rss", "grown_rss", "grown_pss", "after_rss")
            ]
            kept = min(row["alive"] for row in found)
            body.append([name, f"{count:,}", *values, f"{kept:,}"])
    return table(
        ["proxy", "connections", "fresh RSS MiB", "+ RSS MiB", "+ PSS MiB", "RSS MiB after they ended", "kept"], body
    )


def pairs(rows, against):
    """Rows beside the one each is compared with."""
    body = []
    for name in rows.names("sat"):
        other = against.get(name)
        body.append(
            [
                name,
                rows.spread(name, "cpu_us"),
                rows.ratio(name, other, "cpu_us") if other else "1",
                rows.spread(name, "rps", "{:.0f}"),
                rows.spread(name, "load_busy", "{:.0f}"),
                rows.spread(name, "rss_mib", "{:.0f}"),
                rows.sound(name, "sat"),
            ]
        )
    return table(
        ["", "CPU µs a scan", "ratio", "scans/s, one core", "load's core busy %", "RSS MiB at the end", "undisturbed"],
        body,
    )


def tls(rows):
    said = "; ".join(f"{row['name']}: {row['said']}" for row in rows.notes if row["mode"] == "cipher")
    return (
        pairs(rows, {name: "haproxy-tls" for name in rows.names("sat") if name != "haproxy-tls"})
        + f"\nSpoken with {said}.\n"
    )


def guards(rows):
    return pairs(rows, {"guards": "guards-off"})


def size(rows):
    against = {"large": "small", "large-spread": "small-spread"}
    starts = {name: rows.spread(name, "start", "{:.1f}") for name in rows.names("sat")}
    said = ", ".join(f"{name} {took} s" for name, took in starts.items())
    return pairs(rows, against) + f"\nFrom the start of the program to its first answer: {said}.\n"


def where(rows):
    noted = {
        mode: {row["name"]: row[mode] for row in rows.notes if row["mode"] == mode} for mode in ("calls", "profile")
    }
    body = []
    for name in rows.names("sat"):
        calls = noted["calls"].get(name, {})
        named = ", ".join(f"{call} {often:.2f}" for call, often in list(calls.items())[:6])
        busy = [
            f"{thread} {us:.1f}" for row in rows.of(name)[:1] for thread, us in row["threads_us"].items() if us >= 0.05
        ]
        body.append(
            [
                name,
                rows.spread(name, "cpu_us"),
                ", ".join(busy),
                f"{sum(calls.values()):.1f}: {named}" if calls else None,
            ]
        )
    text = table(["proxy", "CPU µs a scan", "by thread", "system calls a scan"], body)
    for name, found in noted["profile"].items():
        parts, functions = (
            ", ".join(f"`{what}` {percent:.1f} %" for percent, what in found[key]) for key in ("parts", "functions")
        )
        text += f"\n{name}, where samples fall: {parts}. Most: {functions}.\n"
    return text


def flat(rows):
    body = []
    for row in rows.rows:
        body.append(
            [
                row["name"],
                f"{row['minutes']:.1f}",
                row["rate"],
                *(f"{row[key] / 1024:.1f}" for key in ("first", "settled", "last", "most")),
                f"{row['slope'] / 1024:+.3f}",
                f"{row['bad']:.0f}",
            ]
        )
    return table(
        [
            "proxy",
            "minutes",
            "scans/s",
            "RSS MiB fresh",
            "after the first fifth",
            "at the end",
            "at most",
            "MiB a minute",
            "bad",
        ],
        body,
    )


SHOWN = {
    "job": ("The job at saturation, one worker", job),
    "tail": ("Latency at a fixed rate, one worker", tail),
    "workers": ("Two workers against one", workers),
    "idle": ("Connections at rest", idle),
    "tls": ("TLS 1.3 towards terminals", tls),
    "guards": ("Replay guard, idempotency in memory and audit trail", guards),
    "size": ("Size of the configuration", size),
    "where": ("Where the time goes", where),
    "flat": ("Memory over time", flat),
}


def targets(found):
    """Each target beside what was found."""
    lines = []
    dry = any(rows.about.get("quick") for rows in found.values())

    def line(what, bound, value, most=True, form="{:.2f}"):
        bounded = f"{'≤' if most else '≥'} {bound}"
        if value is None:
            lines.append([what, bounded, "not measured", ""])
        else:
            number = value.value if isinstance(value, Ratio) else value
            met = number <= bound if most else number >= bound
            shown = str(value) if isinstance(value, Ratio) else form.format(value)
            if isinstance(value, Ratio) and value.disturbed:
                shown += " †"
            verdict = "dry run" if dry else "met" if met else "**missed**"
            lines.append([what, bounded, shown, verdict])

    ours = [("multicode", "audit off"), ("multicode-audit", "audit on")]
    for name, said in ours if "job" in found else []:
        for peer, bound in ("haproxy", 0.60), ("nginx-pass", 0.90), ("floor", 1.45):
            line(f"CPU a scan × {peer}, {said}", bound, found["job"].ratio(name, peer, "cpu_us"))
    for name, said in ours if "tail" in found else []:
        line(f"p99 at a fixed rate × haproxy, {said}", 1.0, found["tail"].ratio(name, "haproxy", "p99"))
        line(f"p99.9 at a fixed rate × haproxy, {said}", 1.5, found["tail"].ratio(name, "haproxy", "p999"))
    if "workers" in found:
        rows = found["workers"]
        how = "quota" if rows.of("multicode", how="quota") else "shared"
        value = rows.ratio("multicode", "multicode-1", "rps", how="quota")
        if how == "shared":
            value = rows.ratio("multicode-1", "multicode", "cpu_us", how="shared")
            value = value and Ratio(2 * value.value, disturbed=value.disturbed)
        line("two workers × one" + ("" if how == "quota" else ", from CPU a scan"), 1.8, value, most=False)
    for name, said in ours if "idle" in found else []:
        rows = found["idle"]
        fresh = rows.median(name, "fresh_rss", connections=1000)
        line(f"idle process MiB, {said}", 15, fresh and fresh / 1024, form="{:.1f}")
        for count, bound in (1000, 4), (10000, 40):
            grown = rows.median(name, "grown_rss", connections=count)
            line(f"{count:,} connections at rest, MiB more, {said}", bound, grown and grown / 1024, form="{:.1f}")
    if "tls" in found:
        line("TLS 1.3 × haproxy", 0.8, found["tls"].ratio("multicode-tls", "haproxy-tls", "cpu_us"))
    if "guards" in found:
        line("guards and trail × without", 1.25, found["guards"].ratio("guards", "guards-off", "cpu_us"))
    if "size" in found:
        line(
            "2,000 families and 10,000 keys × 10 and 10, the job's codes",
            1.05,
            found["size"].ratio("large", "small", "cpu_us"),
        )
        line(
            "the same, codes of all families and keys",
            1.05,
            found["size"].ratio("large-spread", "small-spread", "cpu_us"),
        )
    if "flat" in found:
        row = found["flat"].rows[-1]
        line("memory over time, MiB a minute after the first fifth", 0.2, row["slope"] / 1024, form="{:+.3f}")
    return lines


def about(rows):
    it = rows.about
    knobs = ", ".join(f"{name} {value}" for name, value in it.get("knobs", {}).items())
    return (
        f"{it.get('date')}, load before {it.get('load1', 0):.1f}, commit {it.get('commit')}, program {it.get('program')}; {knobs}"
        + (". **Dry run: no figure of it means anything.**" if it.get("quick") else ".")
    )


def whole(folder, chosen=ALL):
    """What there is of these measurements in a folder."""
    found = {what: Rows(folder / f"{what}.jsonl") for what in chosen if (folder / f"{what}.jsonl").exists()}
    found = {what: rows for what, rows in found.items() if rows.rows}
    if not found:
        return f"No measurement in {folder}.\n"
    first = next(iter(found.values())).about
    parts = [f"{first.get('machine', 'Machine unknown.')}\n", f"{first.get('versions', '')}\n"]
    if held := targets(found):
        parts += ["### Targets\n", table(["target", "bound", "found", ""], held)]
    for what, rows in found.items():
        title, show = SHOWN[what]
        parts += [f"### {title}\n", show(rows)]
        parts += [f"Not measured: {row['said']}.\n" for row in rows.notes if row["mode"] == "not"]
        parts.append(f"`bench/peers {what}`: {about(rows)}\n")
    missing = [what for what in chosen if what not in found]
    if missing:
        parts.append(f"Not measured in this run: {', '.join(missing)}.\n")
    parts.append(
        "A ratio is that of the medians; beside it the least and greatest of the rounds' own. †: every one of these "
        f"measurements was disturbed, others had more than {CLEAN} % of the machine.\n"
    )
    return "\n".join(parts)

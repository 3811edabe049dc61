"""The measurements, each of which can be repeated alone."""

import contextlib
import os
import signal
import ssl
import statistics
import subprocess
import sys
import time

from . import quota, variants, where, work
from .run import Run
from .stage import ROOT, Stage, Trouble, answer, memory, post

PEERS = ["haproxy", "nginx-pass", "nginx-lua", "floor"]
# More than one core and this load generator have reached; with fewer requests some would be sent twice.
SCANS_A_SECOND = 60_000
# The part of a core each worker may use where two are compared with one.
PART = 0.25


class Measurements(Run):
    """Each measurement, by the name it has in the table."""

    def job(self, record, folders):
        self.by_the_benchmark(record, "sat", [*PEERS, *map(str, self.ours), *folders], self.knobs.secs)

    def tail(self, record, folders):
        ours = [str(folder) for folder in self.ours]
        self.by_the_benchmark(record, "lat", ["haproxy", "nginx-pass", *ours, *folders], self.knobs.latsecs)

    def by_the_benchmark(self, record, mode, proxies, seconds):
        """What the shared benchmark measures itself, one worker, in its own way."""
        knobs = self.knobs
        names = {
            "ROUNDS": knobs.rounds,
            "SECS": knobs.secs,
            "WARM": knobs.warm,
            "CONNS": knobs.conns,
            "RATE": knobs.rate,
            "LATSECS": knobs.latsecs,
            "PORT": knobs.port,
            "PROXY_CPUS": knobs.proxy_cpus,
            "LOAD_CPUS": knobs.load_cpus,
            "QUIET": knobs.quiet,
            "QUIET_WAIT": knobs.quiet_wait,
            "KEEP": knobs.keep,
            "CHECK": 1 if mode == "sat" else 0,
            "MODES": mode,
            "OUT": record.path,
            "WORKERS": 1,
        }
        environment = {**os.environ, **{name: str(value) for name, value in names.items()}}
        limit = (
            knobs.rounds * len(proxies) * (2 * (seconds + 5) + knobs.warm + 10)
            + len(proxies) * 30
            + knobs.quiet_wait
            + 60
        )
        command = ["setpriv", "--pdeathsig", "TERM", "bash", str(knobs.work / "bench.sh"), *proxies]
        running = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # It reads lines for as long as it takes; the alarm ends a benchmark that hangs, and so the lines.
        previous = signal.signal(signal.SIGALRM, lambda *_: running.terminate())
        signal.alarm(int(limit))
        said = []
        try:
            for line in running.stdout:
                said.append(line)
                if line.startswith("#"):
                    print(" ", line.rstrip(), file=sys.stderr, flush=True)
                if line.startswith("# check "):
                    name, _, result = line.removeprefix("# check ").strip().partition(": ")
                    record.put({"name": name, "mode": "check", "said": result})
                elif ": " in line and line.split(": ")[0].removeprefix("# ") in map(os.path.basename, proxies):
                    name, _, result = line.removeprefix("# ").strip().partition(": ")
                    record.put({"name": name, "mode": "not", "said": f"{name}, {result.split(' (log')[0]}"})
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
            if running.poll() is None:
                running.terminate()
            running.wait(timeout=60)
        if running.returncode:
            raise Trouble(f"bench.sh ended with {running.returncode}: {''.join(said[-3:])}")

    def rounds(self):
        """The rounds; every other one goes through its proxies backwards, so that nobody is always first."""
        return range(self.knobs.rounds)

    @staticmethod
    def turned(names, number):
        return names if number % 2 == 0 else names[::-1]

    def workers(self, record):
        every = ",".join(str(core) for core in range(os.cpu_count() or 1))
        # A queue longer than what is served while a worker has processor.
        conns = 4 * self.knobs.conns
        hows = ["quota", "shared"]
        with Stage(self.knobs) as stage:
            for number in self.rounds():
                for count in self.turned([1, 2], number):
                    for how in list(hows):
                        with stage.proxy(self.ours[0], count, cpus=every) as child, contextlib.ExitStack() as held:
                            try:
                                if how == "quota":
                                    held.enter_context(quota.held(child, PART * count))
                            except Trouble as trouble:
                                hows.remove("quota")
                                record.put({"name": "multicode", "mode": "not", "said": str(trouble)})
                                continue
                            name = "multicode" if count == 2 else f"multicode-{count}"
                            for row in stage.saturate(child, name, load_cpus=every, conns=conns):
                                record.put({**row, "round": number, "workers": count, "how": how})

    def idle(self, record):
        proxies = {self.knobs.work / "peers/haproxy": [1000], self.knobs.work / "peers/nginx-pass": [1000]}
        proxies |= {folder: [1000, 10000] for folder in self.ours}
        with Stage(self.knobs) as stage:
            turns = [
                (number, folder, count)
                for number in range(min(self.knobs.rounds, 3))
                for folder, counts in proxies.items()
                for count in counts
            ]
            for turn, (number, folder, count) in enumerate(turns):
                with stage.proxy(folder) as child:
                    # From an address of their own: ports of connections that ended are not free at once.
                    found = self.rest(stage, child, count, f"127.0.1.{turn + 1}")
                    record.put({"name": folder.name, "mode": "idle", "round": number, **found})

    def rest(self, stage, child, count, source):
        """What so many connections cost that made one request each and wait."""
        time.sleep(1)
        fresh = memory(child.pid)
        body, open_ones = stage.first_body(), []
        try:
            for _ in range(count):
                connection = post(self.knobs.port, body, source=source)
                answer(connection)
                open_ones.append(connection)
            time.sleep(2)
            grown, alive = memory(child.pid), 0
            for connection in open_ones:
                connection.setblocking(False)
                with contextlib.suppress(OSError):
                    try:
                        connection.recv(1)
                    except BlockingIOError:
                        alive += 1
        finally:
            for connection in open_ones:
                connection.close()
        time.sleep(3)
        return {
            "connections": count,
            "alive": alive,
            "fresh_rss": fresh[0],
            "fresh_pss": fresh[1],
            "grown_rss": grown[0] - fresh[0],
            "grown_pss": grown[1] - fresh[1],
            "after_rss": memory(child.pid)[0],
        }

    def tls(self, record):
        certificates = variants.certificates(self.knobs.out / "certs", self.program)
        haproxy = variants.haproxy_tls(self.places / "haproxy-tls", self.knobs.work / "peers/haproxy", certificates)
        folders = [haproxy, variants.with_tls(self.places / "multicode-tls", self.program, certificates, self.lane)]
        trusted = ssl.create_default_context(cafile=certificates / "ca.pem")
        trusted.check_hostname = False
        with Stage(self.knobs) as stage:
            for number in self.rounds():
                for folder in self.turned(folders, number):
                    with stage.proxy(folder, secure=trusted) as child:
                        url = f"https://127.0.0.1:{self.knobs.port}"
                        if number == 0:
                            record.put({"name": folder.name, "mode": "cipher", "said": self.cipher()})
                            if folder == haproxy:
                                self.refuses_others(stage, url)
                        settings = {"OPENSSL_CONF": str(self.openssl(variants.CIPHER))}
                        for row in stage.saturate(child, folder.name, settings, url=url):
                            record.put({**row, "round": number, "rss_mib": row["rss"] / 1024})

    def openssl(self, cipher):
        """A configuration that leaves programs on OpenSSL one cipher."""
        path = self.knobs.out / f"{cipher}.cnf"
        path.write_text(
            "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = chosen\n[chosen]\n"
            f"MinProtocol = TLSv1.3\nCiphersuites = {cipher}\n"
        )
        return path

    def refuses_others(self, stage, url):
        """That the settings reach the load generator: with another cipher it gets nowhere at a proxy that has this one only."""
        settings = {
            "OPENSSL_CONF": str(self.openssl("TLS_CHACHA20_POLY1305_SHA256")),
            "BODIES": str(self.knobs.work / "load/bodies.txt"),
        }
        said = stage.load(stage.wrk(1, url=url), environment=settings)
        if "requests=0 " not in said:
            raise Trouble(f"the load generator does not keep to the cipher it is told: {said[-300:]}")

    def cipher(self):
        """What is spoken with a client that has the load generator's settings."""
        address = f"127.0.0.1:{self.knobs.port}"
        command = ["openssl", "s_client", "-connect", address, "-brief"]
        environment = {**os.environ, "OPENSSL_CONF": str(self.openssl(variants.CIPHER))}
        said = subprocess.run(
            command, input="", capture_output=True, text=True, timeout=20, env=environment, check=False
        )
        lines = [line for line in said.stderr.splitlines() if line.startswith(("Protocol version", "Ciphersuite"))]
        if not any(variants.CIPHER in line for line in lines):
            raise Trouble(f"openssl s_client: expected {variants.CIPHER}, found {said.stderr[-300:]}")
        return "; ".join(lines)

    def guards(self, record):
        folders = [
            variants.plain(self.places / "guards-off", self.program, self.lane),
            variants.guarded(self.places / "guards", self.program, self.lane),
        ]
        knobs = self.knobs
        warm = knobs.warm * SCANS_A_SECOND
        count = int(os.environ.get("DISTINCT", warm + knobs.secs * SCANS_A_SECOND))
        requests = knobs.out / "distinct.txt"
        # The first is what a proxy is asked until it serves; all others are sent once.
        work.distinct(requests, count + 1)
        with open(requests, "rb") as lines:
            first = lines.readline().strip()
        script = ROOT / "bench/measure/distinct.lua"
        with Stage(knobs) as stage:
            for number in self.rounds():
                for folder in self.turned(folders, number):
                    keyed = folder.name == "guards"
                    headers = "Idempotency-Key: the-first-of-all\r\n" if keyed else ""
                    again = True
                    while again:
                        # A process of its own each time: what it has seen it would refuse.
                        with stage.proxy(folder, body=first, headers=headers) as child:
                            # What was made before the start, and does not say when, is refused for a second.
                            time.sleep(2)
                            settings = {
                                "REQUESTS": str(requests),
                                "KEYED": "1" if keyed else "0",
                                "FIRST": str(warm + 2),
                                "LAST": str(count + 1),
                            }
                            before = {"FIRST": "2", "LAST": str(warm + 1)}
                            row = stage.saturate(child, folder.name, settings, warm_environment=before, script=script)[
                                0
                            ]
                        again = stage.once_more(row)
                        record.put({**row, "round": number, "rss_mib": row["rss"] / 1024})
        requests.unlink()

    def size(self, record):
        sizes = {"small": (10, 10), "large": (2000, 10000)}
        folders, bodies = {}, {}
        for name, (families, keys) in sizes.items():
            folders[name] = variants.sized(self.places / name, self.program, families, keys, self.lane)
            bodies[name] = self.knobs.out / f"{name}.txt"
            work.spread(bodies[name], families, keys)
        with Stage(self.knobs) as stage:
            for number in self.rounds():
                for name in self.turned(list(folders), number):
                    with stage.proxy(folders[name]) as child:
                        for row in stage.saturate(child, name):
                            record.put({**row, "round": number, "start": child.took, "rss_mib": row["rss"] / 1024})
                        for row in stage.saturate(child, f"{name}-spread", {"BODIES": str(bodies[name])}):
                            record.put({**row, "round": number, "start": child.took, "rss_mib": row["rss"] / 1024})

    def where(self, record):
        """System calls and samples; tools that are not there, or may not look, are named."""
        environment = {"BODIES": str(self.knobs.work / "load/bodies.txt")}
        peers = [self.knobs.work / "floor", self.knobs.work / "peers/haproxy", self.knobs.work / "peers/nginx-pass"]
        with Stage(self.knobs) as stage:
            for folder in [*peers, *self.ours]:
                with stage.proxy(folder) as child:
                    stage.load(stage.wrk(self.knobs.warm), environment=environment)
                    for row in stage.saturate(child, folder.name):
                        record.put({**row, "round": 0})
                    for key, look in ("calls", where.calls), ("profile", where.profile):
                        try:
                            record.put({"name": folder.name, "mode": key, key: look(stage, child, environment)})
                        except Trouble as trouble:
                            record.put(
                                {"name": folder.name, "mode": "not", "said": f"{key} of {folder.name}: {trouble}"}
                            )

    def flat(self, record, minutes):
        """Memory under a steady load: a line through the samples after the first fifth."""
        rate, slice_ = 1000, 60
        minutes = 0.2 if self.knobs.quick else minutes
        folder = next(it for it in self.ours if it.name == "multicode-audit")
        bodies = str(self.knobs.work / "load/bodies.txt")
        samples, bad = [], 0.0
        with Stage(self.knobs) as stage, stage.proxy(folder) as child:
            begun, first = time.time(), memory(child.pid)[0]
            while (left := minutes * 60 - (time.time() - begun)) > 1:
                command = [
                    str(self.knobs.work / "bench/olgen"),
                    str(self.knobs.port),
                    "64",
                    str(rate),
                    str(min(slice_, left)),
                    "0",
                    bodies,
                ]
                load = subprocess.Popen(
                    ["taskset", "-c", self.knobs.load_cpus, *command],
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
                stage.children.append(load)
                while load.poll() is None:
                    time.sleep(1)
                    samples.append((time.time() - begun, memory(child.pid)[0]))
                    if samples[-1][0] > minutes * 60 + 120:
                        load.terminate()
                said = load.stdout.read()
                stage.children.remove(load)
                found = {key: float(value) for key, value in (pair.split("=") for pair in said.split()[1:])}
                if not found:
                    raise Trouble(f"flat: the load generator gave no result after {time.time() - begun:.0f} s")
                bad += found["s4xx"] + found["other"] + found["dropped"]
        settled = [it for it in samples if it[0] > minutes * 60 / 5]
        slope = statistics.linear_regression([at / 60 for at, _ in settled], [kib for _, kib in settled]).slope
        record.put(
            {
                "name": folder.name,
                "mode": "flat",
                "minutes": minutes,
                "rate": rate,
                "first": first,
                "settled": settled[0][1],
                "last": settled[-1][1],
                "most": max(kib for _, kib in samples),
                "slope": slope,
                "bad": bad,
                "samples": samples[::5],
            }
        )

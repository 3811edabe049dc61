"""Starts proxies and load on their cores and reads what they used. Only own children are ever signalled."""

import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UPSTREAM_PORTS = ["29101", "29102", "29103", "29111", "29121"]
TICKS = os.sysconf("SC_CLK_TCK")
# How long a proxy may take to answer its first scan: 2,000 families are read, checked and compiled.
START = 60
# For 10,000 connections at rest, each of which could have one to a department beside it.
DESCRIPTORS = 65536


class Trouble(Exception):
    """A measurement that cannot be made; its text says what was found and what was expected."""


class Knobs:
    """The settings, from the environment, by the names the shared benchmark gives them."""

    def __init__(self, environment=os.environ):
        quick = environment.get("QUICK", "") not in ("", "0")

        def number(name, usual, hurried):
            text = environment.get(name, str(hurried if quick else usual))
            try:
                return float(text) if "." in text else int(text)
            except ValueError:
                raise Trouble(f"{name}={text}: expected a number") from None

        self.quick = quick
        self.rounds = number("ROUNDS", 5, 1)
        self.secs = number("SECS", 10, 1)
        self.warm = number("WARM", 2, 1)
        self.conns = number("CONNS", 64, 64)
        self.rate = number("RATE", 5000, 5000)
        self.latsecs = number("LATSECS", 10, 2)
        # A measurement waits for a quiet machine (others below this percentage), this long in all.
        self.quiet = number("QUIET", 10, 10)
        self.quiet_wait = number("QUIET_WAIT", 120, 0)
        # One with more than `keep` percent of others is made again, `again` times a round at most.
        self.keep = number("KEEP", 25, 0)
        self.again = number("AGAIN", 2, 0)
        self.port = number("PORT", 28080, 28080)
        self.proxy_cpus = environment.get("PROXY_CPUS", "0")
        self.load_cpus = environment.get("LOAD_CPUS", "1")
        self.out = pathlib.Path(environment.get("OUT", ROOT / "target/bench-peers")).resolve()
        self.work = self.out / "work"


def session(leader):
    """The living processes of a session."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(name))
    return found


def threads(leader):
    """Nanoseconds of processor by thread, as (name, id)."""
    used = {}
    for process in session(leader):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{process}/task"):
                place = pathlib.Path(f"/proc/{process}/task/{task}")
                name = (place / "comm").read_text().strip()
                used[name, task] = int((place / "schedstat").read_text().split()[0])
    return used


def processor(leader):
    return sum(threads(leader).values())


def memory(leader):
    """Resident and proportional KiB."""
    total = {"Rss": 0, "Pss": 0}
    for process in session(leader):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in total:
                    total[name] += int(rest.split()[0])
    return total["Rss"], total["Pss"]


def machine():
    """Busy, stolen and all ticks of each core and of all."""
    found = {}
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith("cpu"):
            name, *rest = line.split()
            ticks = [int(it) for it in rest[:8]]
            found[name] = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6], ticks[7], sum(ticks)
    return found


def share(before, after, name):
    """Percent of a core's time that was busy."""
    return 100 * (after[name][0] - before[name][0]) / max(1, after[name][2] - before[name][2])


def others(before, after, own):
    """Percent of the machine that programs other than ours, or its host, had; `own` in nanoseconds."""
    ticks = sum(after["cpu"][:2]) - sum(before["cpu"][:2])
    return max(0.0, 100 * (ticks - own / 1e9 * TICKS) / max(1, after["cpu"][2] - before["cpu"][2]))


def post(port, body, timeout=10, secure=None, headers="", source="127.0.0.1"):
    """A connection that has sent one scan."""
    connection = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    if secure:
        connection = secure.wrap_socket(connection)
    head = f"POST /v1/scan HTTP/1.1\r\nHost: gw.local\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def answer(connection):
    """The status of the answer, once all of it is here; 0 without one."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return 0
        got += part
    head, rest = got.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while len(rest) < int(length[1]) if length else not rest.endswith(b"0\r\n\r\n"):
        part = connection.recv(65536)
        if not part:
            return 0
        rest += part
    return int(head.split()[1])


class Stage:
    """The upstream, and one proxy after the other before it."""

    def __init__(self, knobs):
        self.knobs = knobs
        self.children = []
        self.waited = 0.0
        # Measurements that may be made again, over all of them: on a busy machine it has to end as well.
        self.left = knobs.again * knobs.rounds
        self.logs = knobs.out / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        # The limit of files to the most we may have, and beyond it where we are root.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for most in max(hard, DESCRIPTORS), hard:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
                break

    def __enter__(self):
        for port in [*map(int, UPSTREAM_PORTS), self.knobs.port]:
            with socket.socket() as probe:
                probe.settimeout(0.3)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise Trouble(
                        f"port {port} is taken: the benchmark needs {', '.join(UPSTREAM_PORTS)} and {self.knobs.port}"
                    )
        program = str(self.knobs.work / "bench/tinyup")
        self.upstream = self.start([program, *UPSTREAM_PORTS], self.knobs.load_cpus, "upstream")
        try:
            self.wait_up(self.upstream, int(UPSTREAM_PORTS[0]), b"{}", "upstream")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in list(self.children):
            self.stop(child)

    def start(self, command, cpus, log):
        # A session of its own tells it from all others; it dies with us, however we end.
        command = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cpus, *command]
        with open(self.logs / f"{log}.log", "wb") as said:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self.children.append(child)
        return child

    def stop(self, child):
        for kind in signal.SIGTERM, signal.SIGKILL:
            for process in session(child.pid):
                with contextlib.suppress(OSError):
                    os.kill(process, kind)
            for _ in range(50):
                child.poll()
                if not session(child.pid):
                    break
                time.sleep(0.1)
            else:
                continue
            break
        child.poll()
        self.children.remove(child)

    def wait_up(self, child, port, body, name, secure=None, headers=""):
        begun = time.time()
        said = "nothing"
        while time.time() - begun < START and child.poll() is None:
            with contextlib.suppress(OSError):
                with post(port, body, 3, secure, headers) as connection:
                    said = f"status {answer(connection)}"
                if said == "status 200":
                    return time.time() - begun
            time.sleep(0.1)
        raise Trouble(f"{name} does not serve a scan, its last answer was {said}; see {self.logs}/{name}.log")

    @contextlib.contextmanager
    def proxy(self, folder, workers=1, cpus=None, **first):
        """A proxy that serves; `first` says what it is asked first."""
        body = first.pop("body", None) or self.first_body()
        name = pathlib.Path(folder).name
        cpus = cpus or self.knobs.proxy_cpus
        child = self.start(["bash", f"{folder}/run.sh", str(self.knobs.port), str(workers)], cpus, name)
        try:
            child.took = self.wait_up(child, self.knobs.port, body, name, **first)
            yield child
        finally:
            self.stop(child)

    def first_body(self):
        with open(self.knobs.work / "load/bodies.txt", "rb") as bodies:
            return bodies.readline().strip()

    def wait_for_quiet(self):
        while self.waited < self.knobs.quiet_wait:
            before = machine()
            time.sleep(1)
            if others(before, machine(), 0) < self.knobs.quiet:
                return
            time.sleep(2)
            self.waited += 3

    def speed(self):
        """Nanoseconds of a fixed piece of work on the proxy's core: how fast the machine is just now."""
        core = self.knobs.proxy_cpus.split(",")[0]
        program = str(self.knobs.work / "bench/calib")
        said = subprocess.run(
            ["taskset", "-c", core, program], stdout=subprocess.PIPE, text=True, timeout=60, check=True
        )
        return float(said.stdout.split()[0])

    def load(self, command, cpus=None, environment=()):
        """What a load command says; it is bounded by itself and by us."""
        limit = self.knobs.secs + self.knobs.warm + self.knobs.latsecs + 300
        command = ["taskset", "-c", cpus or self.knobs.load_cpus, *command]
        said = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
            env={**os.environ, **dict(environment)},
            check=False,
        )
        return said.stdout

    def wrk(self, seconds, url=None, script=None, conns=None):
        script = script or self.knobs.work / "load/wrk.lua"
        url = url or f"http://127.0.0.1:{self.knobs.port}"
        return ["wrk", "-t1", f"-d{seconds}s", f"-c{conns or self.knobs.conns}", "-s", str(script), url]

    def saturate(self, child, name, environment=(), load_cpus=None, warm_environment=None, **wrk):
        """One measurement at saturation, as rows: made again while others used the machine."""
        environment = {"BODIES": str(self.knobs.work / "load/bodies.txt"), **dict(environment)}
        warm = {**environment, **(warm_environment or {})}
        self.load(self.wrk(self.knobs.warm, **wrk), load_cpus, warm)
        rows = []
        while True:
            self.wait_for_quiet()
            rows.append(self.once(child, name, self.wrk(self.knobs.secs, **wrk), load_cpus, environment))
            # Where requests may be sent once only, whoever called begins with a new process.
            if warm_environment is not None or not self.once_more(rows[-1]):
                return rows

    def once_more(self, row):
        """Whether a measurement was disturbed so much that it is made again; the row is marked then."""
        row["replaced"] = bool(self.knobs.keep) and row["others"] > self.knobs.keep and self.left > 0
        self.left -= row["replaced"]
        return row["replaced"]

    def once(self, child, name, command, load_cpus, environment):
        speed = self.speed()
        before, threads_before, up_before, times = (
            machine(),
            threads(child.pid),
            processor(self.upstream.pid),
            os.times(),
        )
        said = self.load(command, load_cpus, environment)
        after, threads_after, up_after, later = machine(), threads(child.pid), processor(self.upstream.pid), os.times()
        found = re.search(r"RESULT (.*)", said)
        if not found:
            raise Trouble(f"{name}: the load generator gave no result: {said[-400:]}")
        result = {key: float(value) for key, value in (pair.split("=") for pair in found[1].split())}
        used = {key: now - threads_before.get(key, 0) for key, now in threads_after.items()}
        own, up = sum(used.values()), up_after - up_before
        load = (later.children_user + later.children_system - times.children_user - times.children_system) * 1e9
        scans = max(1.0, result["requests"])
        bad = sum(result[key] for key in ("non2xx", "connect", "read", "write", "timeout"))
        if result.get("again"):
            raise Trouble(
                f"{name}: the {result['requests']:.0f} requests were not enough and some were sent twice; raise DISTINCT"
            )
        split = {}
        for (thread, _), ns in used.items():
            split[thread] = round(split.get(thread, 0) + ns / 1e3 / scans, 2)
        return {
            "name": name,
            "mode": "sat",
            "cpu_us": own / 1e3 / scans,
            "rps": scans / result["duration_us"] * 1e6,
            "n": scans,
            "bad": bad,
            "p50": result["p50"],
            "p99": result["p99"],
            "threads_us": {thread: us for thread, us in split.items() if us},
            "proxy_busy": share(before, after, "cpu" + self.knobs.proxy_cpus.split(",")[0]),
            "load_busy": share(before, after, "cpu" + self.knobs.load_cpus.split(",")[0]),
            "others": others(before, after, own + up + load),
            "cal": statistics.mean([speed, self.speed()]),
            "load1": os.getloadavg()[0],
            "rss": memory(child.pid)[0],
        }


class Record:
    """The rows of one measurement, written as they come."""

    def __init__(self, knobs, what):
        knobs.out.mkdir(parents=True, exist_ok=True)
        self.path = knobs.out / f"{what}.jsonl"
        self.path.unlink(missing_ok=True)

    def put(self, row):
        with open(self.path, "a") as out:
            out.write(json.dumps(row) + "\n")
        figures = " ".join(
            f"{key}={value:.1f}" if isinstance(value, float) else f"{key}={value}"
            for key, value in row.items()
            if key not in ("name", "samples")
        )
        print(f"  {row['name']}: {figures}", file=sys.stderr, flush=True)

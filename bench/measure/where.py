"""Where a proxy's time goes: system calls a scan, and what the processor was found doing."""

import contextlib
import re
import signal
import subprocess

from .stage import Trouble, session

# So many functions are named.
FUNCTIONS = 14


@contextlib.contextmanager
def watching(command):
    """A tool beside the load, told to end by an interrupt as it wants to be."""
    try:
        tool = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is not installed") from None
    try:
        yield
    finally:
        tool.send_signal(signal.SIGINT)
        try:
            said, _ = tool.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            tool.kill()
            tool.wait()
            raise Trouble(f"{command[0]} did not end") from None
    if "not permitted" in said:
        raise Trouble(f"{command[0]}: {said.strip()[-300:]}")


def scans_of(said):
    found = re.search(r"RESULT requests=(\d+)", said)
    if not found or found[1] == "0":
        raise Trouble(f"the load generator gave no result: {said[-300:]}")
    return int(found[1])


def calls(stage, child, environment):
    """How often each system call is made for a scan; counting slows a proxy down, so that more is done at once."""
    counted = stage.knobs.out / "strace.txt"
    attached = [word for process in session(child.pid) for word in ("-p", str(process))]
    with watching(["strace", "-f", "-c", "-o", str(counted), *attached]):
        scans = scans_of(stage.load(stage.wrk(stage.knobs.secs), environment=environment))
    found = {}
    for line in counted.read_text().splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
            found[fields[-1]] = round(int(fields[3]) / scans, 2)
    counted.unlink()
    return {name: often for name, often in sorted(found.items(), key=lambda it: -it[1]) if often >= 0.01}


def profile(stage, child, environment):
    """Percent of the samples in the kernel, the program and its libraries, and in the functions that have most."""
    data = stage.knobs.out / "perf.data"
    processes = ",".join(map(str, session(child.pid)))
    with watching(["perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-o", str(data), "-p", processes]):
        scans_of(stage.load(stage.wrk(stage.knobs.secs), environment=environment))

    def sorted_by(key):
        command = ["perf", "report", "-i", str(data), "--stdio", "-q", "--no-children", "--sort", key, "-t", "|"]
        said = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120, check=False
        )
        rows = [line.split("|") for line in said.stdout.splitlines() if "%" in line]
        return [(float(row[0].strip().rstrip("%")), " ".join(row[1].split())) for row in rows if len(row) > 1]

    parts, functions = sorted_by("dso"), sorted_by("symbol")
    data.unlink(missing_ok=True)
    if not parts:
        raise Trouble("perf recorded nothing")
    return {"parts": parts[:6], "functions": functions[:FUNCTIONS]}

"""What every measurement begins with: our program, the shared benchmark, a record of where and with what."""

import contextlib
import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

from . import variants
from .stage import ROOT, Record, Trouble


def said_by(*command):
    """The first line a program says about itself."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False
        )
        return said.stdout.strip().split("\n")[0].strip()
    return "not there"


class Run:
    """The benchmark set up, our program, our configurations."""

    def __init__(self, knobs):
        self.knobs = knobs
        self.program = self.find_program()
        self.set_up()
        self.places = knobs.out / "variants"
        has_lane = "--fast-lane" in self.tell("serve", "--help")
        # Said in either case: no variable of this shell decides what is measured.
        self.lane = " --fast-lane on" if has_lane else ""
        self.ours = [
            variants.plain(self.places / "multicode", self.program, self.lane),
            variants.audited(self.places / "multicode-audit", self.program, self.lane),
        ]
        if has_lane:
            self.ours.append(variants.plain(self.places / "multicode-hyper", self.program, " --fast-lane off"))

    def find_program(self):
        named = os.environ.get("MULTICODE")
        if not named:
            print("building the release program", file=sys.stderr)
            built = subprocess.run(["cargo", "build", "--locked", "--release"], cwd=ROOT, check=False)
            if built.returncode:
                raise Trouble("cargo build --locked --release failed")
        program = pathlib.Path(named or ROOT / "target/release/multicode").resolve()
        if not os.access(program, os.X_OK):
            raise Trouble(f"{program} cannot be run")
        return str(program)

    def tell(self, *words):
        said = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=20, check=False)
        return said.stdout.strip()

    def set_up(self):
        """The shared benchmark in a folder of ours, from a copy, since it writes into what it copies."""
        named = os.environ.get("BENCH")
        place = pathlib.Path(named) if named else ROOT.parent / "shared/bench"
        if not (place / "setup").is_file():
            wanted = "a folder with `setup` and `files/`; another one is named with BENCH=FOLDER"
            raise Trouble(f"no side-by-side benchmark in {place}; expected {wanted}")
        copy = self.knobs.out / "copy"
        for old in copy, self.knobs.work:
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(place, copy)
        for found in [copy, *copy.rglob("*")]:
            found.chmod(found.stat().st_mode | 0o200)
        made = subprocess.run(
            ["bash", copy / "setup", self.knobs.work], capture_output=True, text=True, timeout=900, check=False
        )
        if made.returncode:
            raise Trouble(f"{place}/setup failed: {made.stdout[-800:]}{made.stderr[-800:]}")

    def about(self):
        """Where and with what, for the record."""
        commit = said_by("git", "-C", str(ROOT), "describe", "--always", "--dirty")
        digest = hashlib.sha256(pathlib.Path(self.program).read_bytes()).hexdigest()[:12]
        lines = pathlib.Path("/proc/cpuinfo").read_text().split("\n")
        model = next(
            (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
        )
        memory_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
        knobs = {
            name: getattr(self.knobs, name)
            for name in ("rounds", "secs", "conns", "rate", "latsecs", "proxy_cpus", "load_cpus")
        }
        versions = [
            said_by("haproxy", "-v"),
            said_by("nginx", "-v"),
            said_by("openssl", "version"),
            said_by("wrk", "-v").split("Copyright")[0],
        ]
        return {
            "name": "about",
            "mode": "about",
            "date": time.strftime("%F %T %Z"),
            "commit": commit,
            "quick": self.knobs.quick,
            "program": f"{self.tell('--version')} (SHA-256 {digest}…)",
            "knobs": knobs,
            "load1": os.getloadavg()[0],
            "machine": f"{os.cpu_count()} × {model}, {memory_kib / 1024**2:.0f} GiB, Linux {platform.release()}.",
            "versions": "; ".join(versions) + ".",
        }

    def make(self, what, *words):
        print(f"== {what}", file=sys.stderr, flush=True)
        begun = time.time()
        record = Record(self.knobs, what)
        record.put(self.about())
        try:
            getattr(self, what)(record, *words)
        finally:
            # Logs and trails of a measurement are hundreds of megabytes.
            for folder in self.places.iterdir():
                (folder / "log").unlink(missing_ok=True)
                shutil.rmtree(folder / "state", ignore_errors=True)
        print(f"== {what}: {time.time() - begun:.0f} s", file=sys.stderr, flush=True)

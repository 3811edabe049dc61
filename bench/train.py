#!/usr/bin/env python3
"""What a gateway does often, shown to a program that counts it (`just profile`).

    train.py --program PROGRAM --driver LOADTEST --counts FOLDER

The program serves the shipped files, with mock departments behind it, as for the soak; the load tester plays its
scenarios on it: in plain text, over TLS, over HTTP/2; and on the demo, which has keys of every sort. What is not played is laid out by the compiler as what never
happens, so whatever terminals do belongs here. Whether the scenarios hold is another question: an instrumented
program is slow.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from soak import ROOT, Stage  # noqa: E402

# Scenario, scans a second, seconds: an instrumented program on one core of an ordinary machine keeps up.
SCENARIOS = [("hospital", 300, 20), ("settlement", 200, 10), ("pictures", 5, 5)]
KEYS = ("keys", 40, 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--driver", required=True, type=pathlib.Path)
    parser.add_argument("--counts", required=True, type=pathlib.Path, help="where what the gateway counted goes")
    parser.add_argument("--workers", type=int, default=1)
    said = parser.parse_args()
    # The departments and those who make certificates are the same program, and count as well.
    all_counts = pathlib.Path(tempfile.mkdtemp(prefix="multicode-train-"))
    os.environ["LLVM_PROFILE_FILE"] = f"{all_counts}/%p"
    stage = Stage(said)
    plain, secure = f"http://127.0.0.1:{stage.scan}", f"https://127.0.0.1:{stage.secure}"
    trust = ["--ca", str(stage.authority)]
    keys, config = stage.folder / "sandbox.key", ["--config", str(stage.folder / "mint/routes.toml")]

    def play(scenario, *words):
        name, rate, seconds = scenario
        words = [f"loadtest/scenarios/{name}.toml", "--rate", str(rate), "--for", f"{seconds}s", "--target", *words]
        played = subprocess.run([said.driver.resolve(), "run", *words], cwd=ROOT, env=stage.environment)
        if played.returncode not in (0, 1):
            sys.exit(f"{name} was not played: {played.returncode}")

    try:
        for target in [plain], [secure, *trust], [secure, *trust, "--protocol", "h2"]:
            for scenario in SCENARIOS:
                play(scenario, *target, *config)
        statuses = [stage.end()]
        # On the ports that are free now.
        ports = [f"--listen=127.0.0.1:{stage.scan}", f"--admin=127.0.0.1:{stage.admin}"]
        stage.gateway, first = stage.start("demo", "--keys", str(keys), *ports), stage.gateway
        stage.wait()
        play(KEYS, plain, "--keys", str(keys))
        statuses.append(stage.end())
        said.counts.mkdir(parents=True, exist_ok=True)
        for process in first, stage.gateway:
            shutil.move(all_counts / str(process.pid), said.counts / f"{process.pid}.profraw")
    finally:
        stage.gateway.kill()
        stage.mock.kill()
        for used in all_counts, stage.folder:
            shutil.rmtree(used, ignore_errors=True)
    sys.exit(max(statuses))


main()

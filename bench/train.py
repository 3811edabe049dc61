#!/usr/bin/env python3
"""What a gateway does often, shown to a program that counts it (`just profile`).

    train.py --program PROGRAM --driver LOADTEST --counts FILE

The program serves the shipped files, with mock departments behind it, as for the soak; the load tester plays its
scenarios on it: in plain text, over TLS, over HTTP/2. What is not played is laid out by the compiler as what never
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
SCENARIOS = [("hospital", 300, 20), ("settlement", 200, 10), ("keys", 40, 5), ("pictures", 5, 5)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--driver", required=True, type=pathlib.Path)
    parser.add_argument("--counts", required=True, type=pathlib.Path, help="where what the gateway counted goes")
    parser.add_argument("--workers", type=int, default=1)
    said = parser.parse_args()
    # The departments and those who make certificates are the same program, and count as well.
    folder = tempfile.mkdtemp(prefix="multicode-train-")
    os.environ["LLVM_PROFILE_FILE"] = f"{folder}/%p"
    stage = Stage(said)
    plain, secure = f"http://127.0.0.1:{stage.scan}", f"https://127.0.0.1:{stage.secure}"
    trust = ["--ca", str(stage.authority)]
    try:
        for target in [plain], [secure, *trust], [secure, *trust, "--protocol", "h2"]:
            for name, rate, seconds in SCENARIOS:
                words = [f"loadtest/scenarios/{name}.toml", "--config", str(stage.folder / "mint/routes.toml"),
                         "--rate", str(rate), "--for", f"{seconds}s", "--target", *target]
                played = subprocess.run([said.driver, "run", *words], cwd=ROOT, env=stage.environment)
                if played.returncode not in (0, 1):
                    sys.exit(f"{name} was not played: {played.returncode}")
        status = stage.end()
        shutil.move(f"{folder}/{stage.gateway.pid}", said.counts)
    finally:
        stage.gateway.kill()
        stage.mock.kill()
        for used in folder, stage.folder:
            shutil.rmtree(used, ignore_errors=True)
    sys.exit(status)


main()

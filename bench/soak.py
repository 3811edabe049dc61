#!/usr/bin/env python3
"""Mixed load on the real program for a while; its memory and its descriptors must stay flat.

    soak.py [--minutes 20] [--program target/release/multicode] [--rate 200]

A gateway on the shipped files with mock departments behind it is asked from several connections at once: signed
codes (each once), refused ones (tampered, expired, of nobody), goods, pictures, every other terminal over TLS, one
request in fifty the last of its connection. Every minute its files are written anew and read again, every other time with a mistake; the keys of an
issuer are replaced in their file; operators look at everything. VmRSS and the number of descriptors are taken
every five seconds.

It passes if, after the first half (--settle: codes are remembered for three minutes and a half, answers here for two;
for that long a quarter more is asked, so that tables have their size when it counts), the line through the samples rises
by less than --drift percent of the mean over the whole of what was measured, and if nothing was answered that should not
have been. The last line is a JSON object with the figures. Needs Python 3 and openssl, nothing else.
"""

import argparse
import base64
import collections
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECRET = "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
SECRETS = ["MULTICODE_FUJIAN_2026A", "MULTICODE_FUJIAN_2026S", "MULTICODE_STATE_KEY", "WECHAT_MICROPAY_SIGN"]
GOODS = "6901234567892"
# Below it a rise is the noise of an allocator, however small the process.
NOISE_KIB = 4096

# How much more is asked until it counts.
RUSH = 1.25


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--program", default=str(ROOT / "target/release/multicode"))
    parser.add_argument("--rate", type=float, default=200, help="requests a second over all connections")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--settle", type=float, help="minutes that are not looked at; else a half")
    parser.add_argument("--drift", type=float, default=3.0, help="percent that may be gained")
    said = parser.parse_args()
    if said.settle is None:
        said.settle = said.minutes / 2
    return said


class Stage:
    """The program, the departments behind it and the folder they have."""

    def __init__(self, said):
        self.said = said
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="multicode-soak-"))
        self.environment = {**os.environ, **{name: SECRET for name in SECRETS}}
        for name in ["plugins", "routes.d"]:
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copy(ROOT / "terminals.toml", self.folder)
        self.scan, self.secure, self.admin, *ports = random.sample(range(20000, 30000), 6)
        departments = dict(zip(["health", "insurance", "payment"], ports))
        for place, (name, port) in enumerate(departments.items()):
            path = self.folder / "routes.d" / f"{name}.toml"
            text = path.read_text()
            path.write_text(text.replace(f"127.0.0.1:{18101 + place}", f"127.0.0.1:{port}"))
        self.rotate(0)
        routes = (ROOT / "routes.toml").read_text()
        # What is remembered by design has to be forgotten again within the time that is not looked at.
        assert "\n[state]\n" in routes
        routes = routes.replace("\n[state]\n", '\n[state]\nkeep = "2m"\n')
        issuer = '\n[issuer.rotating]\nnames = { en = "Rotating", zh = "轮换" }\nkeys = "file:rotating.jwks"\n'
        tls = 'tls = { cert = "certs/gateway.pem", key = "certs/gateway.key" }'
        listener = f'\n[listener.secure]\naddress = "127.0.0.1:{self.secure}"\n{tls}\nanonymous = true\nterminals = "any"\n'
        (self.folder / "routes.toml").write_text(routes + issuer + listener)
        for words in ["ca"], ["server", "127.0.0.1"]:
            subprocess.run([said.program, "certs", *words, "--out", str(self.folder / "certs")],
                           check=True, stdout=subprocess.DEVNULL)
        self.authority = self.folder / "certs/ca.pem"
        # Codes are made with files of their own: those of the gateway are wrong every other minute.
        shutil.copytree(self.folder, self.folder / "mint")
        addresses = [f"--{name}=127.0.0.1:{port}" for name, port in departments.items()]
        self.mock = self.start("mock", *addresses)
        self.log = open(self.folder / "log", "wb")
        self.gateway = self.start(
            "serve", "--config", str(self.folder / "routes.toml"), "--workers", str(said.workers),
            f"--listen=127.0.0.1:{self.scan}", f"--admin=127.0.0.1:{self.admin}", "--log", "warn",
            stderr=self.log,
        )
        self.wait()

    def start(self, *words, **others):
        return subprocess.Popen([self.said.program, *words], env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **others)

    def wait(self):
        for _ in range(300):
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            if self.gateway.poll() is not None:
                break
            time.sleep(0.1)
        self.mock.kill()
        self.gateway.kill()
        sys.exit(f"the gateway does not serve: {(self.folder / 'log').read_text()}")

    def ask(self, path, method="GET", headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def token(self):
        text = (self.folder / "state/admin-tokens").read_text()
        return next(line.split('"')[1] for line in text.splitlines() if line.startswith("operator"))

    def rotate(self, turn):
        """Replaces the issuer's keys in one step: the newest and the one before it."""
        keys = []
        for number in [turn, turn + 1]:
            key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER"],
                                 check=True, capture_output=True).stdout
            public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"],
                                    input=key, check=True, capture_output=True).stdout[-32:]
            x = base64.urlsafe_b64encode(public).decode().rstrip("=")
            keys.append({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": f"k{number}", "alg": "EdDSA"})
        (self.folder / "rotating.new").write_text(json.dumps({"keys": keys}))
        os.rename(self.folder / "rotating.new", self.folder / "rotating.jwks")

    def mint(self, family, count, flaw="none", form="text"):
        words = ["mint", family, "--config", str(self.folder / "mint/routes.toml"), "--flaw", flaw,
                 "--valid-for", "2m", "--region", "350200"]
        if form == "png":
            path = self.folder / "picture.png"
            subprocess.run([self.said.program, *words, "--as", "png", "--out", str(path)],
                           env=self.environment, check=True, stdout=subprocess.DEVNULL)
            return [path.read_bytes()]
        made = subprocess.run([self.said.program, *words, "--count", str(count)],
                              env=self.environment, check=True, capture_output=True, text=True)
        return made.stdout.split("\n")[:count]

    def reload(self, turn):
        """New files every time; every other time they are refused."""
        path = self.folder / "routes.d" / "soak.toml"
        sound = f'owner = "soak"\n[[route]]\nname = "soak-{turn}"\nmatch = {{ kind = ["goods"], scene = ["pharmacy"], family = ["ean"] }}\nrespond = true\n'
        path.write_text(sound if turn % 2 == 0 else "owner = 1\n")
        self.gateway.send_signal(signal.SIGHUP)

    def sample(self):
        status = pathlib.Path(f"/proc/{self.gateway.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        descriptors = len(os.listdir(f"/proc/{self.gateway.pid}/fd"))
        return int(resident.split()[1]), descriptors

    def seconds(self):
        """Processor time so far."""
        fields = pathlib.Path(f"/proc/{self.gateway.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        try:
            self.gateway.terminate()
            return self.gateway.wait(60)
        finally:
            self.gateway.kill()
            self.mock.terminate()
            self.mock.wait(60)


class Load:
    """What terminals send."""

    def __init__(self, stage, said):
        self.stage, self.said = stage, said
        self.supply = {}
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.wrong = collections.Counter()
        self.ended = threading.Event()
        self.trust = ssl.create_default_context(cafile=stage.authority)
        self.refill()
        self.picture = stage.mint("aggregate", 1, form="png")[0]

    def refill(self):
        count = int(self.said.rate * 30) + 100
        for name, flaw in [("sound", "none"), ("tampered", "tampered"), ("expired", "expired")]:
            codes = self.stage.mint("aggregate", count if name == "sound" else 200, flaw)
            with self.lock:
                self.supply[name] = collections.deque(codes)

    def code(self, name):
        with self.lock:
            codes = self.supply[name]
            if name == "sound":
                return codes.popleft() if codes else None
            codes.rotate()
            return codes[0]

    def request(self, chance):
        """Body, content type, and the statuses that may come of it."""
        draw = chance.random()
        if draw < 0.5 and (code := self.code("sound")):
            name = f"soak-{chance.getrandbits(64):016x}"
            scan = {"code": code, "scene": "payment", "terminal": "W-0001", "idempotency_key": name,
                    "out_trade_no": name, "total_fee": "1"}
            return json.dumps(scan), "application/json", {200}
        if draw < 0.6:
            return json.dumps({"code": self.code("tampered"), "scene": "payment", "terminal": "W-0001",
                               "idempotency_key": f"{chance.getrandbits(64):016x}"}), "application/json", {401}
        if draw < 0.7:
            return json.dumps({"code": self.code("expired"), "scene": "payment", "terminal": "W-0001",
                               "idempotency_key": f"{chance.getrandbits(64):016x}"}), "application/json", {401}
        if draw < 0.75:
            return f"soak {chance.getrandbits(256):x}", "text/plain", {404, 422}
        if draw < 0.78:
            return "{", "application/json", {400}
        if draw < 0.79:
            # Shown before, or over by now; what counts is that it is read.
            return self.picture, "image/png", {200, 401, 403, 409, 422, 503}
        return json.dumps({"code": GOODS, "scene": "pharmacy", "tag": chance.getrandbits(64)}), "application/json", {200}

    def connection(self, secure):
        if secure:
            return http.client.HTTPSConnection("127.0.0.1", self.stage.secure, timeout=60, context=self.trust)
        return http.client.HTTPConnection("127.0.0.1", self.stage.scan, timeout=60)

    def terminal(self, number):
        chance = random.Random(number)
        connection = None
        pause = self.said.connections / self.said.rate
        due = time.monotonic()
        settled = due + self.said.settle * 60
        while not self.ended.is_set():
            now = time.monotonic()
            due = max(due + (pause if now > settled else pause / RUSH), now - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            body, kind, expected = self.request(chance)
            if connection is None:
                connection = self.connection(number % 2 == 1)
            try:
                connection.request("POST", "/v1/scan", body, {"Content-Type": kind})
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.wrong[f"{type(error).__name__}"] += 1
                connection = None
                continue
            reason = answer.getheader("x-multicode-reason")
            self.counts[f"{answer.status} {reason or ''}".strip()] += 1
            if answer.status not in expected:
                self.wrong[f"{kind} {answer.status} {reason}"] += 1
            if answer.will_close or chance.random() < 0.02:
                connection.close()
                connection = None


def rise(samples):
    """How much the line of least squares gains over all of them, and their mean."""
    count = len(samples)
    middle = (count - 1) / 2
    mean = sum(samples) / count
    spread = sum((place - middle) ** 2 for place in range(count))
    slope = sum((place - middle) * (value - mean) for place, value in enumerate(samples)) / spread
    return slope * (count - 1), mean


def main():
    said = options()
    stage = Stage(said)
    load = Load(stage, said)
    token = {"Authorization": f"Bearer {stage.token()}"}
    terminals = [threading.Thread(target=load.terminal, args=(number,), daemon=True)
                 for number in range(said.connections)]
    for terminal in terminals:
        terminal.start()
    began, turn, samples = time.monotonic(), 0, []
    processor = stage.seconds()
    while time.monotonic() - began < said.minutes * 60:
        time.sleep(5)
        if stage.gateway.poll() is not None:
            stage.mock.kill()
            sys.exit(f"the gateway ended: {(stage.folder / 'log').read_text()[-2000:]}")
        samples.append(stage.sample())
        at = time.monotonic() - began
        print(f"{at:6.0f} s  {samples[-1][0]:8} KiB  {samples[-1][1]:4} descriptors  {sum(load.counts.values())} answers", flush=True)
        if len(samples) % 4 == 0:
            load.refill()
            for path in ["/metrics", "/admin/overview", "/admin/events/recent", "/admin/keys"]:
                stage.ask(path, headers=token)
        if len(samples) % 12 == 0:
            turn += 1
            stage.reload(turn)
            stage.rotate(turn)
            stage.ask("/admin/keys/refresh", "POST", token)
    load.ended.set()
    for terminal in terminals:
        terminal.join(60)
    processor = stage.seconds() - processor
    answers = sum(load.counts.values())
    status = stage.end()
    settled = samples[int(said.settle * 12):]
    if len(settled) < 12:
        sys.exit("too short: a minute at least is looked at")
    (memory, resident), (opened, descriptors) = (rise([it[place] for it in settled]) for place in (0, 1))
    flat = memory <= max(resident * said.drift / 100, NOISE_KIB) and opened <= max(descriptors * said.drift / 100, 3)
    figures = {
        "minutes": said.minutes, "answers": answers, "a_second": round(answers / (said.minutes * 60), 1),
        "reloads": turn, "resident_kib": round(resident), "resident_gain_kib": round(memory),
        "resident_peak_kib": max(it[0] for it in samples), "descriptors": round(descriptors, 1),
        "descriptors_gain": round(opened, 2), "processor_us_an_answer": round(processor / max(answers, 1) * 1e6),
        "exit": status, "wrong": dict(load.wrong), "came_of_it": dict(load.counts.most_common()),
        "flat": flat,
    }
    print(json.dumps(figures))
    shutil.rmtree(stage.folder, ignore_errors=True)
    sys.exit(0 if flat and status == 0 and not load.wrong and answers else 1)


if __name__ == "__main__":
    main()

"""Our configurations: bench/gateway with one thing changed, each a folder with a run.sh, as the benchmark takes them."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from .stage import ROOT, Trouble

GATEWAY = ROOT / "bench/gateway"
# The one cipher of the TLS comparison, as OpenSSL calls it.
CIPHER = "TLS_AES_128_GCM_SHA256"
AUDIT = '\n[audit]\nfolder = "state/audit"\n'
# Keys of one file; a folder of them may hold 4,096 files of 1 MiB.
KEYS_A_FILE = 1000
# How many families the benchmark's job has itself.
FAMILIES_OF_THE_JOB = 5
RUN = """#!/usr/bin/env bash
# {what}. Written by bench/peers; run.sh PORT WORKERS stays in the foreground.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for n in 1 2 3 4; do
    export "MULTICODE_BENCH_K0$n=hex:$(printf 'test-key-%d' "$n" | sha256sum | cut -d' ' -f1)"
done
rm -rf "$here/state" "$here/log"
exec "${{MULTICODE:-{program}}}" serve --config "$here/routes.toml" --listen "127.0.0.1:${{1:-28080}}" \\
    --admin 127.0.0.1:0 --workers "${{2:-1}}" --log {level}{more}
"""


def changed(text, before, after):
    """The text with one place changed, which must be there."""
    if text.count(before) != 1:
        raise Trouble(f"bench/gateway: {before!r} is there {text.count(before)} times, expected once")
    return text.replace(before, after)


def secret(name):
    return hashlib.sha256(name.encode()).digest()


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write(folder, program, what, change=lambda text: text, level="warn", more=""):
    """A folder with the files of bench/gateway, the main one changed, and a run.sh."""
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(GATEWAY / "plugins", folder / "plugins")
    (folder / "routes.toml").write_text(change((GATEWAY / "routes.toml").read_text()))
    run = folder / "run.sh"
    run.write_text(RUN.format(what=what, program=program, level=level, more=more))
    run.chmod(0o755)
    return folder


def plain(folder, program, lane=""):
    return write(folder, program, "Everything on but the audit trail and a log line a scan", more=lane)


def audited(folder, program, lane=""):
    """Everything on: the trail, and a log line a scan, into a file."""
    what = "Everything on: metrics, request ids, limits, audit trail, a log line a scan"
    return write(folder, program, what, lambda text: text + AUDIT, "info", f'{lane} >"$here/log" 2>&1')


def guarded(folder, program, lane=""):
    """Replay guard, idempotency in memory, double reads, audit trail."""

    def change(text):
        text = changed(text, 'double_read = "0s"', 'double_read = "2s"')
        return changed(text, "settlement = false", 'settlement = false\nidempotency = "required"') + AUDIT

    folder = write(folder, program, "With replay guard, idempotency in memory and audit trail", change, more=lane)
    for family in "health", "wechat", "alipay", "unionpay":
        with open(folder / f"plugins/{family}.toml", "a") as out:
            out.write('\n[validity]\none_time     = true\none_time_for = "1s"\n')
    return folder


def with_tls(folder, program, certificates, lane=""):
    def change(text):
        line = f'tls           = {{ cert = "{certificates}/gateway.pem", key = "{certificates}/gateway.key" }}\n'
        return changed(text, 'clean         = "none"\n', 'clean         = "none"\n' + line)

    return write(folder, program, "TLS towards terminals, else as multicode", change, more=lane)


def sized(folder, program, families, keys, lane=""):
    """So many families, each with a route of its own, and so many keys of one issuer."""
    if families < FAMILIES_OF_THE_JOB or keys < 4:
        raise Trouble(f"{families} families and {keys} keys: the job alone has {FAMILIES_OF_THE_JOB} and 4")
    more = [f"b{number:04}" for number in range(families - FAMILIES_OF_THE_JOB)]

    def change(text):
        text = changed(text, 'accepts    = ["health-card",', 'accepts    = ["credential", "health-card",')
        before, rest = text.split("keys  = [", 1)
        text = before + 'keys  = "file:keys"\n' + rest.split("\n]\n", 1)[1]
        text = text.split("[[route]]", 1)[0]
        places = {"health": "health", "insurance": "insurance", "wechat": "pay", "alipay": "pay", "unionpay": "pay"}
        for name in [*places, *more]:
            text += (
                f'[[route]]\nname    = "{name}"\nmatch   = {{ family = ["{name}"] }}\n'
                f'forward = {{ upstream = "{places.get(name, "health")}", path = "/v1/scan", headers = {{ x-code-kind = "family" }} }}\n\n'
            )
        return text

    folder = write(folder, program, f"{families} families and routes, {keys} keys", change, more=lane)
    signed = (folder / "plugins/health.toml").read_text().replace('"health-card"', '"credential"')
    for name in more:
        text = signed.replace("FJH1", name.upper()).replace("FJH2", name.upper().replace("B", "X"))
        (folder / f"plugins/{name}.toml").write_text(changed(text, 'id      = "health"', f'id      = "{name}"'))
    (folder / "keys").mkdir()
    ring = {**{f"k{number:02}": secret(f"test-key-{number}") for number in range(1, 5)}, **ring_of(keys - 4)}
    jwks = [{"kty": "oct", "alg": "HS256", "kid": name, "k": unpadded(key)} for name, key in ring.items()]
    for start in range(0, len(jwks), KEYS_A_FILE):
        path = folder / f"keys/{start:05}.jwks"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            json.dump({"keys": jwks[start : start + KEYS_A_FILE]}, out, separators=(",", ":"))
    return folder


def ring_of(count):
    """Keys beside those of the job."""
    return {f"n{number:05}": secret(f"more-key-{number}") for number in range(count)}


def haproxy_tls(folder, peer, certificates):
    """The benchmark's HAProxy, whole job, with TLS on its listener and nothing else changed."""
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    both = folder / "gateway.pem"
    both.write_text((certificates / "gateway.pem").read_text() + (certificates / "gateway.key").read_text())
    both.chmod(0o600)
    bind = "bind 127.0.0.1:@PORT@ backlog 4096"
    secured = f"{bind} ssl crt {both} ssl-min-ver TLSv1.3 ciphersuites {CIPHER} alpn http/1.1"
    (folder / "haproxy.cfg.in").write_text(changed((peer / "haproxy.cfg.in").read_text(), bind, secured))
    run = folder / "run.sh"
    run.write_text(
        (peer / "run.sh").read_text().replace(f"D={peer}", f"D={folder}").replace(f"F={peer}", f"F={folder}")
    )
    run.chmod(0o755)
    return folder


def certificates(folder, program):
    """An authority and a server's certificate of P-256, by the program itself."""
    shutil.rmtree(folder, ignore_errors=True)
    for words in ["ca"], ["server", "127.0.0.1", "localhost"]:
        command = [program, "certs", *words, "--out", str(folder)]
        made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if made.returncode:
            raise Trouble(f"{' '.join(command)}: {made.stdout}{made.stderr}")
    return folder

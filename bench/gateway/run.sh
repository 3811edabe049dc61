#!/usr/bin/env bash
# The gateway on the job of the side-by-side benchmark.
#
#   run.sh PORT WORKERS     stays in the foreground on 127.0.0.1:PORT
#   MULTICODE=path          another binary than target/release/multicode
#
# The HMAC keys are the benchmark's own test keys: SHA-256 of "test-key-1" to "test-key-4".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for n in 1 2 3 4; do
    export "MULTICODE_BENCH_K0$n=hex:$(printf 'test-key-%d' "$n" | sha256sum | cut -d' ' -f1)"
done
exec "${MULTICODE:-$here/../../target/release/multicode}" serve \
    --config "$here/routes.toml" --listen "127.0.0.1:${1:-28080}" --admin 127.0.0.1:0 \
    --workers "${2:-1}" --log warn

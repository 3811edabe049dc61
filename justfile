# What is done often. `just` lists it; `just check` is exactly what the build server runs.

# Pinned: the toolchain of `msrv` is the rust-version of Cargo.toml.
msrv := `sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml`

[private]
default:
    @just --list --unsorted

# everything a change must pass
check:
    tests/run

# format the code
fmt:
    cargo fmt --all

# clippy, warnings are errors
lint:
    cargo clippy --locked --workspace --all-targets --features otel -- -D warnings

# the tests whose names contain a word, or all: `just test layers`
test *words:
    cargo nextest run --locked --workspace --features otel {{ words }}

# the documentation, warnings are errors
doc:
    RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --locked --workspace --features otel --no-deps --document-private-items

# licences, duplicates, sources and, where github.com can be reached, advisories
deny:
    target/tools/bin/cargo-deny --locked check --hide-inclusion-graph

# the gateway at work: mock departments, one code of each kind, a table
demo *options:
    cargo run --locked --release -- demo {{ options }}

# a scenario against a gateway: `just load loadtest/scenarios/hospital.toml --target http://127.0.0.1:8080`
load scenario *options:
    cargo run --locked --release -p multicode-loadtest -- run {{ scenario }} {{ options }}

# the micro-benchmarks
bench *words:
    cargo bench --locked {{ words }}

# fuzz targets of tests/fuzz, all if none is named; needs nightly and cargo-fuzz
fuzz seconds="60" *targets:
    tests/fuzz/run {{ seconds }} {{ targets }}

# the long proofs: every property with 100,000 cases, 10,000 requests to departments that fail, 200 kills, ignored tests included
prove cases="100000": _faketime
    MULTICODE_PROOF=full PROPTEST_CASES={{ cases }} cargo nextest run --locked --release --run-ignored all --no-fail-fast

# Debian's libfaketime, unpacked once for the proof about clocks; another one is named in MULTICODE_FAKETIME.
_faketime:
    #!/usr/bin/env bash
    set -euo pipefail
    [ -z "${MULTICODE_FAKETIME:-}" ] && [ ! -d target/tools/faketime ] || exit 0
    place=$(mktemp -d)
    (cd "$place" && { apt-get download -qq libfaketime || { apt-get update -qq && apt-get download -qq libfaketime; }; })
    dpkg -x "$place"/*.deb target/tools/faketime
    rm -rf "$place"

# whether the oldest supported compiler still builds it
msrv:
    rustup toolchain install {{ msrv }} --profile minimal
    cargo +{{ msrv }} check --locked --workspace --all-targets

cargo_auditable := "0.7.7"
cargo_deb := "3.8.0"
cargo_cyclonedx := "0.5.9"

# A tool of this version, built once into target/tools/cargo.
_tool name version:
    #!/usr/bin/env bash
    set -euo pipefail
    if [ "$(cat target/tools/cargo/{{ name }}.version 2>/dev/null)" != {{ version }} ]; then
        cargo install --quiet --locked --root target/tools/cargo --version {{ version }} {{ name }}
        echo {{ version }} >target/tools/cargo/{{ name }}.version
    fi

# what the program does often, for `PROFILE=target/multicode.profdata just release`; needs llvm-profdata
profile: (_tool "cargo-auditable" cargo_auditable)
    PATH="$PWD/target/tools/cargo/bin:$PATH" deploy/release profile

# the program as it is given away: the crates it was built of are written into it (`cargo audit bin`), folders of this machine are not
release: (_tool "cargo-auditable" cargo_auditable)
    PATH="$PWD/target/tools/cargo/bin:$PATH" deploy/release build

# whether two builds in two folders come out the same to the byte; two whole builds long
reproduce: (_tool "cargo-auditable" cargo_auditable)
    PATH="$PWD/target/tools/cargo/bin:$PATH" deploy/release compare

# what the program is made of, in CycloneDX: target/multicode.cdx.json
sbom: (_tool "cargo-cyclonedx" cargo_cyclonedx)
    PATH="$PWD/target/tools/cargo/bin:$PATH" deploy/release sbom

# a Debian package of it: target/debian/*.deb
deb: release (_tool "cargo-deb" cargo_deb)
    PATH="$PWD/target/tools/cargo/bin:$PATH" deploy/release deb

# the gateway beside HAProxy and nginx, with what `bench/peers --help` names; half an hour on a quiet machine
bench-peers *words:
    bench/peers {{ words }}

# twenty minutes of mixed load on the real program; memory and descriptors must stay flat
soak minutes="20" *options:
    cargo build --locked --release
    python3 bench/soak.py --minutes {{ minutes }} {{ options }}

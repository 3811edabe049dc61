//! What others say of our TLS.

use std::process::Command;

use super::TestGateway;
use super::tls_authority::secure;
use super::tls_certs::made;

#[test]
fn sslyze_finds_mozillas_intermediate_configuration() {
    let gateway = TestGateway::with_workers(2, |files| {
        let folder = files.path("made");
        made(&folder, "ca");
        made(&folder, "server localhost");
        secure(
            files,
            "cert = \"made/gateway.pem\", key = \"made/gateway.key\"",
        );
    });
    let program = std::env::var_os("MULTICODE_SSLYZE");
    let program = program.expect("MULTICODE_SSLYZE names sslyze: tests/run installs it");
    let output = Command::new(program)
        .args(["--mozilla_config=intermediate", "--certinfo_ca_file"])
        .arg(gateway.files.path("made/ca.pem"))
        .arg(format!("localhost:{}", gateway.address.port()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // Who could not be reached at all would end well, too.
    assert!(said.contains("OK - Compliant."), "{said}");
    assert!(output.status.success(), "{said}");
}

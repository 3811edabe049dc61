//! `[admin]`: who operators are, and whether strangers reach their door.

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{self, Word};
use crate::config::meaning::Admin;
use crate::config::secrets::{Secret, SecretRef};
use crate::config::source::Spanned;
use crate::config::suggest::quoted;

/// The shortest token: 128 bits in Base64 are 22 characters, and nobody types one.
const SHORTEST_TOKEN: usize = 22;

/// Lowers the table.
pub(super) fn lower(written: &file::Admin, around: Surroundings<'_>) -> Option<Admin> {
    let address = written.address?;
    let exposed = written.exposed.is_some_and(|exposed| exposed.value);
    if !address.value.ip().is_loopback() && !exposed {
        let message = "operators are served without TLS where others of the network come by";
        let found = Diagnostic::warning("exposed-admin", address.at, message);
        let help = "listen at a loopback address behind a proxy, or write exposed = true";
        around.collector.push(found.help(help));
    }
    let token = |reference: &Option<Spanned<SecretRef>>| {
        let reference = reference.as_ref()?;
        let secret = around.secret(reference)?;
        is_long_enough(&secret, reference, around).then_some(secret)
    };
    let hosts = written.hosts.iter().filter(|host| is_host(host, around));
    Some(Admin {
        address: address.value,
        named: written.viewer.is_some() || written.operator.is_some(),
        viewer: token(&written.viewer),
        operator: token(&written.operator),
        hosts: hosts.map(|host| host.value.as_str().into()).collect(),
    })
}

fn is_long_enough(
    secret: &Secret,
    reference: &Spanned<SecretRef>,
    around: Surroundings<'_>,
) -> bool {
    let is = secret.expose().len() >= SHORTEST_TOKEN;
    if !is {
        let name = &reference.value;
        let message = format!("{name} is shorter than {SHORTEST_TOKEN} characters");
        let found = Diagnostic::error("bad-secret", reference.at, message);
        let help = "make one with: openssl rand -hex 32";
        around.collector.push(found.help(help));
    }
    is
}

/// A name without a port, which any browser may be led to.
fn is_host(word: &Word, around: Surroundings<'_>) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is = !word.value.is_empty() && word.value.bytes().all(plain);
    if !is {
        let message = format!("{} is no host name", quoted(&word.value));
        around.error("bad-value", word.at, message);
    }
    is
}

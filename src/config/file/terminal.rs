//! `terminals.toml`: the registry of terminals.

use data_encoding::HEXLOWER_PERMISSIVE;
use toml::de::DeValue;

use super::issuer::secret;
use super::{Named, Word, region};
use crate::config::reader::{Table, Value, boolean, list, parsed, string};
use crate::config::secrets::SecretRef;
use crate::config::source::Spanned;
use crate::family::Region;
use crate::identity::Digest;

/// `[terminal.*]`.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) organisation: Option<Word>,
    pub(crate) region: Option<Spanned<Region>>,
    pub(crate) group: Option<Word>,
    pub(crate) certificates: Vec<Spanned<Digest>>,
    pub(crate) names: Vec<Spanned<Box<str>>>,
    pub(crate) api_keys: Vec<Spanned<Digest>>,
    pub(crate) signature_key: Option<Spanned<SecretRef>>,
    pub(crate) revoked: Option<Spanned<bool>>,
}

/// Reads `terminals.toml`.
pub(crate) fn read_registry(mut table: Table<'_>) -> Named<Terminal> {
    let terminals = table.named("terminal", |_, mut table| {
        // A key may stand under a mistyped name.
        table.discreet();
        let terminal = Terminal {
            organisation: table.optional("organisation", string),
            region: table.optional("region", region),
            group: table.optional("group", string),
            certificates: many(&mut table, "certificate", digest),
            names: many(&mut table, "san", name),
            api_keys: many(&mut table, "api_key", |value| {
                // Whoever wrote the key itself is told so without it being shown once more.
                value.context().mask(value.at());
                digest(value)
            }),
            signature_key: table.optional("signature_key", secret),
            revoked: table.optional("revoked", boolean),
        };
        table.finish();
        Some(terminal)
    });
    table.finish();
    terminals
}

/// Reads one, or an array of them.
fn many<'r, T>(
    table: &mut Table<'r>,
    key: &'static str,
    read: impl Fn(Value<'r>) -> Option<T>,
) -> Vec<T> {
    let all = table.optional(key, |value| match value.get() {
        DeValue::Array(_) => list(read)(value),
        _ => Some(read(value).into_iter().collect()),
    });
    all.unwrap_or_default()
}

/// Reads `"sha256:…"`.
fn digest(value: Value<'_>) -> Option<Spanned<Digest>> {
    let expected = "\"sha256:\" and 64 hexadecimal digits";
    parsed(value, expected, parse_digest)
}

/// Digits in either case, also in pairs between colons, as OpenSSL prints them.
fn parse_digest(text: &str) -> Option<Digest> {
    let digits = text.strip_prefix("sha256:")?;
    let plain = match digits.as_bytes() {
        [_, _, b':', ..] if digits.split(':').all(|pair| pair.len() == 2) => {
            digits.replace(':', "")
        }
        _ => digits.to_owned(),
    };
    let bytes = HEXLOWER_PERMISSIVE.decode(plain.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// Reads a subject alternative name: a DNS name, which is compared in lower case, or a URI. A pattern
/// is none: it would be many terminals' proof.
fn name(value: Value<'_>) -> Option<Spanned<Box<str>>> {
    let expected = "a DNS name such as \"w-0001.terminals.example\", or a URI, without \"*\"";
    parsed(value, expected, |text| {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'*');
        if text.is_empty() || !plain {
            return None;
        }
        if text.contains(':') {
            return Some(text.into());
        }
        let labels = text.split('.');
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let mut labels = labels.map(|label| !label.is_empty() && label.bytes().all(of_name));
        labels
            .all(|fits| fits)
            .then(|| text.to_ascii_lowercase().into())
    })
}

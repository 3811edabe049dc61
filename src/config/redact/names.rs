//! Names that secrets have.

/// Parts of names whose values are secrets, without what separates words.
const WORDS: [&str; 10] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "authorization",
    "cookie",
    "credential",
    "private",
    "apikey",
];

/// Whole names whose values are secrets: operators' tokens are called after their roles.
const WHOLE: [&str; 3] = ["operator", "pwd", "viewer"];

/// Endings of the names of keys that everybody may see, or that open nothing.
const HARMLESS: [&str; 3] = ["publickey", "pubkey", "idempotencykey"];

/// Whether values under this name are secrets. One with an escape in it may be any name.
pub(in crate::config) fn is_secret_name(name: &str) -> bool {
    let letters = name.chars().filter(|one| !matches!(one, '_' | '-'));
    let name: String = letters.map(|one| one.to_ascii_lowercase()).collect();
    let is_key = name.ends_with("key") && !HARMLESS.iter().any(|it| name.ends_with(it));
    let named = WHOLE.contains(&&*name) || WORDS.iter().any(|word| name.contains(word));
    is_key || named || name.contains('\\')
}

//! Families of signed tokens: which claims are whose, which algorithms may sign.

use super::families::{Captures, Unresolved};
use crate::config::file::family as file;
use crate::config::file::{Family as Written, Word};
use crate::family::AlgorithmSet;
use crate::family::token::{Format, TokenLayout};
use crate::pointer::Pointer;

impl Captures<'_> {
    /// A token says itself who issued it when: what is left to say is which claims are whose.
    pub(super) fn token(&self, one: &Written, format: Format) -> Result<TokenLayout, Unresolved> {
        let fields = &one.fields;
        let said_by_token = [
            fields.issuer.as_ref().map(|it| it.at),
            fields.key_id.as_ref().map(|it| it.at),
            fields.issued_at.as_ref().map(|it| it.capture.at),
            fields.expires_at.as_ref().map(|it| it.capture.at),
            fields.nonce.as_ref().map(|it| it.at),
            fields.freshness.as_ref().map(|it| it.capture.at),
        ];
        for at in said_by_token.into_iter().flatten() {
            self.around
                .error("useless-key", at, "the token says this itself");
        }
        let region = fields.region.as_ref().map(|it| self.pointer(it));
        let accounts: Vec<_> = fields
            .accounts
            .iter()
            .map(|(kind, word)| Ok((kind.value, self.pointer(word)?)))
            .collect();
        Ok(TokenLayout {
            format,
            part: self.names.find("token"),
            issuer: fields.issuer_is.as_ref().map(|it| it.value.as_str().into()),
            region: region.transpose()?,
            accounts: accounts.into_iter().collect::<Result<_, _>>()?,
            algorithms: self.token_algorithms(one.signature.as_ref(), format),
        })
    }

    fn token_algorithms(&self, written: Option<&file::Signature>, format: Format) -> AlgorithmSet {
        let Some(written) = written else {
            return format.algorithms();
        };
        let said_by_token = [
            written.over.as_ref().map(|it| it.at),
            written.value.as_ref().map(|it| it.at),
            written.encoding.map(|it| it.at),
            written.form.map(|it| it.at),
        ];
        for at in said_by_token.into_iter().flatten() {
            self.around
                .error("useless-key", at, "the token says this itself");
        }
        for algorithm in &written.algorithms {
            if !format.algorithms().contains(algorithm.value) {
                let message = format!(
                    "tokens of this format are never signed with {}",
                    algorithm.value
                );
                self.around.error("bad-value", algorithm.at, message);
            }
        }
        written.algorithms.iter().map(|it| it.value).collect()
    }

    fn pointer(&self, word: &Word) -> Result<Pointer, Unresolved> {
        Pointer::parse(&word.value).map_err(|error| {
            let message = format!("not a JSON pointer into the token's claims: {error}");
            self.around.error("bad-value", word.at, message);
            Unresolved
        })
    }
}

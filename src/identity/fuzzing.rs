//! What the fuzz targets are shown of this module's inside; nobody else is to use it.

use super::fields::{self, Covered, FieldError};
use super::{Head, Unproven, base};

/// A member of `Signature-Input` as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The signature's label.
    pub label: String,
    covered: Covered,
}

impl Member {
    /// Writes it as it stands in a signature base.
    pub fn write(&self) -> Vec<u8> {
        let mut written = Vec::new();
        self.covered.write(&mut written);
        written
    }

    /// What is covered.
    pub fn components(&self) -> &[String] {
        &self.covered.components
    }

    /// What a signature over this request is made of.
    pub fn base(&self, head: &Head<'_>) -> Result<Vec<u8>, Unproven> {
        base::base(head, &self.covered)
    }
}

/// Reads `Signature-Input`.
pub fn lists(field: &[u8]) -> Result<Vec<Member>, FieldError> {
    let member = |(label, covered)| Member { label, covered };
    Ok(fields::lists(field)?.into_iter().map(member).collect())
}

/// Reads `Signature` or `Content-Digest`.
pub fn bytes(field: &[u8]) -> Result<Vec<(String, Vec<u8>)>, FieldError> {
    fields::bytes(field)
}

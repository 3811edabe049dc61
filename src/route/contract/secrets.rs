//! The secrets a contract may show to its backend, and to nobody else.

use std::fmt;

use zeroize::Zeroizing;

/// Named secrets; a name whose reference was not set is known but has no value.
#[derive(Clone, Default)]
pub struct Secrets(Vec<(Box<str>, Option<Zeroizing<String>>)>);

impl Secrets {
    /// Adds a secret; the first of a name counts.
    pub fn insert(&mut self, name: &str, value: Option<Zeroizing<String>>) {
        self.0.push((name.into(), value));
    }

    /// Whether a secret of this name was declared, set or not.
    pub fn declares(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| **known == *name)
    }

    /// The secret of this name, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| **known == *name)?;
        value.as_ref().map(|value| value.as_str())
    }

    /// The same names with asterisks for values, set or not: for showing a request without
    /// sending it.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mask =
            |(name, _): &(Box<str>, _)| (name.clone(), Some(Zeroizing::new("***".to_owned())));
        Self(self.0.iter().map(mask).collect())
    }
}

impl fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_debugged_nor_shown_masked() {
        let mut secrets = Secrets::default();
        secrets.insert("token", Some(Zeroizing::new("s3cret".to_owned())));
        secrets.insert("unset", None);
        assert_eq!(secrets.get("token"), Some("s3cret"));
        assert_eq!(secrets.get("unset"), None);
        assert!(secrets.declares("unset") && !secrets.declares("other"));
        assert_eq!(secrets.masked().get("token"), Some("***"));
        assert!(!format!("{secrets:?}").contains("s3cret"));
    }
}

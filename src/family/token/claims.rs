//! The claims that say who issued a credential and when it is good.

use serde_json::Value;

use super::Expected;
use crate::time::Timestamp;

/// What a format calls the claims.
pub(super) struct Names {
    pub(super) issuer: &'static str,
    pub(super) issued_at: &'static str,
    pub(super) not_before: &'static str,
    pub(super) expires_at: &'static str,
}

/// RFC 7519, section 4.1.
pub(super) const JWT: Names = Names {
    issuer: "iss",
    issued_at: "iat",
    not_before: "nbf",
    expires_at: "exp",
};

/// RFC 8392, section 4.
pub(super) const CWT: Names = Names {
    issuer: "1",
    issued_at: "6",
    not_before: "5",
    expires_at: "4",
};

/// A claim that is text if it is there.
pub(super) fn text(claims: &Value, name: &str) -> Result<Option<String>, Expected> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("text as issuer or identifier"),
    }
}

/// A claim that is seconds since 1970, perhaps with a fraction, if it is there (RFC 7519, section 2,
/// `NumericDate`). A time the gateway cannot hold is a mistake: cut to one it can, it would lie.
pub(super) fn time(claims: &Value, name: &str) -> Result<Option<Timestamp>, Expected> {
    let Some(claim) = claims.get(name) else {
        return Ok(None);
    };
    // The decimal digits, because a binary fraction times a thousand is off by one now and then.
    let seconds = claim.as_number().map(ToString::to_string);
    let instant = seconds.and_then(|seconds| Timestamp::parse(&seconds));
    let range = Timestamp::default()..Timestamp::from_millis(i64::MAX);
    match instant.filter(|instant| range.contains(instant)) {
        Some(instant) => Ok(Some(instant)),
        None => Err("times in seconds since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(claim: &str, millis: Option<i64>) {
        let claims = format!(r#"{{"exp":{claim}}}"#);
        let claims = serde_json::from_str(&claims).unwrap();
        let found = time(&claims, "exp").ok().map(Option::unwrap);
        assert_eq!(found.map(Timestamp::millis), millis, "{claim}");
    }

    #[test]
    fn times_are_whole_seconds_or_fractions() {
        check("0", Some(0));
        check("1620324000", Some(1_620_324_000_000));
        check("1715107763.677", Some(1_715_107_763_677));
        check("1715107763.6779", Some(1_715_107_763_677));
        check("1.715107763e9", Some(1_715_107_763_000));
        check("0.25", Some(250));
        check("253402300800", Some(253_402_300_800_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for claim in [
            "null",
            "true",
            "\"1620324000\"",
            "[1620324000]",
            "-1",
            "-1.5",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ] {
            check(claim, None);
        }
    }

    #[test]
    fn an_absent_claim_is_none_and_one_of_another_type_a_mistake() {
        let claims = json!({ "iss": "AT", "rid": 1 });
        assert_eq!(text(&claims, "iss"), Ok(Some("AT".into())));
        assert_eq!(text(&claims, "sub"), Ok(None));
        assert!(text(&claims, "rid").is_err());
        assert_eq!(time(&claims, "exp"), Ok(None));
        assert_eq!(time(&Value::Null, "exp"), Ok(None));
    }
}

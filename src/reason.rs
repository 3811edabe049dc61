//! Why a scan was refused: one closed list, the same word everywhere.
//!
//! The slug is the problem type's last segment, the `x-multicode-reason` header, the log field and
//! the metric label. What a terminal should do about each is in `docs/reasons.md`; the HTTP status
//! is chosen in `proxy/respond.rs` and nowhere else.

use std::fmt;

/// Declares the enum, its list and its slugs from one table, so that they cannot drift apart.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $slug:literal, $stage:ident, $title:literal;)+) => {
        /// The reason of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in the order a scan can meet them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that stands for this reason everywhere.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// What happened, in a few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// Its place in [`Self::ALL`].
            pub fn index(self) -> usize {
                Self::ALL.iter().position(|&reason| reason == self).unwrap_or_default()
            }

            /// The stage of a scan's life that refused it.
            pub const fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)+ }
            }
        }
    };
}

reasons! {
    /// The request is not the HTTP or the envelope this endpoint reads.
    MalformedRequest = "malformed-request", Ingress, "The request cannot be read";
    /// The connection ended before the announced body did.
    Truncated = "truncated", Ingress, "The request ended early";
    /// The request names no code.
    MissingCode = "missing-code", Ingress, "The request names no code";
    /// No endpoint, adapter or landing page has this path.
    NotFound = "not-found", Ingress, "Nothing is at this path";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", Ingress, "This path takes another method";
    /// The request did not arrive within its time.
    TooSlow = "too-slow", Ingress, "The request took too long to arrive";
    /// The body or the code is longer than its limit.
    TooLarge = "too-large", Ingress, "The request is too large";
    /// The body's media type is none of those this path reads.
    UnsupportedMediaType = "unsupported-media-type", Ingress, "The media type is not supported";
    /// A picture was sent in which no code could be read.
    UnreadablePicture = "unreadable-picture", Ingress, "No code can be read in the picture";
    /// A picture shows several codes that say different things.
    SeveralCodes = "several-codes", Ingress, "The picture shows several different codes";
    /// The terminal, the issuer or the address sends more than it may.
    RateLimited = "rate-limited", Ingress, "Too many requests";
    /// The request does not prove which terminal sends it, where that is asked, or shows a proof that
    /// does not hold.
    TerminalUnproven = "terminal-unproven", Ingress, "The terminal does not prove who it is";
    /// The terminal proved who it is, and its proofs were taken back.
    TerminalRevoked = "terminal-revoked", Ingress, "The terminal is out of service";
    /// The scene asks for an idempotency key and the request has none.
    IdempotencyKeyMissing = "idempotency-key-missing", Guard, "The scene needs an idempotency key";
    /// The idempotency key is not one.
    IdempotencyKeyMalformed = "idempotency-key-malformed", Guard, "The idempotency key cannot be read";
    /// The idempotency key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused", Guard, "The idempotency key belongs to another request";
    /// The request of this idempotency key is under way.
    InFlight = "in-flight", Guard, "The same request is under way";
    /// The request was answered, and its answer was too large to be kept.
    AnswerNotKept = "answer-not-kept", Guard, "The answer was given and not kept";
    /// No family claims the text.
    UnknownCode = "unknown-code", Classify, "The code is of no known family";
    /// Several families claim the text and nothing tells them apart.
    AmbiguousCode = "ambiguous-code", Classify, "The code may belong to two families";
    /// The shape is known, the check digit or CRC does not agree.
    BadChecksum = "bad-checksum", Classify, "The check digits do not agree";
    /// The family is known, the inside cannot be decoded.
    MalformedCode = "malformed-code", Parse, "The code cannot be decoded";
    /// The code is one of several that only together say something.
    PartialCode = "partial-code", Parse, "This is one of several codes, a single one is needed";
    /// The patient showed the merchant's code instead of their own.
    MerchantCode = "merchant-code", Policy, "This is the merchant's code, not the patient's";
    /// The code names an issuer that is not configured.
    UnknownIssuer = "unknown-issuer", Trust, "The issuer is not known";
    /// The issuer has no such key, or not at this time.
    UnknownKey = "unknown-key", Trust, "The key is not known";
    /// The key is configured but its secret is not there.
    KeyUnavailable = "key-unavailable", Trust, "The key is not available";
    /// The issuer's keys could not be renewed for longer than they may be used.
    KeysStale = "keys-stale", Trust, "The issuer's keys are too old";
    /// More heavy signatures wait to be verified than there is time for.
    VerifierBusy = "verifier-busy", Trust, "Too many signatures are being verified";
    /// The signature does not belong to this text and key.
    BadSignature = "bad-signature", Trust, "The signature does not hold";
    /// The code's validity is over.
    Expired = "expired", Trust, "The code has expired";
    /// The code's validity has not begun.
    NotYetValid = "not-yet-valid", Trust, "The code is not valid yet";
    /// The issuer took the code or its key back.
    Revoked = "revoked", Trust, "The code has been revoked";
    /// The issuer's platform, asked about the code, does not call it good.
    RefusedByIssuer = "refused-by-issuer", Trust, "The issuer does not accept the code";
    /// The issuer's platform did not answer in time, or not what it should.
    IssuerUnavailable = "issuer-unavailable", Trust, "The issuer cannot be asked";
    /// The terminal is not registered and the listener asks for it.
    TerminalUnknown = "terminal-unknown", Policy, "The terminal is not registered";
    /// The request claims to be another terminal than it proves, or another place than is registered.
    TerminalConflict = "terminal-conflict", Policy, "The terminal is another, or elsewhere";
    /// The scan names no scene and the listener has no default.
    SceneRequired = "scene-required", Policy, "The scan names no scene";
    /// The scan names a scene that is not configured or not served here.
    UnknownScene = "unknown-scene", Policy, "The scene is not known here";
    /// The scene does not take this kind of code.
    KindNotAccepted = "kind-not-accepted", Policy, "The scene does not take this kind of code";
    /// The scene needs a dynamic code.
    DynamicRequired = "dynamic-required", Policy, "The scene needs a dynamic code";
    /// The scene needs a static code.
    StaticRequired = "static-required", Policy, "The scene needs a static code";
    /// The scene needs a better proof than this family can give.
    AssuranceTooLow = "assurance-too-low", Policy, "The scene needs a better proof";
    /// The code was issued longer ago than the scene allows.
    TooOld = "too-old", Policy, "The code is too old for the scene";
    /// The scene does not serve codes of this region.
    RegionNotServed = "region-not-served", Policy, "The scene does not serve this region";
    /// No route matches the code, the scene and the place.
    NoRoute = "no-route", Route, "No department takes this code here";
    /// The backend's contract asks for a field the terminal did not send.
    ContractUnfilled = "contract-unfilled", Route, "A field the department needs is missing";
    /// The code is good for one use and was used.
    Replayed = "replayed", Guard, "The code was used before";
    /// The code was made before the gateway could tell whether it was used; a newer one is needed.
    RefreshCode = "refresh-code", Guard, "A newer code is needed";
    /// The store of used codes and outcomes is away.
    StoreUnavailable = "store-unavailable", Guard, "What was sent cannot be recorded";
    /// The store of used codes holds as many as it may.
    StoreFull = "store-full", Guard, "Too many codes are remembered";
    /// What is about to be done cannot be written to the audit trail.
    AuditUnavailable = "audit-unavailable", Guard, "The audit trail cannot be written";
    /// Every endpoint of the backend has as many requests as it may, and others wait already.
    UpstreamBusy = "upstream-busy", Forward, "The department is busy";
    /// No connection to the backend could be made; nothing was sent.
    UpstreamUnreachable = "upstream-unreachable", Forward, "The department cannot be reached";
    /// The backend answered something that is not HTTP.
    UpstreamInvalid = "upstream-invalid", Forward, "The department's answer cannot be read";
    /// The request may have reached the backend, its answer did not come; it is never sent again.
    OutcomeUnknown = "outcome-unknown", Forward, "The department may have acted, its answer did not come";
    /// The gateway takes no more work at the moment.
    Overloaded = "overloaded", Ingress, "The gateway is busy";
    /// A fault of the gateway itself.
    Internal = "internal", Forward, "The gateway has a fault";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// A stage of a scan's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The terminal's request is read.
    Ingress,
    /// Families that claim the text are found.
    Classify,
    /// The family decodes the text.
    Parse,
    /// Signature and validity are checked.
    Trust,
    /// Scene and region have their say.
    Policy,
    /// A department is chosen.
    Route,
    /// What was done before is looked up, and what will be done is recorded.
    Guard,
    /// The department is asked.
    Forward,
}

impl Stage {
    /// Every stage, in the order a scan goes through them.
    pub const ALL: [Self; 8] = [
        Self::Ingress,
        Self::Classify,
        Self::Parse,
        Self::Trust,
        Self::Policy,
        Self::Route,
        Self::Guard,
        Self::Forward,
    ];

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Ingress => 0,
            Self::Classify => 1,
            Self::Parse => 2,
            Self::Trust => 3,
            Self::Policy => 4,
            Self::Route => 5,
            Self::Guard => 6,
            Self::Forward => 7,
        }
    }

    /// The stage's name in responses and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Classify => "classify",
            Self::Parse => "parse",
            Self::Trust => "trust",
            Self::Policy => "policy",
            Self::Route => "route",
            Self::Guard => "guard",
            Self::Forward => "forward",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_stage_stands_in_its_place() {
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage.index(), place);
        }
    }

    #[test]
    fn every_slug_is_one_kebab_case_word_of_its_own() {
        let slugs: HashSet<_> = Reason::ALL.iter().map(|reason| reason.slug()).collect();
        assert_eq!(slugs.len(), Reason::ALL.len());
        assert!(
            slugs
                .iter()
                .all(|slug| slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }
}

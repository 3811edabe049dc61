//! What an answer says, and whether that is the decision it should be.

use std::fmt;

use multicode::reason::Reason;

use crate::scenario::Expect;

/// How the gateway decided, as far as an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// A department answered.
    Forward,
    /// A department's answer to the same request before.
    Repeated,
    /// The decision itself.
    Respond,
    /// Elsewhere.
    Redirect,
    /// Refused, for this reason.
    Refused(Reason),
    /// Refused, for a reason this program does not know.
    Strange,
}

impl Decision {
    /// Its word in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Repeated => "repeated",
            Self::Respond => "respond",
            Self::Redirect => "redirect",
            Self::Refused(reason) => reason.slug(),
            Self::Strange => "unknown-reason",
        }
    }

    /// Whether the gateway refused.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Refused(_) | Self::Strange)
    }

    /// The decision of that word.
    pub fn named(word: &str) -> Option<Self> {
        let plain = [Self::Forward, Self::Repeated, Self::Respond, Self::Redirect];
        let mut reasons = Reason::ALL.iter().map(|reason| Self::Refused(*reason));
        plain
            .into_iter()
            .find(|one| one.name() == word)
            .or_else(|| reasons.find(|one| one.name() == word))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a scenario may expect this.
pub fn is_decision(word: &str) -> bool {
    Decision::named(word).is_some()
}

/// An answer as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// `x-multicode-reason`.
    pub reason: Option<&'a [u8]>,
    /// Whether it says `idempotency-replayed: true`.
    pub repeated: bool,
    /// What stands in it.
    pub body: &'a [u8],
}

/// How the gateway's own answer to a route without a department begins.
const DECISION: &[u8] = b"{\"outcome\":\"decision\"";

impl Answer<'_> {
    /// The decision it shows.
    pub fn decision(&self) -> Decision {
        if let Some(slug) = self.reason {
            let mut all = Reason::ALL.iter();
            let known = all.find(|reason| reason.slug().as_bytes() == slug);
            return known.map_or(Decision::Strange, |reason| Decision::Refused(*reason));
        }
        if self.repeated {
            Decision::Repeated
        } else if (300..400).contains(&self.status) {
            Decision::Redirect
        } else if self.body.starts_with(DECISION) {
            Decision::Respond
        } else {
            Decision::Forward
        }
    }
}

/// What should come of a request, in a form that is quickly compared.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The decision.
    pub decision: Decision,
    status: Option<u16>,
    /// Texts the answer must hold.
    texts: Vec<Box<[u8]>>,
}

impl Wish {
    /// What a scenario expects; of a word nobody knows an answer that never comes.
    pub fn of(expect: &Expect) -> Self {
        let route = expect
            .route
            .as_ref()
            .map(|route| format!("\"route\":\"{route}\""));
        let texts = expect.contains.iter().chain(&route);
        Self {
            decision: Decision::named(&expect.decision).unwrap_or(Decision::Strange),
            status: expect.status,
            texts: texts.map(|text| text.as_bytes().into()).collect(),
        }
    }

    /// The same, given before.
    #[must_use]
    pub fn repeated(&self) -> Self {
        Self {
            decision: Decision::Repeated,
            ..self.clone()
        }
    }

    /// Whether an answer is it.
    pub fn is(&self, answer: &Answer<'_>, decision: Decision) -> bool {
        let status = answer.status;
        let fits = match self.status {
            Some(wanted) => wanted == status,
            None => decision.is_refusal() || decision == Decision::Redirect || status / 100 == 2,
        };
        let holds = |text: &[u8]| {
            answer
                .body
                .windows(text.len().max(1))
                .any(|part| part == text)
        };
        decision == self.decision && fits && self.texts.iter().all(|text| holds(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, reason: Option<&'static str>, body: &'static str) -> Answer<'static> {
        Answer {
            status,
            reason: reason.map(str::as_bytes),
            repeated: false,
            body: body.as_bytes(),
        }
    }

    #[test]
    fn the_decision_is_read_from_the_answer() {
        let decided = |answer: Answer<'_>| answer.decision().name();
        assert_eq!(decided(answer(200, None, "{\"resultCode\":0}")), "forward");
        assert_eq!(decided(answer(401, Some("expired"), "{}")), "expired");
        assert_eq!(
            decided(answer(200, Some("never-heard-of"), "")),
            "unknown-reason"
        );
        assert_eq!(decided(answer(302, None, "")), "redirect");
        let body = "{\"outcome\":\"decision\",\"route\":\"a\"}";
        assert_eq!(decided(answer(200, None, body)), "respond");
        let repeated = Answer {
            repeated: true,
            ..answer(200, None, "")
        };
        assert_eq!(decided(repeated), "repeated");
    }

    #[test]
    fn a_wish_is_about_decision_status_and_words() {
        let wish = |decision: &str, status, contains: Option<&str>| {
            Wish::of(&Expect {
                decision: decision.to_owned(),
                status,
                contains: contains.map(str::to_owned),
                route: None,
            })
        };
        let is = |wish: &Wish, answer: Answer<'_>| wish.is(&answer, answer.decision());
        let forward = wish("forward", None, None);
        assert!(is(&forward, answer(200, None, "")));
        assert!(
            !is(&forward, answer(500, None, "")),
            "a department that failed"
        );
        assert!(!is(&forward, answer(401, Some("expired"), "")));
        assert!(is(&wish("forward", Some(404), None), answer(404, None, "")));
        let tampered = wish("bad-signature", None, None);
        assert!(is(&tampered, answer(401, Some("bad-signature"), "")));
        assert!(!is(&tampered, answer(200, None, "")), "a gateway that lies");
        let words = wish("forward", None, Some("\"resultCode\":0"));
        assert!(is(&words, answer(200, None, "{\"resultCode\":0}")));
        assert!(!is(&words, answer(200, None, "{\"resultCode\":3001}")));
    }
}

//! Whether what happened is what should have happened.

use super::cases::{Case, Expected};
use super::post::Answer;
use crate::explain::Explanation;
use crate::family::Code;
use crate::sandbox::departments::{Department, Received};

/// What happened to one scan.
#[derive(Debug)]
pub(super) struct Happened {
    /// What the terminal was answered.
    pub(super) answer: Answer,
    /// The departments that were asked, once for each request.
    pub(super) asked: Vec<(Department, Received)>,
}

/// The first thing that is not as it should be.
pub(super) fn objection(
    case: &Case,
    explanation: &Explanation<'_>,
    happened: &Happened,
) -> Option<&'static str> {
    let answer = &happened.answer;
    if answer.reason.as_deref() != explanation.reason {
        return Some("the answer and the decision differ");
    }
    let asked: Vec<Department> = happened.asked.iter().map(|(asked, _)| *asked).collect();
    let is_right = match case.expected {
        Expected::Decision => explanation.reason.is_none(),
        Expected::Department(department) => {
            if asked != [department] {
                return Some("another department was asked");
            }
            answer.status == 200 && is_content(&answer.body)
        }
        Expected::Refusal(reason) => {
            if !asked.is_empty() {
                return Some("a department heard of it");
            }
            explanation.reason == Some(reason.slug())
        }
    };
    (!is_right).then_some("not as expected")
}

/// Whether a department was told the account of another, or a code that holds several.
pub(super) fn told_too_much(code: &Code<'_>, asked: &[(Department, Received)]) -> bool {
    asked.iter().any(|(department, received)| {
        let is_told = |secret: &str| {
            let mut headers = received.headers.iter();
            received.body.contains(secret)
                || received.path.contains(secret)
                || headers.any(|(_, value)| value.contains(secret))
        };
        let kinds = code
            .accounts
            .kinds()
            .filter(|kind| *kind != department.kind());
        let others = kinds.filter_map(|kind| code.accounts.of(kind));
        let several = code.accounts.kinds().count() > 1;
        several && (is_told(code.text) || { others }.any(is_told))
    })
}

/// Whether a mock department's answer says that it took the account.
fn is_content(body: &str) -> bool {
    let yes = [
        "\"resultCode\":0",
        "\"code\":0",
        "<result_code><![CDATA[SUCCESS]]>",
    ];
    yes.iter().any(|yes| body.contains(yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::unreadable;
    use crate::reason::Reason;

    fn received(body: &str) -> Received {
        Received {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    #[track_caller]
    fn check(
        expected: Expected,
        answer: (u16, Option<Reason>, &str),
        asked: &[Department],
        objects: Option<&str>,
    ) {
        let (status, reason, body) = answer;
        let case = Case {
            shown: String::new(),
            text: String::new(),
            scene: String::new(),
            expected,
        };
        let mut explanation = unreadable(reason.unwrap_or(Reason::Internal));
        explanation.reason = reason.map(Reason::slug);
        let happened = Happened {
            answer: Answer {
                status,
                reason: explanation.reason.map(str::to_owned),
                body: body.to_owned(),
            },
            asked: asked.iter().map(|asked| (*asked, received(""))).collect(),
        };
        assert_eq!(objection(&case, &explanation, &happened), objects);
    }

    #[test]
    fn a_department_must_be_asked_once_and_be_content() {
        let health = Expected::Department(Department::Health);
        let content = (200, None, "{\"resultCode\":0}");
        check(health, content, &[Department::Health], None);
        check(health, content, &[], Some("another department was asked"));
        check(
            health,
            content,
            &[Department::Health; 2],
            Some("another department was asked"),
        );
        check(
            health,
            content,
            &[Department::Payment],
            Some("another department was asked"),
        );
        let refused = (200, None, "{\"resultCode\":3001}");
        check(
            health,
            refused,
            &[Department::Health],
            Some("not as expected"),
        );
    }

    #[test]
    fn a_refused_scan_reaches_nobody() {
        let expired = Expected::Refusal(Reason::Expired);
        check(expired, (401, Some(Reason::Expired), ""), &[], None);
        let heard = Some("a department heard of it");
        check(
            expired,
            (401, Some(Reason::Expired), ""),
            &[Department::Health],
            heard,
        );
        check(
            expired,
            (401, Some(Reason::BadSignature), ""),
            &[],
            Some("not as expected"),
        );
    }
}

use multicode::family::Form;
use multicode::trust::Verifier;
use multicode::trust::verifier::to_der;

use super::{corpus, unhex};

/// The set has DER signatures; where one is sound DER, r‖s must be judged alike.
#[test]
fn external_sm2_vectors_agree() {
    let Some(corpus) = corpus("external_sm2_vectors_agree", "sm2/verify.json") else {
        return;
    };
    let (mut accepted, mut refused) = (0, 0);
    for test in corpus["tests"].as_array().unwrap() {
        let text = |field: &str| test[field].as_str().unwrap();
        let verifier = Verifier::sm2(&unhex(text("pub")), text("id")).unwrap();
        let (message, der) = (unhex(text("msg")), unhex(text("sig_der")));
        let expected = text("expected") == "valid";
        // Often enough for the key to get its table on the way.
        for _ in 0..6 {
            let holds = verifier.verifies(Form::Der, &message, &der);
            assert_eq!(holds, expected, "{}", test["comment"]);
        }
        let misplaced = text("comment") == "raw r||s as der";
        assert_eq!(verifier.verifies(Form::Raw, &message, &der), misplaced);
        let raw = raw(&der).filter(|raw| to_der(raw) == der);
        if let Some(raw) = &raw {
            assert_eq!(verifier.verifies(Form::Raw, &message, raw), expected);
            assert!(!verifier.verifies(Form::Der, &message, raw));
        }
        assert!(raw.is_some() || !expected);
        accepted += usize::from(expected);
        refused += usize::from(!expected);
    }
    assert!(accepted >= 18 && refused >= 20, "{accepted}, {refused}");
}

/// r‖s of a signature whose lengths are right, whatever its numbers.
fn raw(der: &[u8]) -> Option<Vec<u8>> {
    let [0x30, length, numbers @ ..] = der else {
        return None;
    };
    let (r, rest) = integer(numbers)?;
    let (s, rest) = integer(rest)?;
    let whole = usize::from(*length) == numbers.len() && rest.is_empty();
    whole.then(|| [r, s].concat())
}

fn integer(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let [2, length, rest @ ..] = bytes else {
        return None;
    };
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits: Vec<u8> = value
        .iter()
        .copied()
        .skip_while(|&byte| byte == 0)
        .collect();
    let zeros = 32_usize.checked_sub(digits.len())?;
    Some(([vec![0; zeros], digits].concat(), rest))
}

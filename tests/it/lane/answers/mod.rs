//! What a department answers, read by our own hand and by hyper's: the same, or ours is stricter and
//! says so.

mod costs;
mod department;
mod early;
mod rows;

use std::fmt::Write as _;

use http::Method;
use multicode::{random::Random, tick::Timer};

use self::{
    department::{Case, Department, End, Seen},
    rows::{Row, rows},
};
use crate::{engine::upstream::with_timer, proof::scale};

/// How many answers are made up.
const FEW: u64 = 250;
const MANY: u64 = 20_000;

/// Both ways' outcome: ours, and hyper's.
type Outcome = (Seen, Seen);

/// Asks by both ways: the department has read the same request in both, and each of them once.
async fn both(department: &mut Department, timer: &Timer, case: &Case) -> Outcome {
    let own = department.ask(case, timer, true).await;
    let hypers = department.ask(case, timer, false).await;
    assert_eq!(
        (own.asked.len(), hypers.asked.len()),
        (1, 1),
        "{}",
        shown(case)
    );
    assert_eq!(own.asked, hypers.asked, "{}", shown(case));
    assert!(
        hypers.kept || !own.kept,
        "ours is kept, hyper's not: {}",
        shown(case)
    );
    (own, hypers)
}

fn shown(case: &Case) -> String {
    let start = &case.answer[..case.answer.len().min(300)];
    let (method, end, piece) = (&case.method, case.end, case.piece);
    format!(
        "{method}, then {end:?}, {piece} at once: \"{}\"",
        start.escape_ascii()
    )
}

/// Whether ours told an answer that hyper did not, or another one.
fn is_laxer((own, hypers): &Outcome) -> bool {
    own.is_sound() && own.told != hypers.told
}

#[test]
fn every_answer_is_read_as_hyper_reads_it_or_more_strictly_and_then_the_row_says_so() {
    let rows = rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    with_timer(async |timer| {
        let mut department = Department::start();
        let mut wrong = Vec::new();
        for Row { case, stricter } in &rows {
            // A long one in fewer pieces; it has the same places to be cut at as the others.
            for piece in [case.piece, (case.answer.len() / 64).max(1)] {
                let case = Case {
                    piece,
                    ..case.clone()
                };
                let outcome = both(&mut department, timer, &case).await;
                let (own, hypers) = &outcome;
                let holds = match stricter {
                    None => own.told == hypers.told,
                    Some(_) => !own.is_sound() && hypers.is_sound(),
                };
                if !holds {
                    wrong.push(format!(
                        "{}\n  own    {own:?}\n  hyper's {hypers:?}",
                        shown(&case)
                    ));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of them:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    });
}

#[test]
fn sound_answers_of_any_form_are_read_alike_and_their_connections_used_again() {
    with_timer(async |timer| {
        let mut department = Department::start();
        for seed in 0..scale(FEW, MANY) {
            let case = sound(&mut Random::seeded(seed));
            let (own, hypers) = both(&mut department, timer, &case).await;
            assert_eq!(own, hypers, "seed {seed}: {}", shown(&case));
            assert!(own.is_sound() && own.kept, "seed {seed}: {}", shown(&case));
        }
    });
}

#[test]
fn damaged_answers_are_read_alike_or_not_at_all() {
    with_timer(async |timer| {
        let mut department = Department::start();
        let rows = rows();
        for seed in 0..scale(FEW, MANY) {
            let mut random = Random::seeded(seed);
            let mut case = match random.below(2) {
                0 => sound(&mut random),
                _ => rows[random.below(rows.len())].case.clone(),
            };
            for _ in 0..=random.below(3) {
                damage(&mut case.answer, &mut random);
            }
            // Nobody waits for what a damaged length promises.
            case.end = End::Close;
            case.piece = [case.answer.len().max(1), 1 + random.below(60)][random.below(2)];
            let outcome = both(&mut department, timer, &case).await;
            assert!(
                !is_laxer(&outcome),
                "seed {seed}: {}\n{outcome:?}",
                shown(&case)
            );
        }
    });
}

/// An answer by the letter.
fn sound(random: &mut Random) -> Case {
    let status = [200, 201, 302, 400, 404, 500, 503][random.below(7)];
    let reason = ["OK", "", "Something else"][random.below(3)];
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for number in 0..random.below(12) {
        let name = ["X-Own", "Set-Cookie", "content-type", "ETAG", "Via"][random.below(5)];
        let space = ["", " ", "\t  "][random.below(3)];
        write!(head, "{name}:{space}{number}{space}\r\n").unwrap();
    }
    let body = "{\"state\":\"ok\"}\r\n\r\n0\r\n".repeat(random.below(120));
    let mut answer;
    if random.below(2) == 0 {
        write!(head, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        answer = head.into_bytes();
        answer.extend(body.bytes());
    } else {
        answer = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        let size = 1 + random.below(900);
        for chunk in body.as_bytes().chunks(size) {
            answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
            answer.extend(chunk);
            answer.extend(b"\r\n");
        }
        answer.extend(b"0\r\n\r\n");
    }
    Case {
        method: Method::POST,
        piece: [answer.len(), 1 + random.below(400)][random.below(2)],
        answer,
        end: End::Stay,
    }
}

/// One thing that should not be.
fn damage(answer: &mut Vec<u8>, random: &mut Random) {
    const ODD: [&[u8]; 14] = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"0",
        b"\xff",
        b"1",
        b"HTTP/1.1 ",
        b"Content-Length: 1\r\n",
    ];
    // Most of what matters stands in front.
    let length = answer.len();
    let front = [length, 120][random.below(2)].min(length);
    let at = random.below(front + 1);
    match random.below(5) {
        0 if at < length => answer[at] = u8::try_from(random.below(256)).unwrap(),
        1 if at < length => drop(answer.remove(at)),
        2 => answer.truncate(at),
        3 => {
            let end = (at + 1 + random.below(40)).min(length);
            let again = answer[at..end].to_vec();
            answer.splice(at..at, again);
        }
        _ => drop(answer.splice(at..at, ODD[random.below(ODD.len())].iter().copied())),
    }
}

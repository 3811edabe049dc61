//! Any sequence of steps, against the simplest thing that keeps the promises.

use std::collections::HashMap;
use std::time::Duration;

use multicode::state::{
    Entry, Keep, Ledger, LedgerSetting, Name, Outcome, Reserved, Standing, Store, Ticket,
};
use proptest::prelude::*;

use super::bench::{Bench, DOUBLE_READ, NOON, Passing, answer, seals};

#[derive(Clone, Debug)]
enum Step {
    Drop(usize),
    Intend(usize),
    Look { key: usize },
    Pass(u64),
    Reserve(Request),
    Settle(usize, usize),
}

#[derive(Clone, Debug)]
struct Request {
    /// Without one the name is one of a kind.
    key: Option<usize>,
    other_content: bool,
    read: Option<usize>,
    code: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Done,
    InFlight,
    Same(Name),
    Unknown,
}

/// What is promised, as slowly and plainly as can be.
#[derive(Default)]
struct Model {
    records: HashMap<Name, (Name, State)>,
    marks: HashMap<Name, (Name, bool, Duration)>,
    codes: HashMap<Name, Name>,
}

impl Model {
    fn look(&self, name: Name, fingerprint: Name) -> Option<&'static str> {
        let (own, state) = self.records.get(&name)?;
        let counts = match state {
            State::Same(other) => self.records.get(other)?.1,
            state => *state,
        };
        if *own != fingerprint {
            return Some("other");
        }
        Some(match counts {
            State::Done => "done",
            State::InFlight => "in flight",
            State::Unknown | State::Same(_) => "unknown",
        })
    }

    fn reserve(&mut self, entry: &Entry, steady: Duration) -> &'static str {
        if let Some(known) = self.look(entry.name, entry.fingerprint) {
            return known;
        }
        let mark = entry.read.and_then(|read| self.marks.get(&read));
        if let Some(&(first, keyed, at)) = mark {
            let in_flight = self.records.get(&first).map(|it| it.1) == Some(State::InFlight);
            let in_time = in_flight || steady < at + DOUBLE_READ;
            if in_time && !(keyed && entry.keyed) && first != entry.name {
                if entry.keyed {
                    let same = (entry.fingerprint, State::Same(first));
                    self.records.insert(entry.name, same);
                    let mark = entry.read.and_then(|read| self.marks.get_mut(&read));
                    mark.unwrap().1 = true;
                }
                return "joined";
            }
        }
        if let Some(claim) = entry.claim {
            match self.codes.get(&claim.name) {
                Some(token) if *token == entry.name => return "unknown",
                Some(_) => return "replayed",
                None => self.codes.insert(claim.name, entry.name),
            };
        }
        if let Some(read) = entry.read {
            let mark = (entry.name, entry.keyed, steady);
            self.marks.insert(read, mark);
        }
        let begun = (entry.fingerprint, State::InFlight);
        self.records.insert(entry.name, begun);
        "begun"
    }

    fn settle(&mut self, name: Name, state: Option<State>) {
        if let Some(state) = state {
            self.records.get_mut(&name).unwrap().1 = state;
            return;
        }
        self.records.remove(&name);
        self.codes.retain(|_, token| *token != name);
        self.marks.retain(|_, mark| mark.0 != name);
    }
}

fn told(standing: &Standing) -> &'static str {
    match standing {
        Standing::Done(_) => "done",
        Standing::InFlight => "in flight",
        Standing::Other => "other",
        Standing::Unknown => "unknown",
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = (
        prop::option::of(0..4_usize),
        prop::bool::weighted(0.1),
        prop::option::of(0..2_usize),
        prop::option::of(0..3_usize),
    );
    let request = request.prop_map(|(key, other_content, read, code)| Request {
        key,
        other_content,
        read,
        code,
    });
    let step = prop_oneof![
        6 => request.prop_map(Step::Reserve),
        2 => (0..8_usize).prop_map(Step::Intend),
        3 => (0..8_usize, 0..3_usize).prop_map(|(of, how)| Step::Settle(of, how)),
        1 => (0..8_usize).prop_map(Step::Drop),
        2 => (1..500_u64).prop_map(Step::Pass),
        2 => (0..4_usize).prop_map(|key| Step::Look { key }),
    ];
    prop::collection::vec(step, 0..60)
}

async fn run(bench: &Bench, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut tickets: Vec<(Ticket, bool)> = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let told_so = format!("step {number}: {step:?}");
        match step {
            Step::Pass(millis) => bench.pass(Duration::from_millis(millis)).await,
            Step::Look { key } => {
                let entry = bench.keyed(&format!("key {key}"));
                let looked = bench.look(&entry).await;
                let expected = model.look(entry.name, entry.fingerprint);
                assert_eq!(looked.as_ref().map(told), expected, "{told_so}");
            }
            Step::Reserve(request) => {
                let entry = entry(bench, &request);
                let expected = model.reserve(&entry, bench.now().steady);
                let came = match bench.reserve(&entry).await {
                    Reserved::Begun(ticket) => {
                        tickets.push((ticket, false));
                        "begun"
                    }
                    Reserved::Joined(_) => "joined",
                    Reserved::Known(standing) => told(&standing),
                    Reserved::Replayed => "replayed",
                    Reserved::Refresh => "refresh",
                    Reserved::Full => "full",
                };
                assert_eq!(came, expected, "{told_so}");
            }
            Step::Intend(of) => {
                if let Some((ticket, intended)) = tickets.get_mut(of)
                    && !*intended
                {
                    ticket.intend(bench.now()).await.unwrap();
                    *intended = true;
                }
            }
            Step::Settle(of, how) if of < tickets.len() => {
                let (ticket, _) = tickets.remove(of);
                let name = ticket.name();
                let (outcome, state) = match how {
                    0 => (Outcome::Done(answer("ok")), Some(State::Done)),
                    1 => (Outcome::Unknown, Some(State::Unknown)),
                    _ => (Outcome::NotSent, None),
                };
                ticket.settle(outcome, bench.now()).await;
                model.settle(name, state);
            }
            Step::Drop(of) if of < tickets.len() => {
                let (ticket, intended) = tickets.remove(of);
                let name = ticket.name();
                drop(ticket);
                model.settle(name, intended.then_some(State::Unknown));
            }
            Step::Settle(..) | Step::Drop(_) => {}
        }
    }
}

fn entry(bench: &Bench, request: &Request) -> Entry {
    let mut entry = match request.key {
        Some(key) => bench.keyed(&format!("key {key}")),
        None => Entry {
            keep: Keep::Kept,
            ..bench.unkeyed()
        },
    };
    if request.other_content {
        entry.fingerprint = bench.name("another request");
    }
    entry.read = request.read.map(|read| bench.name(&format!("read {read}")));
    entry.claim = request.code.map(|code| bench.code(&format!("code {code}")));
    if let Some(claim) = &mut entry.claim {
        claim.until = claim.until.after(Duration::from_secs(3_600));
    }
    entry
}

proptest! {
    #[test]
    fn the_ledger_does_what_was_promised(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let setting = LedgerSetting {
            double_read: DOUBLE_READ,
            ..LedgerSetting::in_memory(seals())
        };
        let ledger = Ledger::open(setting, NOON).unwrap();
        let bench = Bench::new(Store::Local(ledger), NOON, Passing::Said);
        runtime.block_on(run(&bench, steps));
    }
}

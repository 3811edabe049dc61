//! Photographs of zxing's black-box tests (zxing/zxing, Apache-2.0), where they are at hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::*;
use super::PATIENCE;

/// What the best decoder of the corpus's own list reads of it, in percent: 165 of 179.
const BEST: usize = 92;

/// How the pictures of one set were read.
#[derive(Default)]
struct Tally {
    exact: usize,
    wrong: Vec<PathBuf>,
    times: Vec<Duration>,
}

impl Tally {
    fn of(folder: &Path) -> Self {
        let mut tally = Self::default();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "png") {
                tally.look_at(path);
            }
        }
        tally
    }

    fn look_at(&mut self, path: PathBuf) {
        let expected = std::fs::read(path.with_extension("txt")).unwrap();
        let expected = String::from_utf8_lossy(&expected);
        let bytes = std::fs::read(&path).unwrap();
        let began = Instant::now();
        let contents = read_within(&bytes, PATIENCE).unwrap();
        self.times.push(began.elapsed());
        let is_right = |found: &Found| found.text.trim_end() == expected.trim_end();
        if contents.only().is_ok_and(is_right) {
            self.exact += 1;
        } else if !contents.codes.is_empty() {
            self.wrong.push(path);
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "what was read is shown with --nocapture"
    )]
    fn tell(&mut self, name: &str) {
        self.times.sort_unstable();
        let (all, exact, wrong) = (self.times.len(), self.exact, self.wrong.len());
        let (median, worst) = (self.times[all / 2], self.times[all - 1]);
        eprintln!(
            "{name}: {exact} of {all} exact, {wrong} wrong, median {median:.2?}, worst {worst:.2?}"
        );
    }
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "what was read is shown with --nocapture"
)]
fn external_photographs_are_read() {
    let Some((_, corpora)) = std::env::vars_os().find(|(name, _)| name == "MULTICODE_CORPORA")
    else {
        eprintln!("external_photographs_are_read: MULTICODE_CORPORA is not set, nothing was read");
        return;
    };
    let mut all = Tally::default();
    for set in ["zxing-qrcode-1", "zxing-qrcode-3", "zxing-qrcode-5"] {
        let mut tally = Tally::of(&Path::new(&corpora).join("qr").join(set));
        tally.tell(set);
        all.exact += tally.exact;
        all.wrong.append(&mut tally.wrong);
        all.times.append(&mut tally.times);
    }
    all.tell("all");
    assert!(all.wrong.is_empty(), "{:?}", all.wrong);
    let count = all.times.len();
    // Nine tenths of the best; ours reads more, and shall go on to.
    assert!(all.exact * 100 >= count * BEST, "{} of {count}", all.exact);
}

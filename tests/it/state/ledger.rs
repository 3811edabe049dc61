//! The store in this process: every case in memory and with a file.

use std::path::PathBuf;

use multicode::state::{Ledger, LedgerSetting, Store};

use super::bench::{Bench, DOUBLE_READ, KEEP, NOON, Passing, seals};

/// The ledger of these tests.
fn setting(file: Option<PathBuf>) -> LedgerSetting {
    LedgerSetting {
        file,
        keep: KEEP,
        double_read: DOUBLE_READ,
        ..LedgerSetting::in_memory(seals())
    }
}

mod in_memory {
    use super::*;

    #[expect(clippy::unused_async, reason = "other stores have to be waited for")]
    async fn bench() -> Bench {
        let ledger = Ledger::open(setting(None), NOON).unwrap();
        Bench::new(Store::Local(ledger), NOON, Passing::Said)
    }

    crate::state::on_every!(bench());
}

mod in_a_file {
    use super::*;

    #[expect(clippy::unused_async, reason = "other stores have to be waited for")]
    async fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state").join("ledger");
        let ledger = Ledger::open(setting(Some(file)), NOON).unwrap();
        Bench::new(Store::Local(ledger), NOON, Passing::Said).on(folder)
    }

    crate::state::on_every!(bench());
}

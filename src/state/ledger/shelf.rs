//! The file: redb's tables, and what is asked of them.
//!
//! Records are sealed and lie under their names. Two more tables hold names only: by when a record
//! may be forgotten, and by when it came for those that have no outcome.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction,
};

use super::LedgerError;
use crate::state::{About, Away, Name, Record, Seals, State};
use crate::time::Timestamp;

const RECORDS: TableDefinition<'_, [u8; Name::LENGTH], &[u8]> = TableDefinition::new("records");
/// When, then which; records that are forgotten earlier leave their line behind.
const ENDS: TableDefinition<'_, (i64, [u8; Name::LENGTH]), ()> = TableDefinition::new("ends");
/// When it came, then which.
const OPEN: TableDefinition<'_, (i64, [u8; Name::LENGTH]), ()> = TableDefinition::new("open");
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

/// Opens with this ledger's secret only.
const WITNESS: &str = "witness";
/// Which snapshot of the claims is the right one.
const SNAPSHOT: &str = "snapshot";

/// Pages kept in memory; redb would take a gigabyte. Names are random, so a leaf is hardly ever asked for twice,
/// but the branches above them are. Half of it is for what waits to be written.
const CACHE: usize = 32 * 1024 * 1024;

/// Whoever may read names and times of requests is the operator's user alone.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The file, while it is open.
#[derive(Debug, Default)]
pub(super) struct Shelf(RwLock<Option<Database>>);

/// One slot as it goes to the file.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: Name,
    /// Nothing takes the record away.
    pub(super) record: Option<Record>,
    /// When the request came.
    pub(super) since: Timestamp,
    /// When the one came that the file may have had under this name.
    pub(super) before: Option<Timestamp>,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    /// Lines looked at.
    pub(super) lines: usize,
    /// Records removed of which nobody knew what became of them.
    pub(super) unknown: usize,
}

/// What the file said when it was opened.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Nothing was ever written to it.
    pub(super) new: bool,
    /// How many are without an outcome.
    pub(super) unknown: usize,
    /// Which snapshot of the claims belongs to it; it belongs to it no more.
    pub(super) snapshot: Option<Name>,
}

impl Shelf {
    /// Opens the file, or makes it, its folders too. Those under way when it was last written are
    /// unknown from now on.
    pub(super) fn open(&self, path: &Path, seals: &Seals) -> Result<Recovered, LedgerError> {
        if let Some(folder) = path.parent() {
            let mut folders = DirBuilder::new();
            let made = folders.recursive(true).mode(FOLDER_MODE).create(folder);
            made.map_err(LedgerError::Io)?;
        }
        let database = database(path)?;
        let transaction = database.begin_write().map_err(trouble)?;
        let recovered = recover(&transaction, seals)?;
        transaction.commit().map_err(trouble)?;
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(database);
        Ok(recovered)
    }

    /// Opens the file that this process had open before. If it can be read only, that is done.
    pub(super) fn open_again(&self, path: &Path, seals: &Seals) -> Result<(), LedgerError> {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // It holds the lock of the file.
        drop(place.take());
        let database = database(path)?;
        let reading = database.begin_read().map_err(trouble)?;
        let notes = reading.open_table(NOTES).map_err(trouble)?;
        let witness = notes.get(WITNESS).map_err(trouble)?;
        let ours = |sealed: &[u8]| seals.open(seals.name("witness", []), sealed).is_some();
        if !witness.is_some_and(|sealed| ours(sealed.value())) {
            return Err(LedgerError::OtherKey);
        }
        drop((notes, reading));
        *place = Some(database);
        Ok(())
    }

    /// Whether there is a file to read of.
    pub(super) fn is_open(&self) -> bool {
        let place = self.0.read().unwrap_or_else(PoisonError::into_inner);
        place.is_some()
    }

    /// Gives the file up.
    pub(super) fn close(&self) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        drop(place.take());
    }

    /// The record of a name.
    pub(super) fn read(&self, name: Name, seals: &Seals) -> Result<Option<Record>, Away> {
        let read = self.with(|database| {
            let records = database.begin_read()?.open_table(RECORDS)?;
            let sealed = records.get(name.as_bytes())?;
            // One that is damaged was something once: it must not look like nothing.
            Ok(sealed.map(|sealed| Record::open(name, sealed.value(), seals).ok_or(Away)))
        });
        read.map_err(|_| Away)?.transpose()
    }

    /// Requests without an outcome of which nobody knows what became of them, the oldest first.
    pub(super) fn unknown(
        &self,
        most: usize,
        wall: Timestamp,
        seals: &Seals,
    ) -> Result<Vec<(Name, About)>, Away> {
        let listed = self.with(|database| {
            let transaction = database.begin_read()?;
            let (open, records) = (
                transaction.open_table(OPEN)?,
                transaction.open_table(RECORDS)?,
            );
            let mut listed = Vec::new();
            for line in open.iter()? {
                if listed.len() >= most {
                    break;
                }
                let (_, name) = line?.0.value();
                let name = Name::from_bytes(name);
                let sealed = records.get(name.as_bytes())?;
                let record = sealed.and_then(|sealed| Record::open(name, sealed.value(), seals));
                listed.extend(
                    record
                        .filter(|it| it.state == State::Unknown && it.until > wall)
                        .map(|record| (name, record.about)),
                );
            }
            Ok(listed)
        });
        listed.map_err(|_| Away)
    }

    /// Writes the lines; they are on disk when it returns.
    pub(super) fn write(&self, lines: &[Line], seals: &Seals) -> Result<(), redb::Error> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            if lines.is_empty() {
                transaction.open_table(NOTES)?.insert("probe", &[][..])?;
            }
            write(&transaction, lines, seals)?;
            Ok(transaction.commit()?)
        })
    }

    /// Removes what may be forgotten by then, some of it.
    pub(super) fn sweep(
        &self,
        wall: Timestamp,
        most: usize,
        seals: &Seals,
    ) -> Result<Swept, redb::Error> {
        self.with(|database| {
            // Mostly there is nothing: no transaction that writes for that. Nor may one that reads live on, or
            // the pages given up before it could not be used again.
            let first = {
                let ends = database.begin_read()?.open_table(ENDS)?;
                ends.first()?.map(|(line, _)| line.value().0)
            };
            if first.is_none_or(|first| first > wall.millis()) {
                return Ok(Swept::default());
            }
            let transaction = database.begin_write()?;
            let swept = sweep(&transaction, wall, most, seals)?;
            transaction.commit()?;
            Ok(swept)
        })
    }

    /// Notes which snapshot belongs to the file from now on.
    pub(super) fn note_snapshot(&self, snapshot: Name) -> Result<(), redb::Error> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            transaction
                .open_table(NOTES)?
                .insert(SNAPSHOT, &snapshot.as_bytes()[..])?;
            Ok(transaction.commit()?)
        })
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        let place = self.0.read().unwrap_or_else(PoisonError::into_inner);
        place
            .as_ref()
            .map_or(Err(redb::Error::DatabaseClosed), work)
    }
}

fn file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(FILE_MODE).open(path)
}

fn database(path: &Path) -> Result<Database, LedgerError> {
    let file = file(path).map_err(LedgerError::Io)?;
    let opened = FileBackend::new(file).and_then(|file| {
        Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(file)
    });
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::Taken,
        error => trouble(error),
    })
}

fn trouble(error: impl Into<redb::Error>) -> LedgerError {
    LedgerError::Database(Box::new(error.into()))
}

fn recover(transaction: &WriteTransaction, seals: &Seals) -> Result<Recovered, LedgerError> {
    let name = seals.name("witness", []);
    let mut notes = transaction.open_table(NOTES).map_err(trouble)?;
    let witness = notes.get(WITNESS).map_err(trouble)?;
    let witness = witness.map(|sealed| seals.open(name, sealed.value()));
    let new = witness.is_none();
    match witness {
        Some(None) => return Err(LedgerError::OtherKey),
        Some(Some(_)) => {}
        None => {
            let sealed = seals.seal(name, b"multicode").unwrap_or_default();
            notes.insert(WITNESS, &*sealed).map_err(trouble)?;
        }
    }
    let snapshot = notes.remove(SNAPSHOT).map_err(trouble)?;
    let snapshot = snapshot.and_then(|name| name.value().try_into().ok());
    let unknown = give_up(transaction, seals).map_err(trouble)?;
    Ok(Recovered {
        new,
        unknown,
        snapshot: snapshot.map(Name::from_bytes),
    })
}

/// Whatever was being forwarded is unknown from now on; how many are.
fn give_up(transaction: &WriteTransaction, seals: &Seals) -> Result<usize, redb::Error> {
    let open = transaction.open_table(OPEN)?;
    let mut records = transaction.open_table(RECORDS)?;
    transaction.open_table(ENDS)?;
    for line in open.iter()? {
        let (_, name) = line?.0.value();
        let name = Name::from_bytes(name);
        let sealed = records.get(name.as_bytes())?;
        let record = sealed.and_then(|sealed| Record::open(name, sealed.value(), seals));
        if let Some(mut record) = record.filter(|record| record.state == State::Forwarding) {
            record.state = State::Unknown;
            if let Ok(sealed) = record.seal(name, seals) {
                records.insert(name.as_bytes(), &*sealed)?;
            }
        }
    }
    Ok(usize::try_from(open.len()?).unwrap_or(usize::MAX))
}

fn write(transaction: &WriteTransaction, lines: &[Line], seals: &Seals) -> Result<(), redb::Error> {
    let mut records = transaction.open_table(RECORDS)?;
    let mut ends = transaction.open_table(ENDS)?;
    let mut open = transaction.open_table(OPEN)?;
    for line in lines {
        let name = line.name.as_bytes();
        let since = (line.since.millis(), *name);
        if let Some(before) = line.before.filter(|before| *before != line.since) {
            open.remove((before.millis(), *name))?;
        }
        let Some(record) = &line.record else {
            records.remove(name)?;
            open.remove(since)?;
            continue;
        };
        let sealed = record.seal(line.name, seals);
        let sealed = sealed.map_err(|_| io::Error::other("cannot be sealed"))?;
        let is_new = records.insert(name, &*sealed)?.is_none();
        if is_new {
            ends.insert((record.until.millis(), *name), ())?;
        }
        match record.state {
            State::Forwarding | State::Unknown => drop(open.insert(since, ())?),
            _ => drop(open.remove(since)?),
        }
    }
    Ok(())
}

fn sweep(
    transaction: &WriteTransaction,
    wall: Timestamp,
    most: usize,
    seals: &Seals,
) -> Result<Swept, redb::Error> {
    let mut records = transaction.open_table(RECORDS)?;
    let mut ends = transaction.open_table(ENDS)?;
    let mut open = transaction.open_table(OPEN)?;
    let mut swept = Swept::default();
    while swept.lines < most {
        let first = ends.first()?.map(|(line, _)| line.value());
        let Some((end, bytes)) = first.filter(|(end, _)| *end <= wall.millis()) else {
            break;
        };
        swept.lines = swept.lines.saturating_add(1);
        ends.remove((end, bytes))?;
        let name = Name::from_bytes(bytes);
        let record = read(&records, name, seals)?;
        // A record that was settled since ends later: the line moves to where it belongs.
        match record {
            Some(record) if record.until > wall => {
                ends.insert((record.until.millis(), bytes), ())?;
            }
            Some(record) => {
                let unknown = record.state == State::Unknown;
                swept.unknown = swept.unknown.saturating_add(usize::from(unknown));
                open.remove((record.about.since.millis(), bytes))?;
                records.remove(&bytes)?;
            }
            None => drop(records.remove(&bytes)?),
        }
    }
    Ok(swept)
}

fn read(
    records: &Table<'_, [u8; Name::LENGTH], &'static [u8]>,
    name: Name,
    seals: &Seals,
) -> Result<Option<Record>, redb::Error> {
    let sealed = records.get(name.as_bytes())?;
    Ok(sealed.and_then(|sealed| Record::open(name, sealed.value(), seals)))
}

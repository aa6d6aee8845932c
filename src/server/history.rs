//! Metrics that outlast the server: a file of their own beside the control plane's state, written every few seconds.
//!
//! An invocation is acknowledged before its metrics are on the disk: waiting for a disk would be the slowest part of it.
//! So a server that is killed loses what the last [`flush_ms`](super::settings::HistorySettings) counted, and nothing
//! else; one that ends in order loses nothing. A thread of its own writes. It holds the ledger's lock only while rows are
//! copied, and shares no transaction with the control plane, so neither callers nor calls wait for it.
//!
//! Nor does the start wait: a history may have a gigabyte. What the control plane and alarms go on with is read before
//! the port is open; the rows of variants by the thread that writes, before it first does, those that serve first.
//!
//! Kept is what the ledger keeps: of at most 64 variants minutes for a day, fives for a week, hours for 455 days; what
//! alarms read, for six hours; and the totals of the instances that serve.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TransactionError, WriteTransaction};

use super::{
    clock,
    ledger::{Ledger, Totals},
    routes::Table,
    store::StoreError,
};
use crate::{
    analysis::metrics::{Changes, KeptRow, KeptSeries, MetricStore, WATCHED_MINUTES},
    domain::{EndpointName, FleetId, VariantName},
};

/// By endpoint and variant with a slash between, tier, first minute.
const ROWS: TableDefinition<(&str, u8, u64), &[u8]> = TableDefinition::new("rows");
/// By minute and number of the fleet: what is too old is a range.
const FLEETS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("fleets");
/// By number of the fleet.
const TOTALS: TableDefinition<u32, &[u8]> = TableDefinition::new("totals");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Name of the file in the folder that the operator names.
pub const FILE: &str = "metrics.redb";
/// Version of what is written. Another one is not read.
const VERSION: u64 = 1;

/// What was written before, but for the rows of variants.
#[derive(Debug, Default)]
pub struct Past {
    /// What alarms read, and no series yet.
    pub metrics: MetricStore,
    /// Totals of fleets, some of which may be gone.
    pub totals: BTreeMap<FleetId, Totals>,
    /// Numbers of invocations that were given out.
    pub begun: u64,
}

/// How the writing goes; for who watches the server.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records of this start whose metrics are on the disk.
    pub written: AtomicU64,
    /// Flushes that failed.
    pub failed: AtomicU64,
    /// Variants whose rows are still to be read.
    pub unread: AtomicU64,
    /// Rows that nobody here can have written. They are left out, and left on the disk.
    pub unreadable: AtomicU64,
}

/// The file.
#[derive(Debug)]
pub struct History {
    database: Database,
    path: PathBuf,
    /// Keys of variants whose rows are still to be read.
    unread: Vec<String>,
    /// What a flush that failed has not written.
    owed: Changes,
    /// Totals as they are on the disk.
    totals: BTreeMap<FleetId, Totals>,
    begun: u64,
}

fn key(endpoint: &EndpointName, variant: &VariantName) -> String {
    // Names have letters, digits and hyphens only.
    format!("{endpoint}/{variant}")
}

fn names(key: &str) -> Option<(EndpointName, VariantName)> {
    let (endpoint, variant) = key.split_once('/')?;
    Some((EndpointName::new(endpoint).ok()?, VariantName::new(variant).ok()?))
}

/// Why the file cannot be read or written: several libraries' words.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl History {
    /// Opens or makes the file in a folder, and reads what is needed at once. A control plane that begins anew numbers
    /// its fleets anew: what was kept by their numbers is forgotten then.
    ///
    /// # Errors
    /// [`StoreError::Open`]; [`StoreError::Content`] for what this program has not written.
    pub fn open(folder: &Path, anew: bool) -> Result<(Self, Past), StoreError> {
        let path = folder.join(FILE);
        let shown = path.display().to_string();
        let open = |why: String| StoreError::Open { path: shown.clone(), why };
        std::fs::create_dir_all(folder).map_err(|e| open(e.to_string()))?;
        let database = Database::create(&path).map_err(|e| open(e.to_string()))?;
        let content = |e: Trouble| StoreError::Content { path: shown.clone(), why: e.to_string() };
        let past = read(&database, anew).map_err(content)?;
        let unread = keys(&database).map_err(content)?;
        let (totals, begun) = (past.totals.clone(), past.begun);
        Ok((Self { database, path, unread, owed: Changes::default(), totals, begun }, past))
    }

    /// Reads the rows of variants into a ledger that counts already. When `ending`, no more than those that it counts
    /// for: without these a flush would write over them.
    ///
    /// # Errors
    /// [`StoreError::Read`]; what was read until then is not read again.
    fn load(
        &mut self,
        ledger: &Ledger,
        progress: &Progress,
        ending: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        let path = self.path.display().to_string();
        let trouble = |e: Trouble| StoreError::Read { path: path.clone(), why: e.to_string() };
        let counted = |key: &String| names(key).is_some_and(|(e, v)| ledger.knows(&e, &v));
        while !self.unread.is_empty() {
            let place = match self.unread.iter().position(counted) {
                None if ending() => break,
                place => place.unwrap_or(0),
            };
            let read = read_series(&self.database, &self.unread[place]).map_err(trouble)?;
            if let Some(first) = read.unreadable.first() {
                progress.unreadable.fetch_add(read.unreadable.len() as u64, Ordering::Relaxed);
                tracing::error!(
                    file = path,
                    rows = read.unreadable.len(),
                    first,
                    "kept metrics that this program has not written are left out"
                );
            }
            if let Some(series) = read.series {
                ledger.restore(series);
            }
            self.unread.swap_remove(place);
            progress.unread.store(self.unread.len() as u64, Ordering::Release);
        }
        Ok(())
    }

    /// Writes what has changed since the last flush; once this returns it outlasts the power.
    ///
    /// # Errors
    /// [`StoreError::Write`]; the next flush makes up for this one.
    pub fn flush(&mut self, ledger: &Ledger, table: &Table) -> Result<u64, StoreError> {
        // First the count: what is read after it holds at least these.
        let recorded = ledger.recorded();
        let begun = ledger.begun();
        let changes = ledger.changes(clock::now());
        let totals = table.totals();
        let owed = owe(std::mem::take(&mut self.owed), changes);
        match self.write(&owed, &totals, begun) {
            Ok(()) => {
                (self.totals, self.begun) = (totals, begun);
                Ok(recorded)
            }
            Err(e) => {
                self.owed = owed;
                Err(StoreError::Write { path: self.path.display().to_string(), why: e.to_string() })
            }
        }
    }

    fn write(
        &self,
        changes: &Changes,
        totals: &BTreeMap<FleetId, Totals>,
        begun: u64,
    ) -> Result<(), Trouble> {
        let news = changes != &Changes::default() || *totals != self.totals || begun != self.begun;
        if !news {
            return Ok(());
        }
        let writing = begin_write(&self.database)?;
        {
            let mut rows = writing.open_table(ROWS)?;
            for (endpoint, variant) in &changes.forgotten {
                let name = key(endpoint, variant);
                rows.retain_in((name.as_str(), 0, 0)..=(name.as_str(), u8::MAX, u64::MAX), |_, _| false)?;
            }
            for KeptRow { endpoint, variant, tier, minute, row } in &changes.rows {
                let name = key(endpoint, variant);
                match row {
                    Some(row) => drop(rows.insert((name.as_str(), *tier, *minute), row.as_slice())?),
                    None => drop(rows.remove((name.as_str(), *tier, *minute))?),
                }
            }
            let mut fleets = writing.open_table(FLEETS)?;
            if let Some(newest) = changes.fleets.iter().map(|(_, minute, _)| *minute).max() {
                let oldest = newest.saturating_sub(WATCHED_MINUTES);
                fleets.retain_in((0, 0)..(oldest, 0), |_, _| false)?;
            }
            for (fleet, minute, row) in &changes.fleets {
                fleets.insert((*minute, fleet.0), row.as_slice())?;
            }
            let mut table = writing.open_table(TOTALS)?;
            for fleet in self.totals.keys().filter(|f| !totals.contains_key(f)) {
                table.remove(fleet.0)?;
            }
            for (fleet, totals) in totals.iter().filter(|(f, t)| self.totals.get(f) != Some(t)) {
                table.insert(fleet.0, serde_json::to_vec(totals)?.as_slice())?;
            }
            writing.open_table(META)?.insert("begun", begun)?;
        }
        writing.commit()?;
        Ok(())
    }

    /// Reads the rows that are still to be read, then flushes every `every`, in a thread of its own, and once more when
    /// `until` has lost its sender. The receiver that it gives loses its sender once all is read.
    ///
    /// # Errors
    /// The system's words when no thread can be had.
    pub fn keep(
        mut self,
        (ledger, table): (Arc<Ledger>, Arc<Table>),
        every: Duration,
        progress: Arc<Progress>,
        until: mpsc::Receiver<()>,
    ) -> std::io::Result<(JoinHandle<()>, mpsc::Receiver<()>)> {
        progress.unread.store(self.unread.len() as u64, Ordering::Release);
        let (loads, loaded) = mpsc::channel();
        let mut loads = Some(loads);
        let mut well = true;
        let mut step = move |ending: bool, until: &mpsc::Receiver<()>| {
            let ends = || ending || until.try_recv() == Err(mpsc::TryRecvError::Disconnected);
            let outcome = self.load(&ledger, &progress, ends).and_then(|()| {
                loads = None;
                self.flush(&ledger, &table)
            });
            match outcome {
                Ok(recorded) => {
                    progress.written.store(recorded, Ordering::Release);
                    well = true;
                }
                Err(e) => {
                    progress.failed.fetch_add(1, Ordering::Relaxed);
                    // Said once: it is tried again every few seconds.
                    if std::mem::take(&mut well) {
                        tracing::error!(error = %e, "metrics could not be written down; they are tried again");
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("history".into()).spawn(move || {
            step(false, &until);
            loop {
                let ending = until.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Disconnected);
                step(ending, &until);
                if ending {
                    return;
                }
            }
        })?;
        Ok((thread, loaded))
    }
}

/// What is owed once `newer` has come to `older`: each row as it is now.
fn owe(older: Changes, newer: Changes) -> Changes {
    if older == Changes::default() {
        return newer;
    }
    let gone = |row: &KeptRow| newer.forgotten.iter().any(|(e, v)| (e, v) == (&row.endpoint, &row.variant));
    let place = |row: &KeptRow| (key(&row.endpoint, &row.variant), row.tier, row.minute);
    let mut rows: BTreeMap<_, KeptRow> =
        older.rows.into_iter().filter(|r| !gone(r)).map(|r| (place(&r), r)).collect();
    rows.extend(newer.rows.into_iter().map(|r| (place(&r), r)));
    let (mut forgotten, mut fleets) = (older.forgotten, older.fleets);
    forgotten.extend(newer.forgotten);
    fleets.extend(newer.fleets);
    Changes { forgotten, rows: rows.into_values().collect(), fleets }
}

/// A transaction that a start after a kill need not make up for: looking through a file of some gigabytes for what is in
/// use took 7 s. For it a commit writes down what that is.
fn begin_write(database: &Database) -> Result<WriteTransaction, TransactionError> {
    let mut writing = database.begin_write()?;
    writing.set_quick_repair(true);
    Ok(writing)
}

fn read(database: &Database, anew: bool) -> Result<Past, Trouble> {
    let begin = begin_write(database)?;
    {
        // All tables are there from now on, so reading needs no case for a new file.
        begin.open_table(ROWS)?;
        let mut fleets = begin.open_table(FLEETS)?;
        let mut totals = begin.open_table(TOTALS)?;
        if anew {
            fleets.retain(|_, _| false)?;
            totals.retain(|_, _| false)?;
        }
        let mut meta = begin.open_table(META)?;
        let version = meta.get("version")?.map(|v| v.value());
        match version {
            Some(VERSION) => {}
            Some(other) => return Err(format!("version {other} instead of {VERSION}").into()),
            None => drop(meta.insert("version", VERSION)?),
        }
    }
    begin.commit()?;
    let reading = database.begin_read()?;
    let mut past = Past::default();
    past.metrics.note_changes();
    for row in reading.open_table(FLEETS)?.iter()? {
        let (place, bytes) = row?;
        let (minute, fleet) = place.value();
        let restored = past.metrics.restore_fleet(FleetId(fleet), minute, bytes.value());
        restored.map_err(|e| format!("fleet {fleet}, minute {minute}: {e}"))?;
    }
    for row in reading.open_table(TOTALS)?.iter()? {
        let (fleet, bytes) = row?;
        let fleet = fleet.value();
        let read =
            serde_json::from_slice(bytes.value()).map_err(|e| format!("totals of fleet {fleet}: {e}"))?;
        past.totals.insert(FleetId(fleet), read);
    }
    past.begun = reading.open_table(META)?.get("begun")?.map_or(0, |b| b.value());
    Ok(past)
}

/// Keys of the variants that there are rows of: a look for each, not for each row.
fn keys(database: &Database) -> Result<Vec<String>, Trouble> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    let mut keys: Vec<String> = Vec::new();
    loop {
        // No text lies between a text and the same with a zero behind it.
        let after = keys.last().map(|k| format!("{k}\0")).unwrap_or_default();
        let Some(first) = rows.range((after.as_str(), 0, 0)..)?.next() else { return Ok(keys) };
        let name = first?.0.value().0.to_owned();
        keys.push(name);
    }
}

/// What [`read_series`] finds.
struct Found {
    series: Option<KeptSeries>,
    /// What is wrong with each row that nobody here can have written.
    unreadable: Vec<String>,
}

/// All rows under a key.
fn read_series(database: &Database, key: &str) -> Result<Found, Trouble> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    let mut found =
        Found { series: names(key).map(|(e, v)| KeptSeries::new(&e, &v)), unreadable: Vec::new() };
    for row in rows.range((key, 0, 0)..=(key, u8::MAX, u64::MAX))? {
        let (place, bytes) = row?;
        let (_, tier, minute) = place.value();
        let read = match &mut found.series {
            Some(series) => series.read((tier, minute), bytes.value()).map_err(|e| e.to_string()),
            None => Err("no endpoint and variant".to_owned()),
        };
        if let Err(why) = read {
            found.unreadable.push(format!("row {key:?}, tier {tier}, minute {minute}: {why}"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::{
        analysis::metrics::{FleetHardware, Metric, Statistic},
        domain::{InvocationRecord, InvocationStatus, ReviewId, SECOND_NS, VirtualTime},
    };

    fn file() -> Database {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).expect("memory");
        read(&database, false).expect("a new file");
        database
    }

    fn insert(database: &Database, rows: &[(&str, u8, u64, &[u8])]) {
        let writing = database.begin_write().expect("a transaction");
        for (key, tier, minute, bytes) in rows {
            writing
                .open_table(ROWS)
                .expect("the table")
                .insert((*key, *tier, *minute), *bytes)
                .expect("a row");
        }
        writing.commit().expect("a commit");
    }

    fn rows(database: &Database) -> Vec<(String, u8, u64, Vec<u8>)> {
        let table = database.begin_read().expect("a transaction").open_table(ROWS).expect("the table");
        let all = table.iter().expect("rows").map(|row| {
            let (place, bytes) = row.expect("a row");
            let (key, tier, minute) = place.value();
            (key.to_owned(), tier, minute, bytes.value().to_vec())
        });
        all.collect()
    }

    /// A ledger that counts one request for `e/v` in a minute, and that minute as it writes it.
    fn ledger(minute: u64) -> (Ledger, Vec<u8>) {
        let (endpoint, variant) = names("e/v").expect("names");
        let mut metrics = MetricStore::default();
        metrics.note_changes();
        let at = VirtualTime::from_s(minute * 60);
        let hardware =
            FleetHardware { vcpus: 2, memory_gib: 8.0, gpus: 0, model_bytes: 500_000, container_ns: 0 };
        metrics.register(FleetId(1), &endpoint, &variant, hardware, 1, at);
        metrics.record(&InvocationRecord {
            id: 1,
            arrival: at,
            user: 0,
            review: ReviewId(0),
            true_stars: None,
            fleet: FleetId(1),
            instance: 0,
            status: InvocationStatus::Answered,
            wait_ns: 0,
            service_ns: SECOND_NS / 100,
            overhead_ns: 1_000,
            predicted: None,
            copy: false,
            leaked_kib: 0,
        });
        let written = metrics.clone().changes().rows[0].row.clone().expect("a row");
        (Ledger::new(metrics, 2), written)
    }

    #[test]
    fn rows_that_nobody_here_wrote_are_left_out_and_named() {
        let (_, good) = ledger(7);
        for (key, tier, minute, bytes, words) in [
            ("none", 0, 7, &good[..], "row \"none\", tier 0, minute 7: no endpoint and variant"),
            ("e/v", 3, 0, &good, "no row of tier 3 begins at minute 0"),
            ("e/v", 2, 61, &good, "no row of tier 2 begins at minute 61"),
            ("e/v", 0, 9, b"{}", "row \"e/v\", tier 0, minute 9: a row of form 123 instead of 1"),
            ("e/v", 0, 9, b"\x01\x05", "minute 9: a row that is cut short or does not add up"),
        ] {
            let database = file();
            insert(&database, &[("e/v", 0, 8, &good), (key, tier, minute, bytes)]);
            let found = read_series(&database, key).expect("it can be read");
            assert_eq!(found.unreadable.len(), 1, "{words}");
            assert!(found.unreadable[0].contains(words), "{:?} has not {words}", found.unreadable);
            assert_eq!(found.series.map(|s| s.rows()), (key == "e/v").then_some(1), "{words}");
        }
    }

    #[test]
    fn a_start_that_ends_at_once_reads_what_it_would_write_over_and_nothing_else() {
        let minute = clock::now().minute();
        let (_, before) = ledger(minute);
        let database = file();
        let others: Vec<String> = (0..20).map(|i| format!("e/other-{i}")).collect();
        for key in others.iter().map(String::as_str).chain(["e/v"]) {
            insert(&database, &[(key, 0, minute, &before), (key, 2, 0, &before)]);
        }
        let untouched: Vec<_> = rows(&database).into_iter().filter(|r| r.0 != "e/v").collect();
        assert_eq!(keys(&database).expect("keys").len(), 21);
        let (now, _) = ledger(minute);
        let (totals, path) = (BTreeMap::new(), PathBuf::from("memory"));
        let unread = keys(&database).expect("keys");
        let mut history = History { database, path, unread, owed: Changes::default(), totals, begun: 0 };
        let progress = Progress::default();
        history.load(&now, &progress, || true).expect("it can be read");
        assert_eq!((history.unread.len(), progress.unread.load(Ordering::Relaxed)), (20, 20));
        history.flush(&now, &Table::default()).expect("it can be written");
        let after = rows(&history.database);
        assert_eq!(after.iter().filter(|r| r.0 != "e/v").cloned().collect::<Vec<_>>(), untouched);
        // Both requests of that minute, not the second one in the place of the first.
        let mut kept = MetricStore::default();
        kept.restore(read_series(&history.database, "e/v").expect("it can be read").series.expect("rows"));
        let (endpoint, variant) = names("e/v").expect("names");
        let (from, to) = (VirtualTime::from_s(minute * 60), VirtualTime::from_s((minute + 1) * 60));
        let asked = [(Metric::Invocations, Statistic::Sum)];
        assert_eq!(kept.over(&endpoint, &variant, from, to, &asked), [Some(2.0)]);
        // With time to read, all of them come.
        history.load(&now, &progress, || false).expect("it can be read");
        assert_eq!((history.unread.len(), progress.unread.load(Ordering::Relaxed)), (0, 0));
        assert!(now.knows(&endpoint, &VariantName::new("other-7").expect("a name")));
    }

    #[test]
    fn what_could_not_be_written_is_owed_as_it_is_now() {
        let names = |variant: &str| {
            let variant = VariantName::new(variant).expect("a name");
            (EndpointName::new("e").expect("a name"), variant)
        };
        let row = |variant: &str, minute: u64, row: Option<&[u8]>| {
            let (endpoint, variant) = names(variant);
            KeptRow { endpoint, variant, tier: 0, minute, row: row.map(<[u8]>::to_vec) }
        };
        let older = Changes {
            forgotten: vec![names("x")],
            rows: vec![row("a", 1, Some(b"1")), row("a", 2, Some(b"2")), row("b", 1, Some(b"3"))],
            fleets: vec![(FleetId(1), 1, b"4".to_vec())],
        };
        assert_eq!(owe(Changes::default(), older.clone()), older);
        let newer = Changes {
            forgotten: vec![names("b")],
            rows: vec![row("a", 2, Some(b"5")), row("a", 1, None), row("b", 9, Some(b"6"))],
            fleets: vec![(FleetId(1), 2, b"7".to_vec())],
        };
        let owed = owe(older, newer);
        // A forgotten series may have begun anew since.
        assert_eq!(owed.rows, [row("a", 1, None), row("a", 2, Some(b"5")), row("b", 9, Some(b"6"))]);
        assert_eq!(owed.forgotten, [names("x"), names("b")]);
        assert_eq!(owed.fleets.len(), 2);
    }
}

//! Metrics that outlast the server: a file of their own beside the control plane's state, written every few seconds.
//!
//! An invocation is acknowledged before its metrics are on the disk: waiting for a disk would be the slowest part of it.
//! So a server that is killed loses what the last [`flush_ms`](super::settings::HistorySettings) counted, and nothing
//! else; one that ends in order loses nothing. A thread of its own writes. It holds the ledger's lock only while rows are
//! copied, and shares no transaction with the control plane, so neither callers nor calls wait for it.
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

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{
    clock,
    ledger::{Ledger, Totals},
    routes::Table,
    store::StoreError,
};
use crate::{
    analysis::metrics::{Changes, KeptRow, MetricStore, WATCHED_MINUTES},
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

/// What was written before.
#[derive(Debug, Default)]
pub struct Past {
    /// Series up to the last flush.
    pub metrics: MetricStore,
    /// Totals of fleets, some of which may be gone.
    pub totals: BTreeMap<FleetId, Totals>,
    /// Numbers of invocations that were given out.
    pub begun: u64,
}

impl Past {
    /// Leaves out what is told by the numbers of fleets: a new control plane numbers them anew.
    pub fn without_fleets(mut self) -> Self {
        self.metrics.forget_fleets();
        self.totals.clear();
        self
    }
}

/// How the writing goes; for who watches the server.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records of this start whose metrics are on the disk.
    pub written: AtomicU64,
    /// Flushes that failed.
    pub failed: AtomicU64,
}

/// The file.
#[derive(Debug)]
pub struct History {
    database: Database,
    path: PathBuf,
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

impl History {
    /// Opens or makes the file in a folder that is there, and reads what it holds.
    ///
    /// # Errors
    /// [`StoreError::Open`]; [`StoreError::Content`] for what this program has not written.
    pub fn open(folder: &Path) -> Result<(Self, Past), StoreError> {
        let path = folder.join(FILE);
        let shown = path.display().to_string();
        let open = |why: String| StoreError::Open { path: shown.clone(), why };
        std::fs::create_dir_all(folder).map_err(|e| open(e.to_string()))?;
        let database = Database::create(&path).map_err(|e| open(e.to_string()))?;
        let past = read(&database).map_err(|why| StoreError::Content { path: shown.clone(), why })?;
        let (totals, begun) = (past.totals.clone(), past.begun);
        Ok((Self { database, path, owed: Changes::default(), totals, begun }, past))
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
    ) -> Result<(), Box<dyn std::error::Error>> {
        let news = changes != &Changes::default() || *totals != self.totals || begun != self.begun;
        if !news {
            return Ok(());
        }
        let writing = self.database.begin_write()?;
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

    /// Flushes every `every`, in a thread of its own, and once more when `until` has lost its sender.
    ///
    /// # Errors
    /// The system's words when no thread can be had.
    pub fn keep(
        mut self,
        (ledger, table): (Arc<Ledger>, Arc<Table>),
        every: Duration,
        progress: Arc<Progress>,
        until: mpsc::Receiver<()>,
    ) -> std::io::Result<JoinHandle<()>> {
        let mut well = true;
        thread::Builder::new().name("history".into()).spawn(move || {
            loop {
                let waited = until.recv_timeout(every);
                match self.flush(&ledger, &table) {
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
                if waited == Err(mpsc::RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        })
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

fn read(database: &Database) -> Result<Past, String> {
    let words = |e: &dyn std::error::Error| e.to_string();
    let begin = database.begin_write().map_err(|e| words(&e))?;
    {
        // All tables are there from now on, so reading needs no case for a new file.
        begin.open_table(ROWS).map_err(|e| words(&e))?;
        begin.open_table(FLEETS).map_err(|e| words(&e))?;
        begin.open_table(TOTALS).map_err(|e| words(&e))?;
        let mut meta = begin.open_table(META).map_err(|e| words(&e))?;
        let version = meta.get("version").map_err(|e| words(&e))?.map(|v| v.value());
        match version {
            Some(VERSION) => {}
            Some(other) => return Err(format!("version {other} instead of {VERSION}")),
            None => drop(meta.insert("version", VERSION).map_err(|e| words(&e))?),
        }
    }
    begin.commit().map_err(|e| words(&e))?;
    let reading = database.begin_read().map_err(|e| words(&e))?;
    let mut past = Past::default();
    past.metrics.note_changes();
    let rows = reading.open_table(ROWS).map_err(|e| words(&e))?;
    for row in rows.iter().map_err(|e| words(&e))? {
        let (place, bytes) = row.map_err(|e| words(&e))?;
        let (name, tier, minute) = place.value();
        let bad = |why: String| format!("row {name:?}, tier {tier}, minute {minute}: {why}");
        let (endpoint, variant) = names(name).ok_or_else(|| bad("no endpoint and variant".to_owned()))?;
        let restored = past.metrics.restore(&endpoint, &variant, (tier, minute), bytes.value());
        restored.map_err(|e| bad(e.to_string()))?;
    }
    let fleets = reading.open_table(FLEETS).map_err(|e| words(&e))?;
    for row in fleets.iter().map_err(|e| words(&e))? {
        let (place, bytes) = row.map_err(|e| words(&e))?;
        let (minute, fleet) = place.value();
        let restored = past.metrics.restore_fleet(FleetId(fleet), minute, bytes.value());
        restored.map_err(|e| format!("fleet {fleet}, minute {minute}: {e}"))?;
    }
    let totals = reading.open_table(TOTALS).map_err(|e| words(&e))?;
    for row in totals.iter().map_err(|e| words(&e))? {
        let (fleet, bytes) = row.map_err(|e| words(&e))?;
        let fleet = fleet.value();
        let read =
            serde_json::from_slice(bytes.value()).map_err(|e| format!("totals of fleet {fleet}: {e}"))?;
        past.totals.insert(FleetId(fleet), read);
    }
    let meta = reading.open_table(META).map_err(|e| words(&e))?;
    past.begun = meta.get("begun").map_err(|e| words(&e))?.map_or(0, |b| b.value());
    Ok(past)
}

#[cfg(test)]
mod tests {
    use super::*;

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

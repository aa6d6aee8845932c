//! State that lasts: a snapshot of the control plane and the calls since then, in one file.
//!
//! The control plane is a pure function of its calls and their moments, so calls are what is written down: one small
//! row each, and one flush of the disk for all that came in together. What does not follow from calls (an alarm that
//! rang, a variant that was scaled) is in the next snapshot, which is written before the next call is acknowledged.

use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::control::State;
use crate::domain::{Command, VirtualTime};

const SNAPSHOT: TableDefinition<&str, &[u8]> = TableDefinition::new("snapshot");
const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// Name of the file in the folder that the operator names.
pub const FILE: &str = "state.redb";
const KEY: &str = "state";
/// Version of what is written. Another one is not read.
const VERSION: u32 = 1;

/// Why state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file.
    #[error(
        "{path} cannot be opened ({why}); check that the folder can be written to and that no other server uses it"
    )]
    Open {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// What is in it.
    #[error("{path} holds state that cannot be read ({why}); move it away to begin anew")]
    Content {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The disk, later than at the start.
    #[error("{path} cannot be read ({why}); check the disk")]
    Read {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The disk.
    #[error("{path} cannot be written ({why}); free some space")]
    Write {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

/// A call that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// When.
    pub at: VirtualTime,
    /// The call.
    pub command: Command,
    /// As the caller wrote it, members that the lab does not use included.
    pub given: Value,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    next: u64,
    state: &'a State,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    next: u64,
    state: State,
}

/// The file.
#[derive(Debug)]
pub struct Store {
    database: Database,
    path: PathBuf,
    next: u64,
    /// Rows since the last snapshot.
    rows: u64,
}

impl Store {
    /// Opens or makes the file in a folder, and reads what was acknowledged before: the snapshot, and the calls since.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Content`].
    pub fn open(folder: &Path) -> Result<(Self, Option<State>, Vec<Logged>), StoreError> {
        let path = folder.join(FILE);
        let shown = path.display().to_string();
        let open = |why: String| StoreError::Open { path: shown.clone(), why };
        let content = |why: String| StoreError::Content { path: shown.clone(), why };
        std::fs::create_dir_all(folder).map_err(|e| open(e.to_string()))?;
        let database = Database::create(&path).map_err(|e| open(e.to_string()))?;
        let begin = database.begin_write().map_err(|e| open(e.to_string()))?;
        {
            // Both tables are there from now on, so reading needs no case for a new file.
            begin.open_table(SNAPSHOT).map_err(|e| content(e.to_string()))?;
            begin.open_table(LOG).map_err(|e| content(e.to_string()))?;
        }
        begin.commit().map_err(|e| open(e.to_string()))?;
        let reading = database.begin_read().map_err(|e| content(e.to_string()))?;
        let snapshots = reading.open_table(SNAPSHOT).map_err(|e| content(e.to_string()))?;
        let read = match snapshots.get(KEY).map_err(|e| content(e.to_string()))? {
            Some(bytes) => {
                let read: Read = serde_json::from_slice(bytes.value()).map_err(|e| content(e.to_string()))?;
                if read.version != VERSION {
                    return Err(content(format!("version {} instead of {VERSION}", read.version)));
                }
                Some(read)
            }
            None => None,
        };
        let mut next = read.as_ref().map_or(0, |r| r.next);
        let mut calls = Vec::new();
        let log = reading.open_table(LOG).map_err(|e| content(e.to_string()))?;
        for row in log.range(next..).map_err(|e| content(e.to_string()))? {
            let (key, bytes) = row.map_err(|e| content(e.to_string()))?;
            calls.push(serde_json::from_slice(bytes.value()).map_err(|e| content(e.to_string()))?);
            next = key.value() + 1;
        }
        drop((log, snapshots, reading));
        let rows = calls.len() as u64;
        Ok((Self { database, path, next, rows }, read.map(|r| r.state), calls))
    }

    /// Rows since the last snapshot.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn written<T, E: ToString>(&self, outcome: Result<T, E>) -> Result<T, StoreError> {
        outcome.map_err(|e| StoreError::Write { path: self.path.display().to_string(), why: e.to_string() })
    }

    /// Writes calls down, in order; once this returns they outlast the power.
    ///
    /// # Errors
    /// [`StoreError::Write`]; none of them is written then.
    pub fn append(&mut self, calls: &[Logged]) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let writing = self.written(self.database.begin_write())?;
        {
            let mut log = self.written(writing.open_table(LOG))?;
            for (key, call) in (self.next..).zip(calls) {
                let bytes = self.written(serde_json::to_vec(call))?;
                self.written(log.insert(key, bytes.as_slice()))?;
            }
        }
        self.written(writing.commit())?;
        self.next += calls.len() as u64;
        self.rows += calls.len() as u64;
        Ok(())
    }

    /// Writes the whole state down in the place of all calls so far.
    ///
    /// # Errors
    /// [`StoreError::Write`]; what was there before is still there then.
    pub fn snapshot(&mut self, state: &State) -> Result<(), StoreError> {
        let text = serde_json::to_vec(&Written { version: VERSION, next: self.next, state });
        let bytes = self.written(text)?;
        let writing = self.written(self.database.begin_write())?;
        {
            let mut snapshots = self.written(writing.open_table(SNAPSHOT))?;
            self.written(snapshots.insert(KEY, bytes.as_slice()))?;
            let mut log = self.written(writing.open_table(LOG))?;
            self.written(log.retain(|_, _| false))?;
        }
        self.written(writing.commit())?;
        self.rows = 0;
        Ok(())
    }
}

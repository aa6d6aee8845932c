//! What the page, the worker and later the server say to each other. Messages travel as JSON text.

pub mod calls;
pub mod json;
pub mod live;

use serde::{Deserialize, Serialize};

use crate::{
    analysis::metrics::{Datapoint, Metric, Statistic},
    domain::{Artifact, InvocationRecord, Stars, VirtualTime},
    lab::{
        Batch, Board, CapturedLines, Change, DisagreementPage, DisagreementQuery, Exercise, Journal,
        JournalEntry, LabAction, LabId, MetricSummary, Snapshot,
    },
};

pub use crate::lab::Refusal;

/// A lab's journal as the page keeps it. The entries stay texts: the page stores and sends them, and only the worker,
/// which does them again, must know what they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptJournal {
    /// The lab.
    pub lab: LabId,
    /// Seed of every random number.
    pub seed: u64,
    /// Virtual time that it had reached.
    pub reached: VirtualTime,
    /// What was done, in order of time: a [`JournalEntry`] as JSON each.
    pub entries: Vec<String>,
}

impl KeptJournal {
    /// A journal's entry as it is kept.
    ///
    /// # Errors
    /// None in practice: an entry is plain data of our own types, which always has a JSON form.
    pub fn entry(entry: &JournalEntry) -> serde_json::Result<String> {
        serde_json::to_string(entry)
    }

    /// A journal as it is kept.
    ///
    /// # Errors
    /// None in practice, as of [`KeptJournal::entry`].
    pub fn of(journal: &Journal) -> serde_json::Result<Self> {
        let entries = journal.entries.iter().map(Self::entry).collect::<serde_json::Result<_>>()?;
        Ok(Self { lab: journal.lab, seed: journal.seed, reached: journal.reached, entries })
    }

    /// The journal with its entries read.
    ///
    /// # Errors
    /// The number of the first entry that cannot be read, from 1, and why: one that a later release wrote, or another
    /// program.
    pub fn open(&self) -> Result<Journal, String> {
        let entries = self.entries.iter().enumerate().map(|(i, text)| {
            serde_json::from_str::<JournalEntry>(text).map_err(|e| format!("entry {}: {e}", i + 1))
        });
        Ok(Journal {
            lab: self.lab,
            seed: self.seed,
            reached: self.reached,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }
}

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Follows the server at this address, relative to the worker's own: from now on labs are over its endpoints.
    /// Answered by `Server` whenever the line comes or goes.
    Connect(String),
    /// The token that the server asks for. It is kept in memory only.
    Token(String),
    /// Opens a lab, from its beginning or from where a journal leaves off. Answered by snapshots.
    Open(KeptJournal),
    /// Does something. Answered by `Done` with the same number.
    Do {
        /// Number of the message.
        id: u64,
        /// The action.
        action: LabAction,
    },
    /// Asks for series. Answered by `Series` with the same number.
    Metrics {
        /// Number of the message.
        id: u64,
        /// What is asked.
        query: MetricQuery,
    },
    /// Asks what each artefact makes of a request. Answered by `Explained` with the same number.
    Explain {
        /// Number of the message.
        id: u64,
        /// The request.
        record: InvocationRecord,
    },
    /// Asks an artefact about texts that were cut into tokens already, and how long each takes: for benchmarks and
    /// for holding the browser's answers to known ones. Answered by `Scored` with the same number.
    Score {
        /// Number of the message.
        id: u64,
        /// Which.
        artifact: Artifact,
        /// Token hashes of each text.
        texts: Vec<Vec<u32>>,
    },
    /// Asks for the reviews on which a shadow disagreed. Answered by `Disagreements` with the same number.
    Disagreements {
        /// Number of the message.
        id: u64,
        /// What is asked.
        query: DisagreementQuery,
    },
    /// Asks about managed shadow tests. Answered by `Tests` with the same number.
    Tests {
        /// Number of the message.
        id: u64,
        /// What is asked.
        question: TestQuestion,
    },
    /// Asks about decisions. Answered by `Decisions` with the same number.
    Decisions {
        /// Number of the message.
        id: u64,
        /// What is asked.
        question: DecideQuestion,
    },
    /// Whether the page is seen: an unseen page needs no snapshots.
    Visible(bool),
    /// Fetches an artefact once more whose file did not arrive.
    Load(Artifact),
    /// Sends the lab's own reviews again, no longer those of the learner's file.
    SendBuiltIn,
}

/// What a page asks about managed shadow tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TestQuestion {
    /// Descriptive statistics of the test of that name.
    Statistics(String),
    /// Captured lines of a variant, a message full of them.
    Captured {
        /// Endpoint.
        endpoint: String,
        /// Variant.
        variant: String,
        /// Where to go on, as the last answer said; 0 for the beginning.
        from: u64,
    },
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TestAnswer {
    /// One row per metric; none for an unknown test.
    Statistics(Vec<MetricSummary>),
    /// Lines, and where to go on.
    Captured(CapturedLines),
}

/// What a page asks about decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DecideQuestion {
    /// What an exercise's panel shows, with the settings that are being typed.
    Board(Exercise, Vec<f64>),
    /// The signed memo with this journal as files.
    Sign(KeptJournal),
    /// Reads a memo's JSON and holds it against its hash.
    Open(String),
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DecideAnswer {
    /// What the panel shows.
    Board(Box<Board>),
    /// Markdown, JSON and hash of the memo; none while nothing is signed.
    Signed(Option<[String; 3]>),
    /// The journal that leads to the memo and its hash, or why the file is none.
    Opened(Result<(KeptJournal, String), String>),
}

/// Asks for one series per variant of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricQuery {
    /// Endpoint.
    pub endpoint_name: String,
    /// Metric.
    pub metric: Metric,
    /// Statistic.
    pub statistic: Statistic,
    /// Length of a period, seconds: a multiple of 60.
    pub period_s: u64,
    /// First second.
    pub start_s: u64,
    /// Second after the last.
    pub end_s: u64,
}

/// The series of one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantSeries {
    /// Variant.
    pub variant: String,
    /// Its datapoints, by time; periods without samples are left out.
    pub datapoints: Vec<Datapoint>,
}

/// What an artefact makes of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// Which.
    pub artifact: Artifact,
    /// Probabilities of 1 to 5 stars; none when the text has no token.
    pub probabilities: Option<[f64; 5]>,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker runs and can be spoken to.
    Ready,
    /// A model is on its way.
    Loading {
        /// Which.
        artifact: Artifact,
        /// Bytes that have arrived.
        received: u64,
        /// Bytes in all.
        total: u64,
        /// It answers.
        ready: bool,
    },
    /// A model did not arrive, or not as its card says.
    NotLoaded {
        /// Which.
        artifact: Artifact,
        /// Why, in words for the learner.
        why: String,
    },
    /// A replay is under way: share done, 0 to 1.
    Replaying(f64),
    /// The state now.
    ///
    /// Its batches are left out: they are told by [`FromWorker::Batches`], and rarely change.
    Snapshot(Box<Snapshot>),
    /// The batches of the snapshots from now on.
    Batches(Vec<Batch>),
    /// The action with this number waits until the lab is ready for it; `Done` follows.
    Waits(u64),
    /// How an action ended.
    Done {
        /// Number of the message.
        id: u64,
        /// Done, or the refusal.
        outcome: Result<(), Refusal>,
        /// What to add to [`KeptJournal::entries`]; none when it was refused.
        entry: Option<String>,
    },
    /// Series asked for.
    Series {
        /// Number of the message.
        id: u64,
        /// One per variant, or why not.
        series: Result<Vec<VariantSeries>, String>,
        /// First second that has not been published yet: CloudWatch lags.
        published_until_s: u64,
        /// What was changed on the endpoint, by time.
        changes: Vec<Change>,
    },
    /// About managed shadow tests.
    Tests {
        /// Number of the message.
        id: u64,
        /// The answer.
        answer: TestAnswer,
    },
    /// About decisions.
    Decisions {
        /// Number of the message.
        id: u64,
        /// The answer.
        answer: DecideAnswer,
    },
    /// A request explained.
    Explained {
        /// Number of the message.
        id: u64,
        /// The text.
        text: String,
        /// Its tokens as the models see them.
        tokens: Vec<String>,
        /// True stars, where known.
        true_stars: Option<Stars>,
        /// What each artefact makes of it.
        opinions: Vec<Opinion>,
    },
    /// Disagreements asked for.
    Disagreements {
        /// Number of the message.
        id: u64,
        /// The rows.
        page: DisagreementPage,
    },
    /// Texts scored.
    Scored {
        /// Number of the message.
        id: u64,
        /// Microseconds from hashes to probabilities, of each text.
        micros: Vec<f64>,
        /// Logits of 1 to 5 stars, of each text; zeros for one without tokens.
        logits: Vec<[f32; 5]>,
        /// Probabilities of 1 to 5 stars, of each text; zeros for one without tokens.
        probabilities: Vec<[f32; 5]>,
    },
    /// An entry that the worker itself added (a measured cost).
    Journaled(String),
    /// The journal of the lab that was opened cannot be read, and why: the lab begins anew.
    Unreadable(String),
    /// How the worker fares: virtual seconds per real one that it reached, and requests per second of its own time.
    Speed {
        /// Virtual seconds per real second.
        reached: f64,
        /// Requests simulated per second of computing.
        requests_per_s: f64,
    },
    /// How the line to the server stands.
    Server(ServerLine),
    /// How reading the learner's own file goes. The page hands the `File` itself to the worker, not a message.
    OwnReviews(OwnFile),
    /// Something that should not happen, in words for the learner.
    Trouble(String),
}

/// The line to the server, as the page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLine {
    /// Frames arrive.
    pub connected: bool,
    /// Where each variant of the endpoints that serve infers: `Main: embedded`.
    pub places: Vec<String>,
    /// Records that the server did not send, for want of room in its frames.
    pub missed: u64,
    /// Why there is no line; none while there is one, or while it is looked for.
    pub trouble: Option<LineTrouble>,
}

/// Why there is no line to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineTrouble {
    /// It does not answer, or its answers are not for this page: a browser does not tell the two apart.
    Unreachable,
    /// It asks for its token.
    TokenNeeded,
    /// It was given one that is not its token.
    TokenWrong,
    /// It refuses: its words.
    Refused(String),
}

/// How reading the learner's own file goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnFile {
    /// Rows read so far.
    pub rows: u64,
    /// Reviews that will be sent; 0 until the whole file was read.
    pub kept: u64,
    /// Of these, reviews that every model which serves has answered; once it is all of them, they are sent.
    pub answered: u64,
    /// Rows that could not be used.
    pub bad_rows: u64,
    /// The first of these, with their lines.
    pub errors: Vec<String>,
    /// Why the file could not be used at all.
    pub failure: Option<String>,
    /// Nothing more will come.
    pub ended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_journal_opens_as_it_was_written_and_names_the_entry_that_cannot_be_read() {
        let entry = JournalEntry { at: VirtualTime::from_s(7), action: LabAction::OpenSession };
        let text = KeptJournal::entry(&entry).expect("an entry has a JSON form");
        let mut kept =
            KeptJournal { lab: LabId::Canary, seed: 3, reached: VirtualTime::from_s(9), entries: vec![text] };
        let whole = kept.open().expect("what was written can be read");
        assert_eq!((whole.lab, whole.seed, whole.reached), (LabId::Canary, 3, VirtualTime::from_s(9)));
        assert_eq!(whole.entries, [entry]);
        kept.entries.push(r#"{"at":0,"action":{"Dance":1}}"#.to_owned());
        let why = kept.open().expect_err("nobody knows that action");
        assert!(why.starts_with("entry 2: unknown variant `Dance`"), "{why}");
    }
}

//! The decision memo: what was decided, on what, and how anyone can get the same numbers again.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Exercise;
use crate::{
    analysis::verdict::State,
    domain::VirtualTime,
    lab::{Journal, LabAction, LabId, lessons},
};

/// What was decided and on what grounds, as it stood when it was signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memo {
    /// The lab.
    pub lab: LabId,
    /// Seed of every random number.
    pub seed: u64,
    /// Virtual time of the signature.
    pub signed: VirtualTime,
    /// Endpoint, variants and traffic, term by term.
    pub configuration: Vec<(String, String)>,
    /// What was chosen before the start, and what must be true for it to hold.
    pub method: Vec<String>,
    /// The evidence in words.
    pub numbers: Vec<(String, String)>,
    /// The same to the last bit.
    pub exact: Vec<(String, f64)>,
    /// The verdict.
    pub state: State,
    /// Why.
    pub because: String,
    /// What is to be done.
    pub next: String,
}

/// A memo with all that it takes to replay it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The memo.
    pub memo: Memo,
    /// What was done up to the signature.
    pub journal: Journal,
    /// SHA-256 of both, as JSON on one line, in hexadecimal.
    pub sha256: String,
}

/// The hash of a memo and its journal.
fn sha256(memo: &Memo, journal: &Journal) -> String {
    // Both are plain data of our own: they always have a JSON form.
    let text = serde_json::to_string(&(memo, journal)).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Document {
    /// Signs a memo. Of the journal it keeps what was done up to the last signature.
    pub fn sign(memo: Memo, mut journal: Journal) -> Self {
        let signs = |e: &crate::lab::JournalEntry| {
            matches!(&e.action, LabAction::Exercise { exercise: Exercise::Memo, .. })
        };
        let kept = journal.entries.iter().rposition(signs).map_or(journal.entries.len(), |i| i + 1);
        journal.entries.truncate(kept);
        journal.reached = memo.signed;
        let sha256 = sha256(&memo, &journal);
        Self { memo, journal, sha256 }
    }

    /// Reads a memo and holds it against its hash.
    ///
    /// # Errors
    /// In words, when it is no memo or was changed after it was signed.
    pub fn read(text: &str) -> Result<Self, String> {
        let document: Self =
            serde_json::from_str(text).map_err(|e| format!("this is not a decision memo in JSON: {e}"))?;
        let now = sha256(&document.memo, &document.journal);
        if now == document.sha256 {
            Ok(document)
        } else {
            Err(format!(
                "the memo was changed after it was signed: its hash is {now}, but it says {}",
                document.sha256
            ))
        }
    }

    /// As JSON, to be read again.
    pub fn json(&self) -> String {
        // By way of a value: to lay out every type of a journal anew would cost the worker more than the memo does.
        let value =
            serde_json::to_string(self).and_then(|text| serde_json::from_str::<serde_json::Value>(&text));
        value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_default()
    }

    /// As one page of Markdown.
    pub fn markdown(&self) -> String {
        let memo = &self.memo;
        let mut text =
            format!("# Decision: {}\n\n{}\n\n**Next:** {}\n", memo.state.word(), memo.because, memo.next);
        let list = |text: &mut String, head: &str, rows: &[(String, String)]| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n## {head}\n\n| | |\n|---|---|\n");
            for (term, value) in rows {
                let _ = writeln!(text, "| {} | {} |", cell(term), cell(value));
            }
        };
        list(&mut text, "Configuration", &memo.configuration);
        text.push_str("\n## Method\n\n");
        for line in &memo.method {
            let _ = writeln!(text, "- {line}");
        }
        list(&mut text, "Numbers", &memo.numbers);
        let _ = write!(
            text,
            "\n## Replay\n\nLab \u{201c}{}\u{201d}, seed {}, signed at {} of virtual time, after {} actions. Open the memo's \
             JSON in Rollout Lab: the same actions give the same numbers, bit for bit.\n\nSHA-256 `{}`\n",
            lessons::heading(memo.lab).title,
            memo.seed,
            memo.signed,
            self.journal.entries.len(),
            self.sha256
        );
        text
    }
}

/// A text that a cell of a Markdown table can hold.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

//! `rollout-lab predict`: a shipped model over a file of reviews.

use std::{
    fs::File,
    io::{BufReader, Read, Write},
    path::Path,
};

use serde::Serialize;
use serde_json::json;

use crate::{
    domain::{Artifact, Stars, UnknownArtifact},
    inference::{Model, ModelError, Prepared, Tokens},
    simulation::reviews::reader::{ReadError, ReviewReader},
};

/// Why a file could not be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// No such model.
    #[error(transparent)]
    Artifact(#[from] UnknownArtifact),
    /// The shipped model cannot be run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The file cannot be opened or read.
    #[error("{path} cannot be read ({why}); check the path, and whether the file is whole")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// The file holds no reviews.
    #[error("{path}: {why}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: ReadError,
    },
    /// The result cannot be written.
    #[error("cannot write the result ({0})")]
    Output(std::io::Error),
}

/// How a model did on reviews whose stars are known.
///
/// # Formula
/// Accuracy: share predicted exactly. Macro-F1: mean over the five stars of `2·tp ÷ (2·tp + fp + fn)`, 0 where a star
/// neither occurs nor is predicted. Balanced accuracy: mean recall over the stars that occur. MAE: mean distance in
/// stars. The same for always answering 5 stands beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Reviews with a prediction and known stars.
    pub rows: u64,
    /// Share predicted exactly, 0 to 1.
    pub accuracy: f64,
    /// Mean F1 over the five stars, 0 to 1.
    pub macro_f1: f64,
    /// Mean recall over the stars that occur, 0 to 1.
    pub balanced_accuracy: f64,
    /// Mean distance, stars.
    pub mae_stars: f64,
}

impl Summary {
    /// Of a confusion matrix, `[true − 1][predicted − 1]`.
    ///
    /// ```
    /// use rollout_lab::cli::Summary;
    /// let mut confusion = [[0; 5]; 5];
    /// (confusion[4][4], confusion[0][4]) = (3, 1);
    /// let s = Summary::of(&confusion);
    /// assert_eq!((s.accuracy, s.balanced_accuracy, s.mae_stars), (0.75, 0.5, 1.0));
    /// ```
    pub fn of(confusion: &[[u64; 5]; 5]) -> Self {
        let rows: u64 = confusion.iter().flatten().sum();
        if rows == 0 {
            return Self::default();
        }
        let (mut correct, mut distance, mut f1, mut recall, mut occurring) = (0, 0, 0.0, 0.0, 0);
        for i in 0..5 {
            let tp = confusion[i][i];
            let truth: u64 = confusion[i].iter().sum();
            let predicted: u64 = confusion.iter().map(|row| row[i]).sum();
            correct += tp;
            distance += confusion[i].iter().enumerate().map(|(j, n)| n * i.abs_diff(j) as u64).sum::<u64>();
            f1 += 2.0 * tp as f64 / (truth + predicted).max(1) as f64;
            if truth > 0 {
                occurring += 1;
                recall += tp as f64 / truth as f64;
            }
        }
        Self {
            rows,
            accuracy: correct as f64 / rows as f64,
            macro_f1: f1 / 5.0,
            balanced_accuracy: recall / f64::from(occurring.max(1)),
            mae_stars: distance as f64 / rows as f64,
        }
    }
}

/// A shipped model, ready to answer. The program carries the models, so it runs from anywhere.
pub(super) fn load(artifact: Artifact) -> Result<Prepared, ModelError> {
    let bytes: &[u8] = match artifact {
        Artifact::A => include_bytes!("../../public/models/a.onnx"),
        Artifact::B => include_bytes!("../../public/models/b.onnx"),
        Artifact::C => include_bytes!("../../public/models/c.onnx"),
    };
    Model::read(bytes)?.prepare()
}

/// Predicts every review of a file: a JSON line each, then one with the summary.
///
/// # Errors
/// [`PredictError`]; rows that cannot be used are counted in the summary line, the first hundred with their lines.
pub fn predict(model: &str, input: &Path, mut out: impl Write) -> Result<Summary, PredictError> {
    let artifact: Artifact = model.parse()?;
    let model = load(artifact)?;
    let path = input.display().to_string();
    let unreadable = |e: std::io::Error| PredictError::Unreadable { path: path.clone(), why: e.to_string() };
    let mut file = BufReader::new(File::open(input).map_err(unreadable)?);
    let packed = {
        use std::io::BufRead;
        file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b])
    };
    let mut source: Box<dyn Read> =
        if packed { Box::new(flate2::bufread::MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = ReviewReader::new(1);
    let mut chunk = vec![0; 1 << 16];
    loop {
        let n = source.read(&mut chunk).map_err(unreadable)?;
        if n == 0 || reader.failure().is_some() {
            break;
        }
        reader.push(&chunk[..n]);
    }
    let own = reader.finish().map_err(|why| PredictError::Content { path: path.clone(), why })?;
    let mut confusion = [[0u64; 5]; 5];
    let mut always_five = [[0u64; 5]; 5];
    let mut unanswered = 0;
    let mut line = |value: serde_json::Value| writeln!(out, "{value}").map_err(PredictError::Output);
    for (row, (text, stars)) in own.reviews.iter().enumerate() {
        let prediction = model.predict(&Tokens::of(text))?;
        match prediction {
            Some(p) => {
                confusion[stars.index()][p.stars.index()] += 1;
                always_five[stars.index()][Stars::ALL[4].index()] += 1;
            }
            None => unanswered += 1,
        }
        line(json!({
            "row": row + 1,
            "predicted_stars": prediction.map(|p| p.stars),
            "probabilities": prediction.map(|p| p.probabilities),
            "star_rating": stars,
        }))?;
    }
    let summary = Summary::of(&confusion);
    line(json!({
        "model": artifact.name(),
        "summary": summary,
        "always_five": Summary::of(&always_five),
        "rows": own.rows,
        "without_token": unanswered,
        "bad_rows": own.bad_rows,
        "errors": own.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))?;
    out.flush().map_err(PredictError::Output)?;
    Ok(summary)
}

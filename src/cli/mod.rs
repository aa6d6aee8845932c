//! The native program `rollout-lab`: its subcommands. Files in, JSON out; whatever is wrong is said in one line.

mod generate;
mod predict;
mod scenario;
mod serve;
mod simulate;

use std::{io::Write, path::PathBuf};

use clap::{Parser, Subcommand};

pub use predict::{PredictError, Summary, predict};
pub use scenario::{Scenario, ScenarioError};
pub use simulate::{SimulateError, simulate};

/// A/B tests and canary rollouts of machine-learning models, without a browser.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate an endpoint under traffic and print what became of it as JSON.
    Simulate {
        /// Scenario file (JSON); `rollout-lab simulate --schema` prints an example.
        #[arg(long, required_unless_present = "schema")]
        scenario: Option<PathBuf>,
        /// Seed of every random number, instead of the scenario's.
        #[arg(long)]
        seed: Option<u64>,
        /// Print a complete example scenario and end.
        #[arg(long)]
        schema: bool,
    },
    /// Predict the stars of reviews and print a JSON line for each; then, where the stars are known, a summary.
    Predict {
        /// Model: stars-a, stars-b or stars-c.
        #[arg(long)]
        model: String,
        /// TSV or CSV with the columns `review_body` and `star_rating`, packed by gzip or not.
        #[arg(long)]
        input: PathBuf,
    },
    /// Serve the site, the control plane and real endpoints on one port, until interrupted.
    Serve(serve::ServeArguments),
    /// Send reviews to an endpoint by a schedule and print latencies as JSON.
    Generate(generate::GenerateArguments),
}

/// Reads the arguments and does what they ask; returns the exit status.
pub fn run() -> u8 {
    let outcome: Result<(), String> = match Arguments::parse().command {
        Command::Simulate { schema: true, .. } => print(scenario::EXAMPLE),
        Command::Simulate { scenario, seed, .. } => scenario
            .ok_or_else(|| "name a scenario file with --scenario".to_owned())
            .and_then(|path| Scenario::read(&path).map_err(|e| e.to_string()))
            .and_then(|scenario| simulate(&scenario, seed).map_err(|e| e.to_string()))
            .and_then(|report| serde_json::to_string_pretty(&report).map_err(|e| e.to_string()))
            .and_then(|text| print(&text)),
        Command::Predict { model, input } => {
            let out = std::io::BufWriter::new(std::io::stdout().lock());
            predict(&model, &input, out).map(|_| ()).map_err(|e| e.to_string())
        }
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Generate(arguments) => generate::generate(&arguments),
    };
    match outcome {
        Ok(()) => 0,
        Err(why) => {
            // Nowhere is left to say that standard error is closed.
            let _ = writeln!(std::io::stderr(), "rollout-lab: {why}");
            1
        }
    }
}

fn print(text: &str) -> Result<(), String> {
    writeln!(std::io::stdout().lock(), "{}", text.trim_end())
        .map_err(|e| format!("cannot write the result ({e})"))
}

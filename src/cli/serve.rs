//! `rollout-lab serve`: settings from a file, the environment and flags; then the server.

use std::{fs, io::Write, path::PathBuf};

use clap::Args;
use tracing_subscriber::filter::LevelFilter;

use crate::server::{
    self, Settings, SettingsError,
    settings::{LogFormat, Token},
};

/// A flag wins over its environment variable, and that over the file.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Settings (TOML); README.md has an example with every key.
    #[arg(long, env = "ROLLOUT_LAB_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port. Any but a loopback address needs a token. [default: 127.0.0.1:8080]
    #[arg(long, env = "ROLLOUT_LAB_LISTEN")]
    listen: Option<String>,
    /// Folder of the built site. [default: the one that the program carries, else ./dist]
    #[arg(long, env = "ROLLOUT_LAB_SITE")]
    site: Option<PathBuf>,
    /// Folder in which models, endpoints and captured requests last. [default: none, memory only]
    #[arg(long, env = "ROLLOUT_LAB_STATE")]
    state: Option<PathBuf>,
    /// Least level of log lines: error, warn, info, debug or trace. [default: info]
    #[arg(long, env = "ROLLOUT_LAB_LOG")]
    log: Option<String>,
    /// Threads that serve; 0 for one per core. [default: 0]
    #[arg(long, env = "ROLLOUT_LAB_THREADS")]
    threads: Option<usize>,
}

/// The variable that holds the token. There is no flag for it: flags show in listings of processes.
pub(super) const TOKEN: &str = "ROLLOUT_LAB_TOKEN";

fn settings(arguments: ServeArguments) -> Result<Settings, SettingsError> {
    let mut settings = match &arguments.config {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    if let Some(listen) = arguments.listen {
        settings.listen = listen;
    }
    settings.site = arguments.site.or(settings.site);
    settings.state = arguments.state.or(settings.state);
    settings.threads = arguments.threads.unwrap_or(settings.threads);
    if let Some(log) = arguments.log {
        settings.log = log;
    }
    let given = match std::env::var(TOKEN) {
        Ok(token) => Some(token),
        Err(_) => match &settings.token_file {
            Some(path) => {
                let why = |e: std::io::Error| SettingsError::Unreadable {
                    path: path.display().to_string(),
                    why: e.to_string(),
                };
                Some(fs::read_to_string(path).map_err(why)?)
            }
            None => None,
        },
    };
    settings.reviews = Some(super::generate::drawn);
    settings.token = given.map(|t| Token::new(&t)).transpose()?;
    Ok(settings)
}

/// Runs the server until it is interrupted.
pub(super) fn serve(arguments: ServeArguments) -> Result<(), String> {
    let settings = settings(arguments).map_err(|e| e.to_string())?;
    let level: LevelFilter = settings
        .log
        .parse()
        .map_err(|_| format!("--log is `{}`: use error, warn, info, debug or trace", settings.log))?;
    let lines =
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    match settings.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    server::run(settings, |address| {
        tracing::info!(%address, "serving");
        // For people and scripts alike: the port is known from here on.
        let _ = writeln!(std::io::stdout().lock(), "http://{address}/");
    })
    .map_err(|e| e.to_string())
}

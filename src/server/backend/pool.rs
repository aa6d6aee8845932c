//! Connections to one model server that wait for the next request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hyper::Uri;

use super::{
    connect::Connector,
    exchange::{Connection, ExchangeError, Reply},
};

/// Idle connections end after this, before most servers end them.
pub const IDLE: Duration = Duration::from_secs(30);

/// Why there is no answer, and whether anything was sent for it.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Nothing was sent: there is no connection.
    #[error("{0}")]
    Connect(Box<dyn std::error::Error + Send + Sync>),
    /// What became of the exchange.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

impl PoolError {
    /// Whether the server cannot have seen anything of the request, so that another try does nothing twice.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Exchange(ExchangeError::Unsent(_)))
    }
}

/// The connections.
#[derive(Debug)]
pub struct Pool {
    connector: Connector,
    /// The one used last is the first to be used again, so that those that are too many grow old.
    idle: Mutex<Vec<(Connection, Instant)>>,
    most_idle: usize,
}

impl Pool {
    /// For the server of this address; at most `most_idle` connections wait.
    pub fn new(to: Uri, connect_timeout: Duration, most_idle: usize) -> Self {
        Self { connector: Connector::new(to, connect_timeout), idle: Mutex::default(), most_idle }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request over a connection that waits, or a new one, and reads the answer of at most `limit` bytes.
    ///
    /// # Errors
    /// [`PoolError`].
    pub async fn exchange(&self, head: &[u8], body: &[u8], limit: usize) -> Result<Reply, PoolError> {
        loop {
            let kept = self.take();
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::new(self.connector.connect().await.map_err(PoolError::Connect)?),
            };
            match connection.exchange(head, body, limit).await {
                Ok((reply, keep)) => {
                    if keep {
                        self.give(connection);
                    }
                    return Ok(reply);
                }
                // It ended while it waited: that says nothing about the server.
                Err(ExchangeError::Unsent(_)) if !fresh => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn take(&self) -> Option<Connection> {
        loop {
            // Not as a condition: the lock would be held for as long as the connection is looked at.
            let next = self.idle().pop();
            let (mut connection, since) = next?;
            if since.elapsed() < IDLE && connection.is_open() {
                return Some(connection);
            }
        }
    }

    fn give(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < self.most_idle {
            idle.push((connection, Instant::now()));
        }
    }

    /// Ends connections that have waited for too long, or that the server has ended, again and again until dropped.
    pub async fn tidy(&self) {
        let mut ticks = tokio::time::interval(IDLE / 4);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.idle().retain_mut(|(connection, since)| since.elapsed() < IDLE && connection.is_open());
        }
    }
}

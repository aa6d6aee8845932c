//! Connections to one model server that wait for the next request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

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
    /// Of connections that `connector` opens; at most `most_idle` wait.
    pub fn new(connector: Connector, most_idle: usize) -> Self {
        Self { connector, idle: Mutex::default(), most_idle }
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use bytes::Bytes;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";

    /// A pool for a server that answers `answers` times on a connection and then ends it without a word; and how many
    /// connections it has taken.
    async fn pool(answers: usize, most_idle: usize) -> (Arc<Pool>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = taken.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    for _ in 0..answers {
                        if stream.read_exact(&mut [0; HEAD.len() + 2]).await.is_err() {
                            return;
                        }
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                    }
                });
            }
        });
        (Arc::new(Pool::new(Connector::new(to, None, Duration::from_secs(5)), most_idle)), taken)
    }

    async fn ask(pool: &Pool) -> Bytes {
        pool.exchange(HEAD, b"{}", 100).await.unwrap().body
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        let (pool, taken) = pool(usize::MAX, 8).await;
        for _ in 0..5 {
            assert_eq!(ask(&pool).await, "ok");
        }
        assert_eq!((taken.load(Ordering::SeqCst), pool.idle().len()), (1, 1));
    }

    #[tokio::test]
    async fn no_more_connections_wait_than_may() {
        let (pool, taken) = pool(usize::MAX, 2).await;
        let asked: Vec<_> = (0..8)
            .map(|_| {
                tokio::spawn({
                    let pool = pool.clone();
                    async move { ask(&pool).await }
                })
            })
            .collect();
        for one in asked {
            assert_eq!(one.await.unwrap(), "ok");
        }
        assert!(taken.load(Ordering::SeqCst) > 2);
        assert_eq!(pool.idle().len(), 2);
    }

    #[tokio::test]
    async fn a_connection_that_the_server_has_ended_is_not_used() {
        let (pool, taken) = pool(1, 8).await;
        for i in 1..=3 {
            assert_eq!(ask(&pool).await, "ok");
            assert_eq!(taken.load(Ordering::SeqCst), i);
            // The end is there once it can be seen.
            let mut idle = std::mem::take(&mut *pool.idle());
            while idle.iter_mut().any(|(connection, _)| connection.is_open()) {
                tokio::task::yield_now().await;
            }
            *pool.idle() = idle;
        }
        assert_eq!(pool.idle().len(), 1);
        assert!(pool.take().is_none());
    }

    #[tokio::test]
    async fn nobody_there_means_that_nothing_was_sent() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let to = format!("http://{free}").parse().unwrap();
        let pool = Pool::new(Connector::new(to, None, Duration::from_secs(5)), 8);
        let said = pool.exchange(HEAD, b"{}", 100).await.unwrap_err();
        assert!(said.is_unsent(), "{said}");
        assert!(!PoolError::from(ExchangeError::Garbage(String::new())).is_unsent());
    }
}

//! HTTP/1.1 towards a model server: one request and its answer after the other, in the task that asks.
//!
//! A general client has a task for each connection and hands requests and answers over to it, which takes two more
//! wake-ups an exchange. This one has none, and knows no more than a model server needs: requests with a body of known
//! length, answers framed in any way that HTTP/1.1 knows, and no upgrades.

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, Bytes};
use httparse::Status;
use hyper::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::connect::Stream;

/// Room for what is read at once: nearly every answer fits.
const ROOM: usize = 8 << 10;
/// Longest head of an answer, bytes.
const HEAD_BYTES: usize = 64 << 10;
/// Most headers of an answer.
const HEADERS: usize = 100;
/// Longest line that announces a part of a chunked answer, and longest trailers, bytes.
const LINE_BYTES: usize = 8 << 10;
/// Bytes of an answer after which others may run first: reading a large one must not hold up small ones.
const BREATH: usize = 128 << 10;

/// What a model server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status, 200 and up.
    pub status: u16,
    /// Content type.
    pub content_type: Option<HeaderValue>,
    /// What the container has to say beside the answer.
    pub custom_attributes: Option<HeaderValue>,
    /// The answer.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing was sent: the connection had ended before.
    #[error("the connection had ended: {0}")]
    Unsent(io::Error),
    /// Sent, at least in part, and then the connection ended.
    #[error("the connection ended before the answer: {0}")]
    Lost(io::Error),
    /// An answer that is none.
    #[error("{0}")]
    Garbage(String),
    /// More than is read.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

fn garbage(why: impl Into<String>) -> ExchangeError {
    ExchangeError::Garbage(why.into())
}

/// How the end of an answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    /// By the connection's end.
    Close,
}

/// The head of an answer, as far as it matters.
#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    framing: Framing,
    keep: bool,
    content_type: Option<HeaderValue>,
    custom_attributes: Option<HeaderValue>,
}

/// A connection between two exchanges. One that is dropped amid an exchange ends.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// What was read; up to `taken` it is used up.
    buffer: Vec<u8>,
    taken: usize,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} bytes read)", self.buffer.len() - self.taken)
    }
}

impl Connection {
    /// Over a stream that nothing was sent on.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, buffer: Vec::with_capacity(ROOM), taken: 0 }
    }

    /// Whether an exchange may begin: what has ended is readable, and so is what was never asked for.
    pub fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.taken == self.buffer.len()
            && pin!(self.stream.read_buf(&mut self.buffer)).poll(&mut context).is_pending()
    }

    /// Sends a request and reads its answer of at most `limit` bytes. `head` ends with the empty line. The flag says
    /// whether another exchange may follow.
    ///
    /// # Errors
    /// [`ExchangeError`]; the connection is of no use then.
    pub async fn exchange(
        &mut self,
        head: &[u8],
        body: &[u8],
        limit: usize,
    ) -> Result<(Reply, bool), ExchangeError> {
        let whole = self.send(head, body).await?;
        let Head { status, framing, keep, content_type, custom_attributes } = self.head().await?;
        let body = match framing {
            Framing::Length(n) => self.length(n, limit).await?,
            Framing::Chunked => self.chunked(limit).await?,
            Framing::Close => self.until_end(limit).await?,
        };
        // Whatever comes after the answer, nobody asked for.
        let keep = keep && whole && framing != Framing::Close && self.taken == self.buffer.len();
        Ok((Reply { status, content_type, custom_attributes, body }, keep))
    }

    /// Sends, and says whether all was: a server that answers sooner, e.g. because the body is too long for it, may
    /// never read the rest.
    async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<bool, ExchangeError> {
        let mut parts = [IoSlice::new(head), IoSlice::new(body)];
        let (mut left, mut sent) = (&mut parts[..], 0);
        poll_fn(|context| {
            while sent < head.len() + body.len() {
                match Pin::new(&mut self.stream).poll_write_vectored(context, left) {
                    Poll::Ready(Ok(n)) if n > 0 => {
                        sent += n;
                        IoSlice::advance_slices(&mut left, n);
                    }
                    Poll::Ready(done) => {
                        let error = done.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                        // Its last words may still be there to be read.
                        return Poll::Ready(if sent == 0 {
                            Err(ExchangeError::Unsent(error))
                        } else {
                            Ok(false)
                        });
                    }
                    Poll::Pending => {
                        let read = pin!(self.stream.read_buf(&mut self.buffer)).poll(context);
                        match read {
                            Poll::Pending => return Poll::Pending,
                            // An interim answer asks for the rest.
                            Poll::Ready(Ok(1..)) if interim(&self.buffer) => {}
                            Poll::Ready(_) => return Poll::Ready(Ok(false)),
                        }
                    }
                }
            }
            Pin::new(&mut self.stream)
                .poll_flush(context)
                .map(|done| done.map(|()| true).map_err(ExchangeError::Lost))
        })
        .await
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn take(&mut self, n: usize) {
        self.taken += n;
        if self.taken >= self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
    }

    /// Reads more; nothing more to come is an error.
    async fn fill(&mut self) -> Result<(), ExchangeError> {
        if self.buffer.capacity() == self.buffer.len() {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.buffer.reserve(ROOM);
        }
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(ExchangeError::Lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(e) => Err(ExchangeError::Lost(e)),
        }
    }

    /// The head of the answer; interim ones are passed over.
    async fn head(&mut self) -> Result<Head, ExchangeError> {
        loop {
            match parse(self.rest())? {
                Some((length, head)) => {
                    self.take(length);
                    match head.status {
                        101 => return Err(garbage("it switches protocols, which nobody asked for")),
                        ..100 => return Err(garbage(format!("{} is no status", head.status))),
                        100..200 => {}
                        _ => return Ok(head),
                    }
                }
                None if self.rest().len() > HEAD_BYTES => {
                    return Err(garbage(format!("its head has more than {HEAD_BYTES} bytes")));
                }
                None => self.fill().await?,
            }
        }
    }

    /// Adds `n` bytes of the answer to `body`.
    async fn part(&mut self, n: usize, body: &mut Vec<u8>) -> Result<(), ExchangeError> {
        let there = n.min(self.rest().len());
        body.extend_from_slice(&self.buffer[self.taken..self.taken + there]);
        self.take(there);
        let (mut left, mut breath) = (n - there, 0);
        while left > 0 {
            // Doubles: what an answer announces is no reason to have room for all of it before any of it is there.
            body.reserve(left.min(body.len().max(8 * ROOM)));
            let room = left.min(body.capacity() - body.len());
            match self.stream.read_buf(&mut (&mut *body).limit(room)).await {
                Ok(0) => return Err(garbage("it ends too soon")),
                Ok(read) => {
                    left -= read;
                    breath += read;
                }
                Err(e) => return Err(garbage(e.to_string())),
            }
            if breath >= BREATH {
                breath = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn length(&mut self, n: u64, limit: usize) -> Result<Bytes, ExchangeError> {
        let n = usize::try_from(n).ok().filter(|n| *n <= limit).ok_or(ExchangeError::TooLarge { limit })?;
        if n <= self.rest().len() {
            let body = Bytes::copy_from_slice(&self.rest()[..n]);
            self.take(n);
            return Ok(body);
        }
        let mut body = Vec::new();
        self.part(n, &mut body).await?;
        Ok(body.into())
    }

    async fn chunked(&mut self, limit: usize) -> Result<Bytes, ExchangeError> {
        let mut body = Vec::new();
        loop {
            let (line, n) = loop {
                match httparse::parse_chunk_size(self.rest()) {
                    Ok(Status::Complete(both)) => break both,
                    Ok(Status::Partial) if self.rest().len() <= LINE_BYTES => {
                        self.fill().await.map_err(cut)?
                    }
                    _ => return Err(garbage("a part of it has no length")),
                }
            };
            self.take(line);
            if n == 0 {
                break;
            }
            let n = usize::try_from(n).ok().filter(|n| *n <= limit - body.len());
            self.part(n.ok_or(ExchangeError::TooLarge { limit })?, &mut body).await?;
            while self.rest().len() < 2 {
                self.fill().await.map_err(cut)?;
            }
            if !self.rest().starts_with(b"\r\n") {
                return Err(garbage("a part of it is longer than announced"));
            }
            self.take(2);
        }
        // Trailers, of which none matters, to an empty line.
        let mut trailers = 0;
        loop {
            let Some(end) = self.rest().iter().position(|b| *b == b'\n') else {
                if trailers + self.rest().len() > LINE_BYTES {
                    return Err(garbage(format!("its trailers have more than {LINE_BYTES} bytes")));
                }
                self.fill().await.map_err(cut)?;
                continue;
            };
            let empty = matches!(&self.rest()[..end], b"" | b"\r");
            trailers += end + 1;
            self.take(end + 1);
            if empty {
                return Ok(body.into());
            }
            if trailers > LINE_BYTES {
                return Err(garbage(format!("its trailers have more than {LINE_BYTES} bytes")));
            }
        }
    }

    async fn until_end(&mut self, limit: usize) -> Result<Bytes, ExchangeError> {
        let mut body = self.rest().to_vec();
        self.take(body.len());
        let mut breath = 0;
        loop {
            if body.len() > limit {
                return Err(ExchangeError::TooLarge { limit });
            }
            body.reserve(ROOM);
            match self.stream.read_buf(&mut body).await {
                Ok(0) => return Ok(body.into()),
                Ok(read) => breath += read,
                Err(e) => return Err(garbage(e.to_string())),
            }
            if breath >= BREATH {
                breath = 0;
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The head was there, so a connection that ends now has cut the answer short.
fn cut(error: ExchangeError) -> ExchangeError {
    garbage(error.to_string())
}

/// Whether what has come of an answer, as far as it tells, is an interim one that is not unduly long.
fn interim(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.1 1";
    let n = bytes.len().min(BEGIN.len());
    bytes[..n] == BEGIN[..n] && bytes.len() <= HEAD_BYTES
}

/// Reads the head of an answer and says how long it is; none while it is not all there.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head)>, ExchangeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut headers,
    );
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(e) => return Err(garbage(format!("its head is no HTTP/1.1 ({e})"))),
    };
    let status = response.code.unwrap_or_default();
    let mut head = Head {
        status,
        framing: Framing::Close,
        // HTTP/1.0 keeps a connection only where it says so.
        keep: response.version == Some(1),
        content_type: None,
        custom_attributes: None,
    };
    let (mut announced, mut coded): (Option<u64>, Option<bool>) = (None, None);
    for header in response.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // What no header may hold is passed over rather than handed on.
        let value = || HeaderValue::from_bytes(header.value).ok();
        if is("content-length") {
            let length = number(header.value).ok_or_else(|| garbage("its Content-Length is no number"))?;
            if announced.is_some_and(|a| a != length) {
                return Err(garbage("it has two lengths"));
            }
            announced = Some(length);
        } else if is("content-type") {
            head.content_type = value();
        } else if is("connection") {
            for option in header.value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    head.keep = false;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && response.version == Some(0) {
                    head.keep = true;
                }
            }
        } else if is("transfer-encoding") {
            coded = Some(header.value.eq_ignore_ascii_case(b"chunked") && coded.is_none());
        } else if is("x-amzn-sagemaker-custom-attributes") {
            head.custom_attributes = value();
        }
    }
    // Two ways to frame it are one too many to trust what follows.
    head.keep &= announced.is_none() || coded.is_none();
    head.framing = match (status, coded, announced) {
        (..200 | 204 | 304, ..) => Framing::Length(0),
        (_, Some(true), _) => Framing::Chunked,
        (_, Some(false), _) => return Err(garbage("its Transfer-Encoding is another than `chunked`")),
        (_, None, Some(length)) => Framing::Length(length),
        (_, None, None) => Framing::Close,
    };
    Ok(Some((length, head)))
}

/// Digits alone: what `parse` takes beside them is no length.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";

    fn connection(room: usize) -> (Connection, DuplexStream) {
        let (ours, theirs) = duplex(room);
        (Connection::new(Box::new(ours)), theirs)
    }

    /// What comes of an answer that is sent in these pieces, before the server ends the connection.
    async fn answered(pieces: &[&[u8]], limit: usize) -> Result<(Reply, bool), ExchangeError> {
        let (mut connection, mut server) = connection(1 << 20);
        let exchange = connection.exchange(HEAD, b"{}", limit);
        let serve = async {
            for piece in pieces {
                server.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(server);
        };
        tokio::join!(exchange, serve).0
    }

    async fn body(answer: &[u8]) -> Result<(String, bool), ExchangeError> {
        let (reply, keep) = answered(&[answer], 1_000).await?;
        Ok((String::from_utf8_lossy(&reply.body).into_owned(), keep))
    }

    /// The chunked example is that of RFC 9112, 7.1.3, as curl and others test it: "Wikipedia in\r\n\r\nchunks."
    const ANSWERS: [(&[u8], &str, bool); 9] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nConnection: foo, Close\r\n\r\nhello", "hello", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello", "hello", true),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5;x=\"y\"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nTrailer: z\r\n\r\n",
            "Wikipedia in\r\n\r\nchunks.",
            true,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", false),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "ok",
            true,
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "", true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more", "ok", false),
    ];

    #[tokio::test]
    async fn every_framing_is_understood_wherever_it_is_cut() {
        for (answer, wanted, keep) in ANSWERS {
            for at in 0..answer.len() {
                let (reply, kept) = answered(&[&answer[..at], &answer[at..]], 1_000).await.unwrap();
                assert_eq!(reply.body, wanted, "cut at {at}");
                // Cut there, what is too much has not come yet when the answer is whole.
                assert!(kept == keep || wanted == "ok", "{wanted}: cut at {at}");
            }
            assert_eq!(body(answer).await.unwrap(), (wanted.to_owned(), keep));
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused() {
        for (answer, says) in [
            (&b"\xff\xff\xff\xff"[..], "no HTTP/1.1"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", "two lengths"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab", "no number"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nab", "no number"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nab", "another than `chunked`"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab", "no length"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc", "longer than announced"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", "too soon"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhell", "too soon"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "switches protocols"),
            (b"HTTP/1.1 000 No\r\n\r\n", "no status"),
        ] {
            let said = body(answer).await;
            assert!(
                matches!(&said, Err(ExchangeError::Garbage(why)) if why.contains(says)),
                "{says}: {said:?}"
            );
        }
        let endless = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; HEAD_BYTES]].concat();
        assert!(body(&endless).await.unwrap_err().to_string().contains("more than 65536 bytes"));
        let trailers = [
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n".to_vec(),
            b"x: y\r\n".repeat(LINE_BYTES / 4),
        ];
        assert!(body(&trailers.concat()).await.unwrap_err().to_string().contains("trailers"));
        for answer in [&b""[..], b"HTTP/1.1 20", b"HTTP/1.1 100 Continue\r\n\r\n"] {
            assert!(matches!(body(answer).await, Err(ExchangeError::Lost(_))));
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_given_up() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello!"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nhello!",
        ] {
            assert!(matches!(answered(&[answer], 5).await, Err(ExchangeError::TooLarge { limit: 5 })));
        }
        // Larger than what is read at once, and as long as it may be.
        for head in ["content-length: 1000000\r\n\r\n", "\r\n", "transfer-encoding: chunked\r\n\r\nf4240\r\n"]
        {
            let long = vec![b'x'; 1_000_000];
            let head = format!("HTTP/1.1 200 OK\r\n{head}");
            let tail: &[u8] = if head.contains("chunked") { b"\r\n0\r\n\r\n" } else { b"" };
            let (reply, _) = answered(&[head.as_bytes(), &long, tail], 1_000_000).await.unwrap();
            assert!(reply.body == long, "{head}");
        }
    }

    #[tokio::test]
    async fn a_server_that_answers_before_it_has_heard_all_is_heard() {
        // It reads nothing, so only 64 bytes of the request go out.
        let (mut connection, mut server) = connection(64);
        let refused = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";
        let long = vec![b'x'; 10_000];
        let exchange = connection.exchange(HEAD, &long, 1_000);
        let serve = async {
            tokio::task::yield_now().await;
            server.write_all(refused).await.unwrap();
        };
        let (reply, keep) = tokio::join!(exchange, serve).0.unwrap();
        assert_eq!((reply.status, keep), (413, false));
    }

    #[tokio::test]
    async fn an_interim_answer_does_not_stop_the_request() {
        let (mut connection, mut server) = connection(64);
        let long = vec![b'x'; 10_000];
        let exchange = connection.exchange(HEAD, &long, 1_000);
        let serve = async {
            tokio::task::yield_now().await;
            for piece in ["HTT", "P/1.1 102 Processing\r\n", "\r\n"] {
                server.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            server.read_exact(&mut vec![0; HEAD.len() + 10_000]).await.unwrap();
            server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        };
        let (reply, keep) = tokio::join!(exchange, serve).0.unwrap();
        assert_eq!((reply.status, keep), (200, true));
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_or_speaks_unasked_is_not_open() {
        let (mut fresh, _server) = connection(64);
        assert!(fresh.is_open());
        let (mut ended, server) = connection(64);
        drop(server);
        assert!(!ended.is_open());
        assert!(matches!(ended.exchange(HEAD, b"{}", 10).await, Err(ExchangeError::Unsent(_))));
        let (mut talking, mut server) = connection(64);
        server.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        assert!(!talking.is_open());
    }

    #[tokio::test]
    async fn one_exchange_follows_the_other() {
        let (mut connection, mut server) = connection(1 << 10);
        for i in 0..3 {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nX-Amzn-SageMaker-Custom-Attributes: a=1\r\ncontent-length: 1\r\n\r\n{i}"
            );
            let serve = async {
                let mut asked = vec![0; HEAD.len() + 2];
                server.read_exact(&mut asked).await.unwrap();
                server.write_all(answer.as_bytes()).await.unwrap();
                asked
            };
            let (exchanged, asked) = tokio::join!(connection.exchange(HEAD, b"{}", 10), serve);
            let (reply, keep) = exchanged.unwrap();
            assert_eq!(asked, [HEAD, b"{}"].concat());
            assert!(keep && connection.is_open() && reply.body == i.to_string());
            assert_eq!(reply.content_type.unwrap(), "text/plain");
            assert_eq!(reply.custom_attributes.unwrap(), "a=1");
        }
    }
}

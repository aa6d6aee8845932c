//! The models that the program carries, on threads of their own.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use hyper::header::HeaderValue;
use tokio::sync::oneshot;

use super::{Answer, Call, CallError, How, payload};
use crate::{
    domain::Artifact,
    inference::{Model, ModelError, Prepared, Tokens},
    server::settings::EmbeddedLimits,
};

/// Why the models cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// A model cannot be run.
    #[error("the model {artifact} that the program carries cannot be run: {why}")]
    Model {
        /// Which.
        artifact: Artifact,
        /// Why.
        why: ModelError,
    },
    /// No thread can be had.
    #[error("a thread for inference cannot be started ({0}); set embedded.threads lower")]
    Thread(std::io::Error),
}

struct Job {
    artifact: Artifact,
    call: Call,
    asked: Instant,
    reply: oneshot::Sender<Result<Answer, CallError>>,
}

/// What waits for a thread. Callers' requests come first, and copies leave a thread free where there is more than one:
/// a shadow's inference takes the same cores, so a caller would wait for it.
#[derive(Default)]
struct Queue {
    requests: VecDeque<Job>,
    copies: VecDeque<Job>,
    /// Copies that threads work on.
    copying: usize,
    /// Most copies that threads may work on at a time.
    most_copying: usize,
    closed: bool,
}

impl Queue {
    /// The next for a thread to work on, and whether it is a copy.
    fn next(&mut self) -> Option<(Job, bool)> {
        if let Some(request) = self.requests.pop_front() {
            return Some((request, false));
        }
        if self.copying >= self.most_copying {
            return None;
        }
        let copy = self.copies.pop_front()?;
        self.copying += 1;
        Some((copy, true))
    }
}

struct Shared {
    models: [Prepared; 3],
    queue: Mutex<Queue>,
    more: Condvar,
    limit: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool of threads in front of the three models.
///
/// Inference holds a core for milliseconds, so it must not run where requests are taken.
pub struct Embedded {
    shared: Arc<Shared>,
    threads: u32,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedded({} threads)", self.threads)
    }
}

fn load(artifact: Artifact) -> Result<Prepared, EmbeddedError> {
    let bytes: &[u8] = match artifact {
        Artifact::A => include_bytes!("../../../public/models/a.onnx"),
        Artifact::B => include_bytes!("../../../public/models/b.onnx"),
        Artifact::C => include_bytes!("../../../public/models/c.onnx"),
    };
    Model::read(bytes).and_then(Model::prepare).map_err(|why| EmbeddedError::Model { artifact, why })
}

impl Embedded {
    /// Reads the models and starts the threads. They end once the pool is dropped and its queue is empty.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn start(limits: EmbeddedLimits) -> Result<Self, EmbeddedError> {
        let [a, b, c] = Artifact::ALL.map(load);
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if limits.threads == 0 { cores } else { limits.threads };
        let shared = Arc::new(Shared {
            models: [a?, b?, c?],
            queue: Mutex::new(Queue { most_copying: (threads - 1).max(1), ..Queue::default() }),
            more: Condvar::new(),
            limit: limits.queue,
        });
        for i in 0..threads {
            let shared = shared.clone();
            let named = thread::Builder::new().name(format!("inference-{i}"));
            named.spawn(move || work(&shared)).map_err(EmbeddedError::Thread)?;
        }
        Ok(Self { shared, threads: u32::try_from(threads).unwrap_or(u32::MAX) })
    }

    /// Its threads.
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// Requests that wait for a thread.
    pub fn waiting(&self) -> usize {
        let queue = self.shared.lock();
        queue.requests.len() + queue.copies.len()
    }

    /// Asks a model; a copy waits behind every request.
    ///
    /// # Errors
    /// [`CallError::Status`] for a body that is no request, [`CallError::Unavailable`] when too much waits,
    /// [`CallError::TimedOut`] where `how` limits the time.
    pub async fn call(&self, artifact: Artifact, call: Call, how: How) -> Result<Answer, CallError> {
        let (reply, answer) = oneshot::channel();
        let copy = how.copy;
        {
            let mut queue = self.shared.lock();
            let waiting = if copy { &mut queue.copies } else { &mut queue.requests };
            if waiting.len() >= self.shared.limit {
                // Places of those who did not wait that long.
                waiting.retain(|job| !job.reply.is_closed());
            }
            if waiting.len() >= self.shared.limit {
                let what = if copy { "copies" } else { "requests" };
                let why = format!("{} {what} wait for inference already; send fewer", self.shared.limit);
                return Err(CallError::Unavailable { why });
            }
            waiting.push_back(Job { artifact, call, asked: Instant::now(), reply });
        }
        self.shared.more.notify_one();
        let lost =
            || Err(CallError::Unavailable { why: "inference has ended; start the server anew".into() });
        let answered = match how.timeout {
            Some(limit) => tokio::time::timeout(limit, answer)
                .await
                .map_err(|_| CallError::TimedOut { limit_ms: limit.as_millis() })?,
            None => answer.await,
        };
        answered.unwrap_or_else(|_| lost())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.more.notify_all();
    }
}

fn work(shared: &Shared) {
    loop {
        let (job, copy) = {
            let mut queue = shared.lock();
            loop {
                if let Some(next) = queue.next() {
                    break next;
                }
                // What still waits are copies, and those who work on the others will see to them.
                if queue.closed {
                    return;
                }
                queue = shared.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        };
        // A caller that has gone away needs no inference.
        if !job.reply.is_closed() {
            let wait_ns = u64::try_from(job.asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let answer = infer(&shared.models[job.artifact.index()], &job.call);
            let _ = job.reply.send(answer.map(|a| Answer { wait_ns, ..a }));
        }
        if copy {
            // This thread looks for more itself: nobody needs to be woken.
            shared.lock().copying -= 1;
        }
    }
}

fn infer(model: &Prepared, call: &Call) -> Result<Answer, CallError> {
    let content_type = call.content_type.as_ref().and_then(|t| t.to_str().ok());
    let asked = payload::Texts::read(content_type, &call.body)
        .map_err(|e| CallError::Status { status: e.http(), message: e.to_string() })?;
    let mut labels = Vec::with_capacity(asked.texts.len());
    for text in &asked.texts {
        let prediction = model
            .predict(&Tokens::of(text))
            .map_err(|e| CallError::Status { status: 500, message: e.to_string() })?;
        labels.push(payload::Label::from(prediction));
    }
    Ok(Answer {
        content_type: Some(HeaderValue::from_static(asked.shape.content_type())),
        custom_attributes: None,
        predicted: labels.first().and_then(|l| l.stars),
        body: payload::write(&labels, asked.shape),
        wait_ns: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(artifact: Artifact) -> Job {
        let call = Call {
            content_type: None,
            accept: None,
            custom_attributes: None,
            body: bytes::Bytes::new(),
            id: 0,
        };
        Job { artifact, call, asked: Instant::now(), reply: oneshot::channel().0 }
    }

    #[test]
    fn requests_come_before_copies_that_waited_longer() {
        let mut queue = Queue { most_copying: 1, ..Queue::default() };
        queue.copies.extend([job(Artifact::C), job(Artifact::C)]);
        queue.requests.extend([job(Artifact::A), job(Artifact::B)]);
        let mut next = || queue.next().map(|(job, copy)| (job.artifact, copy));
        assert_eq!(next(), Some((Artifact::A, false)));
        assert_eq!(next(), Some((Artifact::B, false)));
        assert_eq!(next(), Some((Artifact::C, true)));
        // The other threads are for requests that come now.
        assert_eq!(next(), None);
        queue.requests.push_back(job(Artifact::A));
        let mut next = || queue.next().map(|(job, copy)| (job.artifact, copy));
        assert_eq!(next(), Some((Artifact::A, false)));
        queue.copying -= 1;
        let last = queue.next().map(|(job, copy)| (job.artifact, copy));
        assert_eq!(last, Some((Artifact::C, true)));
    }

    #[tokio::test]
    async fn a_copy_gives_up_in_time_and_leaves_its_place() {
        let models = Artifact::ALL.map(|artifact| load(artifact).expect("a model that the program carries"));
        // No thread works on it.
        let shared = Shared { models, queue: Mutex::default(), more: Condvar::new(), limit: 1 };
        let pool = Embedded { shared: Arc::new(shared), threads: 0 };
        let how = How { timeout: Some(std::time::Duration::from_millis(5)), copy: true };
        for _ in 0..3 {
            let answer = pool.call(Artifact::A, Call::default(), how).await;
            assert!(matches!(answer, Err(CallError::TimedOut { limit_ms: 5 })), "{answer:?}");
        }
        assert_eq!(pool.waiting(), 1);
    }
}

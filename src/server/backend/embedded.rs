//! The models that the program carries, on threads of their own.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use hyper::header::HeaderValue;
use tokio::sync::oneshot;

use super::{Answer, Call, CallError, payload};
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

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Shared {
    models: [Prepared; 3],
    queue: Mutex<Queue>,
    more: Condvar,
    limit: usize,
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
        let shared = Arc::new(Shared {
            models: [a?, b?, c?],
            queue: Mutex::new(Queue::default()),
            more: Condvar::new(),
            limit: limits.queue,
        });
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if limits.threads == 0 { cores } else { limits.threads };
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
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).jobs.len()
    }

    /// Asks a model.
    ///
    /// # Errors
    /// [`CallError::Status`] for a body that is no request, [`CallError::Unavailable`] when too much waits.
    pub async fn call(&self, artifact: Artifact, call: Call) -> Result<Answer, CallError> {
        let (reply, answer) = oneshot::channel();
        {
            let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.jobs.len() >= self.shared.limit {
                let why = format!("{} requests wait for inference already; send fewer", self.shared.limit);
                return Err(CallError::Unavailable { why });
            }
            queue.jobs.push_back(Job { artifact, call, asked: Instant::now(), reply });
        }
        self.shared.more.notify_one();
        let lost =
            || Err(CallError::Unavailable { why: "inference has ended; start the server anew".into() });
        answer.await.unwrap_or_else(|_| lost())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.more.notify_all();
    }
}

fn work(shared: &Shared) {
    loop {
        let job = {
            let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if let Some(job) = queue.jobs.pop_front() {
                    break job;
                }
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

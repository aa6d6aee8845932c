//! The message pump and the slices of time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DedicatedWorkerGlobalScope, File, MessageEvent};

use super::{
    live::{self, Line},
    models, own_reviews, parts,
};
use crate::{
    analysis::metrics::SeriesQuery,
    controller::EndpointStatus,
    domain::{Artifact, ReviewId, SECOND_NS, Stars, VirtualTime},
    inference::{Model, ModelError, Prediction, Prepared, ServiceCost, Tokens, measure},
    lab::{
        Batch, Document, Exercise, Experiment, Journal, JournalEntry, LabAction, LabId, Pace, Progress,
        Refusal,
    },
    wire::{
        DecideAnswer, DecideQuestion, FromWorker, KeptJournal, MetricQuery, Opinion, OwnFile, ServerLine,
        TestAnswer, TestQuestion, ToWorker, VariantSeries, live::MAX_OWN_TEXTS,
    },
};

/// Longest slice of computing, ms: a message waits no longer than that.
const SLICE_MS: f64 = 20.0;
/// What a slice that traffic has used up is prolonged by while the models are asked about a learner's file, ms.
const OWN_MS: f64 = 5.0;
/// Real time between two words about a learner's file, ms.
const OWN_TOLD_EVERY_MS: f64 = 100.0;
/// Requests between two looks at the clock.
const CHUNK: u64 = 4_096;
/// Texts between two looks at the clock.
const TEXTS: usize = 4;
/// Real time between two snapshots, ms.
const SNAPSHOT_EVERY_MS: f64 = 40.0;
/// Rest between two slices while time runs, ms.
const REST_MS: i32 = 4;
/// Rest while nothing happens, ms.
const IDLE_MS: i32 = 50;
/// Reviews of a learner's own file that are sent: each must be answered by each model first.
const OWN_SENT: usize = 10_000;
/// Bytes of captured lines in a message.
const CAPTURED_BYTES: usize = 1 << 20;
/// Pause before a part of the worker that could not be fetched is asked for again, ms.
const FETCH_AGAIN_MS: i32 = 2_000;

/// How a model stands in this worker.
enum Loaded {
    No,
    Underway,
    Ready(Box<Prepared>),
    /// Tried, in vain; the learner was told.
    Failed,
    /// To be tried once more.
    Again,
}

/// Reviews of the learner's own file that wait until the models have answered them: time goes on meanwhile, with
/// the reviews that are sent now.
struct Incoming {
    reviews: Vec<(String, Option<Stars>)>,
    /// By artefact, as many as it was asked about.
    answers: [Vec<Option<Prediction>>; 3],
    file: OwnFile,
    told_ms: f64,
}

/// A journal that is being done again.
struct Replay {
    journal: Journal,
    next: usize,
}

pub(super) struct Worker {
    scope: DedicatedWorkerGlobalScope,
    experiment: Experiment,
    /// The line to the server whose endpoints the labs are over.
    line: Option<Line>,
    /// What is done over that line, once its code is here.
    over_line: Option<live::Calls>,
    told_line: Option<ServerLine>,
    opened: bool,
    models: [Loaded; 3],
    costs: [Option<ServiceCost>; 3],
    /// Answers to built-in texts, kept when a lab is opened anew.
    answers: [BTreeMap<ReviewId, Option<Prediction>>; 3],
    /// Where filling the table goes on, with usual input and with skewed input.
    cursor: [[u32; 3]; 2],
    replay: Option<Replay>,
    incoming: Option<Incoming>,
    /// Number of the file that is wanted: one that is still being read when another is chosen is not.
    file_number: u64,
    /// What the learner ordered and something else must come first: number of the message, action.
    waiting: Vec<(u64, LabAction)>,
    /// Texts to be scored as soon as their model is there: number of the message, artefact, hashes.
    to_score: Vec<(u64, Artifact, Vec<Vec<u32>>)>,
    /// Batches that the page knows.
    told_batches: Vec<Batch>,
    visible: bool,
    changed: bool,
    last_slice_ms: f64,
    last_snapshot_ms: f64,
    /// Virtual and real time, and requests and computing time, since speed was last told.
    speed: SpeedMeter,
}

struct SpeedMeter {
    since_ms: f64,
    virtual_ns: u64,
    requests: u64,
    computing_ms: f64,
}

pub(super) type Shared = Rc<RefCell<Worker>>;
/// A function that sets itself off again.
type Again = Rc<RefCell<Option<Closure<dyn FnMut()>>>>;

/// Starts the worker: sets its ear, says that it is ready, and begins its slices.
pub fn start() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let now = now_ms();
    let worker: Shared = Rc::new(RefCell::new(Worker {
        scope: scope.clone(),
        experiment: Experiment::new(LabId::Sandbox, 0),
        line: None,
        over_line: None,
        told_line: None,
        opened: false,
        models: [Loaded::No, Loaded::No, Loaded::No],
        costs: [None; 3],
        answers: Default::default(),
        cursor: [[0; 3]; 2],
        replay: None,
        incoming: None,
        file_number: 0,
        waiting: Vec::new(),
        to_score: Vec::new(),
        told_batches: Vec::new(),
        visible: true,
        changed: false,
        last_slice_ms: now,
        last_snapshot_ms: 0.0,
        speed: SpeedMeter { since_ms: now, virtual_ns: 0, requests: 0, computing_ms: 0.0 },
    }));
    let ear = worker.clone();
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| hear(&ear, event.data()));
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the worker lives.
    on_message.forget();
    worker.borrow().say(&FromWorker::Ready);
    keep_going(worker);
}

/// Milliseconds of the worker's own clock.
pub(super) fn now_ms() -> f64 {
    thread_local! {
        static CLOCK: Option<web_sys::Performance> =
            js_sys::global().unchecked_into::<DedicatedWorkerGlobalScope>().performance();
    }
    CLOCK.with(|clock| clock.as_ref().map_or_else(js_sys::Date::now, web_sys::Performance::now))
}

/// Runs a slice, rests, and so on.
fn keep_going(worker: Shared) {
    let again: Again = Rc::default();
    let handle = again.clone();
    *again.borrow_mut() = Some(Closure::new(move || {
        let rest = slice(&worker);
        let worker = worker.borrow();
        if let Some(next) = handle.borrow().as_ref() {
            let next = next.as_ref().unchecked_ref();
            if worker.scope.set_timeout_with_callback_and_timeout_and_arguments_0(next, rest).is_err() {
                worker.say(&FromWorker::Trouble("the worker's clock stopped; reload the page".into()));
            }
        }
    }));
    if let Some(first) = again.borrow().as_ref() {
        let _ = first.as_ref().unchecked_ref::<js_sys::Function>().call0(&JsValue::NULL);
    }
}

/// One slice of work; returns how long to rest, ms.
fn slice(shared: &Shared) -> i32 {
    let began = now_ms();
    let wanted = {
        let mut worker = shared.borrow_mut();
        if worker.opened { worker.work(began) } else { None }
    };
    if let Some(artifact) = wanted {
        load(shared.clone(), artifact);
    }
    let mut worker = shared.borrow_mut();
    worker.score();
    if !worker.opened {
        return IDLE_MS;
    }
    let taken = worker.take_in(began);
    worker.publish();
    let busy = worker.replay.is_some()
        || worker.experiment.has_replay()
        || worker.incoming.is_some()
        || worker.experiment.pace() != Pace::Paused
        || worker.table_is_short();
    drop(worker);
    if taken {
        order_again(shared);
    }
    if busy { REST_MS } else { IDLE_MS }
}

/// Lets what waits in the worker's queue have its turn, and some time pass.
pub(super) async fn rest(ms: i32) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let passed = js_sys::Promise::new(&mut |resolve, _| {
        let set = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
        // Where there is no timer, it goes on at once.
        if set.is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(passed).await;
}

fn hear(shared: &Shared, data: JsValue) {
    if let Some(file) = data.dyn_ref::<File>() {
        return take_file(shared.clone(), file.clone());
    }
    let text = data.as_string().unwrap_or_default();
    let message = match serde_json::from_str::<ToWorker>(&text) {
        Ok(message) => message,
        Err(e) => {
            let told = format!("the worker did not understand the page ({e}); reload the page");
            return shared.borrow().say(&FromWorker::Trouble(told));
        }
    };
    let message = match message {
        ToWorker::Connect(base) => return connect(shared, base),
        ToWorker::Token(token) => return take_token(shared, token),
        ToWorker::Do { id, action } if shared.borrow().line.is_some() => {
            let (refusal, calls) = {
                let worker = shared.borrow();
                (worker.experiment.refuse_live(&action), worker.over_line)
            };
            match (refusal, calls) {
                (None, Some(calls)) if live::goes_out(&action) => {
                    return (calls.act)(shared.clone(), id, action);
                }
                (None, _) if !live::goes_out(&action) => ToWorker::Do { id, action },
                (refusal, _) => {
                    let refusal = refusal.unwrap_or_else(not_connected);
                    return shared.borrow().say(&FromWorker::Done { id, outcome: Err(refusal), entry: None });
                }
            }
        }
        ToWorker::Metrics { id, query } if shared.borrow().line.is_some() => {
            let calls = shared.borrow().over_line;
            return match calls {
                Some(calls) => (calls.series)(shared.clone(), id, query),
                None => shared.borrow().say(&FromWorker::Series {
                    id,
                    series: Err(not_connected().message),
                    published_until_s: 0,
                    changes: Vec::new(),
                }),
            };
        }
        other => other,
    };
    let other_reviews = matches!(message, ToWorker::SendBuiltIn);
    let wanted = shared.borrow_mut().answer(message);
    for artifact in wanted {
        load(shared.clone(), artifact);
    }
    if other_reviews {
        order_again(shared);
    }
}

/// Other reviews are sent from now on: where a server's clients send them, it must be told.
fn order_again(shared: &Shared) {
    let calls = shared.borrow().over_line;
    if let Some(calls) = calls {
        (calls.order_again)(shared);
    }
}

/// Takes the token that a server asks for.
fn take_token(shared: &Shared, token: String) {
    let (waited, calls) = {
        let mut worker = shared.borrow_mut();
        (worker.line.as_mut().is_some_and(|l| l.take_token(token)), worker.over_line)
    };
    if waited && let Some(calls) = calls {
        (calls.open)(shared);
    }
}

/// Follows a server from now on.
fn connect(shared: &Shared, base: String) {
    {
        let mut worker = shared.borrow_mut();
        let corpus = worker.experiment.corpus();
        let texts = corpus.reviews().iter().enumerate();
        let texts = texts.map(|(i, r)| (ReviewId(i as u32), r.stars, r.text.as_str()));
        let line = Line::new(base, texts);
        worker.line = Some(line);
    }
    follow(shared.clone());
}

/// Fetches the code that speaks with a server, as often as it takes, and opens the line.
fn follow(shared: Shared) {
    spawn_local(async move {
        loop {
            if let Ok(calls) = parts::live().await {
                shared.borrow_mut().over_line = Some(calls);
                return (calls.open)(&shared);
            }
            let told = "the part of this page that speaks with the server could not be fetched; it is asked for again";
            shared.borrow().say(&FromWorker::Trouble(told.into()));
            rest(FETCH_AGAIN_MS).await;
        }
    });
}

/// Why nothing is done over a line that is not there yet.
fn not_connected() -> Refusal {
    Refusal::lab_rule("the page is not connected to the server yet; wait a moment and try again")
}

/// Fetches and prepares a model, unless that was begun already.
fn load(shared: Shared, artifact: Artifact) {
    let again = {
        let mut worker = shared.borrow_mut();
        let slot = &mut worker.models[artifact.index()];
        let again = match slot {
            Loaded::No => false,
            Loaded::Again => true,
            Loaded::Underway | Loaded::Ready(_) | Loaded::Failed => return,
        };
        *slot = Loaded::Underway;
        again
    };
    spawn_local(async move {
        let told = shared.clone();
        let fetched = models::fetch(artifact, again, move |received, total| {
            told.borrow().say(&FromWorker::Loading { artifact, received, total, ready: false });
        })
        .await;
        let mut worker = shared.borrow_mut();
        let prepared = fetched.and_then(|bytes| {
            let prepared =
                Model::read(&bytes).and_then(Model::prepare).map_err(|e: ModelError| e.to_string())?;
            Ok((bytes.len() as u64, prepared))
        });
        match prepared {
            Ok((total, prepared)) => {
                match measure(&prepared, now_ms) {
                    Ok(cost) => worker.costs[artifact.index()] = Some(cost),
                    Err(e) => worker.say(&FromWorker::Trouble(e.to_string())),
                }
                worker.models[artifact.index()] = Loaded::Ready(Box::new(prepared));
                worker.say(&FromWorker::Loading { artifact, received: total, total, ready: true });
            }
            Err(why) => {
                worker.models[artifact.index()] = Loaded::Failed;
                worker.say(&FromWorker::NotLoaded { artifact, why });
            }
        }
    });
}

/// Reads the learner's file, so that its reviews can be taken in.
fn take_file(shared: Shared, file: File) {
    let number = {
        let mut worker = shared.borrow_mut();
        worker.incoming = None;
        worker.file_number += 1;
        worker.file_number
    };
    spawn_local(async move {
        let told = Cell::new(0.0);
        let listener = shared.clone();
        let read = own_reviews::read(&file, 1, OWN_SENT, |rows| {
            let now = now_ms();
            let worker = listener.borrow();
            let wanted = worker.file_number == number;
            if wanted && now - told.get() > OWN_TOLD_EVERY_MS {
                told.set(now);
                worker.say(&FromWorker::OwnReviews(OwnFile { rows, ..OwnFile::default() }));
            }
            wanted
        })
        .await;
        let mut worker = shared.borrow_mut();
        if worker.file_number != number {
            return;
        }
        match read {
            Ok(None) => {}
            Ok(Some(own)) => {
                let file = OwnFile {
                    rows: own.rows,
                    kept: own.reviews.len() as u64,
                    bad_rows: own.bad_rows,
                    errors: own.errors,
                    ..OwnFile::default()
                };
                worker.incoming =
                    Some(Incoming { reviews: own.reviews, answers: Default::default(), file, told_ms: 0.0 });
            }
            Err(why) => {
                let file = OwnFile { failure: Some(why), ended: true, ..OwnFile::default() };
                worker.say(&FromWorker::OwnReviews(file));
            }
        }
    });
}

impl Worker {
    pub(super) fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    pub(super) fn line_mut(&mut self) -> Option<&mut Line> {
        self.line.as_mut()
    }

    pub(super) fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    pub(super) fn experiment_mut(&mut self) -> &mut Experiment {
        &mut self.experiment
    }

    /// There is something new to show.
    pub(super) fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// Tells the page how the line stands, when that has changed.
    pub(super) fn tell_line(&mut self) {
        let now = self.line.as_ref().map(Line::told);
        if now != self.told_line
            && let Some(line) = &now
        {
            self.say(&FromWorker::Server(line.clone()));
        }
        self.told_line = now;
        self.changed = true;
    }

    /// Sentences that were written by hand: records of them will come back by their numbers.
    pub(super) fn learn_texts(&mut self, texts: &[String]) {
        self.experiment.prepare_texts(texts);
        for text in texts {
            let review = self.experiment.review_of(text);
            if let (Some(line), Some(review)) = (&mut self.line, review) {
                line.knows(review, text, None);
            }
        }
    }

    pub(super) fn say(&self, message: &FromWorker) {
        // A message is plain data of our own types: it always has a JSON form.
        if let Ok(text) = serde_json::to_string(message) {
            let _ = self.scope.post_message(&JsValue::from_str(&text));
        }
    }

    fn prepared(&self, artifact: Artifact) -> Option<&Prepared> {
        match &self.models[artifact.index()] {
            Loaded::Ready(model) => Some(model),
            _ => None,
        }
    }

    /// Answers a message; returns the models that it needs.
    fn answer(&mut self, message: ToWorker) -> Vec<Artifact> {
        self.changed = true;
        match message {
            ToWorker::Open(journal) => {
                self.open(journal);
                return vec![Artifact::A, Artifact::B];
            }
            ToWorker::Do { id, action } => {
                let wanted = self.wanted_by(&action);
                if self.must_wait(&action) {
                    self.say(&FromWorker::Waits(id));
                    self.waiting.push((id, action));
                } else {
                    self.carry_out(id, action);
                }
                return wanted;
            }
            ToWorker::Metrics { id, query } => {
                let until = self.experiment.metrics().published_until(self.experiment.now());
                let published_until_s = until.as_ns() / SECOND_NS;
                let series = self.series(&query);
                let changes = self.experiment.changes(&query.endpoint_name);
                self.say(&FromWorker::Series { id, series, published_until_s, changes });
            }
            ToWorker::Explain { id, record } => {
                let text = self.experiment.text_of(&record).unwrap_or_default().to_owned();
                let tokens = Tokens::of(&text);
                let opinions = Artifact::ALL.into_iter().filter_map(|artifact| {
                    let model = self.prepared(artifact)?;
                    let prediction = model.predict(&tokens).ok()?;
                    let probabilities = prediction.map(|p| p.probabilities.map(f64::from));
                    Some(Opinion { artifact, probabilities })
                });
                let opinions = opinions.collect();
                let true_stars = record.true_stars;
                let tokens = tokens.texts().to_vec();
                self.say(&FromWorker::Explained { id, text, tokens, true_stars, opinions });
            }
            ToWorker::Disagreements { id, query } => {
                let page = self.experiment.disagreements(&query);
                self.say(&FromWorker::Disagreements { id, page });
            }
            ToWorker::Score { id, artifact, texts } => {
                self.to_score.push((id, artifact, texts));
                return vec![artifact];
            }
            ToWorker::Tests { id, question } => {
                let answer = match question {
                    TestQuestion::Statistics(name) => {
                        TestAnswer::Statistics(self.experiment.test_statistics(&name).unwrap_or_default())
                    }
                    TestQuestion::Captured { endpoint, variant, from } => TestAnswer::Captured(
                        self.experiment.captured_lines(&endpoint, &variant, from, CAPTURED_BYTES),
                    ),
                };
                self.say(&FromWorker::Tests { id, answer });
            }
            // Taken before, where the line can be opened.
            ToWorker::Connect(_) | ToWorker::Token(_) => {}
            ToWorker::Decisions { id, question } => {
                let answer = self.decide(question);
                self.say(&FromWorker::Decisions { id, answer });
            }
            ToWorker::Visible(visible) => self.visible = visible,
            ToWorker::Load(artifact) => {
                let slot = &mut self.models[artifact.index()];
                if matches!(slot, Loaded::Failed) {
                    *slot = Loaded::Again;
                }
                return vec![artifact];
            }
            ToWorker::SendBuiltIn => {
                self.forget_file();
                self.experiment.set_own_reviews(Vec::new());
                self.cursor = [[0; 3]; 2];
            }
        }
        Vec::new()
    }

    fn decide(&self, question: DecideQuestion) -> DecideAnswer {
        match question {
            DecideQuestion::Board(exercise, settings) => {
                DecideAnswer::Board(Box::new(self.experiment.board(exercise, &settings)))
            }
            DecideQuestion::Sign(kept) => {
                let signed = self.experiment.signed_memo().zip(kept.open().ok());
                DecideAnswer::Signed(signed.map(|(memo, journal)| {
                    let document = Document::sign(memo.clone(), journal);
                    [document.markdown(), document.json(), document.sha256]
                }))
            }
            DecideQuestion::Open(text) => {
                let kept = |document: Document| {
                    let kept = KeptJournal::of(&document.journal).map_err(|e| e.to_string())?;
                    Ok((kept, document.sha256))
                };
                DecideAnswer::Opened(Document::read(&text).and_then(kept))
            }
        }
    }

    /// Whether something must come first: a saved lab is being brought back, or models that will answer have still to be
    /// asked what an exercise needs to know.
    fn must_wait(&self, action: &LabAction) -> bool {
        if self.replay.is_some() {
            return true;
        }
        let LabAction::Exercise { exercise, .. } = action else { return false };
        let awaited =
            |a: &Artifact| !matches!(self.models[a.index()], Loaded::Failed) && !self.experiment.is_ready(*a);
        self.line.is_none() && self.experiment.needed_by(*exercise).iter().any(awaited)
    }

    fn carry_out(&mut self, id: u64, action: LabAction) {
        let entry = JournalEntry { at: self.experiment.now(), action };
        let outcome = self.act(&entry.action);
        let entry = outcome.is_ok().then(|| KeptJournal::entry(&entry).ok()).flatten();
        self.say(&FromWorker::Done { id, outcome: outcome.map(drop), entry });
        self.changed = true;
    }

    /// Carries out what waited; asks the models that are still to be asked, until the slice is over. Returns one of them
    /// that must be loaded: which they are may have changed while a saved lab was brought back.
    fn go_on_with_waiting(&mut self, began: f64) -> Option<Artifact> {
        let mut to_load = None;
        for (id, action) in std::mem::take(&mut self.waiting) {
            for artifact in self.wanted_by(&action) {
                self.fill(artifact, began);
                if matches!(self.models[artifact.index()], Loaded::No) {
                    to_load = Some(artifact);
                }
            }
            if self.must_wait(&action) {
                self.waiting.push((id, action));
            } else {
                self.carry_out(id, action);
            }
        }
        to_load
    }

    /// Models that an action is about.
    fn wanted_by(&self, action: &LabAction) -> Vec<Artifact> {
        match action {
            LabAction::FetchArtifact(artifact) => vec![*artifact],
            LabAction::Exercise { exercise, .. } => self.experiment.needed_by(*exercise),
            _ => Vec::new(),
        }
    }

    /// Wants no file of the learner's any more.
    fn forget_file(&mut self) {
        self.incoming = None;
        self.file_number += 1;
    }

    /// Asks the models about the reviews of the learner's file; they are sent once those that serve know them all. Over a
    /// server they are sent at once: it asks its own. Whether they are sent from now on.
    fn take_in(&mut self, began: f64) -> bool {
        if self.replay.is_some() {
            return false;
        }
        let Some(mut incoming) = self.incoming.take() else { return false };
        if self.line.is_some() {
            incoming.reviews.truncate(MAX_OWN_TEXTS);
            incoming.file.kept = incoming.reviews.len() as u64;
            incoming.file.answered = incoming.file.kept;
        }
        let end = now_ms().max(began + SLICE_MS - OWN_MS) + OWN_MS;
        let serving = self.serving();
        let prepared = |a: &Artifact| self.prepared(*a).is_some();
        let needed: Vec<Artifact> = if self.line.is_some() {
            Vec::new()
        } else if serving.is_empty() {
            Artifact::ALL.into_iter().filter(prepared).collect()
        } else {
            serving
        };
        let all = incoming.reviews.len();
        let mut answered = all;
        for artifact in needed {
            let answers = &mut incoming.answers[artifact.index()];
            while let Some(model) = self.prepared(artifact)
                && answers.len() < all
                && now_ms() < end
            {
                for (text, _) in incoming.reviews.iter().skip(answers.len()).take(TEXTS) {
                    answers.push(model.predict(&Tokens::of(text)).unwrap_or(None));
                }
            }
            answered = answered.min(answers.len());
        }
        incoming.file.answered = answered as u64;
        if answered < all {
            let now = now_ms();
            if now - incoming.told_ms > OWN_TOLD_EVERY_MS {
                incoming.told_ms = now;
                self.say(&FromWorker::OwnReviews(incoming.file.clone()));
            }
            self.incoming = Some(incoming);
            return false;
        }
        self.experiment.set_own_reviews(incoming.reviews);
        self.learn_own();
        let first = self.experiment.corpus().built_in_len() as u32;
        for artifact in Artifact::ALL {
            for (review, answer) in (first..).zip(&incoming.answers[artifact.index()]) {
                self.experiment.table_mut().answer(artifact, ReviewId(review), *answer);
            }
        }
        self.cursor = [[0; 3]; 2];
        self.changed = true;
        self.say(&FromWorker::OwnReviews(OwnFile { ended: true, ..incoming.file }));
        true
    }

    /// The learner's own reviews: records of them will come back by their numbers.
    fn learn_own(&mut self) {
        let Some(line) = &mut self.line else { return };
        let corpus = self.experiment.corpus();
        for (i, review) in corpus.own().iter().enumerate() {
            let id = ReviewId((corpus.built_in_len() + i) as u32);
            line.knows(id, &review.text, review.stars);
        }
    }

    fn open(&mut self, kept: KeptJournal) {
        let journal = kept.open().unwrap_or_else(|why| {
            // What was done before it might lead elsewhere without it: better a lab that begins anew and says so.
            self.say(&FromWorker::Unreadable(why));
            Journal { lab: kept.lab, seed: kept.seed, reached: VirtualTime::ZERO, entries: Vec::new() }
        });
        self.forget_file();
        // The page that ordered it shows another lab now.
        self.waiting.clear();
        self.experiment = if self.line.is_some() {
            Experiment::live(journal.lab, journal.seed)
        } else {
            Experiment::for_journal(&journal)
        };
        self.cursor = [[0; 3]; 2];
        for artifact in Artifact::ALL {
            for (review, answer) in &self.answers[artifact.index()] {
                self.experiment.table_mut().answer(artifact, *review, *answer);
            }
        }
        self.opened = true;
        self.last_slice_ms = now_ms();
        if self.line.is_some() {
            self.recall(&journal);
        } else {
            self.replay = Some(Replay { journal, next: 0 });
        }
    }

    /// What the learner did beside the calls: the calls are the server's to remember, and what it serves is as it is.
    fn recall(&mut self, journal: &Journal) {
        for entry in journal.entries.iter().filter(|e| !live::goes_out(&e.action)) {
            // What was taken once and is refused now is no more a part of the lab.
            let _ = self.experiment.act(&entry.action);
        }
        if let Some((plane, now)) = self.line.as_ref().and_then(Line::plane) {
            self.experiment.adopt(plane, now);
        }
        self.say(&FromWorker::Replaying(1.0));
    }

    /// Does an action, after asking the models about sentences that are new.
    fn act(&mut self, action: &LabAction) -> Result<serde_json::Value, Refusal> {
        if let LabAction::Invoke { texts, .. } = action {
            let fresh = self.experiment.prepare_texts(texts);
            for own in fresh {
                let tokens = Tokens::of(&own.text);
                for artifact in Artifact::ALL {
                    let Some(model) = self.prepared(artifact) else { continue };
                    let answer = model.predict(&tokens).map_err(Refusal::runtime)?;
                    let skewed =
                        self.experiment.needs_skewed().then(|| model.predict(&tokens.clone().skewed()));
                    let skewed = skewed.transpose().map_err(Refusal::runtime)?;
                    let table = self.experiment.table_mut();
                    table.answer(artifact, own.review, answer);
                    if let Some(answer) = skewed {
                        table.answer_skewed(artifact, own.review, answer);
                    }
                }
            }
        }
        self.experiment.act(action)
    }

    /// Scores the texts whose model is there.
    fn score(&mut self) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.to_score).into_iter().partition(|(_, a, _)| self.prepared(*a).is_some());
        self.to_score = later;
        for (id, artifact, texts) in now {
            let Some(model) = self.prepared(artifact) else { continue };
            let (mut micros, mut logits, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
            for hashes in &texts {
                let began = now_ms();
                let scores = model.scores_of_hashes(hashes).ok().flatten();
                micros.push((now_ms() - began) * 1e3);
                logits.push(scores.map(|s| s.logits).unwrap_or_default());
                probabilities.push(scores.map(|s| s.probabilities).unwrap_or_default());
            }
            self.say(&FromWorker::Scored { id, micros, logits, probabilities });
        }
    }

    fn series(&self, query: &MetricQuery) -> Result<Vec<VariantSeries>, String> {
        let asked = SeriesQuery {
            metric: query.metric,
            statistic: query.statistic,
            period_s: query.period_s,
            start_s: query.start_s,
            end_s: query.end_s,
        };
        let all = self.experiment.series(&query.endpoint_name, &asked).map_err(|e| e.to_string())?;
        Ok(all.into_iter().map(|(variant, datapoints)| VariantSeries { variant, datapoints }).collect())
    }

    /// Artefacts of the variants that serve or shadow.
    fn serving(&self) -> Vec<Artifact> {
        let endpoint = self.experiment.called_endpoint();
        let live = endpoint.filter(|e| e.status != EndpointStatus::Deleting);
        live.into_iter().flat_map(|e| e.deployment.all()).map(|v| v.artifact).collect()
    }

    /// Whether a model has still to be asked about reviews.
    fn table_is_short(&self) -> bool {
        Artifact::ALL.into_iter().any(|a| self.prepared(a).is_some() && !self.experiment.is_ready(a))
    }

    /// One slice of work; returns a model that must be loaded before it goes on.
    fn work(&mut self, began: f64) -> Option<Artifact> {
        let real_ms = (began - self.last_slice_ms).clamp(0.0, 250.0);
        self.last_slice_ms = began;
        self.state_costs();
        if self.replay.is_some() {
            return self.do_again(began);
        }
        let to_load = self.go_on_with_waiting(began);
        if to_load.is_some() {
            return to_load;
        }
        self.go_through_universes(began);
        if self.line.is_some() {
            // Nothing waits for predictions: the server makes its own. The table is for those who ask what a model thinks.
            return None;
        }
        let short = self.serving().into_iter().find(|a| !self.experiment.is_ready(*a));
        if let Some(artifact) = short {
            // Time stands still until every review that may be sent has its answer.
            self.fill(artifact, began);
            return matches!(self.models[artifact.index()], Loaded::No).then_some(artifact);
        }
        let from = self.experiment.now();
        let wanted = match self.experiment.pace() {
            Pace::Paused => None,
            Pace::Times(times) => {
                let ns = real_ms * 1e6 * times;
                let until = from + Duration::from_nanos(ns as u64);
                let wanted = self.go_to(until, began);
                self.speed.virtual_ns += self.experiment.now().since(from).as_nanos() as u64;
                wanted
            }
        };
        // What is left of the slice fills the table, in the order in which models are needed.
        for artifact in wanted.into_iter().chain(Artifact::ALL) {
            self.fill(artifact, began);
        }
        wanted.filter(|a| matches!(self.models[a.index()], Loaded::No))
    }

    /// Goes through universes of a replay, for most of a slice.
    fn go_through_universes(&mut self, began: f64) {
        while self.experiment.has_replay() && now_ms() - began < SLICE_MS {
            self.experiment.go_on_with_replay(CHUNK);
            self.changed = true;
        }
    }

    /// Lets virtual time go to `until`, or as far as a slice of computing allows.
    fn go_to(&mut self, until: VirtualTime, began: f64) -> Option<Artifact> {
        let before = self.experiment.counts().0;
        let computing = now_ms();
        let outcome = loop {
            match self.experiment.run_to(until, CHUNK) {
                Progress::Reached => break None,
                Progress::WaitsFor(artifact) => break Some(artifact),
                Progress::OutOfBudget if now_ms() - began > SLICE_MS => break None,
                Progress::OutOfBudget => {}
            }
        };
        let requests = self.experiment.counts().0 - before;
        if requests > 0 {
            self.speed.requests += requests;
            self.speed.computing_ms += now_ms() - computing;
        }
        self.changed = true;
        outcome
    }

    /// Tells the experiment what each loaded model costs here, once, and journals it.
    fn state_costs(&mut self) {
        for artifact in Artifact::ALL {
            let Some(cost) = self.costs[artifact.index()] else { continue };
            let replay_states = self.replay.as_ref().is_some_and(|r| {
                r.journal.entries[r.next..]
                    .iter()
                    .any(|e| matches!(&e.action, LabAction::StateCost { artifact: a, .. } if *a == artifact))
            });
            if self.experiment.table().cost(artifact).is_some() || replay_states {
                continue;
            }
            let ServiceCost { base_us, per_token_us } = cost;
            let action = LabAction::StateCost { artifact, base_us, per_token_us };
            let entry = JournalEntry { at: self.experiment.now(), action };
            if self.experiment.act(&entry.action).is_ok() {
                self.changed = true;
                if let Ok(entry) = KeptJournal::entry(&entry) {
                    self.say(&FromWorker::Journaled(entry));
                }
            }
        }
    }

    /// Asks a model about reviews that it was not asked about, until the slice is over.
    fn fill(&mut self, artifact: Artifact, began: f64) {
        self.fill_column(artifact, began, false);
        if self.experiment.needs_skewed() {
            self.fill_column(artifact, began, true);
        }
    }

    fn fill_column(&mut self, artifact: Artifact, began: f64, skewed: bool) {
        let Loaded::Ready(model) = &self.models[artifact.index()] else { return };
        let cursor = &mut self.cursor[usize::from(skewed)][artifact.index()];
        let built_in = self.experiment.corpus().built_in_len() as u32;
        let end = self.experiment.corpus().len() as u32;
        while *cursor < end && now_ms() - began < SLICE_MS {
            for _ in 0..TEXTS {
                let review = ReviewId(*cursor);
                if *cursor >= end {
                    break;
                }
                *cursor += 1;
                let table = self.experiment.table();
                let known = if skewed {
                    table.is_answered_skewed(artifact, review)
                } else {
                    table.is_answered(artifact, review)
                };
                if known {
                    continue;
                }
                let Some(text) = self.experiment.text(review) else { continue };
                // A text that the model fails on has no prediction; the record says so.
                let tokens = Tokens::of(text);
                let tokens = if skewed { tokens.skewed() } else { tokens };
                let answer = model.predict(&tokens).unwrap_or(None);
                if skewed {
                    self.experiment.table_mut().answer_skewed(artifact, review, answer);
                    self.changed = true;
                    continue;
                }
                self.experiment.table_mut().answer(artifact, review, answer);
                if review.0 < built_in {
                    self.answers[artifact.index()].insert(review, answer);
                }
                self.changed = true;
            }
        }
    }

    /// Goes on with a journal; returns a model that must be loaded first.
    fn do_again(&mut self, began: f64) -> Option<Artifact> {
        while let Some(Replay { journal, next }) = &self.replay {
            let (next, entry) = (*next, journal.entries.get(*next).cloned());
            let until = entry.as_ref().map_or(journal.reached, |e| e.at);
            // Only where time goes on or requests are sent: what was done before a model's cost was known, its
            // statement included, would wait for ever.
            let sends = entry.as_ref().is_some_and(|e| {
                matches!(
                    e.action,
                    LabAction::Invoke { .. }
                        | LabAction::InvokeSample { .. }
                        | LabAction::CompareRollouts { .. }
                        | LabAction::Step { .. }
                )
            });
            let serving = if sends || self.experiment.now() < until { self.serving() } else { Vec::new() };
            let needed = serving.into_iter().find(|a| !self.experiment.is_ready(*a));
            let waits = needed
                .or_else(|| (self.experiment.now() < until).then(|| self.go_to(until, began)).flatten());
            if let Some(artifact) = waits {
                self.fill(artifact, began);
                return matches!(self.models[artifact.index()], Loaded::No).then_some(artifact);
            }
            if self.experiment.now() < until {
                return None;
            }
            // What the learner stopped need not be done again; all else is.
            let stops = LabAction::Exercise { exercise: Exercise::StopUniverses, settings: Vec::new() };
            if self.experiment.has_replay() && entry.as_ref().is_none_or(|e| e.action != stops) {
                self.go_through_universes(began);
                if self.experiment.has_replay() {
                    break;
                }
            }
            let wanted = match entry.as_ref().map(|e| &e.action) {
                Some(LabAction::Exercise { exercise, .. }) => self.experiment.needed_by(*exercise),
                _ => Vec::new(),
            };
            if let Some(artifact) = wanted.into_iter().find(|a| !self.experiment.is_ready(*a)) {
                self.fill(artifact, began);
                return matches!(self.models[artifact.index()], Loaded::No).then_some(artifact);
            }
            match entry {
                Some(entry) => {
                    if matches!(entry.action, LabAction::Invoke { .. })
                        && let Some(artifact) =
                            self.serving().into_iter().find(|a| self.prepared(*a).is_none())
                    {
                        return Some(artifact);
                    }
                    if let Err(refusal) = self.act(&entry.action) {
                        let told = format!("one action of the saved lab was left out: {}", refusal.message);
                        self.say(&FromWorker::Trouble(told));
                    }
                    if let Some(replay) = &mut self.replay {
                        replay.next = next + 1;
                    }
                }
                None => {
                    self.replay = None;
                    self.changed = true;
                    self.say(&FromWorker::Replaying(1.0));
                }
            }
            if now_ms() - began > SLICE_MS {
                break;
            }
        }
        if let Some(replay) = &self.replay {
            let whole = replay.journal.reached.as_ns().max(1) as f64;
            self.say(&FromWorker::Replaying((self.experiment.now().as_ns() as f64 / whole).min(1.0)));
        }
        None
    }

    /// Tells the page how things stand, when there is something new and the page is seen.
    fn publish(&mut self) {
        let now = now_ms();
        if self.changed
            && self.visible
            && self.replay.is_none()
            && now - self.last_snapshot_ms >= SNAPSHOT_EVERY_MS
        {
            self.changed = false;
            self.last_snapshot_ms = now;
            let mut snapshot = self.experiment.snapshot();
            // Hundreds of replies with their texts: to tell them 25 times a second would keep the page busy.
            let batches = std::mem::take(&mut snapshot.batches);
            if batches != self.told_batches {
                self.say(&FromWorker::Batches(batches.clone()));
                self.told_batches = batches;
            }
            self.say(&FromWorker::Snapshot(Box::new(snapshot)));
        }
        let elapsed = now - self.speed.since_ms;
        if elapsed >= 1_000.0 {
            let speed = std::mem::replace(
                &mut self.speed,
                SpeedMeter { since_ms: now, virtual_ns: 0, requests: 0, computing_ms: 0.0 },
            );
            let reached = speed.virtual_ns as f64 / 1e6 / elapsed;
            let requests_per_s = speed.requests as f64 / (speed.computing_ms / 1e3).max(1e-9);
            if speed.virtual_ns > 0 {
                self.say(&FromWorker::Speed { reached, requests_per_s });
            }
        }
    }
}

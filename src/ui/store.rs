//! What the page knows, and the only way to change it.
//!
//! Children read fields and write through [`Store::dispatch`]. The worker's snapshots are gathered and published
//! once per frame, so a frame costs one signal write and one redraw however fast the worker speaks.

use std::{sync::Arc, time::Duration};

use leptos::{prelude::*, web_sys::File};

use super::{journal, link::Link, mark::Mark, server::server};
use crate::{
    domain::{Artifact, FleetId, InvocationRecord, Stars, VirtualTime},
    lab::{
        Batch, Change, DisagreementPage, DisagreementQuery, EndpointView, LEFTOVER_ENDPOINT, LabAction,
        LabId, Snapshot, StepState,
    },
    wire::{
        DecideAnswer, DecideQuestion, FromWorker, KeptJournal, MetricQuery, Opinion, OwnFile, Refusal,
        ServerLine, TestAnswer, TestQuestion, ToWorker, VariantSeries,
    },
};

/// Outcomes that are kept; older ones are forgotten.
const OUTCOMES_KEPT: usize = 64;
/// Messages that are shown at once.
const TOASTS_KEPT: usize = 4;
/// Records that one frame hands on at most: a frame shows no more dots than that.
const RECENT_KEPT: usize = 240;
/// Time until an action is kept, so that many at once are written once.
const SAVE_ACTION_AFTER: Duration = Duration::from_millis(400);
/// Time until the clock's progress is kept: less is lost by it than by an action.
const SAVE_CLOCK_AFTER: Duration = Duration::from_secs(5);
/// How long a message stays that asks for nothing.
const TOAST_STAYS: Duration = Duration::from_secs(8);

/// How an action ended: well, or with a refusal. The reply itself is shown nowhere.
pub type Outcome = Result<(), Refusal>;

/// How far a model is on its way to the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// Bytes that have arrived.
    pub received: u64,
    /// Bytes in all, 0 while unknown.
    pub total: u64,
    /// It answers.
    pub ready: bool,
}

/// How the worker fares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    /// Virtual seconds per real second.
    pub reached: f64,
    /// Requests simulated per second of computing.
    pub requests_per_s: f64,
}

/// The worker as the page sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerState {
    /// It runs and can be spoken to.
    pub ready: bool,
    /// Share of a replay that is done, while one is under way.
    pub replaying: Option<f64>,
    /// Models on their way.
    pub loading: [Loading; Artifact::ALL.len()],
    /// Why a model did not arrive.
    pub not_loaded: [Option<String>; Artifact::ALL.len()],
    /// How fast it is.
    pub speed: Option<Speed>,
    /// Why nothing will come from it any more.
    pub lost: Option<String>,
    /// The line to the server, where the page is over one.
    pub server: Option<ServerLine>,
}

/// Series as the worker answers them.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesReply {
    /// One per variant, or why not.
    pub series: Result<Vec<VariantSeries>, String>,
    /// First second that has not been published yet: CloudWatch lags.
    pub published_until_s: u64,
    /// What was changed on the endpoint, by time.
    pub changes: Vec<Change>,
}

/// A request as the models see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The text.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<String>,
    /// True stars, where known.
    pub true_stars: Option<Stars>,
    /// What each artefact makes of it.
    pub opinions: Vec<Opinion>,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// For information.
    Note,
    /// Something was achieved.
    Success,
    /// Something was refused or failed.
    Alert,
}

/// A message at the edge of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// Its number.
    pub id: u64,
    /// What it is about.
    pub tone: Tone,
    /// Title, e.g. an error code.
    pub title: String,
    /// The message.
    pub text: String,
    /// A journal that a button on the message brings back.
    pub undo: Option<KeptJournal>,
}

/// What waits for an answer of the worker.
enum Waiting {
    Series(Box<dyn FnOnce(SeriesReply)>),
    Explanation(Box<dyn FnOnce(Explanation)>),
    Disagreements(Box<dyn FnOnce(DisagreementPage)>),
    Tests(Box<dyn FnOnce(TestAnswer)>),
    Decisions(Box<dyn FnOnce(DecideAnswer)>),
}

/// What no view reads: the line to the worker, and what is on its way.
#[derive(Default)]
struct Backstage {
    link: Option<Link>,
    /// What was said before the worker was ready. It would be lost: a worker that still fetches its module
    /// has no ear yet, and the browser does not wait for it.
    unsent: Vec<ToWorker>,
    ready: bool,
    next_id: u64,
    waiting: Vec<(u64, Waiting)>,
    /// The newest snapshot since the last frame.
    gathered: Option<Snapshot>,
    /// The batches, which snapshots come without.
    batches: Vec<Batch>,
    frame_asked: bool,
    journal: Option<KeptJournal>,
    /// Whether a save is under way for an action, and for the clock.
    save_asked: [bool; 2],
    told_of_full_storage: bool,
    /// Variants in the order in which they were first seen.
    variants: Vec<String>,
    /// Every fleet that was ever seen, those that are gone included.
    routes: Vec<(FleetId, Route)>,
}

impl Backstage {
    /// Notes what later snapshots tell no more.
    fn remember(&mut self, snapshot: &Snapshot) {
        for e in &snapshot.endpoints {
            for v in e.all_variants() {
                if !self.routes.iter().any(|(fleet, _)| *fleet == v.fleet) {
                    let route = Route { endpoint: e.name.clone(), variant: v.name.clone() };
                    self.routes.push((v.fleet, route));
                }
            }
        }
    }
}

/// Where the requests of a fleet went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Endpoint.
    pub endpoint: String,
    /// Variant.
    pub variant: String,
}

/// A handle on what the page knows. Copying it copies no data.
#[derive(Clone, Copy)]
pub struct Store {
    /// The experiment now; none until the worker has opened the lab. Written once per frame.
    pub snapshot: RwSignal<Option<Arc<Snapshot>>>,
    /// The worker.
    pub worker: RwSignal<WorkerState>,
    /// How the last actions ended, by the number that [`Store::dispatch`] gave them.
    pub outcomes: RwSignal<Vec<(u64, Outcome)>>,
    /// The action that waits until the lab is ready for it; a later one takes its place.
    pub waits: RwSignal<Option<u64>>,
    /// Messages, oldest first.
    pub toasts: RwSignal<Vec<Toast>>,
    /// The request that the inspector shows.
    pub selected_request: RwSignal<Option<InvocationRecord>>,
    /// The variant that is brought out in picture, plots and tables.
    pub selected_variant: RwSignal<Option<String>>,
    /// How reading the learner's own file goes; none before one was chosen.
    pub own_file: RwSignal<Option<OwnFile>>,
    /// How often a lab was opened: what the learner wrote into the forms before belongs to another state.
    pub opened: RwSignal<u32>,
    /// Hash of the memo that was opened last: its replay must come to the same.
    pub memo: RwSignal<Option<String>>,
    /// The step whose goal was met last, to be read out; none until one was met before the learner's eyes.
    pub step_done: RwSignal<Option<String>>,
    backstage: StoredValue<Backstage, LocalStorage>,
}

impl Store {
    /// A store without a worker: nothing is answered until [`Store::open`].
    pub fn new() -> Self {
        Self {
            snapshot: RwSignal::new(None),
            worker: RwSignal::new(WorkerState::default()),
            outcomes: RwSignal::new(Vec::new()),
            waits: RwSignal::new(None),
            toasts: RwSignal::new(Vec::new()),
            selected_request: RwSignal::new(None),
            selected_variant: RwSignal::new(None),
            own_file: RwSignal::new(None),
            opened: RwSignal::new(0),
            memo: RwSignal::new(None),
            step_done: RwSignal::new(None),
            backstage: StoredValue::new_local(Backstage::default()),
        }
    }

    /// The page's store.
    ///
    /// It is a wiring error to ask for it outside the page: the answer then is a store that nothing fills.
    pub fn expect() -> Self {
        use_context::<Self>().unwrap_or_default()
    }

    /// A part of the snapshot that changes only when the part does; none while there is no snapshot.
    pub fn slice<T>(self, part: impl Fn(&Snapshot) -> T + Send + Sync + 'static) -> Memo<Option<T>>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.snapshot.with(|s| s.as_deref().map(&part)))
    }

    /// The same for a part that need not be there.
    pub fn find<T>(self, part: impl Fn(&Snapshot) -> Option<T> + Send + Sync + 'static) -> Memo<Option<T>>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.snapshot.with(|s| s.as_deref().and_then(&part)))
    }

    /// Opens a lab where it was left off, or from its beginning; starts the worker if none runs.
    pub fn open(self, lab: LabId) {
        if self.backstage.with_value(|b| b.journal.as_ref().is_some_and(|j| j.lab == lab)) {
            return;
        }
        self.open_journal(journal::load(lab));
    }

    /// Opens the lab that a journal is of, in the state that the journal leads to.
    pub fn open_journal(self, journal: KeptJournal) {
        self.save_now();
        let running = self.backstage.with_value(|b| b.link.is_some());
        if !running {
            let link = Link::start(move |message| self.receive(message), move |why| self.lose(why));
            match link {
                Ok(link) => self.backstage.update_value(|b| b.link = Some(link)),
                Err(why) => return self.lose(why),
            }
        }
        if !running && let Some(base) = server() {
            self.send(ToWorker::Connect(base));
        }
        self.backstage.update_value(|b| {
            b.variants.clear();
            b.routes.clear();
            b.gathered = None;
            b.waiting.clear();
            b.journal = Some(journal.clone());
        });
        self.snapshot.set(None);
        self.outcomes.update(Vec::clear);
        self.selected_request.set(None);
        self.selected_variant.set(None);
        self.step_done.set(None);
        self.own_file.set(None);
        self.opened.update(|n| *n += 1);
        self.send(ToWorker::Open(journal));
        self.save_now();
    }

    /// Begins the open lab anew and offers the way back.
    pub fn start_over(self) {
        let Some(before) = self.journal() else { return };
        self.open_journal(journal::fresh(before.lab));
        let text = "The lab begins anew, with other random numbers.".to_owned();
        self.toast(Tone::Note, "Started over", text, Some(before));
    }

    /// Does something; the outcome appears in [`Store::outcomes`] under the number that is returned.
    pub fn dispatch(self, action: LabAction) -> u64 {
        let id = self.next_id();
        self.send(ToWorker::Do { id, action });
        id
    }

    /// How the action with that number ended; none while it is under way. Tracks [`Store::outcomes`].
    pub fn outcome(self, id: u64) -> Option<Outcome> {
        self.outcomes.with(|all| all.iter().find(|(of, _)| *of == id).map(|(_, outcome)| outcome.clone()))
    }

    /// Asks for series; `answer` is called once, unless another lab is opened before.
    pub fn query(self, query: MetricQuery, answer: impl FnOnce(SeriesReply) + 'static) {
        let id = self.next_id();
        self.backstage.update_value(|b| {
            b.waiting.push((id, Waiting::Series(Box::new(answer))));
        });
        self.send(ToWorker::Metrics { id, query });
    }

    /// Asks what each artefact makes of a request; `answer` is called once, unless another lab is opened before.
    pub fn explain(self, record: InvocationRecord, answer: impl FnOnce(Explanation) + 'static) {
        let id = self.next_id();
        self.backstage.update_value(|b| {
            b.waiting.push((id, Waiting::Explanation(Box::new(answer))));
        });
        self.send(ToWorker::Explain { id, record });
    }

    /// Asks for disagreements; `answer` is called once, unless another lab is opened before.
    pub fn disagreements(self, query: DisagreementQuery, answer: impl FnOnce(DisagreementPage) + 'static) {
        let id = self.next_id();
        self.backstage.update_value(|b| {
            b.waiting.push((id, Waiting::Disagreements(Box::new(answer))));
        });
        self.send(ToWorker::Disagreements { id, query });
    }

    /// Asks about managed shadow tests; `answer` is called once, unless another lab is opened before.
    pub fn ask_tests(self, question: TestQuestion, answer: impl FnOnce(TestAnswer) + 'static) {
        let id = self.next_id();
        self.backstage.update_value(|b| {
            b.waiting.push((id, Waiting::Tests(Box::new(answer))));
        });
        self.send(ToWorker::Tests { id, question });
    }

    /// Asks about decisions; `answer` is called once, unless another lab is opened before.
    pub fn ask_decisions(self, question: DecideQuestion, answer: impl FnOnce(DecideAnswer) + 'static) {
        let id = self.next_id();
        self.backstage.update_value(|b| {
            b.waiting.push((id, Waiting::Decisions(Box::new(answer))));
        });
        self.send(ToWorker::Decisions { id, question });
    }

    /// The look of a variant. The first variant that the lab ever saw has the first look.
    pub fn mark(self, variant: &str) -> Mark {
        self.backstage.with_value(|b| {
            let seen = b.variants.iter().position(|v| v == variant);
            Mark::of_slot(seen.unwrap_or(b.variants.len()))
        })
    }

    /// The look that the variant has, or will have as the `row`-th of a configuration that is being written.
    pub fn mark_in_row(self, variant: &str, row: usize) -> Mark {
        let seen = self.backstage.with_value(|b| b.variants.iter().position(|v| v == variant));
        Mark::of_slot(seen.unwrap_or(row))
    }

    /// Where the requests of a fleet went, also after it is gone; none if it was gone before the page could see it.
    pub fn route(self, fleet: FleetId) -> Option<Route> {
        self.backstage
            .with_value(|b| b.routes.iter().find(|(f, _)| *f == fleet).map(|(_, route)| route.clone()))
    }

    /// The journal of the open lab.
    pub fn journal(self) -> Option<KeptJournal> {
        self.backstage.with_value(|b| b.journal.clone())
    }

    /// Says something at the edge of the page. A message without a way back leaves by itself.
    pub fn toast(
        self,
        tone: Tone,
        title: impl Into<String>,
        text: impl Into<String>,
        undo: Option<KeptJournal>,
    ) {
        let id = self.next_id();
        let stays = if undo.is_some() { TOAST_STAYS * 2 } else { TOAST_STAYS };
        let toast = Toast { id, tone, title: title.into(), text: text.into(), undo };
        self.toasts.update(|all| {
            // Said again, it is not there twice.
            all.retain(|t| {
                t.undo.is_some() || (t.tone, &t.title, &t.text) != (tone, &toast.title, &toast.text)
            });
            all.push(toast);
            forget_old(all, TOASTS_KEPT);
        });
        // A refusal stays until it is read: WCAG 2.2.1 wants no time limit on what one must act on.
        if tone != Tone::Alert {
            set_timeout(move || self.dismiss(id), stays);
        }
    }

    /// Takes a message away.
    pub fn dismiss(self, id: u64) {
        self.toasts.update(|all| all.retain(|t| t.id != id));
    }

    /// Hands the token that the server asks for to the worker, which keeps it in memory.
    pub fn give_token(self, token: String) {
        self.send(ToWorker::Token(token));
    }

    /// Tells the worker whether the page is seen; an unseen page is kept first, it may never come back.
    pub fn set_visible(self, visible: bool) {
        if !visible {
            self.save_now();
        }
        self.send(ToWorker::Visible(visible));
    }

    fn next_id(self) -> u64 {
        self.backstage
            .try_update_value(|b| {
                b.next_id += 1;
                b.next_id
            })
            .unwrap_or_default()
    }

    fn send(self, message: ToWorker) {
        let sent = self.backstage.try_update_value(|b| match &b.link {
            Some(link) if b.ready => link.send(&message),
            _ => {
                b.unsent.push(message);
                Ok(())
            }
        });
        if let Some(Err(why)) = sent {
            self.lose(why);
        }
    }

    /// Sends the reviews of a learner's own file from now on, once the worker has read it.
    pub fn bring(self, file: &File) {
        self.own_file.set(Some(OwnFile::default()));
        let sent = self.backstage.try_update_value(|b| match &b.link {
            Some(link) if b.ready => link.send_file(file),
            _ => Err("the worker is not ready yet; choose the file again in a moment".to_owned()),
        });
        if let Some(Err(why)) = sent {
            self.own_file.set(Some(OwnFile { failure: Some(why), ended: true, ..OwnFile::default() }));
        }
    }

    /// Sends the lab's own reviews again.
    pub fn send_built_in(self) {
        self.own_file.set(None);
        self.send(ToWorker::SendBuiltIn);
    }

    /// Fetches a model once more that did not arrive.
    pub fn load_again(self, artifact: Artifact) {
        self.worker.update(|w| {
            w.not_loaded[artifact.index()] = None;
        });
        self.send(ToWorker::Load(artifact));
    }

    fn begin(self) {
        let unsent = self.backstage.try_update_value(|b| {
            b.ready = true;
            std::mem::take(&mut b.unsent)
        });
        for message in unsent.unwrap_or_default() {
            self.send(message);
        }
        self.worker.update(|w| w.ready = true);
    }

    fn lose(self, why: String) {
        self.worker.update(|w| w.lost = Some(why));
    }

    fn receive(self, message: FromWorker) {
        match message {
            FromWorker::Ready => self.begin(),
            FromWorker::Loading { artifact, received, total, ready } => self.worker.update(|w| {
                w.not_loaded[artifact.index()] = None;
                w.loading[artifact.index()] = Loading { received, total, ready };
            }),
            FromWorker::NotLoaded { artifact, why } => self.worker.update(|w| {
                w.loading[artifact.index()] = Loading::default();
                w.not_loaded[artifact.index()] = Some(why);
            }),
            FromWorker::Replaying(share) => {
                self.worker.update(|w| w.replaying = (share < 1.0).then_some(share));
            }
            FromWorker::Snapshot(snapshot) => self.gather(*snapshot),
            FromWorker::Batches(batches) => self.backstage.update_value(|b| b.batches = batches),
            FromWorker::Waits(id) => self.waits.set(Some(id)),
            FromWorker::Done { id, outcome, entry } => {
                if let Some(entry) = entry {
                    self.remember(SAVE_ACTION_AFTER, |journal| journal.entries.push(entry));
                }
                if let Err(refusal) = &outcome {
                    self.toast(Tone::Alert, refusal.code.clone(), refusal.message.clone(), None);
                }
                self.outcomes.update(|all| {
                    all.push((id, outcome));
                    forget_old(all, OUTCOMES_KEPT);
                });
            }
            FromWorker::Series { id, series, published_until_s, changes } => {
                if let Some(Waiting::Series(answer)) = self.take_waiting(id) {
                    answer(SeriesReply { series, published_until_s, changes });
                }
            }
            FromWorker::Explained { id, text, tokens, true_stars, opinions } => {
                if let Some(Waiting::Explanation(answer)) = self.take_waiting(id) {
                    answer(Explanation { text, tokens, true_stars, opinions });
                }
            }
            FromWorker::Disagreements { id, page } => {
                if let Some(Waiting::Disagreements(answer)) = self.take_waiting(id) {
                    answer(page);
                }
            }
            FromWorker::Tests { id, answer: reply } => {
                if let Some(Waiting::Tests(answer)) = self.take_waiting(id) {
                    answer(reply);
                }
            }
            FromWorker::Decisions { id, answer: reply } => {
                if let Some(Waiting::Decisions(answer)) = self.take_waiting(id) {
                    answer(reply);
                }
            }
            // Only benchmarks and tests ask for scores.
            FromWorker::Scored { .. } => {}
            FromWorker::Journaled(entry) => {
                self.remember(SAVE_ACTION_AFTER, |journal| journal.entries.push(entry));
            }
            FromWorker::Unreadable(_) => {
                self.remember(SAVE_ACTION_AFTER, |journal| {
                    journal.entries.clear();
                    journal.reached = VirtualTime::ZERO;
                });
            }
            FromWorker::Speed { reached, requests_per_s } => {
                self.worker.update(|w| w.speed = Some(Speed { reached, requests_per_s }));
            }
            FromWorker::Server(line) => self.worker.update(|w| w.server = Some(line)),
            FromWorker::OwnReviews(file) => self.own_file.set(Some(file)),
            FromWorker::Trouble(text) => self.toast(Tone::Alert, "Something went wrong", text, None),
        }
    }

    fn take_waiting(self, id: u64) -> Option<Waiting> {
        self.backstage
            .try_update_value(|b| {
                let place = b.waiting.iter().position(|(of, _)| *of == id)?;
                Some(b.waiting.swap_remove(place).1)
            })
            .flatten()
    }

    /// Keeps the newest snapshot for the next frame, with the records of those that it replaces.
    fn gather(self, mut snapshot: Snapshot) {
        let ask = self.backstage.try_update_value(|b| {
            // A snapshot of the lab that was open before may still be on its way.
            if b.journal.as_ref().is_none_or(|j| j.lab != snapshot.lab || j.seed != snapshot.seed) {
                return false;
            }
            if let Some(replaced) = b.gathered.take() {
                let mut recent = replaced.recent;
                recent.append(&mut snapshot.recent);
                let surplus = recent.len().saturating_sub(RECENT_KEPT);
                recent.drain(..surplus);
                snapshot.recent = recent;
            }
            b.gathered = Some(snapshot);
            !std::mem::replace(&mut b.frame_asked, true)
        });
        if ask == Some(true) {
            request_animation_frame(move || self.publish());
        }
    }

    fn publish(self) {
        let gathered = self.backstage.try_update_value(|b| {
            b.frame_asked = false;
            let mut snapshot = b.gathered.take()?;
            snapshot.batches.clone_from(&b.batches);
            let in_configs = snapshot.configs.iter().flat_map(|c| c.variants());
            let in_configs = in_configs.map(|v| v.variant_name.as_str());
            // The leftover's variant would take the look of the first one that the learner makes.
            let own = snapshot.endpoints.iter().filter(|e| e.name != LEFTOVER_ENDPOINT);
            let live = own.flat_map(EndpointView::all_variants);
            for name in in_configs.chain(live.map(|v| v.name.as_str())) {
                if !b.variants.iter().any(|v| v == name) {
                    b.variants.push(name.to_owned());
                }
            }
            b.remember(&snapshot);
            Some(snapshot)
        });
        if let Some(snapshot) = gathered.flatten() {
            let now = snapshot.now;
            let met = self.snapshot.with_untracked(|before| newly_done(before.as_deref()?, &snapshot));
            if met.is_some() {
                self.step_done.set(met);
            }
            self.snapshot.set(Some(Arc::new(snapshot)));
            self.remember(SAVE_CLOCK_AFTER, |journal| journal.reached = now);
        }
    }

    /// Changes the journal and keeps it after a while.
    fn remember(self, keep_after: Duration, change: impl FnOnce(&mut KeptJournal)) {
        let ask = self.backstage.try_update_value(|b| {
            let Some(journal) = &mut b.journal else { return false };
            change(journal);
            let asked = &mut b.save_asked[usize::from(keep_after == SAVE_CLOCK_AFTER)];
            !std::mem::replace(asked, true)
        });
        if ask == Some(true) {
            set_timeout(move || self.save_now(), keep_after);
        }
    }

    fn save_now(self) {
        let refused = self.backstage.try_update_value(|b| {
            b.save_asked = [false; 2];
            let saved = b.journal.as_ref().is_none_or(journal::save);
            !saved && !std::mem::replace(&mut b.told_of_full_storage, true)
        });
        if refused == Some(true) {
            let text =
                "The browser keeps no more data for this page. The lab goes on, but a reload begins anew.";
            self.toast(Tone::Note, "Progress is not kept", text, None);
        }
    }
}

/// Leaves the last `kept`.
fn forget_old<T>(all: &mut Vec<T>, kept: usize) {
    all.drain(..all.len().saturating_sub(kept));
}

/// The last step that is done after a snapshot and was not before it.
fn newly_done(before: &Snapshot, after: &Snapshot) -> Option<String> {
    let was_done = |id: &str| before.steps.iter().any(|s| s.id == id && s.done);
    let new = |s: &&StepState| s.done && !was_done(&s.id);
    after.steps.iter().rev().find(new).map(|s| s.id.clone())
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

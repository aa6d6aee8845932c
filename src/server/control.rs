//! The control plane with a clock, a disk and callers: one thread takes the calls, in order.
//!
//! A call is acknowledged once it is written down. Calls that come in together share one flush of the disk, so many
//! callers wait little longer than one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    clock,
    ledger::Ledger,
    refusal::Refusal,
    routes::Compiler,
    store::{Logged, Store},
};
use crate::{
    controller::{ControlPlane, Durations, FleetChange, FleetOrder, Transition, TransitionKind, reply_to},
    domain::{Arn, Command, CommandError, ResourceKind, SECOND_NS, ShadowRule, VirtualTime},
};

/// Calls that wait for the thread; beyond it callers wait to hand theirs over.
const WAITING: usize = 1_024;
/// Calls that share one flush.
const BATCH: usize = 256;
/// Rows of the log after which a snapshot takes their place.
const ROWS: u64 = 4_096;
/// Longest sleep: a system clock that jumps is noticed then.
const NAP: Duration = Duration::from_secs(5);

/// A resource as its maker wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// When it was made.
    pub created: VirtualTime,
    /// The call's members.
    pub members: Value,
}

/// What the calls said about resources, for those who read them back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    /// Models by name.
    pub models: BTreeMap<String, Given>,
    /// Endpoint configurations by name.
    pub configs: BTreeMap<String, Given>,
}

/// All that lasts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Models, configurations, endpoints, experiments, alarms, and what is under way.
    pub plane: ControlPlane,
    /// As they were written.
    pub registry: Registry,
}

impl State {
    /// Carries out a call at a moment.
    fn execute(&mut self, logged: &Logged) -> Result<Vec<FleetChange>, CommandError> {
        let mut changes = self.plane.advance(logged.at);
        changes.extend(self.plane.execute(&logged.command, logged.at)?);
        let given = || Given { created: logged.at, members: logged.given.clone() };
        match &logged.command {
            Command::CreateModel { model_name, .. } => {
                self.registry.models.insert(model_name.clone(), given());
            }
            Command::CreateEndpointConfig { endpoint_config_name, .. } => {
                self.registry.configs.insert(endpoint_config_name.clone(), given());
            }
            Command::DeleteModel { model_name } => {
                self.registry.models.remove(model_name);
            }
            Command::DeleteEndpointConfig { endpoint_config_name } => {
                self.registry.configs.remove(endpoint_config_name);
            }
            _ => {}
        }
        Ok(changes)
    }
}

/// Whether a call changes nothing.
fn reads(command: &Command) -> bool {
    matches!(
        command,
        Command::DescribeEndpoint { .. }
            | Command::DescribeAlarms { .. }
            | Command::DescribeScalableTargets(_)
            | Command::DescribeInferenceExperiment(_)
            | Command::ListInferenceExperiments(_)
    )
}

type Reply = Result<Value, Refusal>;

struct Asked {
    command: Command,
    given: Value,
    reply: oneshot::Sender<Reply>,
}

/// The control plane, as handlers see it.
#[derive(Debug)]
pub struct Control {
    state: Arc<RwLock<State>>,
    calls: mpsc::SyncSender<Asked>,
    /// Counts changes, so that a feed can tell whether there is news.
    version: Arc<AtomicU64>,
}

/// The thread behind it, and others that end with the server.
#[derive(Debug)]
pub struct ControlThread {
    handles: Vec<JoinHandle<()>>,
}

impl ControlThread {
    /// Another thread that has something to write down at the end.
    pub(super) fn join_with(&mut self, handle: JoinHandle<()>) {
        self.handles.push(handle);
    }

    /// Waits until the last call is written down. Every [`Control`] must be gone.
    pub fn join(self) {
        for handle in self.handles {
            // A panic of the thread has been printed already.
            let _ = handle.join();
        }
    }
}

struct Actor {
    state: Arc<RwLock<State>>,
    version: Arc<AtomicU64>,
    store: Option<Store>,
    compiler: Compiler,
    ledger: Arc<Ledger>,
    /// Something has changed that no row of the log says.
    unwritten: bool,
    minute: u64,
}

impl Control {
    /// Restores what the store holds, and starts the thread.
    ///
    /// # Errors
    /// The system's words when no thread can be had.
    pub fn start(
        store: Option<(Store, Option<State>, Vec<Logged>)>,
        (durations, rule): (Durations, ShadowRule),
        compiler: Compiler,
        ledger: Arc<Ledger>,
    ) -> std::io::Result<(Self, ControlThread)> {
        let now = clock::now();
        let (store, state) = match store {
            Some((store, snapshot, calls)) => {
                let fresh = || State { plane: ControlPlane::new(durations), ..State::default() };
                let mut state = snapshot.unwrap_or_else(fresh);
                for call in &calls {
                    // It was carried out once from the same state, so it is again.
                    if let Err(e) = state.execute(call) {
                        let operation = call.command.operation();
                        tracing::error!(operation, error = %e, "an acknowledged call is refused now");
                    }
                }
                (Some(store), state)
            }
            None => (None, State { plane: ControlPlane::new(durations), ..State::default() }),
        };
        let state = Arc::new(RwLock::new(state));
        let version = Arc::new(AtomicU64::new(1));
        let mut actor = Actor {
            state: state.clone(),
            version: version.clone(),
            store,
            compiler,
            ledger,
            unwritten: true,
            minute: now.minute(),
        };
        actor.restore(now, durations, rule);
        let (calls, asked) = mpsc::sync_channel(WAITING);
        let handle = thread::Builder::new().name("control".into()).spawn(move || actor.run(&asked))?;
        Ok((Self { state, calls, version }, ControlThread { handles: vec![handle] }))
    }

    /// The state now.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes so far.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Carries out a call; `given` is it as the caller wrote it. What it changes is written down before this returns.
    ///
    /// # Errors
    /// [`Refusal`] in the service's words, or because the disk does not take it.
    pub async fn call(&self, command: Command, given: Value) -> Reply {
        if reads(&command) {
            // A reading call changes nothing, so it needs no turn, only a state to be checked against.
            let state = self.state();
            if let Command::DescribeEndpoint { endpoint_name } = &command {
                // The call that waiters repeat: it needs no copy of everything.
                if state.plane.endpoint(endpoint_name).is_none() {
                    let arn = Arn::of(ResourceKind::Endpoint, endpoint_name);
                    return Err(CommandError::NotFound { kind: ResourceKind::Endpoint, arn }.into());
                }
                return Ok(reply_to(&command, &state.plane));
            }
            let mut plane = state.plane.clone();
            plane.execute(&command, clock::now())?;
            return Ok(reply_to(&command, &plane));
        }
        let (reply, answer) = oneshot::channel();
        let ended = || Refusal::new(503, "ServiceUnavailable", "The server is about to end; try again.");
        let mut asked = Asked { command, given, reply };
        loop {
            match self.calls.try_send(asked) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => {
                    asked = back;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(ended()),
            }
        }
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Actor {
    /// What served before serves again: its fleets are counted and routed.
    fn restore(&mut self, now: VirtualTime, durations: Durations, rule: ShadowRule) {
        let state = self.state.clone();
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        state.plane.set_durations(durations);
        state.plane.set_shadow_rule(rule);
        let plane = &mut state.plane;
        plane.advance(now);
        let mut launched = Vec::new();
        for endpoint in plane.endpoints().filter(|e| e.status.serves()) {
            // Beside what serves, what an update under way has brought up already.
            let coming = match &endpoint.transition {
                Some(Transition { kind: TransitionKind::Update { config, deployment, .. }, .. })
                    if deployment.all().any(|v| v.current_count > 0) =>
                {
                    Some((config, deployment))
                }
                _ => None,
            };
            for (config, deployment) in [(&endpoint.config, &endpoint.deployment)].into_iter().chain(coming) {
                for (production, list) in [(true, &deployment.variants), (false, &deployment.shadows)] {
                    launched.extend(list.iter().map(|v| {
                        FleetChange::Launch(FleetOrder {
                            fleet: v.fleet,
                            endpoint: endpoint.name.clone(),
                            variant: v.name.clone(),
                            artifact: v.artifact,
                            instance_type: v.instance_type,
                            instances: v.current_count,
                            strategy: v.strategy,
                            config: config.clone(),
                            production,
                        })
                    }));
                }
            }
        }
        self.follow(&launched, plane, now);
        self.compiler.publish(plane);
    }

    fn follow(&self, changes: &[FleetChange], plane: &ControlPlane, now: VirtualTime) {
        self.ledger.follow(changes, |fleet| self.compiler.vcpus(plane, fleet), now);
    }

    fn run(mut self, asked: &mpsc::Receiver<Asked>) {
        loop {
            let first = match asked.recv_timeout(self.nap()) {
                Ok(first) => Some(first),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            let rest = std::iter::from_fn(|| asked.try_recv().ok());
            let batch: Vec<Asked> = first.into_iter().chain(rest.take(BATCH - 1)).collect();
            self.turn(batch);
        }
        self.unwritten = true;
        if let Err(e) = self.write(&[]) {
            tracing::error!(error = %e, "the state could not be written at the end");
        }
    }

    /// Time until something happens by itself.
    fn nap(&self) -> Duration {
        let now = clock::now();
        let next = self.state.read().unwrap_or_else(PoisonError::into_inner).plane.next_transition();
        let full = VirtualTime::from_s((now.minute() + 1) * 60);
        next.min(full).since(now).min(NAP)
    }

    fn turn(&mut self, batch: Vec<Asked>) {
        let now = clock::now();
        let shared = self.state.clone();
        let mut changes = Vec::new();
        let mut replies = Vec::with_capacity(batch.len());
        let mut logged = Vec::with_capacity(batch.len());
        {
            let mut state = shared.write().unwrap_or_else(PoisonError::into_inner);
            changes.extend(state.plane.advance(now));
            if now.minute() != self.minute {
                self.minute = now.minute();
                let full = VirtualTime::from_ns(self.minute * 60 * SECOND_NS);
                changes.extend(self.ledger.minute(&mut state.plane, full));
                let watched = state.plane.alarms().next().is_some();
                self.unwritten |= watched || state.plane.scalable_targets().next().is_some();
            }
            for Asked { command, given, reply } in batch {
                let call = Logged { at: now, command, given };
                let outcome = state.execute(&call).map(|more| {
                    changes.extend(more);
                    reply_to(&call.command, &state.plane)
                });
                if outcome.is_ok() {
                    logged.push(call);
                }
                replies.push((reply, outcome.map_err(Refusal::from)));
            }
            if !changes.is_empty() || !logged.is_empty() {
                self.follow(&changes, &state.plane, now);
                self.compiler.publish(&state.plane);
            }
        }
        if !changes.is_empty() || !logged.is_empty() {
            self.version.fetch_add(1, Ordering::Release);
        }
        let written = self.write(&logged);
        if let Err(e) = &written {
            tracing::error!(error = %e, "calls could not be written down");
            // They happened all the same: the next snapshot holds them.
            self.unwritten = true;
        }
        for (reply, outcome) in replies {
            let outcome = match (&written, outcome) {
                (Err(e), Ok(_)) => Err(Refusal::from(e)),
                (_, outcome) => outcome,
            };
            // Who asked may have gone; what was asked is done.
            let _ = reply.send(outcome);
        }
    }

    fn write(&mut self, logged: &[Logged]) -> Result<(), super::store::StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let whole = self.unwritten && !logged.is_empty() || store.rows() + logged.len() as u64 > ROWS;
        if whole || self.unwritten && logged.is_empty() {
            store.snapshot(&self.state.read().unwrap_or_else(PoisonError::into_inner))?;
            self.unwritten = false;
            return Ok(());
        }
        store.append(logged)
    }
}

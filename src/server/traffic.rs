//! Clients that the server plays itself, so that a lab has requests: they come in by its own port, like everybody's.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::header::HeaderValue;
use tokio::sync::oneshot;

use super::{
    generate::{Arrivals, Body, Plan, Progress, generate},
    refusal::Refusal,
};
use crate::{
    domain::EndpointName,
    wire::live::{LiveTraffic, TrafficOrder},
};

/// Highest rate: traffic is for labs; `rollout-lab generate` loads a server.
pub const MAX_RATE: f64 = 10_000.0;
/// Longest time without a new order: clients that everybody has forgotten stop.
const LASTS: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
struct Running {
    order: TrafficOrder,
    progress: Arc<Mutex<Progress>>,
    /// Dropped, it ends the clients.
    _stop: oneshot::Sender<()>,
}

/// The clients, if any call.
#[derive(Debug)]
pub struct Traffic {
    target: String,
    token: Option<HeaderValue>,
    bodies: Vec<Body>,
    running: Mutex<Option<Running>>,
}

impl Traffic {
    /// Clients that send `bodies` to the server that listens at `address`.
    pub fn new(address: SocketAddr, token: Option<HeaderValue>, bodies: Vec<Body>) -> Self {
        // An unspecified address is no address to send to.
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        let target = format!("http://{}", SocketAddr::new(ip, address.port()));
        Self { target, token, bodies, running: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was ordered, and how it goes; none while nobody calls.
    pub fn state(&self) -> Option<LiveTraffic> {
        let running = self.lock();
        let running = running.as_ref()?;
        let p = *running.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Some(LiveTraffic { order: running.order.clone(), due: p.due, answered: p.answered, failed: p.failed })
    }

    /// Lets clients call as ordered from now on, in place of those that do; an order that is not on ends them.
    ///
    /// # Errors
    /// [`Refusal`] for a rate out of its limits, or when there is nothing to send.
    pub fn order(&self, order: TrafficOrder) -> Result<(), Refusal> {
        if !order.on {
            *self.lock() = None;
            return Ok(());
        }
        if !(order.per_second > 0.0 && order.per_second <= MAX_RATE) {
            let words =
                format!("per_second must be above 0 and at most {MAX_RATE}, but is {}", order.per_second);
            return Err(Refusal::plain(400, words));
        }
        // It becomes part of an address.
        let endpoint = EndpointName::new(order.endpoint.as_str());
        endpoint.map_err(|e| Refusal::plain(400, format!("endpoint: {e}")))?;
        if self.bodies.is_empty() {
            return Err(Refusal::plain(
                409,
                "this server has no reviews to send; use `rollout-lab generate`",
            ));
        }
        let plan = Plan {
            target: self.target.clone(),
            endpoint: order.endpoint.clone(),
            rate: order.per_second,
            lasts: LASTS,
            arrivals: if order.constant { Arrivals::Constant } else { Arrivals::Poisson },
            bodies: self.bodies.clone(),
            token: self.token.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let progress = Arc::new(Mutex::new(Progress::default()));
        let told = progress.clone();
        tokio::spawn(async move {
            let tell = move |p| *told.lock().unwrap_or_else(PoisonError::into_inner) = p;
            if let Err(e) = generate(plan, tell, stopped).await {
                tracing::warn!("the clients stopped: {e}");
            }
        });
        *self.lock() = Some(Running { order, progress, _stop: stop });
        Ok(())
    }
}

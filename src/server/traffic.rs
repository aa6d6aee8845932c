//! Clients that the server plays itself, so that a lab has requests: they come in by its own port, like everybody's.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::header::HeaderValue;
use tokio::sync::oneshot;

use super::{
    generate::{Arrivals, Draw, Plan, Progress, generate},
    refusal::Refusal,
};
use crate::{
    domain::EndpointName,
    wire::live::{LiveTraffic, MAX_OWN_TEXTS, TrafficOrder},
};

/// Highest rate: traffic is for labs; `rollout-lab generate` loads a server.
pub const MAX_RATE: f64 = 10_000.0;
/// Longest time without a new order: clients that everybody has forgotten stop.
const LASTS: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
struct Running {
    /// Less its texts, which are many.
    order: TrafficOrder,
    own_texts: u32,
    progress: Arc<Mutex<Progress>>,
    /// Dropped, it ends the clients.
    _stop: oneshot::Sender<()>,
}

/// The clients, if any call.
#[derive(Debug)]
pub struct Traffic {
    target: String,
    token: Option<HeaderValue>,
    draw: Option<Draw>,
    running: Mutex<Option<Running>>,
}

impl Traffic {
    /// Clients that send what `draw` gives to the server that listens at `address`.
    pub fn new(address: SocketAddr, token: Option<HeaderValue>, draw: Option<Draw>) -> Self {
        // An unspecified address is no address to send to.
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        let target = format!("http://{}", SocketAddr::new(ip, address.port()));
        Self { target, token, draw, running: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was ordered, and how it goes; none while nobody calls.
    pub fn state(&self) -> Option<LiveTraffic> {
        let running = self.lock();
        let running = running.as_ref()?;
        let p = *running.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Some(LiveTraffic {
            order: running.order.clone(),
            own_texts: running.own_texts,
            due: p.due,
            answered: p.answered,
            failed: p.failed,
        })
    }

    /// Lets clients call as ordered from now on, in place of those that do; an order that is not on ends them.
    ///
    /// # Errors
    /// [`Refusal`] for a rate or a mix out of its limits, or when there is nothing to send.
    pub fn order(&self, mut order: TrafficOrder) -> Result<(), Refusal> {
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
        if order.texts.len() > MAX_OWN_TEXTS {
            let words =
                format!("texts: at most {MAX_OWN_TEXTS} are taken, but there are {}", order.texts.len());
            return Err(Refusal::plain(400, words));
        }
        let Some(draw) = self.draw else {
            let words = "this server has no reviews to send; use `rollout-lab generate`";
            return Err(Refusal::plain(409, words));
        };
        let bodies = draw(&order).map_err(|why| Refusal::plain(400, why))?;
        let own_texts = std::mem::take(&mut order.texts).len() as u32;
        let plan = Plan {
            target: self.target.clone(),
            endpoint: order.endpoint.clone(),
            rate: order.per_second,
            lasts: LASTS,
            arrivals: if order.constant { Arrivals::Constant } else { Arrivals::Poisson },
            bodies,
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
        *self.lock() = Some(Running { order, own_texts, progress, _stop: stop });
        Ok(())
    }
}

//! The experiment as a page sees it.

use super::{ArtifactState, EndpointView, Experiment, InstanceView, Snapshot, VariantView};
use crate::{
    controller::{Endpoint, LiveVariant},
    domain::Artifact,
};

impl Experiment {
    /// The state now, with a sample of the requests since the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let recent = self.take_recent();
        let (sent, answered) = self.counts();
        Snapshot {
            now: self.now(),
            pace: self.pace,
            seed: self.seed,
            lab: self.lab,
            session_open: self.session_open,
            traffic: *self.simulation.traffic(),
            own_reviews: self.corpus().own().len() as u32,
            models: self.plane.models().cloned().collect(),
            configs: self.plane.configs().cloned().collect(),
            endpoints: self.plane.endpoints().map(|e| self.endpoint_view(e)).collect(),
            artifacts: Artifact::ALL.map(|a| self.artifact_state(a)).to_vec(),
            image: self.image.as_ref().map(|(_, image)| image.as_str().to_owned()),
            sent,
            answered,
            failed: sent - answered,
            cost_usd: self.plane.cost_usd(),
            recent,
            batches: self.batches.clone(),
            guesses: self.guesses.clone(),
            lineage: self.lineage.clone(),
            steps: self.steps(),
        }
    }

    fn artifact_state(&self, artifact: Artifact) -> ArtifactState {
        ArtifactState {
            artifact,
            fetched: self.fetched[artifact.index()],
            predicted: self.table().answered(artifact),
            corpus: self.table().reviews() as u32,
            cost_us: self.table().cost(artifact).map(|c| (c.base_us, c.per_token_us)),
        }
    }

    fn endpoint_view(&self, e: &Endpoint) -> EndpointView {
        let split = e.split();
        let share = |i: usize| split.as_ref().map_or(0.0, |s| s.share(i));
        let progress = e.transition.as_ref().map(|t| {
            let whole = t.ends.since(t.began).as_secs_f64().max(1e-9);
            (self.now().since(t.began).as_secs_f64() / whole).clamp(0.0, 1.0)
        });
        EndpointView {
            name: e.name.to_string(),
            config_name: e.config.to_string(),
            status: e.status,
            failure_reason: e.failure_reason.clone(),
            created: e.created,
            progress,
            ready_at: e.transition.as_ref().map(|t| t.ends),
            pending_config: e.transition.as_ref().and_then(|t| match &t.kind {
                crate::controller::TransitionKind::Update { config, .. } => Some(config.to_string()),
                _ => None,
            }),
            variants: e.variants.iter().enumerate().map(|(i, v)| self.variant_view(e, v, share(i))).collect(),
            pending_variants: e.pending_variants().iter().map(|v| self.variant_view(e, v, 0.0)).collect(),
            cost_usd: self.plane.endpoint_cost_usd(&e.name),
            cost_usd_per_hour: e.usd_per_hour(),
        }
    }

    fn variant_view(&self, e: &Endpoint, v: &LiveVariant, share: f64) -> VariantView {
        let fleet = self.fleet_tally(v.fleet);
        let loads = self.metrics().load(v.fleet);
        let instances = self.simulation.gauges(v.fleet).into_iter().enumerate().map(|(i, g)| InstanceView {
            busy: g.busy,
            vcpus: g.vcpus,
            waiting: g.waiting,
            queue_limit: g.queue_limit,
            load: loads.get(i).copied().unwrap_or(0.0),
        });
        VariantView {
            name: v.name.to_string(),
            model: v.model.to_string(),
            artifact: v.artifact,
            instance_type: v.instance_type,
            fleet: v.fleet,
            current_weight: v.current_weight.get(),
            desired_weight: v.desired_weight.get(),
            current_count: v.current_count,
            desired_count: v.desired_count,
            share,
            status: v.status.clone(),
            instances: instances.collect(),
            tally: self.tally(&e.name, &v.name),
            per_second: fleet.map_or(0.0, |f| f.per_second(self.now())),
        }
    }
}

//! The experiment as a page sees it.

use super::{
    AlarmView, ArtifactState, EndpointView, Experiment, InstanceView, LatencyDifferenceView, PairView,
    RolloutView, Snapshot, VariantView,
};
use crate::{
    analysis::pairs::{LatencyDifferences, Pairs},
    controller::{Deployment, Endpoint, LiveVariant, ScalingActivity},
    domain::{Artifact, FleetId},
};

/// Scaling activities in a snapshot.
const ACTIVITIES_SHOWN: usize = 64;

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
            faults: self.faults.shown().cloned().collect(),
            decide: self.decide_view(),
            verdict: self.verdict().cloned(),
            scalable_targets: self.plane.scalable_targets().cloned().collect(),
            scaling_activities: self.recent_activities(),
            hours: self.day().into_iter().flat_map(|d| d.hours().copied()).collect(),
            shadow_rule: self.plane.shadow_rule(),
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
            alarms: self.plane.alarms().map(AlarmView::from).collect(),
            harms: self.harms().cloned().collect(),
            compared: self.compared().to_vec(),
            dry_runs: self.dry_runs().to_vec(),
            lineage: self.lineage.clone(),
            steps: self.steps(),
            tests: self.test_views(),
            capture: self.capture.view(),
        }
    }

    /// The newest activities, oldest first: a few days of them.
    fn recent_activities(&self) -> Vec<ScalingActivity> {
        let all: Vec<_> = self.plane.scaling_activities().collect();
        all.into_iter().rev().take(ACTIVITIES_SHOWN).rev().cloned().collect()
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
        let sampling = |i: usize| if e.status.serves() { e.deployment.sampling(i).get() } else { 0.0 };
        let starting = |which: fn(&Deployment) -> &[LiveVariant]| {
            let variants = e.pending().map_or(&[][..], which);
            variants.iter().map(|v| self.variant_view(e, v, e.share(v.fleet))).collect()
        };
        let progress = e.transition.as_ref().map(|t| {
            let ends = e.rollout().map_or(t.ends, |r| r.expected_end.max(t.ends));
            let whole = ends.since(t.began).as_secs_f64().max(1e-9);
            (self.now().since(t.began).as_secs_f64() / whole).clamp(0.0, 1.0)
        });
        EndpointView {
            name: e.name.to_string(),
            config_name: e.config.to_string(),
            status: e.status,
            failure_reason: e.failure_reason.clone(),
            created: e.created,
            progress,
            ready_at: e
                .transition
                .as_ref()
                .map(|t| e.rollout().map_or(t.ends, |r| r.expected_end.max(t.ends))),
            pending_config: e.pending_config().map(ToString::to_string),
            variants: e.variants().iter().map(|v| self.variant_view(e, v, e.share(v.fleet))).collect(),
            pending_variants: starting(|d| &d.variants),
            shadows: e
                .shadows()
                .iter()
                .enumerate()
                .map(|(i, v)| self.variant_view(e, v, sampling(i)))
                .collect(),
            pending_shadows: starting(|d| &d.shadows),
            rollout: rollout_view(e),
            last_rollout: e.last_rollout.clone(),
            pairs: self.pair_views(e),
            cost_usd: self.plane.endpoint_cost_usd(&e.name),
            cost_usd_per_hour: e.usd_per_hour(),
        }
    }

    fn pair_views(&self, e: &Endpoint) -> Vec<PairView> {
        let name = |fleet| {
            self.fleet_variants.get(&fleet).filter(|(of, _)| *of == e.name).map(|(_, v)| v.to_string())
        };
        let mut views = Vec::new();
        for ledger in self.pair_ledgers() {
            let current = e.shadows().iter().any(|v| v.fleet == ledger.shadow)
                && e.variants().iter().any(|v| v.fleet == ledger.production);
            let (true, Some(production), Some(shadow)) =
                (current, name(ledger.production), name(ledger.shadow))
            else {
                continue;
            };
            let fleets = (ledger.production, ledger.shadow);
            views.push(self.pair_view((production, shadow), fleets, &ledger.pairs));
        }
        views
    }

    /// What a page shows of a comparison, production first.
    pub(super) fn pair_view(
        &self,
        (production, shadow): (String, String),
        (production_fleet, shadow_fleet): (FleetId, FleetId),
        pairs: &Pairs,
    ) -> PairView {
        PairView {
            production,
            production_fleet,
            shadow,
            shadow_fleet,
            // A server knows of copies that it dropped, which end in no record.
            copies: self.live_copies(shadow_fleet).unwrap_or(pairs.copies()),
            confusion: *pairs.confusion(),
            right: *pairs.right(),
            latency: difference_view(pairs.latency()),
        }
    }

    fn variant_view(&self, e: &Endpoint, v: &LiveVariant, share: f64) -> VariantView {
        let fleet = self.fleet_tally(v.fleet);
        let loads = self.metrics().load(v.fleet);
        let gauges = self.simulation.gauges(v.fleet);
        // A server says what its fleets did, not what each instance does at this moment.
        let in_hand = self.live_in_hand(v.fleet).map(|all| all / gauges.len().max(1) as f64);
        let instances = gauges.into_iter().enumerate().map(|(i, g)| InstanceView {
            busy: in_hand.map_or(g.busy, |n| (n.round() as u32).min(g.vcpus)),
            vcpus: g.vcpus,
            waiting: in_hand.map_or(g.waiting, |n| (n.round() as u32).saturating_sub(g.vcpus)),
            queue_limit: g.queue_limit,
            load: in_hand
                .map_or(loads.get(i).copied().unwrap_or(0.0), |n| (n / f64::from(g.vcpus.max(1))).min(1.0)),
            down: g.down,
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
            per_second: self
                .live_per_second(v.fleet)
                .unwrap_or_else(|| fleet.map_or(0.0, |f| f.per_second(self.now()))),
        }
    }
}

fn rollout_view(e: &Endpoint) -> Option<RolloutView> {
    let rollout = e.rollout()?;
    let green = e.pending().into_iter().flat_map(|d| &d.variants);
    Some(RolloutView {
        strategy: rollout.plan.shift.name().into(),
        phase: rollout.phase,
        phase_ends: rollout.next(),
        step: rollout.step,
        steps: rollout.steps,
        green_share: green.map(|v| e.share(v.fleet)).sum(),
        alarms: rollout.plan.alarms.iter().map(ToString::to_string).collect(),
        notes: rollout.notes.clone(),
        failure: rollout.failure.as_ref().map(|f| f.reason.clone()),
    })
}

fn difference_view(d: &LatencyDifferences) -> LatencyDifferenceView {
    let us = |ns: Option<f64>| ns.unwrap_or(0.0) / 1e3;
    LatencyDifferenceView {
        n: d.n(),
        mean_us: us(d.mean_ns()),
        sd_us: d.variance().map(|v| v.sqrt() / 1e3),
        faster_share: d.faster_share().unwrap_or(0.0),
        percentiles_us: [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0].map(|p| us(d.percentile_ns(p))),
    }
}

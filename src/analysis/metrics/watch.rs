//! What alarms read: the minutes of each fleet alone, so that a rollout's new fleet can be told from the old one.

use std::collections::VecDeque;

use super::{MAX_SERIES, Metric, MetricStore, Statistic, store::Row};
use crate::domain::{EndpointConfigName, EndpointName, FleetId, VariantName};

/// Minutes for which the minutes of a fleet alone are kept: 6 hours.
pub const WATCHED_MINUTES: u64 = 360;

/// Which fleets are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch<'a> {
    /// Fleets of this endpoint,
    pub endpoint: &'a EndpointName,
    /// of this variant; of all production variants when absent,
    pub variant: Option<&'a VariantName>,
    /// and of this configuration; of any when absent.
    pub config: Option<&'a EndpointConfigName>,
}

/// The minutes of one fleet.
#[derive(Clone, Debug)]
pub(super) struct FleetLog {
    pub fleet: FleetId,
    endpoint: EndpointName,
    variant: VariantName,
    config: EndpointConfigName,
    production: bool,
    rows: VecDeque<Row>,
    /// How many of the newest rows nobody has asked for yet, where somebody asks.
    pub(super) fresh: usize,
}

impl FleetLog {
    pub fn add(&mut self, row: &Row) {
        self.rows.push_back(row.clone());
        self.fresh += 1;
    }

    /// The rows that came since this was asked last.
    pub fn take_fresh(&mut self) -> impl Iterator<Item = &Row> {
        let fresh = std::mem::take(&mut self.fresh).min(self.rows.len());
        self.rows.range(self.rows.len() - fresh..)
    }

    /// Forgets what is too old, and says whether anything is left.
    pub fn age(&mut self, minute: u64) -> bool {
        while self.rows.front().is_some_and(|r| r.minute + 1 + WATCHED_MINUTES <= minute) {
            self.rows.pop_front();
        }
        !self.rows.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.rows.iter().map(Row::bytes).sum()
    }
}

impl MetricStore {
    /// Keeps the minutes of a fleet apart from now on, so that alarms may watch it: of which configuration it is,
    /// and whether callers get its answers.
    pub fn watch_fleet(
        &mut self,
        fleet: FleetId,
        endpoint: &EndpointName,
        variant: &VariantName,
        config: &EndpointConfigName,
        production: bool,
    ) {
        if self.logs.len() >= MAX_SERIES {
            // The oldest goes first; it has most likely ended.
            self.logs.remove(0);
        }
        self.logs.push(FleetLog {
            fleet,
            endpoint: endpoint.clone(),
            variant: variant.clone(),
            config: config.clone(),
            production,
            rows: self.watched_before.remove(&fleet).unwrap_or_default(),
            fresh: 0,
        });
    }

    /// `count` datapoints of `period` minutes each, one after another, the last one up to the minute `end` (excluded):
    /// oldest first, none where there is no sample. Unlike [`MetricStore::series`], the periods end where they are
    /// asked to, as an alarm's do.
    pub fn windows(
        &self,
        watch: &Watch,
        metric: Metric,
        statistic: Statistic,
        period: u64,
        count: u64,
        end: u64,
    ) -> Vec<Option<f64>> {
        let watched = |log: &&FleetLog| {
            log.endpoint == *watch.endpoint
                && watch.variant.map_or(log.production, |v| log.variant == *v)
                && watch.config.is_none_or(|c| log.config == *c)
        };
        let logs: Vec<&FleetLog> = self.logs.iter().filter(watched).collect();
        let window = |back: u64| {
            let to = end.checked_sub(back * period)?;
            let from = to.checked_sub(period)?;
            let mut sum: Option<Row> = None;
            for log in &logs {
                let begin = log.rows.partition_point(|r| r.minute < from);
                for row in log.rows.range(begin..).take_while(|r| r.minute < to) {
                    match &mut sum {
                        Some(sum) => sum.merge(row),
                        None => sum = Some(row.clone()),
                    }
                }
            }
            sum.and_then(|row| row.statistic(metric, statistic))
        };
        (0..count).rev().map(window).collect()
    }
}

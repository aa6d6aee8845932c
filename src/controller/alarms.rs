//! Alarms as they stand: their rule, their state, and how they came by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    analysis::{
        alarm::{AlarmRule, evaluate},
        metrics::MetricStore,
    },
    domain::{AlarmName, AlarmState, CommandError, MetricAlarmInput, VirtualTime},
};

/// Most alarms in the account: a lab quota.
pub const MAX_ALARMS: usize = 50;
/// Changes of state that an alarm remembers.
const HISTORY_KEPT: usize = 16;

/// A change of an alarm's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmChange {
    /// When.
    pub at: VirtualTime,
    /// To what.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// As it was put.
    pub input: MetricAlarmInput,
    /// The same, checked.
    pub rule: AlarmRule,
    /// State.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
    /// Its last changes, oldest first.
    pub history: Vec<AlarmChange>,
}

/// The alarms of the account, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Alarms(pub BTreeMap<AlarmName, Alarm>);

impl Alarms {
    /// Makes an alarm, or gives the one of that name another rule: its state then stays.
    pub fn put(&mut self, input: &MetricAlarmInput) -> Result<(), CommandError> {
        let rule = AlarmRule::check(input).map_err(CommandError::Alarm)?;
        if let Some(alarm) = self.0.get_mut(&rule.name) {
            (alarm.input, alarm.rule) = (input.clone(), rule);
            return Ok(());
        }
        if self.0.len() >= MAX_ALARMS {
            return Err(CommandError::TooManyAlarms { limit: MAX_ALARMS });
        }
        let reason = "Unchecked: Initial alarm creation".to_owned();
        let state = AlarmState::InsufficientData;
        let alarm = Alarm { input: input.clone(), state, reason, history: Vec::new(), rule };
        self.0.insert(alarm.rule.name.clone(), alarm);
        Ok(())
    }

    /// Deletes all of these, or none when one is missing.
    pub fn delete(&mut self, names: &[String]) -> Result<(), CommandError> {
        let keys: Result<Vec<AlarmName>, CommandError> = names
            .iter()
            .map(|name| {
                let key = AlarmName::new(name).ok().filter(|key| self.0.contains_key(key));
                key.ok_or_else(|| CommandError::NoAlarm { name: name.clone() })
            })
            .collect();
        for key in keys? {
            self.0.remove(&key);
        }
        Ok(())
    }

    /// Looks at the published datapoints and changes the states.
    pub fn evaluate(&mut self, metrics: &MetricStore, now: VirtualTime) {
        for alarm in self.0.values_mut() {
            let found = evaluate(&alarm.rule, &alarm.rule.datapoints(metrics, now), alarm.state);
            if found.state != alarm.state {
                let reason = found.reason.clone();
                alarm.history.push(AlarmChange { at: now, state: found.state, reason });
                if alarm.history.len() > HISTORY_KEPT {
                    alarm.history.remove(0);
                }
                alarm.reason = found.reason;
            }
            alarm.state = found.state;
        }
    }
}

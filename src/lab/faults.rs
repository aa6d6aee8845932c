//! Faults by variant and time: what is planned, what holds, and when that changes.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{
    domain::{EndpointConfigName, FleetId, VariantName, VirtualTime},
    simulation::Fault,
};

/// Longest time until a fault starts, and longest that it lasts, seconds: as long as the longest inference experiment.
pub const MAX_FAULT_S: u64 = 30 * 86_400;
/// Most faults that are planned or hold at a time.
pub const MAX_FAULTS: usize = 32;

/// A fault that is planned, or that holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InjectedFault {
    /// Its number, by which it is cleared.
    pub id: u32,
    /// The variant, under that name in every endpoint.
    pub variant: VariantName,
    /// Only its fleets of this configuration: a version that is bad, wherever it is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<EndpointConfigName>,
    /// What goes wrong.
    pub fault: Fault,
    /// From when.
    pub starts: VirtualTime,
    /// Until when.
    pub ends: VirtualTime,
    /// A blind round's: not shown, and not cleared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl InjectedFault {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: VirtualTime) -> bool {
        self.starts <= now && now < self.ends
    }
}

/// The faults of a lab.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan {
    next_id: u32,
    /// In order of injection: of two of one kind the later holds.
    faults: Vec<InjectedFault>,
    /// The configuration of each fleet.
    pub configs: BTreeMap<FleetId, EndpointConfigName>,
}

impl FaultPlan {
    /// Plans a fault; returns its number.
    pub fn inject(
        &mut self,
        now: VirtualTime,
        variant: VariantName,
        config: Option<EndpointConfigName>,
        fault: Fault,
        starts_in_s: u64,
        lasts_s: u64,
    ) -> Result<u32, Refusal> {
        fault.check().map_err(Refusal::lab_rule)?;
        let seconds = |what: &str, value: u64, least: u64| {
            if (least..=MAX_FAULT_S).contains(&value) {
                return Ok(Duration::from_secs(value));
            }
            Err(Refusal::lab_rule(format!(
                "{what} must be in {least} to {MAX_FAULT_S} seconds, but is {value}"
            )))
        };
        let starts = now + seconds("the time until a fault starts", starts_in_s, 0)?;
        let ends = starts + seconds("the time that a fault lasts", lasts_s, 1)?;
        if self.faults.len() >= MAX_FAULTS {
            let said =
                format!("at most {MAX_FAULTS} faults may be planned, but this is one more; clear some");
            return Err(Refusal::lab_rule(said));
        }
        let id = self.next_id;
        self.next_id += 1;
        self.faults.push(InjectedFault { id, variant, config, fault, starts, ends, hidden: false });
        Ok(id)
    }

    /// Plans a fault that nobody is told of, for as long as a fault may last.
    pub fn hide(&mut self, variant: VariantName, fault: Fault, starts: VirtualTime) {
        let ends = starts + Duration::from_secs(MAX_FAULT_S);
        self.faults.push(InjectedFault {
            id: u32::MAX,
            variant,
            config: None,
            fault,
            starts,
            ends,
            hidden: true,
        });
    }

    /// Ends one fault now, or all.
    pub fn clear(&mut self, id: Option<u32>) -> Result<(), Refusal> {
        let Some(id) = id else {
            self.faults.retain(|f| f.hidden);
            return Ok(());
        };
        if !self.faults.iter().any(|f| f.id == id && !f.hidden) {
            return Err(Refusal::lab_rule(format!("there is no fault {id}; it is over, or was cleared")));
        }
        self.faults.retain(|f| f.id != id);
        Ok(())
    }

    /// Forgets what is over.
    pub fn forget(&mut self, now: VirtualTime) {
        self.faults.retain(|f| now < f.ends);
    }

    /// Planned and holding ones that may be shown, in order of injection.
    pub fn shown(&self) -> impl Iterator<Item = &InjectedFault> {
        self.faults.iter().filter(|f| !f.hidden)
    }

    /// What holds on a fleet of a variant.
    pub fn of(&self, fleet: FleetId, variant: &VariantName, now: VirtualTime) -> Vec<Fault> {
        let its = |f: &InjectedFault| {
            f.variant == *variant && f.config.as_ref().is_none_or(|c| self.configs.get(&fleet) == Some(c))
        };
        let holding = self.faults.iter().filter(|f| its(f) && f.holds(now));
        holding.map(|f| f.fault).collect()
    }

    /// Variants whose new instances do not get healthy.
    pub fn unhealthy(&self, now: VirtualTime) -> Vec<VariantName> {
        let wrong = self
            .faults
            .iter()
            .filter(|f| f.fault == Fault::WrongContainer && f.config.is_none() && f.holds(now));
        wrong.map(|f| f.variant.clone()).collect()
    }

    /// Whether some model is, or will be, asked about skewed input.
    pub fn skews(&self) -> bool {
        self.faults.iter().any(|f| f.fault == Fault::SkewedTokenizer)
    }

    /// When the next fault starts or ends; [`VirtualTime::END`] when none does.
    pub fn next_change(&self, now: VirtualTime) -> VirtualTime {
        let changes = self.faults.iter().flat_map(|f| [f.starts, f.ends]).filter(|t| *t > now);
        changes.min().unwrap_or(VirtualTime::END)
    }
}

//! How an endpoint is moved to another configuration: policy, steps, waits, and the alarms that call it back.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ConfigError, NameError};

/// Longest wait between two steps, and before the old fleet ends, seconds.
pub const MAX_WAIT_S: i64 = 3_600;
/// Least and most seconds that a deployment may be allowed to take.
pub const EXECUTION_TIMEOUT_S: [i64; 2] = [600, 28_800];
/// Most alarms that guard a deployment.
pub const MAX_ROLLBACK_ALARMS: usize = 10;

/// How `UpdateEndpoint` replaces the old fleet, as a caller writes it. Nothing at all means blue/green, all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeploymentConfig {
    /// A whole new fleet beside the old one, and traffic that moves at once or in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green_update_policy: Option<BlueGreenUpdatePolicy>,
    /// The old fleet shrinks while the new one grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update_policy: Option<RollingUpdatePolicy>,
    /// What calls the deployment back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_rollback_configuration: Option<AutoRollbackConfiguration>,
}

/// The `BlueGreenUpdatePolicy` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BlueGreenUpdatePolicy {
    /// How traffic moves.
    pub traffic_routing_configuration: TrafficRoutingConfiguration,
    /// Seconds from the last step until the old fleet ends, 0 to 3,600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_wait_in_seconds: Option<i64>,
    /// Seconds that all of it may take, 600 to 28,800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_execution_timeout_in_seconds: Option<i64>,
}

/// The `TrafficRoutingConfiguration` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TrafficRoutingConfiguration {
    /// In how many steps.
    #[serde(rename = "Type")]
    pub kind: TrafficRoutingType,
    /// Seconds between steps, 0 to 3,600. Required by the API, yet its own all-at-once sample leaves it out.
    #[serde(default)]
    pub wait_interval_in_seconds: i64,
    /// The first of the two steps of a canary: at most half of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_size: Option<CapacitySize>,
    /// Each of the steps of a linear shift: 10% to 50% of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear_step_size: Option<CapacitySize>,
}

/// In how many steps traffic moves to the new fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrafficRoutingType {
    /// One.
    #[default]
    AllAtOnce,
    /// Two: a small one, then the rest.
    Canary,
    /// Equal ones.
    Linear,
}

/// The `RollingUpdatePolicy` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RollingUpdatePolicy {
    /// Instances replaced at a time: 5% to 50% of the fleet.
    pub maximum_batch_size: CapacitySize,
    /// Seconds of watching after each batch, 0 to 3,600.
    pub wait_interval_in_seconds: i64,
    /// Seconds that all of it may take, 600 to 28,800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_execution_timeout_in_seconds: Option<i64>,
    /// Instances of the old fleet that come back at a time in a rollback; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_maximum_batch_size: Option<CapacitySize>,
}

/// A part of a fleet, as a caller writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CapacitySize {
    /// What the value counts.
    #[serde(rename = "Type")]
    pub kind: CapacityType,
    /// Instances, or percent of the fleet; at least 1.
    pub value: i64,
}

/// What the value of a [`CapacitySize`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapacityType {
    /// Instances.
    InstanceCount,
    /// Percent of the fleet.
    #[default]
    CapacityPercent,
}

/// The `AutoRollbackConfiguration` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AutoRollbackConfiguration {
    /// One to ten; any of them in ALARM during a bake calls the deployment back.
    pub alarms: Vec<RollbackAlarm>,
}

/// An alarm in an [`AutoRollbackConfiguration`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RollbackAlarm {
    /// Its name.
    pub alarm_name: String,
}

/// Name of an alarm: 1 to 255 characters, not all of them blank.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmName(String);

impl AlarmName {
    /// Most characters.
    pub const LIMIT: usize = 255;

    /// Takes `text` when it is a name of an alarm.
    ///
    /// # Errors
    /// [`NameError`]: nothing but blanks.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if text.trim().is_empty() || text.chars().count() > Self::LIMIT {
            return Err(NameError::Pattern { pattern: r"^(?!\s*$).+, of at most 255 characters" });
        }
        Ok(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AlarmName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<AlarmName> for String {
    fn from(name: AlarmName) -> Self {
        name.0
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How traffic moves, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficShift {
    /// In one step.
    AllAtOnce,
    /// In two; the size is that of the first.
    Canary(Portion),
    /// In equal steps.
    Linear(Portion),
    /// In batches, while the old fleet shrinks.
    Rolling {
        /// Replaced at a time.
        batch: Portion,
        /// Coming back at a time in a rollback.
        rollback: Portion,
    },
}

impl TrafficShift {
    /// Its name in our words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllAtOnce => "all at once",
            Self::Canary(_) => "canary",
            Self::Linear(_) => "linear",
            Self::Rolling { .. } => "rolling",
        }
    }
}

/// A part of a fleet that is sound. It is carried out in whole instances: rounded down, but at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portion {
    /// Instances.
    Instances(u32),
    /// Percent, 1 to 100.
    Percent(u32),
}

impl Portion {
    /// All of it.
    pub const ALL: Self = Self::Percent(100);

    /// Whole instances of a fleet of `fleet`: at least one, at most all.
    ///
    /// ```
    /// use rollout_lab::domain::Portion;
    /// assert_eq!(Portion::Percent(30).of(3), 1); // 0.9 instances are none; one is the least
    /// assert_eq!(Portion::Percent(50).of(5), 2);
    /// ```
    pub fn of(self, fleet: u32) -> u32 {
        let instances = match self {
            Self::Instances(n) => n,
            Self::Percent(p) => (u64::from(fleet) * u64::from(p) / 100) as u32,
        };
        instances.clamp(1, fleet.max(1))
    }
}

/// A deployment configuration that is sound for a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentPlan {
    /// How traffic moves.
    pub shift: TrafficShift,
    /// Bake between steps.
    pub wait: Duration,
    /// Bake before the old fleet ends.
    pub termination_wait: Duration,
    /// How long all of it may take; without a limit when absent.
    pub timeout: Option<Duration>,
    /// Alarms that call it back.
    pub alarms: Vec<AlarmName>,
}

impl Default for DeploymentPlan {
    /// Blue/green, all at once, without a bake.
    fn default() -> Self {
        Self {
            shift: TrafficShift::AllAtOnce,
            wait: Duration::ZERO,
            termination_wait: Duration::ZERO,
            timeout: None,
            alarms: Vec::new(),
        }
    }
}

impl DeploymentPlan {
    /// Steps that a fleet of `instances` takes: each takes traffic to more of its instances, the last to all.
    pub fn steps(&self, instances: u32) -> u32 {
        match self.shift {
            TrafficShift::AllAtOnce => 1,
            TrafficShift::Canary(_) => 2,
            TrafficShift::Linear(size) | TrafficShift::Rolling { batch: size, .. } => {
                instances.max(1).div_ceil(size.of(instances))
            }
        }
    }

    /// Instances of a fleet of `instances` that have traffic after `step` of `steps` steps.
    pub fn active(&self, step: u32, steps: u32, instances: u32) -> u32 {
        if step >= steps {
            return instances;
        }
        match self.shift {
            TrafficShift::AllAtOnce => 0,
            TrafficShift::Canary(size) | TrafficShift::Linear(size) => {
                size.of(instances).saturating_mul(step).min(instances)
            }
            TrafficShift::Rolling { batch, .. } => batch.of(instances).saturating_mul(step).min(instances),
        }
    }

    /// Whether nothing is watched and nothing is split: the service's behaviour without a deployment configuration.
    pub fn is_plain(&self) -> bool {
        self.shift == TrafficShift::AllAtOnce && self.termination_wait.is_zero()
    }
}

fn member(value: impl ToString, path: &str, constraint: impl ToString) -> ConfigError {
    ConfigError::Member {
        value: value.to_string(),
        path: format!("deploymentConfig.{path}"),
        constraint: constraint.to_string(),
    }
}

fn between(value: i64, path: &str, [least, most]: [i64; 2]) -> Result<u32, ConfigError> {
    let bound = match value {
        v if v < least => format!("greater than or equal to {least}"),
        v if v > most => format!("less than or equal to {most}"),
        v => return Ok(u32::try_from(v).unwrap_or(u32::MAX)),
    };
    Err(member(value, path, format!("Member must have value {bound}")))
}

fn seconds(value: i64, path: &str, limits: [i64; 2]) -> Result<Duration, ConfigError> {
    Ok(Duration::from_secs(u64::from(between(value, path, limits)?)))
}

impl CapacitySize {
    /// Checks it against limits in percent of each of these fleets.
    fn check(&self, path: &str, percent: [i64; 2], fleets: &[u32]) -> Result<Portion, ConfigError> {
        let [least, most] = percent;
        let value = format!("{path}.value");
        let portion = match self.kind {
            CapacityType::CapacityPercent => Portion::Percent(between(self.value, &value, percent)?),
            CapacityType::InstanceCount => {
                Portion::Instances(between(self.value, &value, [1, i64::from(u32::MAX)])?)
            }
        };
        for &fleet in fleets {
            // An instance is the least that can be moved, so a share below one instance is taken as one.
            let asked = match portion {
                Portion::Instances(n) => n,
                Portion::Percent(_) => portion.of(fleet),
            };
            let share = u64::from(asked) * 100;
            let small = share < u64::from(fleet) * least.unsigned_abs() && asked < fleet;
            let large = share > u64::from(fleet) * most.unsigned_abs();
            if large || (small && matches!(portion, Portion::Instances(_))) {
                let unit = if matches!(portion, Portion::Percent(_)) { "%" } else { "" };
                let bound = if large { "less than or equal to" } else { "greater than or equal to" };
                let limit = if large { most } else { least };
                return Err(member(
                    format!("{}{unit}", self.value),
                    &value,
                    format!(
                        "Value must be {bound} {limit}% of the variant's total instance count, but {asked} of {fleet} instance(s) is {}%. Traffic moves in whole instances: give the variant more of them",
                        share / u64::from(fleet.max(1))
                    ),
                ));
            }
        }
        Ok(portion)
    }
}

impl DeploymentConfig {
    /// Whether it names an update policy.
    pub fn has_policy(&self) -> bool {
        self.blue_green_update_policy.is_some() || self.rolling_update_policy.is_some()
    }

    /// Checks it against the documented limits, for variants with these numbers of instances.
    ///
    /// # Errors
    /// [`ConfigError`] with value, path and limit: a wait outside 0 to 3,600 s, a timeout outside 600 to 28,800 s or
    /// not above the sum of the waits, a canary above half of a fleet, a linear step outside 10% to 50%, a batch
    /// outside 5% to 50%, a size that is missing or does not belong to the type, both policies, or no alarm, more than
    /// ten, or a blank name among them.
    ///
    /// # Source
    /// SageMaker API reference, `DeploymentConfig`, `TrafficRoutingConfig`, `RollingUpdatePolicy`.
    pub fn check(&self, fleets: &[u32]) -> Result<DeploymentPlan, ConfigError> {
        let mut plan = DeploymentPlan::default();
        match (&self.blue_green_update_policy, &self.rolling_update_policy) {
            (Some(_), Some(_)) => {
                let only = "Member must not be given together with blueGreenUpdatePolicy";
                return Err(member("[a policy]", "rollingUpdatePolicy", only));
            }
            (Some(policy), None) => policy.check(&mut plan, fleets)?,
            (None, Some(policy)) => policy.check(&mut plan, fleets)?,
            (None, None) => {}
        }
        if let Some(rollback) = &self.auto_rollback_configuration {
            let path = "autoRollbackConfiguration.alarms";
            let n = rollback.alarms.len();
            if n == 0 || n > MAX_ROLLBACK_ALARMS {
                let bound = if n == 0 { "greater than or equal to 1" } else { "less than or equal to 10" };
                return Err(member(
                    format!("[{n} alarms]"),
                    path,
                    format!("Member must have length {bound}"),
                ));
            }
            for (i, alarm) in rollback.alarms.iter().enumerate() {
                let name = AlarmName::new(&alarm.alarm_name).map_err(|e| {
                    member(&alarm.alarm_name, &format!("{path}.{}.member.alarmName", i + 1), e)
                })?;
                if !plan.alarms.contains(&name) {
                    plan.alarms.push(name);
                }
            }
        }
        Ok(plan)
    }
}

/// A limit must leave room for every wait.
fn check_timeout(
    plan: &mut DeploymentPlan,
    asked: Option<i64>,
    policy: &str,
    fleets: &[u32],
) -> Result<(), ConfigError> {
    let Some(asked) = asked else { return Ok(()) };
    let path = format!("{policy}.maximumExecutionTimeoutInSeconds");
    let timeout = seconds(asked, &path, EXECUTION_TIMEOUT_S)?;
    let waits = plan.total_wait(fleets);
    if timeout <= waits {
        let sum = waits.as_secs();
        return Err(member(
            asked,
            &path,
            format!("Value must be larger than the total waiting time of all steps, which is {sum} seconds"),
        ));
    }
    plan.timeout = Some(timeout);
    Ok(())
}

impl DeploymentPlan {
    /// All bakes together, when none is cut short.
    pub fn total_wait(&self, fleets: &[u32]) -> Duration {
        let steps = fleets.iter().map(|n| self.steps(*n)).max().unwrap_or(1);
        let bakes = match self.shift {
            TrafficShift::Rolling { .. } => steps,
            _ => steps - 1,
        };
        self.wait * bakes + self.termination_wait
    }
}

impl BlueGreenUpdatePolicy {
    fn check(&self, plan: &mut DeploymentPlan, fleets: &[u32]) -> Result<(), ConfigError> {
        const POLICY: &str = "blueGreenUpdatePolicy";
        let routing = &self.traffic_routing_configuration;
        let path = |field: &str| format!("{POLICY}.trafficRoutingConfiguration.{field}");
        plan.wait =
            seconds(routing.wait_interval_in_seconds, &path("waitIntervalInSeconds"), [0, MAX_WAIT_S])?;
        let wanted = |size: Option<CapacitySize>, field: &str, percent| match size {
            Some(size) => size.check(&path(field), percent, fleets),
            None => Err(member(
                "null",
                &path(field),
                format!(
                    "Member must not be null when type is {}",
                    if field == "canarySize" { "CANARY" } else { "LINEAR" }
                ),
            )),
        };
        let unwanted = |size: Option<CapacitySize>, field: &str, kind: &str| match size {
            Some(size) => {
                Err(member(size.value, &path(field), format!("Member must be null unless type is {kind}")))
            }
            None => Ok(()),
        };
        plan.shift = match routing.kind {
            TrafficRoutingType::AllAtOnce => TrafficShift::AllAtOnce,
            TrafficRoutingType::Canary => {
                TrafficShift::Canary(wanted(routing.canary_size, "canarySize", [1, 50])?)
            }
            TrafficRoutingType::Linear => {
                TrafficShift::Linear(wanted(routing.linear_step_size, "linearStepSize", [10, 50])?)
            }
        };
        if routing.kind != TrafficRoutingType::Canary {
            unwanted(routing.canary_size, "canarySize", "CANARY")?;
        }
        if routing.kind != TrafficRoutingType::Linear {
            unwanted(routing.linear_step_size, "linearStepSize", "LINEAR")?;
        }
        let wait = self.termination_wait_in_seconds.unwrap_or(0);
        plan.termination_wait =
            seconds(wait, &format!("{POLICY}.terminationWaitInSeconds"), [0, MAX_WAIT_S])?;
        check_timeout(plan, self.maximum_execution_timeout_in_seconds, POLICY, fleets)
    }
}

impl RollingUpdatePolicy {
    fn check(&self, plan: &mut DeploymentPlan, fleets: &[u32]) -> Result<(), ConfigError> {
        const POLICY: &str = "rollingUpdatePolicy";
        let path = |field: &str| format!("{POLICY}.{field}");
        let batch = self.maximum_batch_size.check(&path("maximumBatchSize"), [5, 50], fleets)?;
        let rollback = match self.rollback_maximum_batch_size {
            Some(size) => size.check(&path("rollbackMaximumBatchSize"), [1, 100], fleets)?,
            None => Portion::ALL,
        };
        plan.shift = TrafficShift::Rolling { batch, rollback };
        let wait = self.wait_interval_in_seconds;
        plan.wait = seconds(wait, &path("waitIntervalInSeconds"), [0, MAX_WAIT_S])?;
        check_timeout(plan, self.maximum_execution_timeout_in_seconds, POLICY, fleets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> DeploymentConfig {
        serde_json::from_str(json).unwrap()
    }

    fn blue_green(routing: &str, rest: &str) -> DeploymentConfig {
        parsed(&format!(
            r#"{{"BlueGreenUpdatePolicy": {{"TrafficRoutingConfiguration": {{{routing}}}{rest}}}}}"#
        ))
    }

    fn said(config: &DeploymentConfig, fleets: &[u32]) -> String {
        config.check(fleets).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_samples_are_sound() {
        let canary = blue_green(
            r#""Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30}, "WaitIntervalInSeconds": 600"#,
            r#", "TerminationWaitInSeconds": 600, "MaximumExecutionTimeoutInSeconds": 1800"#,
        );
        let plan = canary.check(&[10]).unwrap();
        assert_eq!(plan.shift, TrafficShift::Canary(Portion::Percent(30)));
        assert_eq!((plan.active(1, 2, 10), plan.active(2, 2, 10)), (3, 10));
        let linear = blue_green(
            r#""Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20}, "WaitIntervalInSeconds": 300"#,
            r#", "TerminationWaitInSeconds": 300, "MaximumExecutionTimeoutInSeconds": 3600"#,
        );
        let plan = linear.check(&[10]).unwrap();
        assert_eq!((1..=5).map(|k| plan.active(k, 5, 10)).collect::<Vec<_>>(), [2, 4, 6, 8, 10]);
        assert_eq!(plan.total_wait(&[10]).as_secs(), 4 * 300 + 300);
        // The service's own all-at-once sample has no wait interval.
        let all = blue_green(r#""Type": "ALL_AT_ONCE""#, r#", "TerminationWaitInSeconds": 300"#);
        assert_eq!(all.check(&[1]).unwrap().termination_wait.as_secs(), 300);
        assert!(DeploymentConfig::default().check(&[1]).unwrap().is_plain());
        assert_eq!(parsed(&serde_json::to_string(&canary).unwrap()), canary);
    }

    #[test]
    fn each_limit_is_held_and_named() {
        let canary = |value: i64, kind: &str, wait: i64| {
            blue_green(
                &format!(
                    r#""Type": "CANARY", "CanarySize": {{"Type": "{kind}", "Value": {value}}}, "WaitIntervalInSeconds": {wait}"#
                ),
                "",
            )
        };
        let linear = |value: i64| {
            blue_green(
                &format!(
                    r#""Type": "LINEAR", "LinearStepSize": {{"Type": "CAPACITY_PERCENT", "Value": {value}}}, "WaitIntervalInSeconds": 300"#
                ),
                "",
            )
        };
        let end = |termination: i64, timeout: i64| {
            blue_green(
                r#""Type": "ALL_AT_ONCE""#,
                &format!(
                    r#", "TerminationWaitInSeconds": {termination}, "MaximumExecutionTimeoutInSeconds": {timeout}"#
                ),
            )
        };
        let rolling = |batch: i64, wait: i64| {
            parsed(&format!(
                r#"{{"RollingUpdatePolicy": {{"MaximumBatchSize": {{"Type": "CAPACITY_PERCENT", "Value": {batch}}}, "WaitIntervalInSeconds": {wait}}}}}"#
            ))
        };
        let alarms = |n: usize, name: &str| DeploymentConfig {
            auto_rollback_configuration: Some(AutoRollbackConfiguration {
                alarms: vec![RollbackAlarm { alarm_name: name.into() }; n],
            }),
            ..DeploymentConfig::default()
        };
        for (config, value, path, limit) in [
            (canary(51, "CAPACITY_PERCENT", 1), "'51'", "canarySize.value'", "less than or equal to 50"),
            (canary(0, "CAPACITY_PERCENT", 1), "'0'", "canarySize.value'", "greater than or equal to 1"),
            (canary(0, "INSTANCE_COUNT", 1), "'0'", "canarySize.value'", "greater than or equal to 1"),
            (canary(6, "INSTANCE_COUNT", 1), "'6'", "canarySize.value'", "50% of the variant's total"),
            (canary(5, "INSTANCE_COUNT", 3_601), "'3601'", "waitIntervalInSeconds'", "equal to 3600"),
            (canary(5, "INSTANCE_COUNT", -1), "'-1'", "waitIntervalInSeconds'", "equal to 0"),
            (linear(9), "'9'", "linearStepSize.value'", "greater than or equal to 10"),
            (linear(51), "'51'", "linearStepSize.value'", "less than or equal to 50"),
            (end(3_601, 6_000), "'3601'", "terminationWaitInSeconds'", "equal to 3600"),
            (end(0, 599), "'599'", "maximumExecutionTimeoutInSeconds'", "equal to 600"),
            (end(0, 28_801), "'28801'", "maximumExecutionTimeoutInSeconds'", "equal to 28800"),
            (end(600, 600), "'600'", "maximumExecutionTimeoutInSeconds'", "which is 600 seconds"),
            (rolling(4, 1), "'4'", "maximumBatchSize.value'", "greater than or equal to 5"),
            (rolling(51, 1), "'51'", "maximumBatchSize.value'", "less than or equal to 50"),
            (rolling(50, 4_000), "'4000'", "rollingUpdatePolicy.waitIntervalInSeconds'", "equal to 3600"),
            (alarms(0, "a"), "'[0 alarms]'", "alarms'", "equal to 1"),
            (alarms(11, "a"), "'[11 alarms]'", "alarms'", "equal to 10"),
            (alarms(1, "  "), "'  '", "alarms.1.member.alarmName'", "pattern"),
            (alarms(1, &"x".repeat(256)), "'xxx", "alarmName'", "255"),
            (blue_green(r#""Type": "CANARY""#, ""), "'null'", "canarySize'", "when type is CANARY"),
            (
                blue_green(
                    r#""Type": "ALL_AT_ONCE", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}"#,
                    "",
                ),
                "'1'",
                "canarySize'",
                "unless type is CANARY",
            ),
        ] {
            let said = said(&config, &[10]);
            assert!(said.contains(value) && said.contains(path) && said.contains(limit), "{said}");
            assert!(said.contains("at 'deploymentConfig."), "{said}");
        }
        let both =
            DeploymentConfig { rolling_update_policy: rolling(50, 0).rolling_update_policy, ..end(0, 600) };
        assert!(said(&both, &[10]).contains("together with"));
    }

    #[test]
    fn a_canary_of_a_single_instance_would_be_everybody() {
        let canary = blue_green(
            r#""Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}, "WaitIntervalInSeconds": 1"#,
            "",
        );
        let said = said(&canary, &[1]);
        assert!(said.contains("'10%'") && said.contains("1 of 1 instance(s) is 100%"), "{said}");
        assert_eq!(canary.check(&[2]).unwrap().active(1, 2, 2), 1);
    }

    #[test]
    fn alarm_names_survive_a_json_round_trip_only_when_sound() {
        assert!(serde_json::from_str::<AlarmName>("\"a b\"").is_ok());
        assert!(serde_json::from_str::<AlarmName>("\" \"").is_err());
    }
}

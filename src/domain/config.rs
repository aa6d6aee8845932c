//! Endpoint configurations and the production variants in them.

use serde::{Deserialize, Serialize};

use super::{
    EndpointConfigName, InstanceType, ModelName, NameError, UnknownInstanceType, VariantName, VariantWeight,
    WeightError,
};

/// Most production variants that a configuration may have.
pub const MAX_PRODUCTION_VARIANTS: usize = 10;
/// Most instances that a variant may start with here: the lab's account quota (a lab rule).
pub const INSTANCE_QUOTA: u32 = 100;

/// How requests are spread over the instances of one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoutingStrategy {
    /// Any instance, equally likely.
    #[default]
    Random,
    /// The instance with the fewest requests in it.
    LeastOutstandingRequests,
}

/// A production variant as a caller writes it, with the field names of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProductionVariantInput {
    /// Name, unique in the configuration.
    pub variant_name: String,
    /// The model that it serves.
    pub model_name: String,
    /// Instance type.
    pub instance_type: String,
    /// Instances to start with, at least 1.
    #[serde(default = "one")]
    pub initial_instance_count: i64,
    /// Weight to start with, at least 0.
    #[serde(default = "default_weight")]
    pub initial_variant_weight: f64,
    /// Spread over the instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_config: Option<RoutingConfigInput>,
}

/// The `RoutingConfig` member of a production variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoutingConfigInput {
    /// Spread over the instances.
    pub routing_strategy: RoutingStrategy,
}

fn one() -> i64 {
    1
}

fn default_weight() -> f64 {
    VariantWeight::DEFAULT.get()
}

/// A production variant that is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductionVariant {
    /// Name, unique in the configuration.
    pub variant_name: VariantName,
    /// The model that it serves.
    pub model_name: ModelName,
    /// Instance type.
    pub instance_type: InstanceType,
    /// Instances to start with, at least 1.
    pub initial_instance_count: u32,
    /// Weight to start with.
    pub initial_weight: VariantWeight,
    /// Spread over the instances.
    pub routing_strategy: RoutingStrategy,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A member breaks a documented constraint.
    #[error("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}")]
    Member {
        /// The value given.
        value: String,
        /// Where it stands, counted from 1 as the service does.
        path: String,
        /// The constraint in the service's words.
        constraint: String,
    },
    /// Two variants have one name.
    #[error(
        "Variant names must be unique within an endpoint configuration, but '{name}' is given {count} times"
    )]
    RepeatedVariant {
        /// The name.
        name: VariantName,
        /// How often it stands there.
        count: usize,
    },
    /// No variant would get a request.
    #[error(transparent)]
    Split(WeightError),
}

/// A configuration: one to ten production variants with names of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointConfig {
    /// Its name.
    pub name: EndpointConfigName,
    /// Its production variants, in order.
    pub production_variants: Vec<ProductionVariant>,
}

fn member(value: impl ToString, path: String, constraint: impl ToString) -> ConfigError {
    ConfigError::Member { value: value.to_string(), path, constraint: constraint.to_string() }
}

impl EndpointConfig {
    /// Checks a configuration as a caller wrote it.
    ///
    /// # Errors
    /// [`ConfigError`] for the first member that breaks a constraint: a name outside its pattern, an unknown
    /// instance type, a count below 1 or above the quota, a weight below 0 or not finite, no variant or more
    /// than [`MAX_PRODUCTION_VARIANTS`], a repeated name, weights that are all 0.
    pub fn check(name: &str, variants: &[ProductionVariantInput]) -> Result<Self, ConfigError> {
        let name = EndpointConfigName::new(name)
            .map_err(|e: NameError| member(name, "endpointConfigName".into(), e))?;
        if variants.is_empty() || variants.len() > MAX_PRODUCTION_VARIANTS {
            let bound = if variants.is_empty() {
                "greater than or equal to 1".to_owned()
            } else {
                format!("less than or equal to {MAX_PRODUCTION_VARIANTS}")
            };
            return Err(member(
                format!("[{} variants]", variants.len()),
                "productionVariants".into(),
                format!("Member must have length {bound}"),
            ));
        }
        let checked: Vec<ProductionVariant> = variants
            .iter()
            .enumerate()
            .map(|(i, v)| ProductionVariant::check(i + 1, v))
            .collect::<Result<_, _>>()?;
        for v in &checked {
            let count = checked.iter().filter(|w| w.variant_name == v.variant_name).count();
            if count > 1 {
                return Err(ConfigError::RepeatedVariant { name: v.variant_name.clone(), count });
            }
        }
        if checked.iter().all(|v| v.initial_weight == VariantWeight::ZERO) {
            return Err(ConfigError::Split(WeightError::AllZero { variants: checked.len() }));
        }
        Ok(Self { name, production_variants: checked })
    }

    /// The variant of that name.
    pub fn variant(&self, name: &VariantName) -> Option<&ProductionVariant> {
        self.production_variants.iter().find(|v| v.variant_name == *name)
    }
}

impl ProductionVariant {
    fn check(place: usize, v: &ProductionVariantInput) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("productionVariants.{place}.member.{field}");
        let variant_name =
            VariantName::new(&v.variant_name).map_err(|e| member(&v.variant_name, at("variantName"), e))?;
        let model_name =
            ModelName::new(&v.model_name).map_err(|e| member(&v.model_name, at("modelName"), e))?;
        let instance_type = v
            .instance_type
            .parse()
            .map_err(|e: UnknownInstanceType| member(&v.instance_type, at("instanceType"), e))?;
        let count = v.initial_instance_count;
        let initial_instance_count = match u32::try_from(count) {
            Ok(n) if (1..=INSTANCE_QUOTA).contains(&n) => n,
            Ok(n) if n > INSTANCE_QUOTA => {
                let most = format!(
                    "Member must have value less than or equal to {INSTANCE_QUOTA} (the lab's quota)"
                );
                return Err(member(count, at("initialInstanceCount"), most));
            }
            _ => {
                let least = "Member must have value greater than or equal to 1";
                return Err(member(count, at("initialInstanceCount"), least));
            }
        };
        let initial_weight = VariantWeight::new(v.initial_variant_weight).map_err(|e| {
            let least = "Member must have value greater than or equal to 0";
            member(v.initial_variant_weight, at("initialVariantWeight"), format!("{least}: {e}"))
        })?;
        let routing_strategy = v.routing_config.as_ref().map(|r| r.routing_strategy).unwrap_or_default();
        Ok(Self {
            variant_name,
            model_name,
            instance_type,
            initial_instance_count,
            initial_weight,
            routing_strategy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, weight: f64) -> ProductionVariantInput {
        ProductionVariantInput {
            variant_name: name.into(),
            model_name: "model-a".into(),
            instance_type: "ml.m5.large".into(),
            initial_instance_count: 1,
            initial_variant_weight: weight,
            routing_config: None,
        }
    }

    fn refusal(variants: &[ProductionVariantInput]) -> String {
        EndpointConfig::check("config", variants).unwrap_err().to_string()
    }

    #[test]
    fn one_to_ten_variants() {
        let many: Vec<_> = (0..11).map(|i| variant(&format!("v{i}"), 1.0)).collect();
        assert!(EndpointConfig::check("config", &many[..10]).is_ok());
        let said = refusal(&many);
        assert!(said.contains("11") && said.contains("10"), "{said}");
        assert!(refusal(&[]).contains("greater than or equal to 1"));
    }

    #[test]
    fn bad_members_are_named_with_their_place() {
        let said = refusal(&[variant("ok", 1.0), variant("not_ok", 1.0)]);
        assert!(said.contains("'not_ok' at 'productionVariants.2.member.variantName'"), "{said}");
        for bad in [-1.0, f64::NAN] {
            let said = refusal(&[variant("a", bad)]);
            assert!(
                said.contains(&format!("'{bad}'")) && said.contains("greater than or equal to 0"),
                "{said}"
            );
        }
        let mut v = variant("a", 1.0);
        v.initial_instance_count = 0;
        assert!(refusal(&[v.clone()]).contains("'0' at 'productionVariants.1.member.initialInstanceCount'"));
        v.initial_instance_count = 1;
        v.instance_type = "ml.x9.huge".into();
        assert!(refusal(&[v]).contains("'ml.x9.huge' at 'productionVariants.1.member.instanceType'"));
    }

    #[test]
    fn names_are_unique_and_some_weight_is_above_zero() {
        assert!(refusal(&[variant("a", 1.0), variant("a", 1.0)]).contains("'a' is given 2 times"));
        assert!(refusal(&[variant("a", 0.0), variant("b", 0.0)]).contains("weights of all 2 variants are 0"));
        assert!(EndpointConfig::check("config", &[variant("a", 0.0), variant("b", 1.0)]).is_ok());
    }
}

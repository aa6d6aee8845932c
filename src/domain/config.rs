//! Endpoint configurations and the production variants in them.

use serde::{Deserialize, Serialize};

use super::{
    DataCaptureConfig, EndpointConfigName, InstanceType, ModelName, NameError, UnknownInstanceType,
    VariantName, VariantWeight, WeightError,
};

/// Most production variants that a configuration may have.
pub const MAX_PRODUCTION_VARIANTS: usize = 10;
/// Most shadow variants that a configuration may have, and most production variants beside one.
pub const MAX_SHADOW_VARIANTS: usize = 1;
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
    /// A shadow variant stands among the production variants, too.
    #[error(
        "Variant '{name}' is listed in both ProductionVariants and ShadowProductionVariants. A variant either serves or shadows: remove it from one of the two lists"
    )]
    ShadowNamedTwice {
        /// The name.
        name: VariantName,
    },
    /// No variant would get a request.
    #[error(transparent)]
    Split(WeightError),
}

/// How many shadow variants a configuration may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShadowRule {
    /// As on SageMaker: one shadow variant, beside one production variant.
    #[default]
    SageMaker,
    /// Up to ten of each: the lab's own, to see what several shadows would show.
    BeyondSageMaker,
}

/// A configuration: one to ten production variants with names of their own, and perhaps a shadow of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointConfig {
    /// Its name.
    pub name: EndpointConfigName,
    /// Its production variants, in order.
    pub production_variants: Vec<ProductionVariant>,
    /// Variants that get copies of the requests and whose answers no caller sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow_production_variants: Vec<ProductionVariant>,
    /// Which requests and replies are kept; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_capture: Option<DataCaptureConfig>,
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
    /// than [`MAX_PRODUCTION_VARIANTS`], a repeated name, production weights that are all 0, or more shadow variants
    /// than `rule` allows.
    pub fn check(
        name: &str,
        variants: &[ProductionVariantInput],
        shadows: &[ProductionVariantInput],
        rule: ShadowRule,
    ) -> Result<Self, ConfigError> {
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
        check_shadow_count(variants.len(), shadows.len(), rule)?;
        let checked = |list: &'static str, variants: &[ProductionVariantInput]| {
            let one = |(i, v)| ProductionVariant::check(list, i + 1, v);
            variants.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()
        };
        let production_variants = checked("productionVariants", variants)?;
        let shadow_production_variants = checked("shadowProductionVariants", shadows)?;
        let all = || production_variants.iter().chain(&shadow_production_variants);
        for v in &production_variants {
            if shadow_production_variants.iter().any(|s| s.variant_name == v.variant_name) {
                return Err(ConfigError::ShadowNamedTwice { name: v.variant_name.clone() });
            }
        }
        for v in all() {
            let count = all().filter(|w| w.variant_name == v.variant_name).count();
            if count > 1 {
                return Err(ConfigError::RepeatedVariant { name: v.variant_name.clone(), count });
            }
        }
        if production_variants.iter().all(|v| v.initial_weight == VariantWeight::ZERO) {
            return Err(ConfigError::Split(WeightError::AllZero { variants: production_variants.len() }));
        }
        Ok(Self { name, production_variants, shadow_production_variants, data_capture: None })
    }

    /// The same, with requests and replies kept.
    ///
    /// # Errors
    /// As [`DataCaptureConfig::check`].
    pub fn with_capture(self, capture: Option<DataCaptureConfig>) -> Result<Self, ConfigError> {
        if let Some(capture) = &capture {
            capture.check()?;
        }
        Ok(Self { data_capture: capture, ..self })
    }

    /// The production or shadow variant of that name.
    pub fn variant(&self, name: &VariantName) -> Option<&ProductionVariant> {
        self.variants().find(|v| v.variant_name == *name)
    }

    /// Production variants, then shadow variants.
    pub fn variants(&self) -> impl Iterator<Item = &ProductionVariant> {
        self.production_variants.iter().chain(&self.shadow_production_variants)
    }
}

fn check_shadow_count(production: usize, shadows: usize, rule: ShadowRule) -> Result<(), ConfigError> {
    let too_many = |path: &str, count: usize, limit: usize, why: &str| {
        let constraint = format!("Member must have length less than or equal to {limit}{why}");
        Err(member(format!("[{count} variants]"), path.into(), constraint))
    };
    match rule {
        ShadowRule::BeyondSageMaker if shadows > MAX_PRODUCTION_VARIANTS => {
            too_many("shadowProductionVariants", shadows, MAX_PRODUCTION_VARIANTS, "")
        }
        ShadowRule::SageMaker if shadows > MAX_SHADOW_VARIANTS => {
            too_many("shadowProductionVariants", shadows, MAX_SHADOW_VARIANTS, "")
        }
        ShadowRule::SageMaker if shadows > 0 && production > MAX_SHADOW_VARIANTS => {
            let why = " when there is a shadow variant";
            too_many("productionVariants", production, MAX_SHADOW_VARIANTS, why)
        }
        _ => Ok(()),
    }
}

impl ProductionVariant {
    fn check(list: &str, place: usize, v: &ProductionVariantInput) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("{list}.{place}.member.{field}");
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
        EndpointConfig::check("config", variants, &[], ShadowRule::SageMaker).unwrap_err().to_string()
    }

    fn accepts(variants: &[ProductionVariantInput]) -> bool {
        EndpointConfig::check("config", variants, &[], ShadowRule::SageMaker).is_ok()
    }

    #[test]
    fn one_shadow_beside_one_production_variant() {
        let check = |production: &[&str], shadows: &[&str], rule| {
            let of = |names: &[&str]| names.iter().map(|n| variant(n, 1.0)).collect::<Vec<_>>();
            EndpointConfig::check("config", &of(production), &of(shadows), rule).map_err(|e| e.to_string())
        };
        let (sagemaker, beyond) = (ShadowRule::SageMaker, ShadowRule::BeyondSageMaker);
        let config = check(&["a"], &["b"], sagemaker).unwrap();
        assert_eq!(config.variants().count(), 2);
        for (production, shadows, named) in [
            (&["a"][..], &["b", "c"][..], "shadowProductionVariants"),
            (&["a", "b"], &["c"], "productionVariants"),
        ] {
            let said = check(production, shadows, sagemaker).unwrap_err();
            assert!(
                said.contains(&format!("'[2 variants]' at '{named}'")) && said.contains("equal to 1"),
                "{said}"
            );
            assert!(check(production, shadows, beyond).is_ok());
        }
        let said = check(&["a"], &["a"], sagemaker).unwrap_err();
        assert!(said.contains("'a' is listed in both"), "{said}");
        let mut bad = variant("s", 1.0);
        bad.instance_type = "ml.x9.huge".into();
        let said = EndpointConfig::check("config", &[variant("a", 1.0)], &[bad], sagemaker).unwrap_err();
        assert!(said.to_string().contains("'shadowProductionVariants.1.member.instanceType'"), "{said}");
    }

    #[test]
    fn one_to_ten_variants() {
        let many: Vec<_> = (0..11).map(|i| variant(&format!("v{i}"), 1.0)).collect();
        assert!(accepts(&many[..10]));
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
        assert!(accepts(&[variant("a", 0.0), variant("b", 1.0)]));
    }
}

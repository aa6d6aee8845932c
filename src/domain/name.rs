//! Names as SageMaker takes them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most characters that a name may have.
pub const NAME_LIMIT: usize = 63;
/// Most characters that the name of an inference experiment may have.
pub const EXPERIMENT_NAME_LIMIT: usize = 120;

/// Why a text is no name. It prints the way the service words the constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Longer than it may be.
    #[error("Member must have length less than or equal to {limit}")]
    TooLong {
        /// Characters that it may have.
        limit: usize,
        /// Characters that it has.
        length: usize,
    },
    /// Empty, or with a character or hyphen where none may stand.
    #[error("Member must satisfy regular expression pattern: {pattern}")]
    Pattern {
        /// The documented pattern.
        pattern: &'static str,
    },
}

/// Letters and digits, with hyphens inside: what both documented patterns accept.
fn check(text: &str, limit: usize, pattern: &'static str) -> Result<(), NameError> {
    let length = text.chars().count();
    if length > limit {
        return Err(NameError::TooLong { limit, length });
    }
    let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if inner && ends(bytes.first()) && ends(bytes.last()) {
        Ok(())
    } else {
        Err(NameError::Pattern { pattern })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $limit:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The documented pattern.
            pub const PATTERN: &'static str = $pattern;

            /// Takes `text` when it is a name.
            ///
            /// # Errors
            /// [`NameError`]: too many characters, or outside [`Self::PATTERN`].
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text, $limit, Self::PATTERN)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a model.
    ModelName,
    NAME_LIMIT,
    "^[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?"
);
name!(
    /// Name of an endpoint configuration.
    EndpointConfigName,
    NAME_LIMIT,
    "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
);
name!(
    /// Name of an endpoint. Two names that differ only in case cannot both exist.
    EndpointName,
    NAME_LIMIT,
    "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
);
name!(
    /// Name of a variant, unique in its endpoint configuration.
    VariantName,
    NAME_LIMIT,
    "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
);
name!(
    /// Name of an inference experiment.
    InferenceExperimentName,
    EXPERIMENT_NAME_LIMIT,
    "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_pattern_takes() {
        for good in ["A", "VariantA", "a-b", "a--b", "9-z", &"x".repeat(63)] {
            assert!(VariantName::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for bad in ["", "-a", "a-", "a_b", "a b", "é", "a.b"] {
            assert!(matches!(VariantName::new(bad), Err(NameError::Pattern { .. })), "{bad}");
        }
        let long = VariantName::new("x".repeat(64)).unwrap_err();
        assert_eq!(long.to_string(), "Member must have length less than or equal to 63");
        assert!(InferenceExperimentName::new("x".repeat(120)).is_ok());
        assert!(InferenceExperimentName::new("x".repeat(121)).is_err());
    }
}

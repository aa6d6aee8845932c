//! Where one is: the part of the address behind `#`, so that the page runs from any path of any host.

use crate::lab::LabId;

/// A place in the workshop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The choice of labs.
    Home,
    /// A lab, at one of its steps.
    Lab {
        /// The lab.
        lab: LabId,
        /// The step that is open; none leaves the choice to the page.
        step: Option<String>,
    },
}

impl Route {
    /// The place that a hash names, e.g. `#/canary/weights`; the choice of labs for anything unknown.
    pub fn of_hash(hash: &str) -> Self {
        let mut parts = hash.trim_start_matches('#').trim_start_matches('/').split('/');
        match parts.next().and_then(LabId::from_slug) {
            Some(lab) => {
                let step = parts.next().filter(|s| !s.is_empty()).map(str::to_owned);
                Self::Lab { lab, step }
            }
            None => Self::Home,
        }
    }

    /// The beginning of a lab.
    pub const fn lab(lab: LabId) -> Self {
        Self::Lab { lab, step: None }
    }

    /// One step of a lab.
    pub fn step(lab: LabId, step: &str) -> Self {
        Self::Lab { lab, step: Some(step.to_owned()) }
    }

    /// The hash that names this place.
    pub fn hash(&self) -> String {
        match self {
            Self::Home => "#/".to_owned(),
            Self::Lab { lab, step: None } => format!("#/{}", lab.slug()),
            Self::Lab { lab, step: Some(step) } => format!("#/{}/{step}", lab.slug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_read_back() {
        for route in [Route::Home, Route::lab(LabId::Canary), Route::step(LabId::AbTesting, "models")] {
            assert_eq!(Route::of_hash(&route.hash()), route);
        }
        for unknown in ["", "#", "#/nowhere", "#/home/step"] {
            assert_eq!(Route::of_hash(unknown), Route::Home);
        }
        assert_eq!(Route::of_hash("#/sandbox/"), Route::lab(LabId::Sandbox));
    }
}

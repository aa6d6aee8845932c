//! Light or dark.

use leptos::{prelude::*, web_sys::window};

const KEY: &str = "rollout-lab/theme";

/// The colours that the learner wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Those of the system.
    #[default]
    Auto,
    /// Dark ink on paper.
    Light,
    /// Light ink on slate.
    Dark,
}

impl Theme {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Its name in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// Its name in storage and in the attribute that the style sheet reads.
    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one that was chosen last.
    pub fn load() -> Self {
        let kept = window()
            .and_then(|w| w.local_storage().ok().flatten())
            .and_then(|s| s.get_item(KEY).ok().flatten());
        Self::ALL.into_iter().find(|t| kept.as_deref() == Some(t.name())).unwrap_or_default()
    }

    /// Shows it and keeps it.
    pub fn apply(self) {
        if let Some(root) = document().document_element() {
            // Writing the attribute fails only for a name that is none.
            let _ = root.set_attribute("data-theme", self.name());
        }
        if let Some(storage) = window().and_then(|w| w.local_storage().ok().flatten()) {
            // Without storage the choice lasts as long as the page.
            let _ = storage.set_item(KEY, self.name());
        }
    }
}

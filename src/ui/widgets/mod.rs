//! Parts of the page that know nothing of endpoints: fields, tabs, code, meters.

mod code;
mod disclosure;
mod fields;
mod icon;
mod meter;
mod several;
mod stars;
mod tabs;
mod variant;

use std::sync::atomic::{AtomicUsize, Ordering};

pub use code::{CodeBlock, CopyButton};
pub use disclosure::Disclosure;
pub use fields::{Garbled, NumberField, Options, SelectField, SliderField, TextField};
pub use icon::{Glyph, Icon};
pub use meter::Meter;
pub use several::{Later, Show, Views, each};
pub use stars::{Probabilities, StarRow};
pub use tabs::Tabs;
pub use variant::{ShareBar, SharePart, VariantTag};

/// A name for an element that no other element of the page has.
pub fn unique_id(stem: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{stem}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

//! Metrics → drawing on any plotters backend, and the geometry of the picture of an endpoint.
//!
//! Nothing here knows a canvas, the browser or a style sheet: colours come in as a [`Palette`], sizes as
//! numbers. Drawing returns the [`PixelMap`] that it used, so that a hover needs no second computation.

mod area;
mod curves;
mod figure;
mod marker;
mod palette;
mod quantity;
pub mod scene;
mod ticks;
mod timeline;
mod words;

pub use area::area;
pub use curves::{Axes, Trace, draw_curves};
pub use figure::{Annotation, Figure, Line, PixelMap, nearest_start, union_of_starts, value_at};
pub use marker::Marker;
pub use palette::{Ink, Look, Palette};
pub use quantity::Quantity;
pub use ticks::{Days, clock, time_ticks, value_ticks};
pub use timeline::{Sheet, draw_timeline};
pub use words::{caution, csv, describe};

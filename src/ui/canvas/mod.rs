//! What every drawing needs of the browser: its size, the colours of the style sheet, and whether anyone looks.

mod hooks;
mod inks;
mod slowed;

use hooks::use_colour_changes;
pub use hooks::{Size, use_element_size, use_in_view, use_media};
pub use inks::{Inks, look, use_inks};
pub use slowed::use_slowed;

use leptos::web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};
use wasm_bindgen::JsCast;

/// Device px in one CSS px.
pub fn device_ratio() -> f64 {
    leptos::prelude::window().device_pixel_ratio().clamp(1.0, 4.0)
}

/// Gives a canvas as many device px as it covers and a context that counts `units` to a CSS px.
///
/// The backing store is renewed only when its size changes: that clears it and costs memory.
pub fn fit(
    canvas: &HtmlCanvasElement,
    size: Size,
    ratio: f64,
    units: f64,
) -> Option<CanvasRenderingContext2d> {
    let (width, height) = ((size.width * ratio).round() as u32, (size.height * ratio).round() as u32);
    if width == 0 || height == 0 {
        return None;
    }
    if canvas.width() != width {
        canvas.set_width(width);
    }
    if canvas.height() != height {
        canvas.set_height(height);
    }
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let scale = ratio / units;
    context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0).ok()?;
    Some(context)
}

//! Files that leave the page.

use leptos::{prelude::*, web_sys};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    plot::{Figure, Palette, Sheet, draw_timeline},
    ui::canvas::{Size, fit},
};

/// Size of a picture that leaves the page, CSS px.
const PICTURE: Size = Size { width: 960.0, height: 480.0 };
/// Its device px in a CSS px, whatever the screen has.
const PICTURE_RATIO: f64 = 2.0;

/// Hands a text to the learner as a file.
pub fn save_text(name: &str, kind: &str, text: &str) -> Result<(), JsValue> {
    save_parts(name, kind, &js_sys::Array::of1(&JsValue::from_str(text)))
}

/// Hands texts, one after another, to the learner as one file.
pub fn save_parts(name: &str, kind: &str, parts: &js_sys::Array) -> Result<(), JsValue> {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let blob = web_sys::Blob::new_with_str_sequence_and_options(parts, &options)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let saved = save(name, &address);
    web_sys::Url::revoke_object_url(&address)?;
    saved
}

/// Hands a plot to the learner as a PNG with heading and legend.
pub fn save_picture(name: &str, figure: &Figure, palette: &Palette, heading: &str) -> Result<(), JsValue> {
    let canvas: web_sys::HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    draw_on(&canvas, PICTURE, PICTURE_RATIO, figure, palette, Some(heading));
    save(name, &canvas.to_data_url_with_type("image/png")?)
}

/// Draws a plot on a canvas and tells where its times and numbers lie; none while the canvas has no size.
pub fn draw_on(
    canvas: &web_sys::HtmlCanvasElement,
    size: Size,
    ratio: f64,
    figure: &Figure,
    palette: &Palette,
    heading: Option<&str>,
) -> Option<crate::plot::PixelMap> {
    const UNITS: f64 = 8.0;
    let context = fit(canvas, size, ratio, UNITS)?;
    context.set_line_join("round");
    context.set_line_cap("butt");
    let mut backend = plotters_canvas::CanvasBackend::with_canvas_object(canvas.clone())?;
    let sheet = Sheet { width: size.width, height: size.height, units: UNITS };
    draw_timeline(&mut backend, sheet, figure, palette, heading).ok()
}

fn save(name: &str, address: &str) -> Result<(), JsValue> {
    let link: web_sys::HtmlAnchorElement = document().create_element("a")?.dyn_into()?;
    link.set_href(address);
    link.set_download(name);
    link.click();
    Ok(())
}

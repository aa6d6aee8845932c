//! The colours that a drawing uses, by role.

use super::Marker;

/// A colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Red, green and blue, sRGB.
    pub rgb: (u8, u8, u8),
    /// Opacity, 0 to 1.
    pub alpha: f64,
}

impl Ink {
    /// Opaque.
    pub const fn opaque(r: u8, g: u8, b: u8) -> Self {
        Self { rgb: (r, g, b), alpha: 1.0 }
    }

    /// The same colour, less opaque.
    pub fn faded(self, by: f64) -> Self {
        Self { alpha: self.alpha * by, ..self }
    }

    /// As a style sheet writes it, e.g. `rgba(1,2,3,0.5)`.
    pub fn css(self) -> String {
        let (r, g, b) = self.rgb;
        format!("rgba({r},{g},{b},{})", self.alpha)
    }
}

/// How one variant is told from the others: never by colour alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Colour of line and marker.
    pub ink: Ink,
    /// Outline of the marker.
    pub marker: Marker,
    /// Lengths of dash and gap in px, empty for a solid line.
    pub dash: Vec<f64>,
}

/// The colours of a drawing, by role.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// What lies behind; also the rim of markers.
    pub surface: Ink,
    /// Words that must be read.
    pub text: Ink,
    /// Tick labels.
    pub muted: Ink,
    /// Grid lines.
    pub grid: Ink,
    /// The axis at 0.
    pub axis: Ink,
    /// Changes of the endpoint.
    pub annotation: Ink,
    /// The end that has not been published yet.
    pub unpublished: Ink,
    /// Family of the font.
    pub font: String,
}

//! Counts per minute as an area, as the path of an SVG.

/// Path data of the area under `values`, one step each, `top` at the upper edge.
///
/// # Shapes and units
/// `values`: at least 0, of equal length in time, first on the left. `width`, `height`: of the drawing. A `top` that is
/// not above 0 counts as 1. The area is the sum of the values, to scale.
///
/// ```
/// use rollout_lab::plot::area;
/// assert_eq!(area(&[1.0, 2.0], 2.0, 10.0, 4.0), "M0 4V2.0H5.0V0.0H10.0V4Z");
/// ```
pub fn area(values: &[f64], top: f64, width: f64, height: f64) -> String {
    let top = if top > 0.0 { top } else { 1.0 };
    let mut path = format!("M0 {height}");
    for (i, value) in values.iter().enumerate() {
        let y = height * (1.0 - (value / top).clamp(0.0, 1.0));
        let x = width * (i + 1) as f64 / values.len() as f64;
        path.push_str(&format!("V{y:.1}H{x:.1}"));
    }
    path.push_str(&format!("V{height}Z"));
    path
}

//! Draws curves with their intervals over any x.

use plotters_backend::{
    DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

use super::{
    Look, Palette, Quantity, Sheet,
    ticks::value_ticks,
    timeline::{Pen, crisp, dashes, text_width},
};

/// Room above the plotting area, for the words of marks, px.
const TOP_PX: f64 = 18.0;
/// Room below it, px.
const BOTTOM_PX: f64 = 22.0;
/// Room right of it, px.
const RIGHT_PX: f64 = 12.0;
/// Room for a tick of y, px.
const TICK_PX: f64 = 34.0;
/// Room for a tick of x, px.
const X_TICK_PX: f64 = 72.0;
/// Share of a curve's beginning that does not widen the axis: intervals begin wider than anything worth seeing.
const BEGINNING: f64 = 0.2;
/// Curves of no more points than this have no such beginning.
const FEW: usize = 48;

/// One curve as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// How the line is told from the others.
    pub look: Look,
    /// The interval is filled; else its ends are dashed lines.
    pub filled: bool,
    /// x, y and the ends of y's interval, by x.
    pub points: Vec<[f64; 4]>,
}

impl Trace {
    fn has_interval(&self) -> bool {
        self.points.iter().any(|p| p[2] < p[3])
    }
}

/// Where numbers lie, CSS px from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axes {
    /// Left, right, upper and lower edge of the plotting area.
    pub area: [f64; 4],
    /// x at the left and at the right edge.
    pub x: [f64; 2],
    /// y at the lower and at the upper edge.
    pub y: [f64; 2],
}

impl Axes {
    /// Where an x lies.
    pub fn x_of(&self, x: f64) -> f64 {
        self.area[0] + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.area[1] - self.area[0])
    }

    /// Where a y lies; beyond the area at its edge.
    pub fn y_of(&self, y: f64) -> f64 {
        let at = self.area[3] - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.area[3] - self.area[2]);
        at.clamp(self.area[2], self.area[3])
    }

    /// The x at a place.
    pub fn x_at(&self, px: f64) -> f64 {
        let share = (px - self.area[0]) / (self.area[1] - self.area[0]).max(1.0);
        self.x[0] + share.clamp(0.0, 1.0) * (self.x[1] - self.x[0])
    }
}

/// Least and greatest of numbers; none of none.
fn span(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.filter(|v| v.is_finite()).fold(None, |span: Option<[f64; 2]>, v| {
        Some(span.map_or([v, v], |[low, high]| [low.min(v), high.max(v)]))
    })
}

/// Ticks that hold a span, their least and greatest being the ends of the axis.
fn ticks([low, high]: [f64; 2], wanted: usize) -> Vec<f64> {
    let (low, high) = if high > low { (low, high) } else { (low - 1.0, high + 1.0) };
    let step = value_ticks(high - low, wanted).get(1).copied().unwrap_or(1.0);
    let first = libm::floor(low / step + 1e-9) as i64;
    let last = libm::ceil(high / step - 1e-9) as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Draws curves, and tells where their numbers lie. `unit` stands at the uppermost number.
///
/// # Errors
/// What the backend refuses.
pub fn draw_curves<DB: DrawingBackend>(
    backend: &mut DB,
    sheet: Sheet,
    traces: &[Trace],
    marks: &[(f64, String)],
    unit: &str,
    palette: &Palette,
) -> Result<Axes, DrawingErrorKind<DB::ErrorType>> {
    let mut pen = Pen { backend, units: sheet.units, font: &palette.font };
    let Sheet { width, height, .. } = sheet;
    pen.fill(&[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)], palette.surface)?;
    let xs = traces.iter().flat_map(|t| t.points.iter().map(|p| p[0])).chain(marks.iter().map(|m| m.0));
    // A single look still has a place on an axis from 0.
    let x = span(xs).map(|[low, high]| if low < high { [low, high] } else { [low.min(0.0), high] });
    let x = x.filter(|[low, high]| low < high).unwrap_or([0.0, 1.0]);
    let settled = |t: &Trace| {
        let from = (t.points.len() as f64
            * if t.has_interval() && t.points.len() > FEW { BEGINNING } else { 0.0 })
            as usize;
        t.points[from.min(t.points.len())..].iter().flat_map(|p| [p[1], p[2], p[3]]).collect::<Vec<_>>()
    };
    let y = span(traces.iter().flat_map(settled)).unwrap_or([0.0, 1.0]);
    let bottom = (height - BOTTOM_PX).max(TOP_PX + 1.0);
    let values = ticks(y, (((bottom - TOP_PX) / TICK_PX) as usize).clamp(2, 6));
    let (low, high) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(1.0));
    let step = values.get(1).map_or(1.0, |v| v - low);
    let mut labels: Vec<String> = values.iter().map(|v| Quantity::Count.tick(*v, step)).collect();
    if let Some(top) = labels.last_mut().filter(|_| unit.len() < 4) {
        top.push_str(unit);
    }
    let left = labels.iter().map(|l| text_width(l)).fold(18.0, f64::max) + 10.0;
    let axes = Axes { area: [left, (width - RIGHT_PX).max(left + 1.0), TOP_PX, bottom], x, y: [low, high] };
    for (value, label) in values.iter().zip(&labels) {
        let at = crisp(axes.y_of(*value));
        let ink = if *value == 0.0 { palette.axis } else { palette.grid };
        pen.stroke(&[(left, at), (axes.area[1], at)], ink, 1.0)?;
        pen.write(label, (left - 8.0, at), palette.muted, HPos::Right, VPos::Center)?;
    }
    let most = (((axes.area[1] - left) / X_TICK_PX) as usize).max(2);
    let whole = ticks(x, most);
    let x_step = whole.get(1).zip(whole.first()).map_or(1.0, |(b, a)| b - a);
    for value in whole.iter().filter(|v| (x[0]..=x[1]).contains(*v)) {
        let at = crisp(axes.x_of(*value));
        pen.stroke(&[(at, bottom), (at, bottom + 4.0)], palette.axis, 1.0)?;
        let label = Quantity::Count.tick(*value, x_step);
        let half = text_width(&label) / 2.0;
        let centre = at.clamp(half + 1.0, (width - half - 1.0).max(half + 1.0));
        pen.write(&label, (centre, bottom + 7.0), palette.muted, HPos::Center, VPos::Top)?;
    }
    for (at, words) in marks {
        let place = crisp(axes.x_of(*at));
        for dash in dashes(&[(place, TOP_PX - 4.0), (place, bottom)], &[3.0, 3.0]) {
            pen.stroke(&dash, palette.annotation, 1.0)?;
        }
        let (side, h) =
            if place > f64::midpoint(left, axes.area[1]) { (-5.0, HPos::Right) } else { (5.0, HPos::Left) };
        pen.write(words, (place + side, TOP_PX - 8.0), palette.annotation, h, VPos::Center)?;
    }
    for trace in traces {
        draw_trace(&mut pen, trace, &axes, palette)?;
    }
    Ok(axes)
}

fn draw_trace<DB: DrawingBackend>(
    pen: &mut Pen<'_, DB>,
    trace: &Trace,
    axes: &Axes,
    palette: &Palette,
) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
    let path = |i: usize| trace.points.iter().map(|p| (axes.x_of(p[0]), axes.y_of(p[i]))).collect::<Vec<_>>();
    let Look { ink, dash, .. } = &trace.look;
    if trace.points.len() < 2 {
        return trace
            .points
            .iter()
            .try_for_each(|p| pen.mark(&trace.look, (axes.x_of(p[0]), axes.y_of(p[1])), palette.surface));
    }
    if trace.has_interval() {
        let (low, high) = (path(2), path(3));
        if trace.filled {
            let corners: Vec<_> = low.iter().chain(high.iter().rev()).copied().collect();
            pen.fill(&corners, ink.faded(0.18))?;
            pen.stroke(&low, *ink, 1.0)?;
            pen.stroke(&high, *ink, 1.0)?;
        } else {
            for edge in [low, high] {
                for dash in dashes(&edge, &[5.0, 4.0]) {
                    pen.stroke(&dash, *ink, 1.25)?;
                }
            }
        }
    }
    for dash in dashes(&path(1), dash) {
        pen.stroke(&dash, *ink, 1.75)?;
    }
    if let Some((x, y)) = path(1).last() {
        pen.mark(&trace.look, (*x, *y), palette.surface)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_hold_what_lies_on_both_sides_of_zero() {
        for (low, high, wanted) in [(-3.2, 7.9, 4), (-0.031, 0.004, 4), (12.0, 13.0, 3), (-80.0, -2.0, 6)] {
            let all = ticks([low, high], wanted);
            let step = all[1] - all[0];
            assert!(all.windows(2).all(|w| (w[1] - w[0] - step).abs() < 1e-9 * step), "{all:?}");
            let (first, last) = (all[0], all[all.len() - 1]);
            assert!(first <= low && low < first + step && last - step < high && high <= last, "{all:?}");
            assert!(low > 0.0 || high < 0.0 || all.iter().any(|t| t.abs() < 1e-9 * step), "{all:?}");
            // One more than wanted, and one at each end that a span between two ticks needs.
            assert!(all.len() <= wanted + 3, "{all:?}");
        }
        assert_eq!(ticks([2.0, 2.0], 2), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn places_and_numbers_are_each_others_inverse_and_stay_inside() {
        let axes = Axes { area: [40.0, 240.0, 10.0, 110.0], x: [0.0, 1_000.0], y: [-5.0, 5.0] };
        assert_eq!((axes.x_of(500.0), axes.x_at(140.0)), (140.0, 500.0));
        assert_eq!((axes.y_of(0.0), axes.y_of(-90.0), axes.y_of(90.0)), (60.0, 110.0, 10.0));
    }
}

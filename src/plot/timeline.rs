//! Draws a figure over time: grid, changes of the endpoint, one line with markers per variant.

use plotters::style::{FontDesc, FontFamily, FontStyle, ShapeStyle, TextStyle};
use plotters_backend::{
    BackendColor, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, Pos, VPos},
};

use super::{
    Figure, Ink, Line, Look, Palette, PixelMap, Quantity,
    ticks::{tick_label, time_ticks, value_ticks},
};
use crate::analysis::metrics::Datapoint;

/// Size of every word, px.
const TEXT_PX: f64 = 11.0;
/// Width of a letter relative to its size: asking a backend is slow in a browser and impossible in SVG.
const LETTER: f64 = 0.56;
/// Width of a variant's line, px.
const LINE_PX: f64 = 1.75;
/// Radius of a marker, px.
const MARKER_PX: f64 = 3.6;
/// Markers on one line keep this distance, px.
const MARKER_EVERY_PX: f64 = 30.0;
/// Room for one tick of numbers, px.
const VALUE_TICK_PX: f64 = 34.0;
/// Room for one tick of time, px.
const TIME_TICK_PX: f64 = 58.0;
/// Room above the plotting area for the words of changes, px.
const TOP_PX: f64 = 20.0;
/// Room below it for times, px.
const BOTTOM_PX: f64 = 22.0;
/// Room right of it, px.
const RIGHT_PX: f64 = 14.0;
/// Room for a heading with a legend, px.
const HEADING_PX: f64 = 46.0;

/// Where and how finely to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sheet {
    /// Width, px.
    pub width: f64,
    /// Height, px.
    pub height: f64,
    /// Units of the backend in one px. A backend takes whole numbers only; with 8 units to a px under a matching
    /// transform, lines and markers sit where they belong on any screen.
    pub units: f64,
}

/// Draws a figure, and tells where its times and numbers lie.
///
/// With a `heading`, it and a legend stand above: for a picture that leaves the page.
///
/// # Errors
/// What the backend refuses.
pub fn draw_timeline<DB: DrawingBackend>(
    backend: &mut DB,
    sheet: Sheet,
    figure: &Figure,
    palette: &Palette,
    heading: Option<&str>,
) -> Result<PixelMap, DrawingErrorKind<DB::ErrorType>> {
    let mut pen = Pen { backend, units: sheet.units, font: &palette.font };
    let Sheet { width, height, .. } = sheet;
    pen.fill(&[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)], palette.surface)?;

    let top = TOP_PX + if heading.is_some() { HEADING_PX } else { 0.0 };
    let bottom = (height - BOTTOM_PX).max(top + 1.0);
    let wanted = ((bottom - top) / VALUE_TICK_PX) as usize;
    let values = value_ticks(figure.max_shown().unwrap_or(0.0), wanted.clamp(2, 6));
    let empty = figure.is_empty();
    let step = values.get(1).copied().unwrap_or(1.0);
    let mut labels: Vec<String> = values.iter().map(|v| figure.quantity.tick(*v, step)).collect();
    if let (Some(top), Quantity::Milliseconds, false) = (labels.last_mut(), figure.quantity, empty) {
        top.push_str(" ms");
    }
    let left = labels.iter().map(|l| text_width(l)).fold(18.0, f64::max) + 10.0;
    let map = PixelMap {
        left,
        right: (width - RIGHT_PX).max(left + 1.0),
        top,
        bottom,
        start_s: figure.start_s as f64,
        end_s: figure.end_s.max(figure.start_s + 1) as f64,
        top_value: values.last().copied().unwrap_or(1.0),
    };

    if let Some(heading) = heading {
        draw_heading(&mut pen, heading, &figure.lines, palette)?;
    }
    draw_unpublished(&mut pen, figure, &map, palette)?;
    for (value, label) in values.iter().zip(&labels) {
        let y = crisp(map.y_of(*value));
        let ink = if *value == 0.0 { palette.axis } else { palette.grid };
        pen.stroke(&[(map.left, y), (map.right, y)], ink, 1.0)?;
        if empty && *value > 0.0 {
            // Numbers on an axis without data would be made up.
            continue;
        }
        pen.write(label, (map.left - 8.0, y), palette.muted, HPos::Right, VPos::Center)?;
    }
    let most = (((map.right - map.left) / TIME_TICK_PX) as usize).max(2);
    for second in time_ticks(figure.start_s, figure.end_s, most) {
        let x = crisp(map.x_of(second as f64));
        pen.stroke(&[(x, map.bottom), (x, map.bottom + 4.0)], palette.axis, 1.0)?;
        // A label at the right end would leave the drawing.
        let label = tick_label(second, figure.days);
        let half = text_width(&label) / 2.0;
        let centre = x.min(width - half - 1.0);
        pen.write(&label, (centre, map.bottom + 7.0), palette.muted, HPos::Center, VPos::Top)?;
    }
    draw_annotations(&mut pen, figure, &map, palette)?;
    for line in &figure.lines {
        draw_line(&mut pen, line, figure, &map, palette)?;
    }
    Ok(map)
}

/// The band at the right end for which nothing has been published yet.
fn draw_unpublished<DB: DrawingBackend>(
    pen: &mut Pen<'_, DB>,
    figure: &Figure,
    map: &PixelMap,
    palette: &Palette,
) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
    let from = map.x_of((figure.published_until_s as f64).max(map.start_s));
    if from < map.right - 0.5 {
        pen.fill(
            &[(from, map.top), (map.right, map.top), (map.right, map.bottom), (from, map.bottom)],
            palette.unpublished,
        )?;
    }
    Ok(())
}

fn draw_annotations<DB: DrawingBackend>(
    pen: &mut Pen<'_, DB>,
    figure: &Figure,
    map: &PixelMap,
    palette: &Palette,
) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
    let on_axis = |s: u64| (figure.start_s..=figure.end_s).contains(&s);
    let shown: Vec<_> = figure.annotations.iter().filter(|a| on_axis(a.at_s)).collect();
    let spans: Vec<(f64, f64)> =
        shown.iter().map(|a| (map.x_of(a.at_s as f64), text_width(&a.label))).collect();
    for (annotation, (place, (x, _))) in
        shown.iter().zip(place_labels(&spans, map.left, map.right).iter().zip(&spans))
    {
        let x = crisp(*x);
        for dash in dashes(&[(x, map.top - 4.0), (x, map.bottom)], &[3.0, 3.0]) {
            pen.stroke(&dash, palette.annotation, 1.0)?;
        }
        let flag = [(x - 3.5, map.top - 9.0), (x + 3.5, map.top - 9.0), (x, map.top - 3.0)];
        pen.fill(&flag, palette.annotation)?;
        if let Some(text_left) = place {
            let at = (*text_left, map.top - 6.0);
            pen.write(&annotation.label, at, palette.annotation, HPos::Left, VPos::Center)?;
        }
    }
    Ok(())
}

/// Where the words of changes begin: right of their flag if they fit before the next one, else left of it, else
/// they are left out (the flag stays). Takes place and width of each, by place.
fn place_labels(spans: &[(f64, f64)], left: f64, right: f64) -> Vec<Option<f64>> {
    let mut free_from = left;
    let mut places = Vec::with_capacity(spans.len());
    for (i, &(x, width)) in spans.iter().enumerate() {
        let next = spans.get(i + 1).map_or(right + RIGHT_PX, |s| s.0 - 6.0);
        let place = if x + 7.0 >= free_from && x + 7.0 + width <= next {
            Some(x + 7.0)
        } else if x - 7.0 - width >= free_from {
            Some(x - 7.0 - width)
        } else {
            None
        };
        free_from = place.map_or(x, |p| (p + width).max(x)) + 6.0;
        places.push(place);
    }
    places
}

fn draw_line<DB: DrawingBackend>(
    pen: &mut Pen<'_, DB>,
    line: &Line,
    figure: &Figure,
    map: &PixelMap,
    palette: &Palette,
) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
    for run in runs(&line.datapoints, figure) {
        let places: Vec<(f64, f64)> = run
            .iter()
            .map(|p| (map.x_of(p.start_s as f64), map.y_of(figure.quantity.shown(p.value))))
            .collect();
        if places.len() > 1 {
            for dash in dashes(&places, &line.look.dash) {
                pen.stroke(&dash, line.look.ink, LINE_PX)?;
            }
        }
        let mut last = f64::NEG_INFINITY;
        for (i, place) in places.iter().enumerate() {
            if place.0 - last >= MARKER_EVERY_PX || i + 1 == places.len() {
                pen.mark(&line.look, *place, palette.surface)?;
                last = place.0;
            }
        }
    }
    Ok(())
}

/// The datapoints on the axis, cut where a period has none: no samples is not a value between its neighbours.
fn runs<'a>(datapoints: &'a [Datapoint], figure: &Figure) -> impl Iterator<Item = &'a [Datapoint]> {
    let from = datapoints.partition_point(|p| p.start_s < figure.start_s);
    let to = datapoints.partition_point(|p| p.start_s <= figure.end_s);
    let on_axis = datapoints.get(from..to).unwrap_or_default();
    let period_s = figure.period_s;
    on_axis.chunk_by(move |a, b| b.start_s - a.start_s <= period_s)
}

fn draw_heading<DB: DrawingBackend>(
    pen: &mut Pen<'_, DB>,
    heading: &str,
    lines: &[Line],
    palette: &Palette,
) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
    pen.write_sized(heading, (12.0, 16.0), palette.text, HPos::Left, VPos::Center, 14.0)?;
    let mut x = 18.0;
    for line in lines {
        pen.mark(&line.look, (x, 38.0), palette.surface)?;
        pen.write(&line.name, (x + 10.0, 38.0), palette.text, HPos::Left, VPos::Center)?;
        x += 10.0 + text_width(&line.name) + 22.0;
    }
    Ok(())
}

/// About how wide a text is, px.
pub(super) fn text_width(text: &str) -> f64 {
    let letter = |c| if matches!(c, '%' | 'm' | 'M' | 'w' | 'W') { 1.6 } else { 1.0 };
    text.chars().map(letter).sum::<f64>() * TEXT_PX * LETTER
}

/// The middle of the px that holds a place: a line 1 px wide is sharp there.
pub(super) fn crisp(place: f64) -> f64 {
    libm::floor(place) + 0.5
}

/// Cuts a path into dashes. `pattern` has lengths of dash and gap in turn; without one the path stays whole.
///
/// The pattern runs on around corners, so that a steep line looks as dense as a flat one.
pub(super) fn dashes(path: &[(f64, f64)], pattern: &[f64]) -> Vec<Vec<(f64, f64)>> {
    if pattern.is_empty() || pattern.iter().any(|l| *l <= 0.0) {
        return vec![path.to_vec()];
    }
    let mut done = Vec::new();
    let mut dash = path.first().map(|p| vec![*p]).unwrap_or_default();
    let (mut index, mut left) = (0, pattern[0]);
    for pair in path.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut walked = 0.0;
        while length - walked > left {
            walked += left;
            let share = walked / length;
            let place = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            if index % 2 == 0 {
                dash.push(place);
                done.push(std::mem::take(&mut dash));
            } else {
                dash = vec![place];
            }
            index = (index + 1) % pattern.len();
            left = pattern[index];
        }
        left -= length - walked;
        if index % 2 == 0 {
            dash.push(to);
        }
    }
    if dash.len() > 1 {
        done.push(dash);
    }
    done
}

/// Draws in px on a backend that counts in units.
pub(super) struct Pen<'a, DB: DrawingBackend> {
    pub(super) backend: &'a mut DB,
    pub(super) units: f64,
    pub(super) font: &'a str,
}

impl<DB: DrawingBackend> Pen<'_, DB> {
    fn place(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.units).round() as i32, (y * self.units).round() as i32)
    }

    pub(super) fn stroke(
        &mut self,
        path: &[(f64, f64)],
        ink: Ink,
        width: f64,
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let style = ShapeStyle {
            color: plotters::style::RGBAColor(ink.rgb.0, ink.rgb.1, ink.rgb.2, ink.alpha),
            filled: false,
            stroke_width: (width * self.units).round().max(1.0) as u32,
        };
        let path: Vec<_> = path.iter().map(|p| self.place(*p)).collect();
        self.backend.draw_path(path, &style)
    }

    pub(super) fn fill(
        &mut self,
        corners: &[(f64, f64)],
        ink: Ink,
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let corners: Vec<_> = corners.iter().map(|p| self.place(*p)).collect();
        self.backend.fill_polygon(corners, &colour(ink))
    }

    /// A marker with a rim in the colour of the surface, so that it stands out from lines beneath.
    pub(super) fn mark(
        &mut self,
        look: &Look,
        (x, y): (f64, f64),
        rim: Ink,
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let outline = look.marker.outline();
        for (radius, ink) in [(MARKER_PX + 1.2, rim), (MARKER_PX, look.ink)] {
            let corners: Vec<_> = outline.iter().map(|(dx, dy)| (x + dx * radius, y + dy * radius)).collect();
            self.fill(&corners, ink)?;
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        text: &str,
        at: (f64, f64),
        ink: Ink,
        h: HPos,
        v: VPos,
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        self.write_sized(text, at, ink, h, v, TEXT_PX)
    }

    fn write_sized(
        &mut self,
        text: &str,
        at: (f64, f64),
        ink: Ink,
        h: HPos,
        v: VPos,
        size: f64,
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let font = FontDesc::new(FontFamily::Name(self.font), size * self.units, FontStyle::Normal);
        let style = TextStyle { font, color: colour(ink), pos: Pos::new(h, v) };
        let at = self.place(at);
        self.backend.draw_text(text, &style, at)
    }
}

fn colour(ink: Ink) -> BackendColor {
    BackendColor { alpha: ink.alpha, rgb: ink.rgb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_pattern_stays_whole() {
        let path = [(0.0, 0.0), (3.0, 4.0)];
        assert_eq!(dashes(&path, &[]), [path.to_vec()]);
    }

    #[test]
    fn dashes_run_on_around_corners_and_keep_their_length() {
        let path = [(0.0, 0.0), (5.0, 0.0), (5.0, 20.0)];
        let cut = dashes(&path, &[8.0, 2.0]);
        let length =
            |d: &Vec<(f64, f64)>| d.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum::<f64>();
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[0], [(0.0, 0.0), (5.0, 0.0), (5.0, 3.0)]);
        assert!((length(&cut[0]) - 8.0).abs() < 1e-9 && (length(&cut[1]) - 8.0).abs() < 1e-9);
        assert_eq!(cut[1][0], (5.0, 5.0));
    }

    #[test]
    fn words_of_changes_never_cover_each_other() {
        let spans = [(100.0, 50.0), (120.0, 50.0), (300.0, 80.0), (330.0, 40.0)];
        let places = place_labels(&spans, 40.0, 340.0);
        assert_eq!(places, [Some(43.0), Some(127.0), Some(213.0), None]);
        let shown: Vec<_> = places.iter().zip(&spans).filter_map(|(p, s)| p.map(|p| (p, p + s.1))).collect();
        assert!(shown.windows(2).all(|w| w[0].1 <= w[1].0));
    }

    #[test]
    fn a_line_is_cut_where_a_period_has_no_samples() {
        let points: Vec<Datapoint> =
            [0, 60, 240, 300, 900].map(|start_s| Datapoint { start_s, value: 1.0 }).to_vec();
        let figure = Figure {
            quantity: super::super::Quantity::Count,
            start_s: 0,
            end_s: 600,
            period_s: 60,
            published_until_s: 600,
            lines: vec![],
            annotations: vec![],
            days: super::super::Days::Counted,
        };
        let lengths: Vec<usize> = runs(&points, &figure).map(<[_]>::len).collect();
        assert_eq!(lengths, [2, 2]);
    }
}

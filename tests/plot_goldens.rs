//! The drawing of metrics over time, as SVG. The golden was drawn by this code and looked at; it guards against
//! what changes unasked. `UPDATE_GOLDENS=1` draws it anew.
#![cfg(feature = "plot")]

use plotters::prelude::SVGBackend;
use rollout_lab::{
    analysis::metrics::Datapoint,
    plot::{Annotation, Days, Figure, Ink, Line, Look, Marker, Palette, Quantity, Sheet, draw_timeline},
};

fn series(name: &str, ink: Ink, marker: Marker, dash: &[f64], value: impl Fn(u64) -> Option<f64>) -> Line {
    let datapoints = (0..30).filter_map(|m| Some(Datapoint { start_s: m * 60, value: value(m)? }));
    Line {
        name: name.to_owned(),
        look: Look { ink, marker, dash: dash.to_vec() },
        datapoints: datapoints.collect(),
    }
}

#[test]
fn the_timeline_looks_as_it_did() {
    let figure = Figure {
        quantity: Quantity::Milliseconds,
        start_s: 0,
        end_s: 1_920,
        period_s: 60,
        published_until_s: 1_800,
        lines: vec![
            series("VariantA", Ink::opaque(0, 99, 163), Marker::Circle, &[], |m| {
                Some(2_000.0 + (m * 7 % 5) as f64 * 120.0)
            }),
            // A gap of three minutes, and a lonely datapoint in the middle of the next one.
            series("VariantB", Ink::opaque(176, 68, 0), Marker::Square, &[6.0, 3.0], |m| {
                (!matches!(m, 12..=14 | 16..=18)).then(|| 3_400.0 + (m * 3 % 7) as f64 * 150.0)
            }),
        ],
        annotations: vec![
            Annotation { at_s: 630, label: "weights 25 : 75".to_owned() },
            Annotation { at_s: 1_500, label: "update".to_owned() },
        ],
        days: Days::Counted,
    };
    let grey = |v| Ink::opaque(v, v, v);
    let palette = Palette {
        surface: grey(255),
        text: grey(20),
        muted: grey(100),
        grid: grey(225),
        axis: grey(130),
        annotation: grey(80),
        unpublished: Ink { rgb: (0, 0, 0), alpha: 0.06 },
        font: "sans-serif".to_owned(),
    };
    let mut drawn = String::new();
    let map = {
        let mut backend = SVGBackend::with_string(&mut drawn, (560, 280));
        let sheet = Sheet { width: 560.0, height: 280.0, units: 1.0 };
        draw_timeline(&mut backend, sheet, &figure, &palette, Some("ModelLatency Average (ms)")).unwrap()
    };
    assert!((map.second_at(map.x_of(630.0)) - 630.0).abs() < 1e-6);

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/timeline.svg");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &drawn).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(drawn == golden, "the drawing changed; if that is meant, look at it and set UPDATE_GOLDENS=1");
}

//! The drawings of metrics over time and of decisions, as SVG. The goldens were drawn by this code and looked at; they
//! guard against what changes unasked. `UPDATE_GOLDENS=1` draws them anew.
#![cfg(feature = "plot")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plotters::prelude::SVGBackend;
use rollout_lab::{
    analysis::metrics::Datapoint,
    domain::{Artifact, ReviewId, Stars},
    inference::{Prediction, ServiceCost},
    lab::{Chart, Curve, Exercise, Experiment, LabAction, LabId, Role, TrafficSettings},
    plot::{
        Annotation, Days, Figure, Ink, Line, Look, Marker, Palette, Quantity, Sheet, Trace, draw_curves,
        draw_timeline,
    },
};

fn palette() -> Palette {
    let grey = |v| Ink::opaque(v, v, v);
    Palette {
        surface: grey(255),
        text: grey(20),
        muted: grey(100),
        grid: grey(225),
        axis: grey(130),
        annotation: grey(80),
        unpublished: Ink { rgb: (0, 0, 0), alpha: 0.06 },
        font: "sans-serif".to_owned(),
    }
}

fn matches_golden(name: &str, drawn: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, drawn).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(drawn == golden, "{name} changed; if that is meant, look at it and set UPDATE_GOLDENS=1");
}

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
    let mut drawn = String::new();
    let map = {
        let mut backend = SVGBackend::with_string(&mut drawn, (560, 280));
        let sheet = Sheet { width: 560.0, height: 280.0, units: 1.0 };
        draw_timeline(&mut backend, sheet, &figure, &palette(), Some("ModelLatency Average (ms)")).unwrap()
    };
    assert!((map.second_at(map.x_of(630.0)) - 630.0).abs() < 1e-6);

    matches_golden("timeline.svg", &drawn);
}

const SECOND_NS: u64 = 1_000_000_000;

/// A lab whose models are right on a fixed part of the reviews: A on 60 in 100, B on 66.
fn opened(seed: u64) -> Experiment {
    let mut e = Experiment::new(LabId::PlanATest, seed);
    let reviews: Vec<Option<Stars>> = e.corpus().reviews().iter().map(|r| r.stars).collect();
    for (artifact, percent) in Artifact::ALL.into_iter().zip([60, 66, 66]) {
        for (i, stars) in reviews.iter().enumerate() {
            let mut probabilities = [0.05; 5];
            let truth = stars.map_or(0, Stars::index);
            let draw = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff;
            probabilities[if draw < percent * 65_536 / 100 { truth } else { (truth + 1) % 5 }] = 0.8;
            e.table_mut().answer(artifact, ReviewId(i as u32), Prediction::from_probabilities(probabilities));
        }
        e.table_mut().set_cost(artifact, ServiceCost { base_us: 50.0, per_token_us: 2.0 });
    }
    e
}

fn act(e: &mut Experiment, exercise: Exercise, change: &[(usize, f64)]) {
    let mut settings = exercise.usual();
    change.iter().for_each(|(i, value)| settings[*i] = *value);
    e.act(&LabAction::Exercise { exercise, settings }).unwrap();
}

fn wait(e: &mut Experiment, seconds: u64) {
    e.act(&LabAction::Step { duration_ns: seconds * SECOND_NS }).unwrap();
}

/// The chart as the panel hands it to the drawing, in colours of its own.
fn drawn(chart: &Chart) -> String {
    let look = |role: Role| match role {
        Role::Trusted => Look { ink: Ink::opaque(0, 99, 163), marker: Marker::Circle, dash: Vec::new() },
        Role::Contrast => {
            Look { ink: Ink::opaque(110, 110, 110), marker: Marker::Diamond, dash: vec![2.0, 3.0] }
        }
        Role::Bound => Look { ink: Ink::opaque(60, 60, 60), marker: Marker::Plus, dash: vec![6.0, 3.0] },
        Role::Peer(_) => Look { ink: Ink::opaque(176, 68, 0), marker: Marker::Square, dash: vec![6.0, 3.0] },
    };
    let trace =
        |c: &Curve| Trace { look: look(c.role), filled: c.role == Role::Trusted, points: c.points.clone() };
    let traces: Vec<Trace> = chart.curves.iter().map(trace).collect();
    let mut drawn = String::new();
    let axes = {
        let mut backend = SVGBackend::with_string(&mut drawn, (560, 280));
        let sheet = Sheet { width: 560.0, height: 280.0, units: 1.0 };
        draw_curves(&mut backend, sheet, &traces, &chart.marks, &chart.y, &palette()).unwrap()
    };
    // What is read by pointer lies where it is drawn.
    let last = chart.curves.last().and_then(|c| c.points.last()).unwrap();
    assert!((axes.x_at(axes.x_of(last[0])) - last[0]).abs() < 1e-6);
    drawn
}

fn curve<'a>(chart: &'a Chart, name: &str) -> &'a [[f64; 4]] {
    let found = chart.curves.iter().find(|c| c.name == name);
    &found.unwrap_or_else(|| panic!("no curve {name} in {:?}", chart.title)).points
}

#[test]
fn the_decision_looks_as_it_did() {
    let mut e = opened(21);
    act(&mut e, Exercise::StartTest, &[(1, 1.0), (2, 4_000.0)]);
    e.act(&LabAction::SetTraffic(TrafficSettings {
        on: true,
        per_second: 100.0,
        ..TrafficSettings::default()
    }))
    .unwrap();
    wait(&mut e, 45);
    let chart = e.board(Exercise::StartTest, &[]).chart.unwrap();
    // What the drawing is to show holds of its numbers: the sequence closes in and never widens, the fixed interval is
    // narrower throughout, and both hold the difference, of which none is a line at 0.
    let (sequence, fixed) = (curve(&chart, "confidence sequence"), curve(&chart, "fixed test"));
    let width = |p: &[f64; 4]| p[3] - p[2];
    assert_eq!((sequence.len(), fixed.len()), (100, 100));
    assert!(sequence.windows(2).all(|w| w[0][2] <= w[1][2] && w[1][3] <= w[0][3]), "it only closes in");
    assert!(width(&sequence[99]) < 0.25 * width(&sequence[0]));
    assert!(sequence.iter().zip(fixed).all(|(s, f)| s[0] == f[0] && width(s) > width(f)));
    assert!(fixed.iter().all(|f| f[2] <= f[1] && f[1] <= f[3]));
    assert!(curve(&chart, "no difference").iter().all(|p| p[1..] == [0.0; 3]));
    assert_eq!(chart.marks, [(4_000.0, "planned end".to_owned())]);
    matches_golden("decision.svg", &drawn(&chart));
}

#[test]
fn the_purse_looks_as_it_did() {
    let mut e = opened(21);
    act(&mut e, Exercise::StartTest, &[(1, 2.0), (2, 4_000.0)]);
    e.act(&LabAction::SetTraffic(TrafficSettings {
        on: true,
        per_second: 100.0,
        ..TrafficSettings::default()
    }))
    .unwrap();
    for _ in 0..5 {
        wait(&mut e, 9);
        act(&mut e, Exercise::Peek, &[]);
    }
    let chart = e.board(Exercise::Peek, &[]).chart.unwrap();
    let (upper, lower) = (curve(&chart, "upper bound"), curve(&chart, "lower bound"));
    assert!(upper.windows(2).all(|w| w[1][1] < w[0][1]), "the bound comes down: {upper:?}");
    assert!(upper.iter().zip(lower).all(|(u, l)| u[1] == -l[1] && u[0] == l[0]));
    matches_golden("purse.svg", &drawn(&chart));
}

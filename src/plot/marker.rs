//! Outlines of markers: the second sign beside a colour.

use std::f64::consts::{PI, TAU};

/// The outline of a variant's marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    TriangleDown,
    /// ★
    Star,
    /// ✚
    Plus,
    /// ✖
    Cross,
    /// ⬟
    Pentagon,
    /// ⬢
    Hexagon,
}

impl Marker {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::TriangleDown,
        Self::Star,
        Self::Plus,
        Self::Cross,
        Self::Pentagon,
        Self::Hexagon,
    ];

    /// It as one character.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Circle => "●",
            Self::Square => "■",
            Self::Triangle => "▲",
            Self::Diamond => "◆",
            Self::TriangleDown => "▼",
            Self::Star => "★",
            Self::Plus => "✚",
            Self::Cross => "✖",
            Self::Pentagon => "⬟",
            Self::Hexagon => "⬢",
        }
    }

    /// Its corners around (0, 0), clockwise, y downwards, at a size that looks as large as a circle of radius 1.
    pub fn outline(self) -> Vec<(f64, f64)> {
        match self {
            Self::Circle => ring(24, 1.0, 0.0),
            Self::Square => ring(4, 1.25, PI / 4.0),
            Self::Triangle => ring(3, 1.35, 0.0),
            Self::Diamond => ring(4, 1.3, 0.0),
            Self::TriangleDown => ring(3, 1.35, PI),
            Self::Star => {
                let (far, near) = (ring(5, 1.4, 0.0), ring(5, 0.6, PI / 5.0));
                far.into_iter().zip(near).flat_map(|(f, n)| [f, n]).collect()
            }
            Self::Plus => plus(1.25, 0.42, 0.0),
            Self::Cross => plus(1.35, 0.42, PI / 4.0),
            Self::Pentagon => ring(5, 1.15, 0.0),
            Self::Hexagon => ring(6, 1.12, PI / 6.0),
        }
    }
}

/// `corners` points at distance `radius`, the first at `turn` from the top.
fn ring(corners: u32, radius: f64, turn: f64) -> Vec<(f64, f64)> {
    (0..corners).map(|i| at(radius, turn + TAU * f64::from(i) / f64::from(corners))).collect()
}

fn at(radius: f64, angle: f64) -> (f64, f64) {
    (radius * sin(angle), -radius * cos(angle))
}

/// The sine of an angle within two turns, by its series: `libm`'s takes angles of any size, which is 4 kB of code.
fn sin(angle: f64) -> f64 {
    let square = angle * angle;
    let next = |term: f64, k: u32| -term * square / f64::from(2 * k * (2 * k + 1));
    let terms = (1..24).scan(angle, |term, k| {
        *term = next(*term, k);
        Some(*term)
    });
    angle + terms.sum::<f64>()
}

fn cos(angle: f64) -> f64 {
    sin(angle + PI / 2.0)
}

/// A cross with arms of length `arm` and half width `half`, turned by `turn`.
fn plus(arm: f64, half: f64, turn: f64) -> Vec<(f64, f64)> {
    let (sin, cos) = (sin(turn), cos(turn));
    let corners = [
        (half, -arm),
        (half, -half),
        (arm, -half),
        (arm, half),
        (half, half),
        (half, arm),
        (-half, arm),
        (-half, half),
        (-arm, half),
        (-arm, -half),
        (-half, -half),
        (-half, -arm),
    ];
    corners.iter().map(|(x, y)| (x * cos - y * sin, x * sin + y * cos)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_marker_is_about_as_large_as_the_circle() {
        for marker in Marker::ALL {
            let outline = marker.outline();
            let reach = outline.iter().map(|(x, y)| x.hypot(*y)).fold(0.0, f64::max);
            assert!((0.99..=1.5).contains(&reach), "{marker:?} reaches {reach}");
        }
    }

    #[test]
    fn the_series_is_the_sine() {
        for i in -100..=100 {
            let angle = f64::from(i) / 100.0 * 2.6 * PI;
            assert!((sin(angle) - angle.sin()).abs() < 1e-12, "{angle}");
        }
    }

    #[test]
    fn a_triangle_points_up() {
        let tip = Marker::Triangle.outline()[0];
        assert!(tip.0.abs() < 1e-9 && tip.1 < -1.0);
    }
}

//! The geometry of the picture of an endpoint: clients, router, a lane per variant, an instance box per instance,
//! and where a request is at any moment of its journey. Pure functions of sizes and times; nothing is drawn here.

use std::time::Duration;

/// Below this width the lanes stand under the router, px.
const NARROW_PX: f64 = 440.0;
/// Below this width a lane's words stand one below the other, px.
const TALL_PX: f64 = 430.0;
/// With more lanes than this they become lower.
const COMFORTABLE_LANES: usize = 4;
/// Distance between neighbours, px.
const GAP_PX: f64 = 12.0;
/// Space inside a lane's frame, px.
const PADDING_PX: f64 = 10.0;
/// Width of an instance box, px.
const BOX_PX: f64 = 84.0;
/// Distance between instance boxes, px.
const BOX_GAP_PX: f64 = 6.0;
/// Width of a link that carries all traffic, px.
pub const LINK_PX: f64 = 30.0;
/// Clients that are drawn; each stands for many.
pub const CLIENTS: usize = 6;

/// A place, px from the upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Rightwards.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A rectangle, px.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// Its middle.
    pub fn centre(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneSpec {
    /// Instances in it.
    pub instances: usize,
    /// Share of the traffic, 0 to 1; 0 for a fleet that is being started.
    pub share: f64,
    /// It is being started and serves later.
    pub starting: bool,
    /// It gets copies, which end in it.
    pub shadow: bool,
}

/// A cubic curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Where it begins.
    pub from: Point,
    /// Pulls the beginning.
    pub lead: Point,
    /// Pulls the end.
    pub trail: Point,
    /// Where it ends.
    pub to: Point,
}

impl Curve {
    /// The place at `t`, 0 at the beginning, 1 at the end.
    pub fn at(&self, t: f64) -> Point {
        let s = 1.0 - t;
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
        };
        Point {
            x: mix(self.from.x, self.lead.x, self.trail.x, self.to.x),
            y: mix(self.from.y, self.lead.y, self.trail.y, self.to.y),
        }
    }

    /// The place at `t`, `aside` px left of the direction of travel.
    fn beside(&self, t: f64, aside: f64) -> Point {
        let (before, after) = (self.at((t - 0.01).max(0.0)), self.at((t + 0.01).min(1.0)));
        let (dx, dy) = (after.x - before.x, after.y - before.y);
        let length = dx.hypot(dy).max(1e-9);
        let place = self.at(t);
        Point { x: place.x + dy / length * aside, y: place.y - dx / length * aside }
    }
}

/// Where a variant stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its frame.
    pub frame: Rect,
    /// Room for its words.
    pub header: Rect,
    /// Its instances; the last stands for the rest when [`Lane::hidden`] is above 0.
    pub boxes: Vec<Rect>,
    /// Instances without a box of their own.
    pub hidden: usize,
    /// From the router to it.
    pub link: Curve,
    /// How wide the link is, px.
    pub link_width: f64,
    /// It is being started and serves later.
    pub starting: bool,
    /// It gets copies, which end in it.
    pub shadow: bool,
}

impl Lane {
    /// The box that shows an instance.
    pub fn box_of(&self, instance: usize) -> Option<Rect> {
        self.boxes.get(instance).or(self.boxes.last()).copied()
    }
}

/// The whole picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width, px.
    pub width: f64,
    /// Height, px.
    pub height: f64,
    /// The lanes stand under the router.
    pub narrow: bool,
    /// Lanes are low.
    pub compact: bool,
    /// A lane's words stand one below the other.
    pub tall: bool,
    /// Where the clients stand.
    pub clients: Rect,
    /// The router.
    pub router: Rect,
    /// Above the lanes that serve, while others are being started.
    pub serving_heading: Option<Rect>,
    /// Above the lanes that are being started.
    pub starting_heading: Option<Rect>,
    /// A lane per variant: those that serve, then those that are being started.
    pub lanes: Vec<Lane>,
}

impl Scene {
    /// Lays out the lanes, those that serve before those that are being started, in a given width.
    pub fn layout(width: f64, specs: &[LaneSpec]) -> Self {
        let width = width.max(240.0);
        let narrow = width < NARROW_PX;
        let compact = specs.len() > COMFORTABLE_LANES;
        let (lane_x, lane_width, mut y) = if narrow {
            (0.0, width - 44.0, 124.0)
        } else {
            let x = (width * 0.39).clamp(176.0, 400.0);
            (x, width - x, 0.0)
        };
        let tall = lane_width < TALL_PX;
        let (header, box_height) = match (compact, tall) {
            (true, false) => (24.0, 30.0),
            (true, true) => (44.0, 30.0),
            (false, false) => (50.0, 48.0),
            (false, true) => (97.0, 48.0),
        };
        let lane_height = header + box_height + 2.0 * PADDING_PX + 6.0;

        let starting = specs.iter().any(|s| s.starting);
        let serving = specs.iter().any(|s| !s.starting);
        let heading = |y: &mut f64| {
            let rect = Rect { x: lane_x, y: *y, width: lane_width, height: 26.0 };
            *y += 26.0;
            rect
        };
        let serving_heading = (starting && serving).then(|| heading(&mut y));
        let mut starting_heading = None;
        let mut frames = Vec::with_capacity(specs.len());
        for spec in specs {
            if spec.starting && starting_heading.is_none() {
                y += if serving { 6.0 } else { 0.0 };
                starting_heading = Some(heading(&mut y));
            }
            frames.push(Rect { x: lane_x, y, width: lane_width, height: lane_height });
            y += lane_height + GAP_PX;
        }
        let height = (y - GAP_PX).max(if narrow { 200.0 } else { 190.0 });

        let (clients, router) = if narrow {
            let router = Rect { x: width - 108.0, y: 12.0, width: 92.0, height: 72.0 };
            (Rect { x: 0.0, y: 12.0, width: 96.0, height: 72.0 }, router)
        } else {
            let served = frames.iter().zip(specs).filter(|(_, s)| !s.starting || !serving).map(|(f, _)| f);
            let span = served.fold(None, |span: Option<(f64, f64)>, f| {
                Some(span.map_or((f.y, f.bottom()), |(top, low)| (top.min(f.y), low.max(f.bottom()))))
            });
            let middle = span.map_or(height / 2.0, |(top, low)| f64::midpoint(top, low));
            let half = 74.0_f64.min(height / 2.0);
            let middle = middle.clamp(half, height - half);
            let crowd = (lane_x * 0.28).clamp(52.0, 76.0);
            let router = (lane_x * 0.34).clamp(62.0, 96.0);
            let x = crowd + (lane_x - crowd - router) * 0.4;
            (
                Rect { x: 0.0, y: middle - half, width: crowd, height: 2.0 * half },
                Rect { x, y: middle - 44.0, width: router, height: 88.0 },
            )
        };

        let lanes = place_lanes(specs, &frames, router, narrow, header, box_height);
        Self {
            width,
            height,
            narrow,
            compact,
            tall,
            clients,
            router,
            serving_heading,
            starting_heading,
            lanes,
        }
    }

    /// Where the `index`-th client stands.
    pub fn client(&self, index: usize) -> Point {
        let Rect { x, y, width, height } = self.clients;
        let (columns, rows) = if self.narrow { (3, CLIENTS / 3) } else { (2, CLIENTS / 2) };
        let (column, row) = (index % CLIENTS % columns, index % CLIENTS / columns);
        let (top, bottom) = if self.narrow { (12.0, 22.0) } else { (12.0, 56.0) };
        let step_x = (width - 28.0) / (columns - 1) as f64;
        let step_y = (height - top - bottom) / (rows - 1) as f64;
        // Every second column stands a little lower: a crowd, not a grid.
        let shift = if column % 2 == 1 { 8.0 } else { 0.0 };
        Point { x: x + 14.0 + step_x * column as f64, y: y + top + step_y * row as f64 + shift }
    }

    /// From the clients to the router.
    pub fn inlet(&self) -> Curve {
        let from = Point { x: self.clients.right() + 4.0, y: self.clients.centre().y };
        let to = Point { x: self.router.x, y: self.router.centre().y };
        let middle = f64::midpoint(from.x, to.x);
        Curve { from, lead: Point { x: middle, y: from.y }, trail: Point { x: middle, y: to.y }, to }
    }
}

fn place_lanes(
    specs: &[LaneSpec],
    frames: &[Rect],
    router: Rect,
    narrow: bool,
    header: f64,
    box_height: f64,
) -> Vec<Lane> {
    let widths: Vec<f64> =
        specs.iter().map(|s| if s.share > 0.0 { (s.share * LINK_PX).max(1.5) } else { 1.0 }).collect();
    // The links leave the router side by side, as wide as their share.
    let spread = widths.iter().map(|w| w + 3.0).sum::<f64>() - 3.0;
    let mut aside = -spread / 2.0;
    let mut lanes = Vec::with_capacity(specs.len());
    for ((spec, frame), link_width) in specs.iter().zip(frames).zip(widths) {
        let leave = aside + link_width / 2.0;
        aside += link_width + 3.0;
        // Into the row of instances, not across the words.
        let door = frame.y + PADDING_PX + header + 6.0 + box_height / 2.0;
        let link = if narrow {
            // Links go down the right-hand gutter; the first lane's is the innermost, so that none crosses another.
            let from = Point { x: router.centre().x + 24.0 + leave * 0.8, y: router.bottom() };
            let to = Point { x: frame.right(), y: door };
            let gutter = frame.right() + 18.0 + 20.0 * (lanes.len() + 1) as f64 / specs.len() as f64;
            let low = Point { x: gutter, y: f64::midpoint(from.y, to.y).max(from.y + 20.0) };
            Curve { from, lead: low, trail: Point { x: gutter, y: to.y }, to }
        } else {
            let from = Point { x: router.right(), y: router.centre().y + leave };
            let to = Point { x: frame.x, y: door };
            let middle = f64::midpoint(from.x, to.x);
            Curve { from, lead: Point { x: middle, y: from.y }, trail: Point { x: middle, y: to.y }, to }
        };
        let inner = frame.width - 2.0 * PADDING_PX;
        let fit = (((inner + BOX_GAP_PX) / (BOX_PX + BOX_GAP_PX)) as usize).max(1);
        let shown = spec.instances.min(fit);
        let hidden = if spec.instances > fit { spec.instances - fit + 1 } else { 0 };
        let boxes = (0..shown).map(|i| Rect {
            x: frame.x + PADDING_PX + i as f64 * (BOX_PX + BOX_GAP_PX),
            y: frame.y + PADDING_PX + header + 6.0,
            width: BOX_PX.min(inner),
            height: box_height,
        });
        lanes.push(Lane {
            frame: *frame,
            header: Rect { x: frame.x + PADDING_PX, y: frame.y + PADDING_PX, width: inner, height: header },
            boxes: boxes.collect(),
            hidden,
            link,
            link_width,
            starting: spec.starting,
            shadow: spec.shadow,
        });
    }
    lanes
}

/// A stage of a request's journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// From a client to the router: nobody has chosen yet.
    Asking,
    /// From the router to the variant.
    Routed,
    /// In the instance.
    Served,
    /// Back to the client.
    Returning,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Place.
    pub at: Point,
    /// Stage.
    pub leg: Leg,
}

/// A request's way from a client to an instance and back, at a pace that an eye can follow.
///
/// Only the time in the instance tells of the real one: ten times the model latency look
/// [`Journey::DWELL_PER_DECADE`] longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Journey {
    /// The client that asks, any number.
    pub client: usize,
    /// The variant's lane.
    pub lane: usize,
    /// The instance.
    pub instance: usize,
    /// Keeps requests on one link apart, −1 to 1.
    pub jitter: f64,
    /// Model latency.
    pub latency: Duration,
}

impl Journey {
    /// From the client to the router.
    pub const ASKING: Duration = Duration::from_millis(450);
    /// From the router into the instance, and the same way back.
    pub const ROUTED: Duration = Duration::from_millis(700);
    /// What ten times the latency adds to the time in the instance.
    pub const DWELL_PER_DECADE: Duration = Duration::from_millis(220);

    /// How long it stays in the instance.
    pub fn dwell(&self) -> Duration {
        let ms = (self.latency.as_secs_f64() * 1_000.0).max(1.0);
        Self::DWELL_PER_DECADE.mul_f64((0.6 + libm::log10(ms)).min(5.0))
    }

    /// How long all of it takes.
    pub fn length(&self) -> Duration {
        (Self::ASKING + Self::ROUTED) * 2 + self.dwell()
    }

    /// Where the request is at an age; none before its beginning, after its end and on a lane that is gone.
    pub fn at(&self, scene: &Scene, age: Duration) -> Option<Spot> {
        let lane = scene.lanes.get(self.lane)?;
        let served_from = Self::ASKING + Self::ROUTED;
        let back_from = served_from + self.dwell();
        let share = |from: Duration, length: Duration| {
            (age.saturating_sub(from).as_secs_f64() / length.as_secs_f64()).clamp(0.0, 1.0)
        };
        let spot = |at, leg| Some(Spot { at, leg });
        if lane.shadow && (age < Self::ASKING || age >= back_from) {
            // A copy is made at the router, and what becomes of it is seen by no caller.
            return None;
        }
        if age < Self::ASKING {
            spot(self.between(scene, lane, share(Duration::ZERO, Self::ASKING), 1.0), Leg::Asking)
        } else if age < served_from {
            spot(self.on_lane(lane, share(Self::ASKING, Self::ROUTED), 1.0), Leg::Routed)
        } else if age < back_from {
            spot(self.on_lane(lane, 1.0, 0.0), Leg::Served)
        } else if age < back_from + Self::ROUTED {
            spot(self.on_lane(lane, 1.0 - share(back_from, Self::ROUTED), -1.0), Leg::Returning)
        } else if age < self.length() {
            let gone = share(back_from + Self::ROUTED, Self::ASKING);
            spot(self.between(scene, lane, 1.0 - gone, -1.0), Leg::Returning)
        } else {
            None
        }
    }

    /// Between client (0) and the lane's link (1), through the router.
    fn between(&self, scene: &Scene, lane: &Lane, t: f64, side: f64) -> Point {
        const GATE: f64 = 0.35;
        const DOOR: f64 = 0.7;
        let client = scene.client(self.client);
        let inlet = scene.inlet();
        let aside = self.jitter * 2.0 - side * 4.0;
        let gate = Point { x: inlet.from.x, y: inlet.from.y + aside };
        let door = Point { x: inlet.to.x, y: inlet.to.y + aside };
        if t < GATE {
            toward(client, gate, ease(t / GATE))
        } else if t < DOOR {
            toward(gate, door, (t - GATE) / (DOOR - GATE))
        } else {
            toward(door, self.on_lane(lane, 0.0, side), (t - DOOR) / (1.0 - DOOR))
        }
    }

    /// Between router (0) and instance (1); `side` is 1 on the way there, −1 on the way back.
    fn on_lane(&self, lane: &Lane, t: f64, side: f64) -> Point {
        const DOOR: f64 = 0.75;
        // There on the left half of the link, back on the right half, seen from the router.
        let half = (lane.link_width / 2.0).max(4.0);
        let aside = side * half * (0.5 + 0.4 * self.jitter);
        if t < DOOR {
            return lane.link.beside(ease(t / DOOR), aside);
        }
        let door = lane.link.beside(1.0, aside);
        let target = lane.box_of(self.instance).map_or(lane.frame.centre(), |b| {
            let centre = b.centre();
            Point { x: centre.x + self.jitter * b.width * 0.3, y: b.y + b.height * 0.3 }
        });
        toward(door, target, (t - DOOR) / (1.0 - DOOR))
    }
}

fn toward(from: Point, to: Point, t: f64) -> Point {
    Point { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t }
}

/// Slow at both ends.
fn ease(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(shares: &[f64]) -> Vec<LaneSpec> {
        shares.iter().map(|&share| LaneSpec { instances: 2, share, starting: false, shadow: false }).collect()
    }

    fn journey() -> Journey {
        Journey { client: 3, lane: 1, instance: 1, jitter: 0.3, latency: Duration::from_millis(20) }
    }

    #[test]
    fn everything_lies_inside_at_every_width_and_number_of_lanes() {
        for width in [320.0, 358.0, 439.0, 440.0, 520.0, 900.0, 1_400.0] {
            for n in 1..=10 {
                let scene = Scene::layout(width, &specs(&vec![1.0 / n as f64; n]));
                let inside = |r: Rect| {
                    r.x >= 0.0
                        && r.y >= -1e-9
                        && r.right() <= width + 1e-9
                        && r.bottom() <= scene.height + 1e-9
                };
                assert!(inside(scene.clients) && inside(scene.router), "{width} {n}");
                for lane in &scene.lanes {
                    assert!(inside(lane.frame), "{width} {n}");
                    for b in &lane.boxes {
                        assert!(
                            b.right() <= lane.frame.right() && b.bottom() <= lane.frame.bottom(),
                            "{width} {n}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn links_are_as_wide_as_their_share_and_leave_the_router_within_it() {
        let scene = Scene::layout(1_000.0, &specs(&[0.75, 0.25, 0.0]));
        let widths: Vec<f64> = scene.lanes.iter().map(|l| l.link_width).collect();
        assert_eq!(widths, [22.5, 7.5, 1.0]);
        for lane in &scene.lanes {
            assert!(lane.link.from.y > scene.router.y && lane.link.from.y < scene.router.bottom());
        }
    }

    #[test]
    fn instances_beyond_the_room_share_the_last_box() {
        let spec = LaneSpec { instances: 40, share: 1.0, starting: false, shadow: false };
        let scene = Scene::layout(900.0, &[spec]);
        let lane = &scene.lanes[0];
        assert_eq!(lane.hidden + lane.boxes.len() - 1, 40);
        assert_eq!(lane.box_of(39), lane.boxes.last().copied());
    }

    #[test]
    fn old_and_new_fleet_stand_apart_under_headings() {
        let mut both = specs(&[0.5, 0.5]);
        both.push(LaneSpec { instances: 1, share: 0.0, starting: true, shadow: false });
        let scene = Scene::layout(900.0, &both);
        let heading = scene.starting_heading.unwrap();
        assert!(scene.serving_heading.is_some());
        assert!(scene.lanes[1].frame.bottom() < heading.y && heading.bottom() <= scene.lanes[2].frame.y);
    }

    #[test]
    fn a_journey_begins_and_ends_at_its_client() {
        for width in [360.0, 1_000.0] {
            let scene = Scene::layout(width, &specs(&[0.5, 0.5]));
            let (journey, home) = (journey(), scene.client(3));
            let first = journey.at(&scene, Duration::ZERO).unwrap();
            let last = journey.at(&scene, journey.length() - Duration::from_nanos(1)).unwrap();
            for spot in [first, last] {
                assert!((spot.at.x - home.x).hypot(spot.at.y - home.y) < 0.1, "{spot:?}");
            }
            assert_eq!((first.leg, last.leg), (Leg::Asking, Leg::Returning));
            assert_eq!(journey.at(&scene, journey.length()), None);
        }
    }

    #[test]
    fn a_copy_begins_at_the_router_and_ends_in_its_instance() {
        let mut specs = specs(&[1.0, 0.5]);
        specs[1].shadow = true;
        let scene = Scene::layout(1_000.0, &specs);
        let journey = journey();
        let legs: Vec<Leg> = (0..journey.length().as_millis() as u64 / 16)
            .filter_map(|f| journey.at(&scene, Duration::from_millis(16 * f)))
            .map(|s| s.leg)
            .collect();
        assert!(legs.contains(&Leg::Routed) && legs.contains(&Leg::Served));
        assert!(!legs.contains(&Leg::Asking) && !legs.contains(&Leg::Returning));
    }

    #[test]
    fn it_is_served_in_its_instances_box() {
        let scene = Scene::layout(1_000.0, &specs(&[0.5, 0.5]));
        let journey = journey();
        let spot = journey.at(&scene, Journey::ASKING + Journey::ROUTED + journey.dwell() / 2).unwrap();
        let b = scene.lanes[1].boxes[1];
        assert_eq!(spot.leg, Leg::Served);
        assert!(spot.at.x > b.x && spot.at.x < b.right() && spot.at.y > b.y && spot.at.y < b.bottom());
    }

    #[test]
    fn it_never_jumps() {
        for width in [360.0, 1_000.0] {
            let scene = Scene::layout(width, &specs(&[0.5, 0.5]));
            let journey = journey();
            let frames = (journey.length().as_millis() / 16) as u32;
            let spots: Vec<Spot> =
                (0..frames).filter_map(|f| journey.at(&scene, Duration::from_millis(16) * f)).collect();
            for pair in spots.windows(2) {
                let far = (pair[1].at.x - pair[0].at.x).hypot(pair[1].at.y - pair[0].at.y);
                assert!(far < 40.0, "{far} px in a frame at {width}: {pair:?}");
            }
        }
    }

    #[test]
    fn ten_times_the_latency_looks_one_decade_longer() {
        let dwell = |ms| Journey { latency: Duration::from_millis(ms), ..journey() }.dwell();
        let more = dwell(100) - dwell(10);
        assert!(more.abs_diff(Journey::DWELL_PER_DECADE) < Duration::from_micros(1));
    }

    #[test]
    fn a_lane_that_is_gone_has_no_spot() {
        let scene = Scene::layout(1_000.0, &specs(&[1.0]));
        assert_eq!(journey().at(&scene, Journey::ASKING * 2), None);
    }
}

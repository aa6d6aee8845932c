//! Looking too often: an A/A test, two hundred universes, and a purse that looks are paid from.

use crate::lab::{Block::*, Control, DecideGoal, Exercise, Goal, LabId, Lesson, Reading, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::Peeking,
    title: "Peeking",
    summary: "Test a model against itself, see how often it \u{201c}wins\u{201d} when you look too often, and pay for your looks.",
    minutes: 20,
    controls: &[],
    steps: &[
        Step {
            id: "plan-aa",
            chapter: "A against A",
            title: "Start an A/A test",
            body: &[
                Text(
                    "Both variants of `reviews` serve the *same* model. Whatever a test finds between them is a false alarm, so this is how one finds out whether a test can be trusted.",
                ),
                Do("Start a test of right answers over 6,000 requests that is read once, at the end."),
                Why(
                    "What decides, and when, is chosen before the first request: afterwards every choice is bent by what one has seen.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Started(Reading::Fixed)),
            hints: &["The settings are right as they are: right answers, once at the end, 6,000 requests."],
            controls: &[Control::Exercise(Exercise::StartTest)],
        },
        Step {
            id: "run-aa",
            chapter: "A against A",
            title: "Let it run to its end",
            body: &[
                Do("Start the traffic and let 6,000 requests be counted. Watch the two bands."),
                Expect(
                    "The confidence sequence (filled) closes in and keeps 0 inside. The fixed interval (dashed) is narrower, and may leave 0 for a while: read there, it would have lied.",
                ),
                Trap(
                    "\u{201c}It was significant on Tuesday\u{201d}: a fixed test knows one moment, its planned end.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::RanToEnd),
            hints: &["At 20 requests a second 6,000 take five virtual minutes. Raise the rate or the pace."],
            controls: &[Control::Traffic, Control::Exercise(Exercise::StartTest)],
        },
        Step {
            id: "universes-aa",
            chapter: "Other universes",
            title: "Replay the A/A test 200 times",
            body: &[
                Text(
                    "One test is one draw. Here the same test runs in 200 universes that differ by chance alone. Each dot is one of them; the same place is the same universe in all three rows.",
                ),
                Do("Replay the test with the same model in both variants."),
                Expect(
                    "Read once, about 5% find a difference that is not there. Peeked at 30 times, 28% do: stopping at the first p below 0.05 makes six times as many false alarms. The confidence sequence stays at 5% or below.",
                ),
                Why(
                    "Every dashboard that shows a live p-value invites to peek. The sequence is built to be looked at.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Replayed { same: true }),
            hints: &["200 tests of 20,000 requests are four million requests: a few seconds."],
            controls: &[Control::Exercise(Exercise::Universes)],
        },
        Step {
            id: "universes-ab",
            chapter: "Other universes",
            title: "Now with a better B",
            body: &[
                Do("Replay it with stars-b as B."),
                Expect(
                    "B is about five points better on this traffic, and at 20,000 requests all three readings see it in every universe or nearly so. Try 2,000: the sequence finds it less often. That is its price.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Replayed { same: false }),
            hints: &["Choose stars-b under Variant B."],
            controls: &[Control::Exercise(Exercise::Universes)],
        },
        Step {
            id: "deploy-b",
            chapter: "The alpha purse",
            title: "Put B behind the endpoint",
            body: &[
                Do("Move `reviews` to the configuration `a-b` and wait until it serves."),
                Expect("VariantB gets a new fleet, with model B."),
            ],
            goal: Goal::Decide(DecideGoal::Serves("a-b")),
            hints: &["Choose a-b under Another configuration, and let four minutes pass."],
            controls: &[Control::Exercise(Exercise::StartTest), Control::Update],
        },
        Step {
            id: "purse",
            chapter: "The alpha purse",
            title: "Start a test that is read from a purse",
            body: &[
                Text(
                    "There is a third way: a few looks, each paid for. The 5% are a purse. Each peek spends a part, by how much of the plan has passed, and gets a bound for z that all peeks together cross by chance in 5% of tests.",
                ),
                Do("Start a test that is read from a purse, O'Brien-Fleming or Pocock."),
                Expect("Its numbers are hidden until you pay."),
            ],
            goal: Goal::Decide(DecideGoal::Started(Reading::OBrienFleming)),
            hints: &["Choose \u{201c}from a purse\u{201d} under How it is read."],
            controls: &[Control::Exercise(Exercise::StartTest)],
        },
        Step {
            id: "peek",
            chapter: "The alpha purse",
            title: "Peek, and pay",
            body: &[
                Do("Let requests come and peek: three times, or until a peek crosses its bound."),
                Expect(
                    "O'Brien-Fleming spends next to nothing early: at five even looks the bounds are 4.88, 3.36, 2.68, 2.29 and 2.03. Pocock spends evenly: 2.44 to 2.39.",
                ),
                Why(
                    "With the purse empty there is no further look. That is what makes each one worth something.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Peeked(3)),
            hints: &["Two peeks need at least 1% of the planned requests between them."],
            controls: &[Control::Exercise(Exercise::Peek), Control::Traffic],
        },
    ],
};

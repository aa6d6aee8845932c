//! Comparisons that mislead: before with after, and a sum with a sum.

use crate::lab::{Block::*, Control, DecideGoal, Exercise, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::FalseFriends,
    title: "False friends",
    summary: "Two comparisons that everyone makes and that mislead: before with after, and the sum of one variant with that of another.",
    minutes: 15,
    controls: &[],
    steps: &[
        Step {
            id: "fooled",
            chapter: "Before and after",
            title: "Let before and after fool you",
            body: &[
                Text(
                    "By day callers write about food, at night about software, which every model finds harder. A new model is put in place at some hour, and the hours before are compared with the hours after. Here the new model is the *same* as the old one.",
                ),
                Do(
                    "Compare six hours before 14:00 with six hours after it. Try other hours until before and after differ.",
                ),
                Expect(
                    "A difference of several points with an interval far from 0, and none between old and new at the same time.",
                ),
                Why(
                    "A control at the same time sees the same callers. Before and after see other callers, and blame the model for them.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Fooled),
            hints: &["Switch where day turns into night, at 19 or 20 o'clock."],
            controls: &[Control::Exercise(Exercise::BeforeAfter)],
        },
        Step {
            id: "honest",
            chapter: "Before and after",
            title: "Compare whole days",
            body: &[
                Do("Compare 24 hours on each side."),
                Expect("Each hour stands on both sides now, and the difference is gone."),
                Trap(
                    "Whole days help against the day's cycle alone. Against the week, a holiday or a campaign only a control at the same time does.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Honest),
            hints: &["Set Hours compared to 24."],
            controls: &[Control::Exercise(Exercise::BeforeAfter)],
        },
        Step {
            id: "traffic",
            chapter: "Sum and average",
            title: "Serve 5,000 requests at 90 : 10",
            body: &[
                Text(
                    "VariantA has nine tenths of the traffic. Both run the same model, yet one of them keeps some callers waiting.",
                ),
                Do("Start the traffic and let 5,000 requests be served."),
            ],
            goal: Goal::TrafficServed(5_000),
            hints: &["Raise the rate or the pace."],
            controls: &[Control::Traffic],
        },
        Step {
            id: "statistics",
            chapter: "Sum and average",
            title: "Look at the sum and the average",
            body: &[
                Do("Look at ModelLatency as a Sum, then as an Average."),
                Expect(
                    "By the sum VariantA is several times slower: it has nine times the requests, and each adds its share.",
                ),
                Trap(
                    "A published sample plots the Sum of ModelLatency. With an unequal split it always blames the busier variant.",
                ),
            ],
            goal: Goal::SumAndAverageCompared,
            hints: &["Choose ModelLatency in a plot of the metrics, and the statistic beside it."],
            controls: &[Control::Metrics],
        },
        Step {
            id: "slower",
            chapter: "Sum and average",
            title: "Who keeps callers waiting?",
            body: &[
                Do("Say with which variant callers wait longest."),
                Expect(
                    "By the sum VariantA, by the average a little VariantB, by the median neither. The 99th percentile tells: one caller in 33 of VariantB waits 60 ms longer.",
                ),
                Why(
                    "A mean hides a cliff. Guard a high percentile, and compare variants by what does not grow with traffic.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::SlowerNamed),
            hints: &["Which row would a caller feel?"],
            controls: &[Control::Exercise(Exercise::Slower)],
        },
    ],
};

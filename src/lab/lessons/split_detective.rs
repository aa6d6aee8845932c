//! A split that is not what the weights promised, and who did it.

use crate::lab::{Block::*, Control, DecideGoal, Exercise, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::SplitDetective,
    title: "Split detective",
    summary: "The weights say 50 : 50, the log says 53 : 47. Find out which of five suspects did it before anyone reads a metric.",
    minutes: 10,
    controls: &[],
    steps: &[
        Step {
            id: "cut",
            chapter: "The mismatch",
            title: "Find where it sits",
            body: &[
                Text(
                    "Of 20,000 requests 53% of those in the log went to A, though the weights are equal. Chance does that in less than one of a million tests. Something is wrong: requests were misrouted, or B's were lost on the way to the log.",
                ),
                Do("Cut the requests by one property after the other, until one group stands out."),
                Expect(
                    "Cut by the wrong property, every group lacks the same few B. Cut by the right one, one group lacks many and the others none.",
                ),
                Why(
                    "Lost requests are not like the others: they were long, slow or of one kind. Any metric on what is left compares unlike things, so a mismatch blocks every verdict.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Cut),
            hints: &[
                "There are five properties. Look for one group whose share of B is far from 50%, beside others that are close to it.",
            ],
            controls: &[Control::Exercise(Exercise::Slice)],
        },
        Step {
            id: "accuse",
            chapter: "The culprit",
            title: "Name the culprit",
            body: &[
                Do("Say who did it."),
                Expect(
                    "Each suspect leaves another trace: by the hour, by the caller, by what a review is about, by its length, by the test before.",
                ),
                Trap(
                    "Dropping the bad group and reading the rest is no cure: nobody knows what else the fault did.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Named),
            hints: &["Which suspect can only be seen in the property by which the mismatch stood out?"],
            controls: &[Control::Exercise(Exercise::Slice), Control::Exercise(Exercise::Accuse)],
        },
    ],
};

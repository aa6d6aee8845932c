//! A test from its size to its memo.

use crate::lab::{Block::*, Control, DecideGoal, Exercise, Goal, LabId, Lesson, Reading, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::PlanATest,
    title: "Plan a test, and decide",
    summary: "Size a test before it starts, see what a canary and a shadow can show, read it at any time, and sign what you decide.",
    minutes: 25,
    controls: &[],
    steps: &[
        Step {
            id: "plan",
            chapter: "Before the start",
            title: "Size the test",
            body: &[
                Text(
                    "A test that is too short finds nothing, whatever is there. Its size follows from the rate of A, the smallest effect that you would act on, how many false alarms you bear, and how surely you want to see the effect.",
                ),
                Do("Note a plan with half the requests for B that finds five points or less with 80% power."),
                Expect(
                    "With A right in 62.7%, five points take about 2,800 requests, two and a half points four times as many: half the effect needs four times the requests.",
                ),
                Trap("\u{201c}We will run it for a week\u{201d} is no plan. A week of what, to see what?"),
            ],
            goal: Goal::Decide(DecideGoal::Planned(50.0)),
            hints: &["The settings fit as they are."],
            controls: &[Control::Exercise(Exercise::Plan)],
        },
        Step {
            id: "canary",
            chapter: "Before the start",
            title: "The same with a canary",
            body: &[
                Do("Note the same plan with a share of 5% for B."),
                Expect(
                    "About 5.3 times as many requests for the same answer. With as many as the equal split needs, the power falls from 80% to about 22%.",
                ),
                Why(
                    "A canary is there to see that nothing breaks: an error in 1% of its requests is met in 95% of canaries that serve 300. Whether B is *better* it cannot tell soon.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Planned(5.0)),
            hints: &["Set Share of B to 5."],
            controls: &[Control::Exercise(Exercise::Plan)],
        },
        Step {
            id: "paired",
            chapter: "Before the start",
            title: "Paired against unpaired",
            body: &[
                Text(
                    "A shadow answers the same requests as production. Then only those speak on which the two differ: what is hard for both makes no noise.",
                ),
                Do(
                    "Run both tests 200 times with 957 requests. A is right in 80%, B in 83%; on 4% only A is, on 7% only B.",
                ),
                Expect(
                    "Paired, about 160 of 200 find it. Unpaired, the same power takes 5,258 requests: 5.5 times as many.",
                ),
                Why(
                    "Where a shadow can be paid for and the truth is known, it decides in a fraction of the time. What users do with an answer it cannot see.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::PairedTried),
            hints: &["The settings are right as they are. Afterwards try 5,258."],
            controls: &[Control::Exercise(Exercise::Paired)],
        },
        Step {
            id: "start",
            chapter: "The test",
            title: "Start a test that you may look at",
            body: &[
                Do("Start a test of right answers that is read at any time, over 6,000 requests or more."),
                Expect(
                    "Beside the primary metric two guardrails are watched, errors and latency, and the split itself. A verdict needs all of them.",
                ),
                Why(
                    "The order of trust: the split first, then the guardrails, then the one metric chosen before the start, then the rest.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Started(Reading::AnyTime)),
            hints: &["Choose \u{201c}at any time\u{201d} under How it is read."],
            controls: &[Control::Exercise(Exercise::StartTest)],
        },
        Step {
            id: "decide",
            chapter: "The test",
            title: "Wait for a verdict",
            body: &[
                Do("Let requests come until the verdict is no longer pending."),
                Expect(
                    "The band closes in on the difference. Once it leaves 0 and no guardrail is open, the verdict is there, and it holds however often you looked.",
                ),
                Trap(
                    "Do not touch the weights meanwhile: requests before and after a change of the split do not belong to one test.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Concluded),
            hints: &["Raise the rate to 100 and the pace to 60\u{d7}."],
            controls: &[Control::Traffic, Control::Exercise(Exercise::StartTest)],
        },
        Step {
            id: "memo",
            chapter: "The decision",
            title: "Sign the memo",
            body: &[
                Text(
                    "A decision that nobody can check is an opinion. The memo states configuration, seed, method, numbers and verdict, and carries a hash of them and of all that you did.",
                ),
                Do("Sign the memo. Then keep it, as Markdown for people and as JSON for replaying."),
                Expect(
                    "Whoever opens the JSON here replays your actions and gets the same numbers, to the last bit.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Signed),
            hints: &["It can be signed once the verdict is no longer pending."],
            controls: &[Control::Exercise(Exercise::Memo)],
        },
    ],
};

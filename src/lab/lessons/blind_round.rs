//! The blind round: decide without being told.

use crate::lab::{Block::*, Control, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::BlindRound,
    title: "Blind round",
    summary: "The seed may have hidden a fault in the candidate. Read the panels, decide, and be scored against the truth.",
    minutes: 15,
    controls: &[],
    steps: &[
        Step {
            id: "deploy",
            chapter: "Expose",
            title: "Deploy both models",
            body: &[
                Text(
                    "`VariantA` is today's model, `VariantB` the candidate. Nobody tells you whether the candidate is sound: in one round out of three it is, in the others something is wrong with it, and it may begin only after a while.",
                ),
                Do(
                    "Create a configuration with `VariantA` and `VariantB`, at the weights that you think right, and an endpoint of it.",
                ),
                Expect(
                    "Two fleets. What you expose is what you risk: a small share harms few and shows little.",
                ),
            ],
            goal: Goal::CandidateDeployed,
            hints: &["The variants must have these names.", "5 : 95, 50 : 50: both have been right."],
            controls: &[Control::Configuration, Control::Deploy],
        },
        Step {
            id: "watch",
            chapter: "Expose",
            title: "Let callers come",
            body: &[
                Do("Start the traffic and let at least 5,000 requests be served."),
                Expect(
                    "Errors, latency, memory and the share of right answers, per variant. Compare with the other variant at the same time, not with a minute ago.",
                ),
                Why(
                    "A leak takes an hour to show, a spike hides from every average, and a skewed input leaves all but the answers as they were.",
                ),
                Trap(
                    "*No errors* is not *no harm*. Look at percentiles, at memory, and at what is answered.",
                ),
            ],
            goal: Goal::TrafficServed(5_000),
            hints: &[
                "Metrics worth a look: ModelLatency p99, both kinds of errors, MemoryUtilization.",
                "The column Right says how often each variant meets the true stars.",
            ],
            controls: &[Control::Traffic, Control::Weights, Control::Metrics],
        },
        Step {
            id: "decide",
            chapter: "Decide",
            title: "Give your verdict",
            body: &[
                Text(
                    "A right verdict has 100 points, less one for every 50 callers that were harmed until then and one for every 10 cents that it took.",
                ),
                Do("Promote the candidate or roll it back. There is one verdict per round."),
                Expect(
                    "The truth: what was hidden, how good each model really is, and whom it has cost what.",
                ),
                Why(
                    "Waiting costs too. Who looks for the last doubt harms more callers than who stops at the first.",
                ),
            ],
            goal: Goal::Decided,
            hints: &["In doubt, which error is dearer: a good model one day later, or a bad one for a week?"],
            controls: &[Control::Verdict],
        },
    ],
};

//! Policies that move the traffic after the outcomes, what they save, and what they cost.

use crate::lab::{Block::*, Control, DecideGoal, Exercise, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::BanditRace,
    title: "Bandit race",
    summary: "Let Thompson, UCB1 and epsilon-greedy route against a fixed split: less regret now, less certainty later.",
    minutes: 15,
    controls: &[],
    steps: &[
        Step {
            id: "race",
            chapter: "The race",
            title: "Let four policies race",
            body: &[
                Text(
                    "A fixed split sends half of all requests to the worse model until the test ends. A bandit sends more to the model that did better so far. All four get the same requests; what the better model would have got right and they did not is their *regret*.",
                ),
                Do("Start the race with 20,000 requests."),
                Expect(
                    "The fixed split's regret is a straight line. Thompson's bends: it loses least. UCB1 goes on exploring for long when the two are as close as here, epsilon-greedy for ever.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Raced { changing: false }),
            hints: &["The settings are right as they are."],
            controls: &[Control::Exercise(Exercise::Bandits)],
        },
        Step {
            id: "change",
            chapter: "The race",
            title: "Change the world in the middle",
            body: &[
                Do(
                    "Run it once more in a world that changes: from the middle on, B gets a quarter of its right answers wrong.",
                ),
                Expect(
                    "Who was sure of B goes on choosing it. All of the past says so, and hardly anything is left at A to say otherwise.",
                ),
                Why(
                    "A bandit's counts are no experiment: the better a variant looked, the more it got. A fixed test on them is biased, so the verdict refuses them and says why. Use a bandit to earn, a test to learn.",
                ),
                Trap(
                    "P(B better) is printed for all four. It is a belief, not a test: peeked at until it passes 0.95 it finds \u{201c}winners\u{201d} that are none.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::Raced { changing: true }),
            hints: &["Choose \u{201c}changes in the middle\u{201d} under The world."],
            controls: &[Control::Exercise(Exercise::Bandits)],
        },
        Step {
            id: "route",
            chapter: "On live traffic",
            title: "Let a bandit route",
            body: &[
                Text(
                    "Behind the endpoint are the same two models, with equal weights. Now a bandit moves these weights: every ten seconds it reads which answers were right and shares out the next requests.",
                ),
                Do(
                    "Let Thompson sampling route, turn the traffic on, and watch the weights until it has seen 3,000 outcomes.",
                ),
                Expect(
                    "The endpoint's shares wander, then lean towards B. The regret bends away from that of an even split. It is measured against the truth, which only a simulator knows.",
                ),
                Why(
                    "SageMaker has no such routing; it is a rule of this lab. Whoever runs a bandit there moves the weights by `UpdateEndpointWeightsAndCapacities`, a transition of its own each time, or puts a router in front that names a `TargetVariant` with each request.",
                ),
                Trap(
                    "Try to start a test beside the metrics: it is refused while the bandit routes. Stop the bandit and set weights that stay: then a test may start, with requests of its own.",
                ),
            ],
            goal: Goal::Decide(DecideGoal::RoutedByBandit(3_000)),
            hints: &["100 requests a second take half a minute of virtual time; a faster pace helps."],
            controls: &[Control::Exercise(Exercise::RouteByBandit), Control::Traffic],
        },
    ],
};

//! A canary at 5%.

use crate::lab::{Block::*, Control, Goal, LabId, Lesson, Prompt, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::Canary,
    title: "Canary at 5%",
    summary: "Send a small share of the traffic to the candidate, and find out how little a small share tells.",
    minutes: 15,
    controls: &[],
    steps: &[
        Step {
            id: "configuration",
            chapter: "Deploy",
            title: "Configure a 95 / 5 split",
            body: &[
                Text(
                    "A canary gets a small share of the traffic, so that a bad model harms few. Its fleet can be small: it only gets 5%.",
                ),
                Do("Create a configuration with model A at weight 95 and model B at weight 5."),
            ],
            goal: Goal::ConfigWithShares(&[0.95, 0.05]),
            hints: &[
                "The first variant takes model A, the second model B.",
                "19 and 1 give the same shares as 95 and 5.",
            ],
            controls: &[Control::Configuration],
        },
        Step {
            id: "deploy",
            chapter: "Deploy",
            title: "Deploy it and wait",
            body: &[
                Do("Create the endpoint and let virtual time run until it is in service."),
                Expect("Two fleets, one wide path and one narrow path."),
            ],
            goal: Goal::EndpointInService,
            hints: &["Pace 60\u{d7} makes four minutes four seconds."],
            controls: &[Control::Deploy, Control::Describe],
        },
        Step {
            id: "guess",
            chapter: "Exposure",
            title: "Guess: how often does nobody hit the canary?",
            body: &[
                Text(
                    "Somebody tests the new model with 50 requests, at a share of 5%. On average 2.5 of them reach it.",
                ),
                Do("Say in how many percent of such tests *not one* request reaches the canary."),
            ],
            goal: Goal::Guessed(Prompt::CanaryMissed),
            hints: &["Each request misses with probability 0.95. All 50 must miss."],
            controls: &[Control::Guess(Prompt::CanaryMissed)],
        },
        Step {
            id: "batch",
            chapter: "Exposure",
            title: "Send 50 requests",
            body: &[
                Do("Send 50 reviews, more than once if you like."),
                Expect(
                    "Mostly 0 to 6 of them reach B. In 7.7% of such runs (0.95 to the power of 50) none does, and a broken canary looks perfect.",
                ),
                Why(
                    "\u{201c}No errors seen\u{201d} means nothing until enough requests were there to see them. With none in n, the true rate is below 3 \u{f7} n with 95% confidence.",
                ),
            ],
            goal: Goal::BatchAnswered { rows: 50, live_variants: 2 },
            hints: &["The exposure curve shows the same for any share and any number of requests."],
            controls: &[Control::Batch, Control::Exposure],
        },
        Step {
            id: "traffic",
            chapter: "Exposure",
            title: "Give the canary enough to do",
            body: &[
                Do("Start the traffic and wait until 300 requests have reached the canary."),
                Expect(
                    "About 6,000 requests in all. Then an error that strikes 1% of them would have shown with 95% confidence.",
                ),
                Why("Time is the price of a small share: at 5% you wait 20 times as long as at 100%."),
            ],
            goal: Goal::CanaryServed { share: 0.05, requests: 300 },
            hints: &["Raise the rate or the pace."],
            controls: &[Control::Traffic, Control::Exposure],
        },
        Step {
            id: "promote",
            chapter: "Decide",
            title: "Promote the canary",
            body: &[
                Do("Nothing broke: move all traffic to model B."),
                Expect("Status Updating, then InService, without a failed request."),
                Why(
                    "A canary shows that nothing breaks. Whether B is *better* is another question, and needs many more requests: that is the A/B test.",
                ),
            ],
            goal: Goal::AllTrafficToB,
            hints: &["Weight 0 for A, any weight above 0 for B."],
            controls: &[Control::Weights],
        },
        Step {
            id: "release",
            chapter: "Decide",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, the configuration and the models."),
                Expect("The cost per hour falls to zero."),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};

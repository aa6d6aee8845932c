//! A managed shadow test, from the empty list to a promoted shadow.

use crate::lab::{Block::*, Control, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::ShadowManaged,
    title: "Shadow test, managed",
    summary: "Run a new model beside the serving one on live requests, for a week in a minute, and promote it safely.",
    minutes: 25,
    controls: &[],
    steps: &[
        Step {
            id: "list",
            chapter: "Plan",
            title: "Open the list of shadow tests",
            body: &[
                Text(
                    "A *shadow variant* gets copies of the requests that production answers. Callers see production's replies only, so a bad shadow harms nobody. SageMaker can manage such a test: it deploys the shadow, copies a share of the traffic, and tidies up at the end. The call is an *inference experiment*.",
                ),
                Do("Ask for the list of shadow tests."),
                Expect("An empty list. Later it holds scheduled, running and completed tests."),
                Why(
                    "Three things are worth a shadow test: a new model, a new container, and a new instance type. One at a time.",
                ),
            ],
            goal: Goal::TestsListed,
            hints: &["One button does it."],
            controls: &[Control::TestList],
        },
        Step {
            id: "traffic",
            chapter: "Plan",
            title: "Let the clients in",
            body: &[
                Text(
                    "Endpoint `reviews` serves model A from two instances. A shadow test needs requests to copy.",
                ),
                Do("Start the traffic at about 5 requests a second, and let at least 200 be served."),
            ],
            goal: Goal::TrafficServed(200),
            hints: &["At pace 60\u{d7} that takes a second. A low rate keeps the week quick later on."],
            controls: &[Control::Traffic],
        },
        Step {
            id: "create",
            chapter: "Plan",
            title: "Create a shadow test",
            body: &[
                Text(
                    "A test has a name, a role, an endpoint (one that serves, or a new one), a production and a shadow variant, each with instance type and count, and a traffic sampling percentage. Without a schedule it starts at once and runs for 7 days; 1 hour to 30 days are allowed.",
                ),
                Do(
                    "On endpoint `reviews`, create a test whose shadow serves another model, with half of the requests copied.",
                ),
                Expect("Creating, then Starting: the endpoint is updated to run both variants."),
                Why(
                    "Keep the shadow's instances as production's are, unless the instances are the question. Else you compare two things at once.",
                ),
                Trap(
                    "Some texts promise greater confidence by a shadow test and never compute any. Copies are not a random split: each request is its own control, which is better. The paired comparison beside the endpoint makes use of it.",
                ),
            ],
            goal: Goal::TestCreated,
            hints: &[
                "Production keeps its name and model; choose reviews-b or reviews-c for the shadow.",
                "One test at a time may run on an endpoint.",
            ],
            controls: &[Control::TestCreate],
        },
        Step {
            id: "running",
            chapter: "Watch",
            title: "Wait until it runs",
            body: &[
                Do("Let virtual time run until the test is Running."),
                Expect(
                    "A new fleet with both variants starts beside the old one, and takes over without a failed request. Only then copies flow.",
                ),
                Trap(
                    "While a test holds the endpoint, updating or deleting that endpoint is refused (a lab rule): the test will bring it back to its earlier state.",
                ),
            ],
            goal: Goal::TestRunning,
            hints: &[
                "Set the pace to 60\u{d7} at the top.",
                "Cancelled? The status reason says why. Create another test.",
            ],
            controls: &[Control::TestMonitor],
        },
        Step {
            id: "monitor",
            chapter: "Watch",
            title: "Monitor both variants",
            body: &[
                Text(
                    "The test's page overlays both variants in one graph per metric, and describes each in numbers. It can be read during the test and after it.",
                ),
                Do(
                    "Look at `ModelLatency`, `Invocation4XXErrors`, `CPUUtilization` and `DiskUtilization`, both variants in one graph each.",
                ),
                Expect(
                    "The shadow's line lies beside production's. Its errors are counted, and nobody felt them.",
                ),
                Trap(
                    "`Invocations` of the shadow are half of production's because half are copied, not because it fails. Compare averages and percentiles, not sums.",
                ),
            ],
            goal: Goal::DashboardViewed,
            hints: &["Select the metrics in the metrics region; the plots there have one line per variant."],
            controls: &[Control::TestMonitor, Control::Metrics],
        },
        Step {
            id: "sampling",
            chapter: "Watch",
            title: "Copy every request",
            body: &[
                Text(
                    "While a test runs, you may change its description, the sampling percentage and its end; nothing else.",
                ),
                Do(
                    "Dial the traffic sampling percentage up to 100, and wait until the test is Running again.",
                ),
                Expect("Updating for less than a minute: only a weight changes, no fleet is started."),
                Why("Before you promote a shadow, it must have stood the full load."),
            ],
            goal: Goal::TestSampling(100),
            hints: &["Edit the test; the percentage is a whole number from 0 to 100."],
            controls: &[Control::TestEdit, Control::TestMonitor],
        },
        Step {
            id: "week",
            chapter: "Watch",
            title: "Let seven days pass",
            body: &[
                Do("Let virtual time run until the test has ended by itself."),
                Expect(
                    "Stopping, then Completed. The endpoint is back in the state that it had before the test: same variant, same instances, no shadow. The results stay.",
                ),
                Why(
                    "A week holds every hour of the day and every day of the week. Stopping as soon as the graph looks good measures your patience.",
                ),
            ],
            goal: Goal::TestEnded,
            hints: &[
                "The pace goes up to 10,000\u{d7}: a week then takes a minute. Pause anywhere.",
                "You may bring the end forward: at least one hour after the start.",
            ],
            controls: &[Control::TestMonitor],
        },
        Step {
            id: "again",
            chapter: "Decide",
            title: "Test again, and capture",
            body: &[
                Text(
                    "To promote a shadow you mark a *running* test complete. Let us run a second one, and keep what both variants answer: with data capture, requests and replies are written to a bucket as JSON Lines; without it the shadow's replies are thrown away.",
                ),
                Do(
                    "Create a test with all requests copied and data capture on, and let it run until it is Running.",
                ),
            ],
            goal: Goal::TestSampling(100),
            hints: &["Give it a destination such as s3://rollout-lab/tests."],
            controls: &[Control::TestCreate, Control::TestMonitor],
        },
        Step {
            id: "capture",
            chapter: "Decide",
            title: "Read what the shadow answered",
            body: &[
                Do("Let 200 of the shadow's replies be captured, then download the file and open it."),
                Expect(
                    "One line per request: `endpointInput`, `endpointOutput` and `eventMetadata`. Production's line about the same request has the same `inferenceId`.",
                ),
                Why(
                    "A captured file can be sent again: drop it where your own reviews go. So may a file that a real endpoint wrote.",
                ),
            ],
            goal: Goal::ShadowCaptured(200),
            hints: &["The lab keeps the newest 64 MiB and says how many lines went."],
            controls: &[Control::Captured],
        },
        Step {
            id: "promote",
            chapter: "Decide",
            title: "Mark it complete: promote the shadow",
            body: &[
                Text(
                    "Marking a test complete asks whether to deploy the shadow or to remove it. A promoted shadow takes all requests, so choose its size for 100% of the traffic: production's settings, the shadow's, or your own.",
                ),
                Do(
                    "Mark the test complete, deploy the shadow variant, and wait until the endpoint is InService.",
                ),
                Expect(
                    "One fleet with the shadow's model, now in production. Until it is ready, the old one answers: no request is lost.",
                ),
                Trap(
                    "A shadow of one small instance that was sent 10% of the traffic has shown nothing about 100% of it. Retaining its settings then deploys a fleet that falls over.",
                ),
            ],
            goal: Goal::ShadowPromoted,
            hints: &["Type deploy to confirm.", "Only a test that is Running can be marked complete."],
            controls: &[Control::TestComplete, Control::Describe],
        },
        Step {
            id: "check",
            chapter: "Decide",
            title: "Check what serves now",
            body: &[
                Do("Send 50 reviews."),
                Expect("50 answers from the variant that was the shadow."),
                Why("A deployment is done when you have seen it answer, not when the status says so."),
            ],
            goal: Goal::BatchAnswered { rows: 50, live_variants: 1 },
            hints: &["Leave the target variant empty."],
            controls: &[Control::Batch],
        },
        Step {
            id: "delete-tests",
            chapter: "Clean up",
            title: "Delete the tests",
            body: &[
                Do("Delete both tests."),
                Expect(
                    "The list is empty, and so are the results. The endpoint serves on, the captured lines are still there: deleting a test deletes what is known *about* it.",
                ),
            ],
            goal: Goal::TestsDeleted,
            hints: &["Type delete to confirm."],
            controls: &[Control::TestList],
        },
        Step {
            id: "release",
            chapter: "Clean up",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, the configurations and the models."),
                Expect("The cost per hour falls to zero."),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};

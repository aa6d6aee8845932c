//! Autoscaling and cost: the cheapest fleet that holds its latency through a day.

use crate::lab::{Block::*, Control, Goal, LabId, Lesson, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::Autoscaling,
    title: "Autoscaling and cost",
    summary: "Let a fleet follow the day: hold the 99th percentile below 100 ms for the least money, and find out when a GPU pays.",
    minutes: 25,
    controls: &[],
    steps: &[
        Step {
            id: "deploy",
            chapter: "One instance",
            title: "Deploy one small instance",
            body: &[
                Text(
                    "This container is heavy: every request takes about 40 ms of one vCPU before and after the model. An `ml.c5.large` has two vCPUs, each a little faster than the one that was measured.",
                ),
                Do(
                    "Create a configuration with one variant on one `ml.c5.large`, create the endpoint `reviews`, and wait until it is in service.",
                ),
                Expect("Two vCPUs at 36 ms: it can answer 56 requests a second, and not one more."),
            ],
            goal: Goal::OneInService,
            hints: &[
                "The configuration takes the model `reviews-b`.",
                "Pace 60\u{d7} makes four minutes four seconds.",
            ],
            controls: &[Control::Configuration, Control::Deploy],
        },
        Step {
            id: "overload",
            chapter: "One instance",
            title: "Let the morning come",
            body: &[
                Text(
                    "Callers sleep at night: 24 requests a second at two in the morning, 120 at two in the afternoon.",
                ),
                Do(
                    "Set the rate to 120 with *day and night* at 0.2, start the traffic, and let time run until 1,000 requests have failed.",
                ),
                Expect(
                    "Before six all is well. Then more come than two vCPUs can serve: the queue fills, latency jumps from 60 ms to over a second, and the rest gets 503.",
                ),
                Why(
                    "A queue does not get gradually worse. It is short until about 80% load, and full soon after 100%.",
                ),
            ],
            goal: Goal::RequestsFailed(1_000),
            hints: &[
                "Pace 600\u{d7} makes an hour six seconds.",
                "Look at the Average of CPUUtilization: 200% are both vCPUs.",
            ],
            controls: &[Control::Traffic, Control::Day],
        },
        Step {
            id: "policy",
            chapter: "Follow the day",
            title: "Register the variant and put a policy",
            body: &[
                Text(
                    "Target tracking holds a metric near a value: here the invocations per minute that each instance gets. The usual first guess is the most requests per second that one instance bears \u{d7} 60 \u{d7} a safety factor of 0.5.",
                ),
                Do("Register the variant from 1 to 6 instances, then put a target-tracking policy on it."),
                Expect("56 \u{d7} 60 \u{d7} 0.5 are about 1,700 invocations per minute and instance."),
                Trap(
                    "Burstable instances (`ml.t2`) look cheapest in the list. They cannot be scaled automatically: the call is refused.",
                ),
            ],
            goal: Goal::PolicyInPlace,
            hints: &["Two calls: first the bounds, then the policy."],
            controls: &[Control::Autoscaling],
        },
        Step {
            id: "out",
            chapter: "Follow the day",
            title: "Watch it scale out",
            body: &[
                Do("Let time run until the fleet has grown."),
                Expect(
                    "Three minutes above the target, then a new count is asked for; two minutes later the new instances serve. The endpoint says Updating and goes on answering.",
                ),
                Why(
                    "The load does not wait: from the first slow minute until the new instances serve, callers wait or are refused. Who scales on a lower target pays for idle vCPUs and has room for that time.",
                ),
            ],
            goal: Goal::ScaledOut,
            hints: &["While an update runs, autoscaling decides nothing."],
            controls: &[Control::Autoscaling, Control::Metrics],
        },
        Step {
            id: "in",
            chapter: "Follow the day",
            title: "Watch it scale in",
            body: &[
                Do("Let the evening come."),
                Expect(
                    "Fifteen minutes below 90% of the target, one step, a cooldown, and the next. In goes slower than out, on purpose.",
                ),
                Trap(
                    "With `DisableScaleIn` a fleet only ever grows. It is right for a launch day, and forgotten afterwards.",
                ),
            ],
            goal: Goal::ScaledIn,
            hints: &["The peak is at 14:00; by 20:00 half of it is gone."],
            controls: &[Control::Autoscaling],
        },
        Step {
            id: "gpu",
            chapter: "Pay less",
            title: "Try a GPU",
            body: &[
                Text(
                    "An `ml.g4dn.xlarge` answers one request in less than half the time and takes four at once. It costs seven times an `ml.c5.large`.",
                ),
                Do(
                    "Move the endpoint to a configuration with one `ml.g4dn.xlarge` and let it answer 20,000 requests.",
                ),
                Expect("A latency that no CPU here reaches, and a bill that none reaches either."),
                Trap(
                    "The update is refused while the variant is registered: an update that changes the instance type of a scaled variant fails. Deregister it first.",
                ),
                Why(
                    "Requests per second and dollar: c5.large 549, g4dn.xlarge 323. A GPU pays when the model is so large that a CPU cannot hold the latency at all, not because it is faster.",
                ),
            ],
            goal: Goal::GpuServed(20_000),
            hints: &[
                "Order: deregister, create a configuration, update the endpoint.",
                "The variant may keep its name; only the type changes.",
            ],
            controls: &[Control::Autoscaling, Control::Configuration, Control::Update],
        },
        Step {
            id: "cheapest",
            chapter: "Pay less",
            title: "Hold a whole day for $7.50",
            body: &[
                Text(
                    "Now anything goes: type, bounds, target, cooldowns. Each full hour counts: at most one request in a hundred may be slower than 100 ms or fail.",
                ),
                Do("Find a fleet that holds 24 hours in a row and costs at most $7.50 for them."),
                Expect(
                    "Four fixed `ml.c5.large` hold it for $9.79, three do not. One `ml.g4dn.xlarge` holds it easily, for $17.67.",
                ),
                Why(
                    "Larger instances wait less at the same load, because one queue feeds more vCPUs; smaller ones follow the day more closely. Which effect wins is a matter of measuring, not of taste.",
                ),
            ],
            goal: Goal::DayHeld { usd: 7.5 },
            hints: &[
                "Back to CPUs first, then a policy. Early hours count: the fleet must be right at midnight, too.",
                "On `ml.c5.large` a target of 1,200 holds with ease and costs $10; 2,400 costs $5.50 and does not hold.",
                "Try 1,800 to 1,900 on `ml.c5.large`, or 4,500 on `ml.c5.xlarge`.",
            ],
            controls: &[Control::Autoscaling, Control::Day, Control::Configuration, Control::Update],
        },
        Step {
            id: "release",
            chapter: "Pay less",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, the configurations and the model."),
                Expect("The endpoint takes its scalable target with it. The cost per hour falls to zero."),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};

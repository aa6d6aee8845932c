//! The labs, as data.

mod ab_testing;
mod autoscaling;
mod bandit_race;
mod blind_round;
mod canary;
mod false_friends;
pub(in crate::lab) mod guardrails;
mod peeking;
mod plan_a_test;
mod shadow_api;
mod shadow_managed;
mod split_detective;

use super::{Control, Exercise, Goal, LabId, Lesson, Task};

static SANDBOX: Lesson = Lesson {
    id: LabId::Sandbox,
    title: "Sandbox",
    summary: "Everything unlocked: your variants, your traffic, your reviews.",
    minutes: 0,
    steps: &[],
    controls: &[
        Control::Models,
        Control::Configuration,
        Control::Deploy,
        Control::Traffic,
        Control::Predict,
        Control::Batch,
        Control::Weights,
        Control::Exercise(Exercise::Plan),
        Control::Exercise(Exercise::StartTest),
        Control::Exercise(Exercise::Peek),
        Control::Exercise(Exercise::Universes),
        Control::Exercise(Exercise::Memo),
        Control::Exercise(Exercise::RouteByBandit),
        Control::Comparison,
        Control::Disagreements,
        Control::Autoscaling,
        Control::Faults,
        Control::Update,
        Control::Remove,
        Control::Signatures,
        Control::InferenceCode,
        Control::Exposure,
        Control::TestList,
        Control::TestCreate,
        Control::TestMonitor,
        Control::TestEdit,
        Control::TestComplete,
        Control::Captured,
        Control::Release,
        Control::Deployment,
        Control::Alarms,
        Control::Harm,
    ],
};

/// What a lab's card and title say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// Title.
    pub title: &'static str,
    /// One sentence on what one will be able to do.
    pub summary: &'static str,
    /// Minutes that it takes.
    pub minutes: u32,
    /// How many steps it has; none in the sandbox.
    pub steps: usize,
}

const fn heading_of(lesson: &Lesson) -> Heading {
    Heading {
        title: lesson.title,
        summary: lesson.summary,
        minutes: lesson.minutes,
        steps: lesson.steps.len(),
    }
}

/// The heading of a lab. Each is read out of its lesson while compiling, so that who needs no more than headings does
/// not carry the lessons.
pub fn heading(lab: LabId) -> Heading {
    match lab {
        LabId::AbTesting => const { heading_of(&ab_testing::LESSON) },
        LabId::Canary => const { heading_of(&canary::LESSON) },
        LabId::ShadowApi => const { heading_of(&shadow_api::LESSON) },
        LabId::Autoscaling => const { heading_of(&autoscaling::LESSON) },
        LabId::ShadowManaged => const { heading_of(&shadow_managed::LESSON) },
        LabId::Guardrails => const { heading_of(&guardrails::LESSON) },
        LabId::Peeking => const { heading_of(&peeking::LESSON) },
        LabId::PlanATest => const { heading_of(&plan_a_test::LESSON) },
        LabId::SplitDetective => const { heading_of(&split_detective::LESSON) },
        LabId::BanditRace => const { heading_of(&bandit_race::LESSON) },
        LabId::FalseFriends => const { heading_of(&false_friends::LESSON) },
        LabId::BlindRound => const { heading_of(&blind_round::LESSON) },
        LabId::Sandbox => const { heading_of(&SANDBOX) },
    }
}

const fn tasks_of<const N: usize>(lesson: &Lesson) -> [Task; N] {
    let mut tasks = [Task { id: "", goal: Goal::SessionOpen }; N];
    let mut i = 0;
    while i < N {
        tasks[i] = Task { id: lesson.steps[i].id, goal: lesson.steps[i].goal };
        i += 1;
    }
    tasks
}

/// What is to be done in a lab's steps, in order. As with [`heading`], who judges goals does not carry the texts.
pub fn tasks(lab: LabId) -> &'static [Task] {
    macro_rules! tasks {
        ($lesson:path) => {{
            const TASKS: [Task; $lesson.steps.len()] = tasks_of(&$lesson);
            &TASKS
        }};
    }
    match lab {
        LabId::AbTesting => tasks!(ab_testing::LESSON),
        LabId::Canary => tasks!(canary::LESSON),
        LabId::ShadowApi => tasks!(shadow_api::LESSON),
        LabId::Autoscaling => tasks!(autoscaling::LESSON),
        LabId::ShadowManaged => tasks!(shadow_managed::LESSON),
        LabId::Guardrails => tasks!(guardrails::LESSON),
        LabId::Peeking => tasks!(peeking::LESSON),
        LabId::PlanATest => tasks!(plan_a_test::LESSON),
        LabId::SplitDetective => tasks!(split_detective::LESSON),
        LabId::BanditRace => tasks!(bandit_race::LESSON),
        LabId::FalseFriends => tasks!(false_friends::LESSON),
        LabId::BlindRound => tasks!(blind_round::LESSON),
        LabId::Sandbox => &[],
    }
}

/// The lesson of a lab that most learners begin with; none of the others.
pub fn first(lab: LabId) -> Option<&'static Lesson> {
    match lab {
        LabId::AbTesting => Some(&ab_testing::LESSON),
        _ => None,
    }
}

/// The lesson of a lab.
pub fn lesson(lab: LabId) -> &'static Lesson {
    match lab {
        LabId::AbTesting => &ab_testing::LESSON,
        LabId::Canary => &canary::LESSON,
        LabId::ShadowApi => &shadow_api::LESSON,
        LabId::Autoscaling => &autoscaling::LESSON,
        LabId::ShadowManaged => &shadow_managed::LESSON,
        LabId::Guardrails => &guardrails::LESSON,
        LabId::Peeking => &peeking::LESSON,
        LabId::PlanATest => &plan_a_test::LESSON,
        LabId::SplitDetective => &split_detective::LESSON,
        LabId::BanditRace => &bandit_race::LESSON,
        LabId::FalseFriends => &false_friends::LESSON,
        LabId::BlindRound => &blind_round::LESSON,
        LabId::Sandbox => &SANDBOX,
    }
}

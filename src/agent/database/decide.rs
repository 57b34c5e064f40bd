//! What a passive copy has to do next, decided from what it has and what the active copy has.
//! Pure.

use super::control::Left;
use super::position::{History, Position, Timeline};

/// What there is here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Local {
    /// It runs as an active copy.
    Active,
    /// It runs as a passive copy. `begun` tells whether its control file knows its timeline.
    Passive { system: u64, history: History, begun: bool, have: Position },
    /// It does not run.
    Stopped { system: u64, history: History, marked: bool, left: Left, end: Position },
}

/// What there is at the active copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    pub(super) system: u64,
    /// Its history and position if it is active; none if it is passive still.
    pub(super) active: Option<(History, Position)>,
    /// The oldest log file that it has.
    pub(super) oldest: u64,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Nothing yet.
    Wait(&'static str),
    /// Stop being active.
    Demote,
    /// Start as a passive copy that copies from nobody; look again then.
    Start,
    /// Mark the data as passive, and start.
    BecomePassive,
    /// Copy from the active copy.
    Copy,
    /// Forget a timeline that a promotion began which was then interrupted: nothing was ever
    /// written on it, and the active copy has taken another.
    Abandon(Timeline),
    /// Have `pg_rewind` take back what the active copy does not have, after this position.
    Rewind(Position),
    /// It cannot follow.
    CutOff(String),
}

/// Decides; `source` none means that the active copy cannot be asked.
pub(super) fn decide(local: &Local, source: Option<&Source>) -> Step {
    match local {
        Local::Active => Step::Demote,
        Local::Passive { system, history, begun, have } => match source {
            // The instance itself tries to connect, and is checked as soon as it can be.
            None => Step::Copy,
            Some(source) => compare(*system, history, *begun, *have, source, Step::Copy),
        },
        // One that was being promoted has lost its mark, and may not start as if it had been
        // active: it would go on in the timeline of another (linux-ha.md §9, activation number).
        Local::Stopped { marked: true, .. }
        | Local::Stopped { left: Left::Passive | Left::StoppedPassive, .. } => Step::Start,
        Local::Stopped { system, history, end, .. } => match source {
            None => Step::Wait("the active copy cannot be asked whether this one has diverged"),
            Some(source) => compare(*system, history, true, *end, source, Step::BecomePassive),
        },
    }
}

fn compare(
    system: u64,
    own: &History,
    begun: bool,
    have: Position,
    source: &Source,
    follow: Step,
) -> Step {
    if system != source.system {
        let theirs = source.system;
        return Step::CutOff(format!(
            "it is a copy of another database (system {system}, the active copy has {theirs})"
        ));
    }
    let Some((history, position)) = &source.active else {
        return Step::Wait("the other copy is not active yet");
    };
    let timeline = own.timeline;
    if !history.goes_on_from(own) {
        return if begun { Step::Rewind(Position(0)) } else { Step::Abandon(timeline) };
    }
    let shared = history.shared(timeline).unwrap_or_default();
    if have > shared {
        return Step::Rewind(shared);
    }
    if timeline == history.timeline && have > *position {
        return Step::CutOff(format!(
            "it has log up to {have} of timeline {timeline}, the active copy up to {position}: \
             the active copy has lost log"
        ));
    }
    if have.file() < source.oldest {
        return Step::CutOff(format!(
            "it needs log from {have} on, the active copy has it from {} on",
            Position::of_file(source.oldest)
        ));
    }
    follow
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn source(timeline: Timeline, left: &[(Timeline, u64)], position: u64) -> Source {
        let left = left.iter().map(|(timeline, at)| (*timeline, Position(*at))).collect();
        Source {
            system: 7,
            active: Some((History { timeline, left }, Position(position))),
            oldest: 3,
        }
    }

    #[test]
    fn the_next_step_is_decided() {
        let history = |timeline| History {
            timeline,
            left: if timeline == 1 { vec![] } else { vec![(1, Position(5 * MB))] },
        };
        let passive = |timeline, have| Local::Passive {
            system: 7,
            history: history(timeline),
            begun: true,
            have: Position(have),
        };
        let stopped = |timeline, left, end| Local::Stopped {
            system: 7,
            history: history(timeline),
            marked: false,
            left,
            end: Position(end),
        };
        let promoted_in_vain = |at| Local::Passive {
            system: 7,
            history: History { timeline: 2, left: vec![(1, Position(at))] },
            begun: false,
            have: Position(4 * MB),
        };
        let second = || Some(source(2, &[(1, 5 * MB)], 6 * MB));
        let first = || Some(source(1, &[], 6 * MB));
        let waiting = || Some(Source { system: 7, active: None, oldest: 0 });
        let rewind = Step::Rewind(Position(5 * MB));
        let table: Vec<(Local, Option<Source>, Option<Step>)> = vec![
            (Local::Active, second(), Some(Step::Demote)),
            (Local::Active, None, Some(Step::Demote)),
            (passive(1, 5 * MB), second(), Some(Step::Copy)),
            (passive(1, 4 * MB), None, Some(Step::Copy)),
            (passive(1, 5 * MB + 8), second(), Some(rewind.clone())),
            (passive(1, 6 * MB), first(), Some(Step::Copy)),
            // Cut off: the active copy has lost log, or removed it.
            (passive(1, 6 * MB + 8), first(), None),
            (passive(1, 3 * MB), first(), Some(Step::Copy)),
            (passive(1, 3 * MB - 8), first(), None),
            // A timeline that the active copy never was on.
            (passive(3, 4 * MB), second(), Some(Step::Rewind(Position(0)))),
            (promoted_in_vain(4 * MB), first(), Some(Step::Abandon(2))),
            (promoted_in_vain(4 * MB), second(), Some(Step::Abandon(2))),
            (promoted_in_vain(5 * MB), second(), Some(Step::Copy)),
            (stopped(1, Left::Stopped, 5 * MB), second(), Some(Step::BecomePassive)),
            (stopped(1, Left::Active, 5 * MB), second(), Some(Step::BecomePassive)),
            (stopped(1, Left::Active, 5 * MB + 8), second(), Some(rewind.clone())),
            (stopped(1, Left::Stopped, 5 * MB + 8), second(), Some(rewind)),
            (stopped(2, Left::Stopped, 6 * MB), second(), Some(Step::BecomePassive)),
            (stopped(1, Left::StoppedPassive, 9 * MB), second(), Some(Step::Start)),
            (stopped(1, Left::Passive, 9 * MB), None, Some(Step::Start)),
        ];
        for (n, (local, source, step)) in table.into_iter().enumerate() {
            let found = decide(&local, source.as_ref());
            match step {
                Some(step) => assert_eq!(found, step, "row {n}"),
                None => assert!(matches!(found, Step::CutOff(_)), "row {n}: {found:?}"),
            }
        }
        for (local, source) in [
            (stopped(1, Left::Active, 5 * MB), None),
            (stopped(1, Left::Stopped, 5 * MB), waiting()),
            (passive(1, 5 * MB), waiting()),
        ] {
            assert!(matches!(decide(&local, source.as_ref()), Step::Wait(_)), "{local:?}");
        }
        let other = Source { system: 8, ..second().expect("a source") };
        assert!(matches!(decide(&passive(1, MB), Some(&other)), Step::CutOff(_)));
    }
}

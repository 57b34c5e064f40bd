//! What is asked beside the figures of points, with the options that ask it again.

use super::super::failure::Failure;
use super::arguments::Sweep;
use super::option;
use super::planned::{written, wrong};
use crate::base::{Instant, Span};
use crate::lab::sweep::words::{GOAL_EXPECTED, OUTCOME_EXPECTED};
use crate::lab::sweep::{Event, Fork, Goal, Mode, Outcome};
use crate::model::settings::Value;
use crate::model::vary::{Axis, Values};

/// The question of a call, and its options.
pub(super) fn mode(args: &Sweep) -> Result<(Mode, Vec<String>), Failure> {
    let question = &args.question;
    if let Some(share) = question.sensitivity {
        let words = vec![option("sensitivity", &percent(share))];
        return Ok((Mode::Sensitivity((share / 1_000) as u32), words));
    }
    if let Some(axis) = &question.flip {
        return flip(args, axis);
    }
    if let Some(moments) = &question.fork {
        return fork(args, moments);
    }
    if let Some(text) = &question.outcome {
        return Err(wrong("outcome", text, "--flip or --fork beside it"));
    }
    if question.goal.is_empty() {
        return Ok((Mode::Points, Vec::new()));
    }
    let read = |text: &String| Goal::read(text).ok_or_else(|| wrong("goal", text, GOAL_EXPECTED));
    let goals = question.goal.iter().map(read).collect::<Result<Vec<Goal>, Failure>>()?;
    let words = question.goal.iter().map(|goal| option("goal", goal)).collect();
    Ok((Mode::Tune(goals), words))
}

fn outcome(args: &Sweep, usual: Event) -> Result<Outcome, Failure> {
    match &args.question.outcome {
        Some(text) => Outcome::read(text).ok_or_else(|| wrong("outcome", text, OUTCOME_EXPECTED)),
        None => Ok(Outcome::Event(usual)),
    }
}

fn flip(args: &Sweep, axis: &Axis) -> Result<(Mode, Vec<String>), Failure> {
    if let Values::List(_) = &axis.values {
        return Err(wrong("flip", &axis.key, "a range, such as fault.0.lasts=100ms..20s"));
    }
    let outcome = outcome(args, Event::Failover)?;
    let words = vec![option("flip", &written(axis)), option("outcome", &outcome.told())];
    Ok((Mode::Flip(outcome), words))
}

fn fork(args: &Sweep, moments: &Values) -> Result<(Mode, Vec<String>), Failure> {
    let told = || wrong("fork", "", "moments such as 60s..75s:1s, or 60s,65s,70s");
    let grid = moments.grid().map_err(|_| told())?;
    let read: Option<Vec<Span>> = grid.iter().map(|text| Span::read(text)).collect();
    let mut moments: Vec<Instant> =
        read.ok_or_else(told)?.into_iter().map(|span| Instant::ZERO + span).collect();
    moments.sort();
    moments.dedup();
    let fork = Fork { moments, outcome: outcome(args, Event::NotBack)? };
    let words = vec![option("fork", &grid.join(",")), option("outcome", &fork.outcome.told())];
    Ok((Mode::Fork(fork), words))
}

/// A share in millionths as it is written.
pub(super) fn percent(share: u64) -> String {
    let text = format!("{}.{:04}", share / 10_000, share % 10_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

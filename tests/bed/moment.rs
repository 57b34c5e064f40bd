//! When faults strike.

use crate::ground::nanos;
use dagtwin::failover::message::Message;
use dagtwin::failover::seam::Effect;
use dagtwin::journal::record::AgentEvent;
use dagtwin::journal::{What, binary};
use std::path::Path;
use std::time::Duration;

/// Parts of a beat at which faults strike, counted from the heartbeats of the member that is to
/// notice. The first is any, by chance; each of the others follows by the golden section of a beat,
/// so that a few are spread over it as evenly as many. Left to themselves runs follow each other at
/// a pace of their own, and every fault would strike at the same part.
pub(crate) struct Parts {
    /// Of 2^32.
    last: u32,
}

impl Parts {
    pub(crate) fn new() -> Parts {
        Parts { last: getrandom::u32().expect("the kernel's random numbers") }
    }

    /// How long it is from `now` until the next fault is to strike; one heartbeat was at `beat`.
    pub(crate) fn wait(&mut self, beat: u64, delay: Duration, now: u64) -> Duration {
        const GOLDEN_SECTION: u32 = 2_654_435_769;
        self.last = self.last.wrapping_add(GOLDEN_SECTION);
        let delay = nanos(delay);
        let part = (u128::from(delay) * u128::from(self.last)) >> 32;
        let passed = now.saturating_sub(beat) % delay;
        Duration::from_nanos((part as u64 + delay - passed) % delay)
    }
}

/// When the agent that writes a journal sent its last heartbeat, by CLOCK_BOOTTIME.
pub(crate) fn last_heartbeat(journal: &Path) -> u64 {
    let records = binary::read_file(journal).expect("a journal").records;
    let booted = records.iter().find_map(|record| match record.what {
        What::Agent(_, AgentEvent::Clock { booted, .. }) => Some(booted),
        _ => None,
    });
    let beat = records.iter().rev().find(|record| {
        let What::Out(_, Effect::Send { message, .. }) = &record.what else { return false };
        matches!(message, Message::Request { .. })
    });
    let booted = booted.expect("it tells its clock");
    beat.expect("it sends heartbeats").at.saturating_since(booted).as_nanos()
}

#[test]
fn faults_are_spread_over_a_beat() {
    let (delay, beat) = (Duration::from_millis(1_000), 123_456_789);
    let mut parts = Parts::new();
    let mut struck: Vec<u64> = Vec::new();
    for run in 0..10 {
        let now = beat + run * 7_700_000_000;
        let wait = parts.wait(beat, delay, now);
        assert!(wait < delay);
        struck.push((now + nanos(wait) - beat) % nanos(delay));
    }
    struck.sort_unstable();
    let around = struck[0] + nanos(delay) - struck[9];
    let gaps = struck.windows(2).map(|pair| pair[1] - pair[0]).chain([around]);
    let widest = gaps.max().expect("some");
    assert!(widest < nanos(delay) / 6, "{struck:?}: nothing strikes for {widest} ns of a beat");
}

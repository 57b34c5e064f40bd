//! Announces an address again and again.

use super::{Arp, Error, Form};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// When an address is announced, as moments since it was put up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// The first moments, rising. At zero it is announced in any case.
    pub first: Vec<Duration>,
    /// From then on it is announced this often; at least 1 ms.
    pub every: Duration,
    /// If it cannot be announced it is tried again this much later; at least 1 ms. When it
    /// succeeds, the schedule begins anew.
    pub retry: Duration,
}

impl Default for Schedule {
    /// At once, after 0.2, 0.5, 1, 2 and 5 s, then every 30 s (linux-ha.md §10.4); tried again
    /// after 0.2 s (assumed).
    fn default() -> Schedule {
        let first = [200, 500, 1000, 2000, 5000].map(Duration::from_millis).to_vec();
        let every = Duration::from_secs(30);
        Schedule { first, every, retry: Duration::from_millis(200) }
    }
}

impl Schedule {
    /// The first moment that is later than `elapsed`. Moments that were missed, say by a process
    /// that was frozen, are not made up for.
    pub fn next_after(&self, elapsed: Duration) -> Duration {
        if let Some(moment) = self.first.iter().find(|moment| **moment > elapsed) {
            return *moment;
        }
        let every = self.every.max(Duration::from_millis(1));
        let last = self.first.last().copied().unwrap_or_default();
        let rounds = elapsed.saturating_sub(last).as_nanos() / every.as_nanos();
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).saturating_add(1);
        last.saturating_add(every.saturating_mul(rounds))
    }
}

/// What an announcer has done so far.
#[derive(Clone, Debug, Default)]
pub struct Announcements {
    /// How often it has announced the address, both forms together counted once.
    pub made: u64,
    /// How often it could not.
    pub failed: u64,
    /// Why it could not the last time it tried; none if it could.
    pub failure: Option<Arc<Error>>,
}

/// Announces an address on an interface by a [`Schedule`] until it is dropped.
///
/// It announces only while the interface is up and has the address; otherwise it keeps trying.
#[derive(Debug)]
pub struct Announcer {
    again: Arc<Notify>,
    announcing: AbortHandle,
    /// Held while a pair of frames leaves; false: none may leave any more.
    gate: Arc<Mutex<bool>>,
    announcements: watch::Receiver<Announcements>,
}

impl Announcer {
    /// Begins at once, in a task of its own. Needs a tokio runtime.
    pub fn start(arp: &Arp, interface: &str, address: Ipv4Addr, schedule: Schedule) -> Announcer {
        let (report, announcements) = watch::channel(Announcements::default());
        let again = Arc::new(Notify::new());
        let gate = Arc::new(Mutex::new(true));
        let task = Task {
            arp: arp.clone(),
            interface: interface.to_owned(),
            address,
            schedule,
            again: Arc::clone(&again),
            gate: Arc::clone(&gate),
            report,
        };
        let announcing = tokio::spawn(task.run()).abort_handle();
        Announcer { again, announcing, gate, announcements }
    }

    /// Announces now and begins the schedule anew: dual ownership may have ended, or the interface
    /// is up again.
    pub fn announce_again(&self) {
        self.again.notify_one();
    }

    /// What it has done so far; the receiver also tells when that changes.
    pub fn announcements(&self) -> watch::Receiver<Announcements> {
        self.announcements.clone()
    }

    /// Waits until it has announced the address, or could not, for the first time; true if it
    /// could. False also if it does not come to that within `wait`.
    ///
    /// It may be dropped at its await.
    pub async fn first(&self, wait: Duration) -> bool {
        let mut announcements = self.announcements.clone();
        let tried = announcements.wait_for(|it| it.made + it.failed > 0);
        timeout(wait, tried).await.is_ok_and(|tried| tried.is_ok_and(|it| it.made > 0))
    }
}

impl Drop for Announcer {
    /// When this returns no announcement leaves any more.
    fn drop(&mut self) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.announcing.abort();
    }
}

struct Task {
    arp: Arp,
    interface: String,
    address: Ipv4Addr,
    schedule: Schedule,
    again: Arc<Notify>,
    gate: Arc<Mutex<bool>>,
    report: watch::Sender<Announcements>,
}

impl Task {
    async fn run(self) {
        let mut start = Instant::now();
        let mut failing = false;
        loop {
            let outcome = self.announce().await;
            let due = match &outcome {
                Ok(()) => {
                    if failing {
                        start = Instant::now();
                    }
                    start + self.schedule.next_after(start.elapsed())
                }
                Err(_) => Instant::now() + self.schedule.retry.max(Duration::from_millis(1)),
            };
            failing = outcome.is_err();
            self.report.send_modify(|it| {
                it.made += u64::from(!failing);
                it.failed += u64::from(failing);
                it.failure = outcome.err().map(Arc::new);
            });
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.again.notified() => start = Instant::now(),
            }
        }
    }

    async fn announce(&self) -> Result<(), Error> {
        let port = self.arp.port(&self.interface, Some(self.address)).await?;
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if *gate {
            self.arp.send_announcement(&self.interface, &port, self.address, &Form::BOTH)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_the_schedule_and_missed_ones_are_left_out() {
        let table = [
            (0, 200),
            (199, 200),
            (200, 500),
            (501, 1000),
            (1000, 2000),
            (2000, 5000),
            (4999, 5000),
            (5000, 35_000),
            (34_999, 35_000),
            (35_000, 65_000),
            (3_605_001, 3_635_000),
        ];
        let schedule = Schedule::default();
        for (elapsed, expected) in table {
            let elapsed = Duration::from_millis(elapsed);
            assert_eq!(schedule.next_after(elapsed), Duration::from_millis(expected));
        }
    }

    #[test]
    fn a_schedule_without_sense_still_goes_on() {
        let none = Duration::ZERO;
        let schedule = Schedule { first: Vec::new(), every: none, retry: none };
        assert_eq!(schedule.next_after(none), Duration::from_millis(1));
        assert!(schedule.next_after(Duration::MAX) > none);
    }
}

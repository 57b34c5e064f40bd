//! Wakes the driver at a moment of its clock. Timers of tokio stand still while the machine sleeps
//! and are a millisecond coarse; the kernel's own for CLOCK_BOOTTIME are neither.

use super::clock::Clock;
use crate::base::Instant;
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::Notify;

/// One alarm; setting it anew takes the place of what it was set to. It may ring once too often,
/// for a moment that it was set to before.
#[derive(Debug)]
pub struct Alarm {
    shared: Arc<Shared>,
    set: Option<Instant>,
    waits: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    timer: OwnedFd,
    rang: Notify,
    over: AtomicBool,
}

impl Alarm {
    /// An alarm that is not set. A thread of its own waits for the kernel's timer.
    ///
    /// # Errors
    /// If the system has no timer or no thread left.
    pub fn new() -> io::Result<Alarm> {
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
        let (rang, over) = (Notify::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { timer, rang, over });
        let rings = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("alarm".to_owned());
        let waits = thread.spawn(move || rings.wait())?;
        Ok(Alarm { shared, set: None, waits: Some(waits) })
    }

    /// Sets it to a moment, or to none. A moment that is over rings at once.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set(&mut self, clock: &Clock, at: Option<Instant>) -> io::Result<()> {
        if at == self.set {
            return Ok(());
        }
        self.set = at;
        // All zero is "never" to the kernel; one nanosecond after its boot is over as well.
        self.shared.set(at.map_or(0, |at| clock.boottime_at(at).as_nanos().max(1)))
    }

    /// Returns when it rings; for ever if it is not set. May be dropped while it waits.
    pub async fn rings(&mut self) {
        self.shared.rang.notified().await;
        self.set = None;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        let woken = self.shared.set(1);
        if let (Ok(()), Some(waits)) = (woken, self.waits.take()) {
            // It has nothing left to do but to return.
            let _ = waits.join();
        }
    }
}

impl Shared {
    fn set(&self, nanos: u64) -> io::Result<()> {
        let seconds = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
        let it_value = Timespec { tv_sec: seconds, tv_nsec: (nanos % 1_000_000_000) as _ };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Itimerspec { it_interval, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
        Ok(())
    }

    fn wait(&self) {
        let mut count = [0; 8];
        while !self.over.load(Ordering::Acquire) {
            match rustix::io::read(&self.timer, &mut count) {
                Ok(_) | Err(rustix::io::Errno::INTR) => self.rang.notify_one(),
                // Without its timer it can only ring all the time: slowly, and nothing is missed.
                Err(_) => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    self.rang.notify_one();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use std::time::Duration;

    fn on_a_runtime(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test);
    }

    #[test]
    fn it_rings_not_before_its_moment_and_at_once_if_that_is_over() {
        on_a_runtime(async {
            let clock = Clock::after(Instant::ZERO);
            let mut alarm = Alarm::new().expect("a timer");
            let at = clock.now() + Span::from_millis(20);
            alarm.set(&clock, Some(at)).expect("it is set");
            alarm.rings().await;
            assert!(clock.now() >= at);
            alarm.set(&clock, Some(Instant::ZERO)).expect("it is set");
            alarm.rings().await;
        });
    }

    #[test]
    fn one_that_was_put_off_does_not_ring() {
        on_a_runtime(async {
            let clock = Clock::after(Instant::ZERO);
            let mut alarm = Alarm::new().expect("a timer");
            alarm.set(&clock, Some(clock.now() + Span::from_millis(5))).expect("it is set");
            alarm.set(&clock, None).expect("it is set");
            let rang = tokio::time::timeout(Duration::from_millis(50), alarm.rings()).await;
            assert!(rang.is_err(), "it rang though it was not set");
        });
    }
}

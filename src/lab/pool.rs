//! Many runs at a time, each on a thread of its own; results in the order of the runs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// How far the work is, for whoever watches; and whether it is to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Runs that have ended.
    pub done: AtomicUsize,
    /// Runs that there are.
    pub total: AtomicUsize,
    /// Nobody wants the rest.
    pub stop: AtomicBool,
}

/// As many as there are cores.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does some pieces of work, `jobs` at a time; none for those that were not begun when the work
/// was stopped.
pub fn each<T: Send>(
    count: usize,
    jobs: usize,
    progress: &Progress,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<Option<T>> {
    progress.total.store(count, Ordering::Relaxed);
    some(count, jobs, progress, work)
}

/// The same, where they are part of more work: what is there in all was said before.
pub fn some<T: Send>(
    count: usize,
    jobs: usize,
    progress: &Progress,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<Option<T>> {
    let results: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
    spread(count, jobs, &progress.stop, |place| {
        let result = work(place);
        results.lock().expect("no run panics")[place] = Some(result);
        progress.done.fetch_add(1, Ordering::Relaxed);
    });
    results.into_inner().expect("no run panics")
}

/// Does some pieces of work, `jobs` at a time, in their order; none of them is begun after `stop`.
pub fn spread(count: usize, jobs: usize, stop: &AtomicBool, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        break;
                    }
                    work(place);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_whatever_the_number_of_threads() {
        let squares: Vec<_> = (0..50).map(|n| Some(n * n)).collect();
        for jobs in [1, 2, 7, 100] {
            let progress = Progress::default();
            assert_eq!(each(50, jobs, &progress, |n| n * n), squares);
            assert_eq!(progress.done.into_inner(), 50);
        }
        let stopped = Progress { stop: AtomicBool::new(true), ..Progress::default() };
        assert_eq!(each(2, 1, &stopped, |n| n), [None, None]);
    }
}

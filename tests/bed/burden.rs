//! What programs cost their host: memory and processor time.

use crate::ground::boottime;
use serde_json::{Value, json};
use std::fs;

/// What some processes have cost by a moment.
pub(crate) struct Account {
    processes: Vec<i32>,
    at: u64,
    /// Time that their threads have had of processors, in nanoseconds.
    processor: u64,
}

/// What they cost between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Burden {
    /// What is theirs of the host's memory, and their share of what they have in common with
    /// others (PSS).
    pub(crate) memory_kib: u64,
    /// Of one processor.
    pub(crate) processor_percent: f64,
}

impl Account {
    pub(crate) fn open(processes: Vec<i32>) -> Account {
        let processor = processes.iter().map(|process| processor(*process)).sum();
        Account { processes, at: boottime(), processor }
    }

    pub(crate) fn close(self) -> Burden {
        let Account { processes, at, processor } = self;
        let now = Account::open(processes);
        let spent = now.processor.saturating_sub(processor) as f64 / (now.at - at) as f64;
        Burden {
            memory_kib: now.processes.iter().map(|process| memory_kib(*process)).sum(),
            processor_percent: (spent * 10_000.0).round() / 100.0,
        }
    }
}

impl Burden {
    pub(crate) fn json(self) -> Value {
        let Burden { memory_kib, processor_percent } = self;
        json!({ "memory_kib": memory_kib, "processor_percent": processor_percent })
    }

    /// For people.
    pub(crate) fn text(self) -> String {
        let mebibytes = self.memory_kib as f64 / 1024.0;
        format!("{mebibytes:.1} MiB and {:.2} %", self.processor_percent)
    }
}

/// What a process that ended has is nothing.
fn memory_kib(process: i32) -> u64 {
    let map = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let pss = map.lines().find_map(|line| line.strip_prefix("Pss:"));
    pss.and_then(|pss| pss.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn processor(process: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| {
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    });
    spent.sum()
}

//! One run with a fault: what it came to, as a file beside the journals of the members.

use crate::burden::Burden;
use crate::fault::Fault;
use crate::ground::{nanos, said, variable};
use crate::judge::Outage;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What came of a run.
pub(crate) struct Report {
    pub(crate) fault: Fault,
    pub(crate) profile: &'static str,
    pub(crate) repetition: u32,
    pub(crate) owner: &'static str,
    /// Who owned the group in the end.
    pub(crate) owner_after: String,
    pub(crate) began: u64,
    pub(crate) fault_at: u64,
    /// When the fault was in force: a busy machine takes its time to make it.
    pub(crate) struck_at: u64,
    pub(crate) healed_at: u64,
    pub(crate) whole_at: u64,
    pub(crate) ended: u64,
    /// The longest outage that began before healing, and the longest that began after.
    pub(crate) http: [Option<Outage>; 2],
    /// All that was without an answer, summed up.
    pub(crate) http_lost: Duration,
    /// How long an answer took, in nanoseconds: median and 99th percentile.
    pub(crate) took: [Option<u64>; 2],
    pub(crate) databases: Vec<DatabaseReport>,
    pub(crate) both_answering: Duration,
    pub(crate) stale_answers: usize,
    /// Journals of each member that were written during the run, the oldest first.
    pub(crate) journals: [Vec<PathBuf>; 2],
    /// What each member's agent cost its host while nothing happened.
    pub(crate) burdens: [Burden; 2],
    pub(crate) verified: bool,
    pub(crate) breaks: Vec<String>,
}

/// What came of a database.
pub(crate) struct DatabaseReport {
    pub(crate) name: &'static str,
    pub(crate) outages: [Option<Outage>; 2],
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    /// Those of them that were acknowledged long before the fault.
    pub(crate) lost_early: usize,
    /// All that was without an acknowledged write, summed up.
    pub(crate) without: Duration,
    pub(crate) both_writable: Duration,
    /// Writes that the former owner acknowledged meanwhile.
    pub(crate) stale_writes: usize,
}

pub(crate) fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

/// Begun milliseconds, so that what is more than nothing is told as more.
pub(crate) fn whole(span: Duration) -> u64 {
    nanos(span).div_ceil(1_000_000)
}

impl Report {
    /// How long an outage was, in milliseconds: none was none.
    fn length(&self, outage: Option<Outage>) -> f64 {
        milliseconds(outage.map_or(Duration::ZERO, |it| it.length(self.ended)))
    }

    fn json(&self, hosts: Value) -> Value {
        let [before, after] = self.http;
        let took = |nanos: Option<u64>| nanos.map(|it| milliseconds(Duration::from_nanos(it)));
        let databases = self.databases.iter().map(|it| {
            let told = json!({
                "outage_ns": nanos(it.without),
                "outage_ms": self.length(it.outages[0]),
                "heal_outage_ms": self.length(it.outages[1]),
                "first_missed_ns": it.outages[0].map(|it| it.from),
                "first_answer_ns": it.outages[0].and_then(|it| it.to),
                "acknowledged": it.acknowledged,
                "lost": it.lost,
                "both_writable_ms": whole(it.both_writable),
                "stale_writes": it.stale_writes,
            });
            (it.name.to_owned(), told)
        });
        let both_writable = self.databases.iter().map(|it| it.both_writable).max();
        json!({
            "fault": self.fault.name(),
            "site": "bed",
            "profile": self.profile,
            "repetition": self.repetition,
            "owner": self.owner,
            "owner_after": self.owner_after,
            "began_at_boottime_ns": self.began,
            "fault_at_boottime_ns": self.fault_at,
            "struck_at_boottime_ns": self.struck_at,
            "healed_at_boottime_ns": self.healed_at,
            "whole_at_boottime_ns": self.whole_at,
            "hosts": hosts,
            "http": {
                "outage_ns": nanos(self.http_lost),
                "outage_ms": self.length(before),
                "heal_outage_ms": self.length(after),
                "median_answer_ms": took(self.took[0]),
                "p99_answer_ms": took(self.took[1]),
                "first_missed_ns": before.map(|it| it.from),
                "first_answer_ns": before.and_then(|it| it.to),
            },
            "databases": databases.collect::<Map<_, _>>(),
            "both_answering_ms": whole(self.both_answering),
            "both_writable_ms": whole(both_writable.unwrap_or_default()),
            "stale_answers": self.stale_answers,
            "verified": self.verified,
            "breaks": self.breaks,
        })
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let databases = self.databases.iter().map(|it| {
            let lengths = it.outages.map(|it| self.length(it));
            let (name, acknowledged, lost) = (it.name, it.acknowledged, it.lost);
            format!(", {name} {} and {} ms ({lost} of {acknowledged} lost)", lengths[0], lengths[1])
        });
        let [before, after] = self.http.map(|it| self.length(it));
        let [one, other] = self.burdens.map(Burden::text);
        format!(
            "{} {} #{}: {} to {}, http {before} and {after} ms{}, whole after {:.1} s, \
             agents at rest {one}, {other}, {}",
            self.fault.name(),
            self.profile,
            self.repetition,
            self.owner,
            self.owner_after,
            databases.collect::<String>(),
            Duration::from_nanos(self.whole_at - self.healed_at).as_secs_f64(),
            if self.breaks.is_empty() { "ok".to_owned() } else { self.breaks.join("; ") },
        )
    }

    /// Writes it where results are wanted, with the journals.
    pub(crate) fn keep(&self) {
        let Some(results) = variable("DAGTWIN_BED_RESULTS") else { return };
        let folder = Path::new(&results).join(self.fault.name());
        let folder = folder.join(format!("{:02}", self.repetition));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut hosts = Map::new();
        let members = ["EX01", "EX02"].into_iter().zip(&self.journals).zip(self.burdens);
        for ((name, journals), burden) in members {
            let mut names = Vec::new();
            for (life, journal) in journals.iter().enumerate() {
                let number = if life == 0 { String::new() } else { format!("-{}", life + 1) };
                let file = format!("{}{number}.dagtwin", name.to_lowercase());
                fs::copy(journal, folder.join(&file)).expect("a copy");
                names.push(Value::String(file));
            }
            // What the fault struck is in the first one; a later life may have one more.
            let burden = burden.json();
            hosts.insert(name.to_owned(), json!({ "journals": names, "agent": burden }));
        }
        let text = format!("{:#}\n", self.json(Value::Object(hosts)));
        fs::write(folder.join("result.json"), text).expect("a file");
    }
}

/// Whether a fresh core decides as the journal has it; why not.
pub(crate) fn verify(journal: &Path) -> Result<(), String> {
    let copy = std::env::temp_dir().join(format!("dagtwin-bed-verify-{}", std::process::id()));
    // The agent goes on writing to it.
    fs::copy(journal, &copy).map_err(|error| error.to_string())?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_dagtwin"));
    let output = command.arg("verify").arg(&copy).output().map_err(|error| error.to_string())?;
    let _ = said(Command::new("rm").arg(&copy));
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&text).trim().to_owned())
}

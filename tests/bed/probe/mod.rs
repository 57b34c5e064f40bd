//! What clients see, at every millisecond. Each prober is a thread in a client's namespace that
//! goes before everything else on the machine, so that a busy processor is not taken for an
//! outage.

mod http;
mod name;
mod sql;
mod stale;

use crate::ground::{boottime, goes_first, ms, nanos};
use crate::site::{FLOATING, Site};
use crate::space::enter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::LocalSet;

pub(crate) use sql::Write;

/// Time between two questions.
const PACE: Duration = ms(1);
/// Time between two writes: a commit takes more than a millisecond where two processors have to do
/// everything, and what only queues up measures nothing.
const WRITE_PACE: Duration = ms(4);
/// How long a client waits for an answer.
const LIMIT: Duration = ms(100);

/// Something that was asked, by the clock that agents go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) sent: u64,
    /// When the answer came, and from which member: 0 for EX01, 1 for EX02.
    pub(crate) answer: Option<(u64, usize)>,
}

/// Everything that was seen.
pub(crate) struct Seen {
    /// Requests over connections of their own at the address of the floating name.
    pub(crate) http: Vec<Asked>,
    /// Datagrams of those with a stale neighbour, by whose hardware address they hold on to.
    pub(crate) stale: [Vec<Asked>; 2],
    /// Acknowledged writes of each database.
    pub(crate) writes: Vec<Vec<Write>>,
}

/// Probers at work.
pub(crate) struct Probers {
    ends: Arc<AtomicBool>,
    http: JoinHandle<Vec<Asked>>,
    stale: [JoinHandle<Vec<Asked>>; 2],
    sql: JoinHandle<Vec<Vec<Write>>>,
}

/// Numbers of writes go on from one run to the next.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The number that no write has had yet.
pub(crate) fn next_number() -> u64 {
    NUMBER.load(Ordering::SeqCst)
}

impl Probers {
    pub(crate) fn start(site: &Site) -> Probers {
        let ends = Arc::new(AtomicBool::new(false));
        let client = site.client.pid();
        let spaces = [site.stale[0].pid(), site.stale[1].pid()];
        // The agent's neighbours have an address without a name.
        let key_file = site.servers.dns.is_some().then(|| site.servers.file("dns.key"));
        let http = prober(client, &ends, move |ends| {
            let address = key_file.map_or(FLOATING.into(), |file| name::resolve(&file));
            http::ask(address, &ends)
        });
        let stale = spaces.map(|space| prober(space, &ends, |ends| stale::ask(&ends)));
        let sql = prober(client, &ends, |ends| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            LocalSet::new().block_on(&runtime.expect("a runtime"), sql::write(ends))
        });
        Probers { ends, http, stale, sql }
    }

    pub(crate) fn finish(self) -> Seen {
        self.ends.store(true, Ordering::SeqCst);
        let by_moment = |mut asked: Vec<Asked>| {
            asked.sort_by_key(|it| it.sent);
            asked
        };
        Seen {
            http: by_moment(self.http.join().expect("it probes")),
            stale: self.stale.map(|it| by_moment(it.join().expect("it probes"))),
            writes: self.sql.join().expect("it writes"),
        }
    }
}

/// Runs until it ends by itself, told by the flag.
fn prober<T: Send + 'static>(
    space: u32,
    ends: &Arc<AtomicBool>,
    work: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
) -> JoinHandle<T> {
    let ends = Arc::clone(ends);
    std::thread::spawn(move || {
        enter(space);
        goes_first();
        work(ends)
    })
}

/// Keeps the pace: moments that are a half of it apart, whatever was done in between.
struct Pace {
    next: u64,
}

impl Pace {
    fn new() -> Pace {
        Pace { next: boottime() }
    }

    fn wait_half(&mut self) {
        self.next += nanos(PACE) / 2;
        let now = boottime();
        match self.next.checked_sub(now) {
            Some(wait) => std::thread::sleep(Duration::from_nanos(wait)),
            // What was missed is not made up for.
            None => self.next = now,
        }
    }
}

/// Which member a name is.
fn member(name: &[u8]) -> Option<usize> {
    [b"EX01", b"EX02"].iter().position(|it| name.ends_with(*it))
}

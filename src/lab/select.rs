//! Best copy selection as a calculator: which copies are activated when servers are lost.
//!
//! The rules are those of the core (`failover::best_copy`); here they are asked for one database
//! after the other, as the Primary Active Manager would, and the mount dial is asked for one copy
//! after the other until one mounts.

use crate::base::{Id, NodeId};
use crate::failover::best_copy::{
    Asked, Candidate, DialWord, Request, mount_dial, rank, sorts_by_preference,
};
use crate::failover::seam::{
    ActivationPolicy, CopyReport, CopyStatus, Dropped, MountDial, Ranked, SkipChecks,
};

/// A server with copies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// AutoDatabaseMountDial.
    pub dial: MountDial,
    /// DatabaseCopyAutoActivationPolicy.
    pub policy: ActivationPolicy,
    /// Its Active Directory site; servers with equal names are in one site.
    pub site: String,
    /// MaximumActiveDatabases; none for no limit.
    pub maximum_active: Option<u16>,
    /// Whether it can be reached.
    pub reachable: bool,
    /// Whether it is the one that is lost, or left.
    pub lost: bool,
}

/// A copy of a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// Its server, by its place in [`Question::servers`].
    pub server: usize,
    /// Its activation preference.
    pub preference: u8,
    /// Its state; the word for one that the selection has no name for, which is not eligible.
    pub status: Result<CopyStatus, &'static str>,
    /// What its Replication service tells of it.
    pub report: CopyReport,
}

/// A database with its copies, at most 16.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The server with the active copy, by its place in [`Question::servers`].
    pub active: usize,
    /// Whether the active copy is mounted, so that it counts against its server's maximum.
    pub mounted: bool,
    /// The newest log that was generated, as far as anybody knows: the cluster database keeps what
    /// the lost server told last (exchange.md §1.5).
    pub newest: u64,
    /// Its copies.
    pub copies: Vec<Copy>,
}

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The servers.
    pub servers: Vec<Server>,
    /// The databases in the order in which they are selected for.
    pub databases: Vec<Database>,
    /// Whether an administrator moves the databases without target and without loss, rather than
    /// a failover.
    pub lossless_move: bool,
    /// Whether the lost server can still be asked for its logs.
    pub source_answers: bool,
    /// Checks that are left out.
    pub skip: SkipChecks,
}

/// A copy that may be activated, and what the mount dial says to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its server.
    pub server: usize,
    /// Its rank.
    pub ranked: Ranked,
    /// Why it has this rank.
    pub why: String,
    /// What the dial says, when it is asked.
    pub dial: DialWord,
}

/// What becomes of a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selected {
    /// Its place in [`Question::databases`].
    pub database: usize,
    /// Copies that may be activated in the order in which they are tried.
    pub order: Vec<Place>,
    /// Copies that may not, by server, with the reason.
    pub dropped: Vec<(usize, String)>,
    /// Whether the copies were sorted by preference first.
    pub by_preference: bool,
    /// The place in the order of the copy that is mounted.
    pub chosen: Option<usize>,
    /// Why it came so.
    pub why: String,
    /// What the file does not tell and the answer depends on.
    pub note: Option<&'static str>,
}

impl Selected {
    /// The copy whose dial decided: the one that is mounted, else the first that was tried.
    pub fn decided(&self) -> Option<&Place> {
        self.order.get(self.chosen.unwrap_or(0))
    }
}

/// Selects a copy for each database whose active copy is on a lost server, in order: each
/// activation counts against the maximum of the servers for those that follow.
pub fn select(question: &Question) -> Vec<Selected> {
    let servers = &question.servers;
    let mut active = vec![0_u16; servers.len()];
    for database in question.databases.iter().filter(|database| database.mounted) {
        active[database.active] = active[database.active].saturating_add(1);
    }
    let lost = |database: &&(usize, &Database)| servers[database.1.active].lost;
    let numbered: Vec<_> = question.databases.iter().enumerate().collect();
    let mut answers = Vec::new();
    for (number, database) in numbered.iter().filter(lost) {
        let selected = one(question, *number, database, &active);
        if let Some(place) = selected.chosen.and_then(|chosen| selected.order.get(chosen)) {
            active[place.server] = active[place.server].saturating_add(1);
        }
        answers.push(selected);
    }
    answers
}

fn one(question: &Question, number: usize, database: &Database, active: &[u16]) -> Selected {
    let asked =
        if question.lossless_move { Asked::Switchover { lossless: true } } else { Asked::Failover };
    let request = Request { asked, skip: question.skip };
    let copies = database.copies.iter().enumerate();
    let candidates: Vec<Candidate> =
        copies.map(|(at, copy)| candidate(question, database, at, copy, active)).collect();
    let ranked = rank(&candidates, request);
    let by_preference = sorts_by_preference(&candidates, request);
    let (mut order, mut dropped) = (Vec::new(), Vec::new());
    for ranked in ranked {
        let copy = &database.copies[ranked.node.index()];
        match (ranked.set, copy.status) {
            (Ok(_), _) => order.push(place(question, database, copy, ranked)),
            (Err(Dropped::NoAnswer), Err(word)) => {
                let why = format!("status {word} is not eligible for activation");
                dropped.push((copy.server, why));
            }
            (Err(Dropped::Source), _) if !question.source_answers => {
                dropped
                    .push((copy.server, "it was the active copy; its server is lost".to_owned()));
            }
            (Err(_), _) => dropped.push((copy.server, ranked.why())),
        }
    }
    let chosen = order.iter().position(|place| place.dial.mounts);
    let why = why(question, &order, chosen);
    let note = (!database.mounted).then_some(match question.lossless_move {
        true => MOVED_ALONE,
        false => DISMOUNTED,
    });
    Selected { database: number, order, dropped, by_preference, chosen, why, note }
}

/// A file cannot tell who dismounted a database.
const DISMOUNTED: &str = "the active copy was Dismounted: if an administrator dismounted it, no \
                          failover happens and it stays dismounted; the answer is for one that failed";
/// A server switchover takes what is mounted.
const MOVED_ALONE: &str = "the active copy was Dismounted: a switchover of the whole server takes \
                           mounted databases only; the answer is for a move of this database alone";

fn candidate(
    question: &Question,
    database: &Database,
    at: usize,
    copy: &Copy,
    active: &[u16],
) -> Candidate {
    let server = &question.servers[copy.server];
    let source = copy.server == database.active;
    let answers = if source { question.source_answers } else { server.reachable && !server.lost };
    Candidate {
        node: NodeId::at(at),
        preference: copy.preference,
        dial: server.dial,
        source,
        tried: false,
        reachable: answers,
        report: (answers && copy.status.is_ok()).then_some(copy.report),
        policy: server.policy,
        same_site: server.site == question.servers[database.active].site,
        active: active[copy.server],
        maximum_active: server.maximum_active,
    }
}

/// A copy that may be activated. The logs that it lacks are fetched if the lost server answers.
fn place(question: &Question, database: &Database, copy: &Copy, ranked: Ranked) -> Place {
    let known = database.newest.max(copy.report.generated);
    let lacking = known.saturating_sub(copy.report.inspected);
    let missing = if question.source_answers { 0 } else { lacking };
    let over = question.lossless_move.then_some(MountDial::Lossless);
    let dial = mount_dial(missing, question.servers[copy.server].dial, over);
    Place { server: copy.server, ranked, why: ranked.why(), dial }
}

/// Why a database is mounted where it is, or nowhere: what the dial said to each copy that was
/// tried.
fn why(question: &Question, order: &[Place], chosen: Option<usize>) -> String {
    let end = if question.lossless_move {
        "the switchover fails and the database stays where it is"
    } else {
        "the database stays dismounted"
    };
    if order.is_empty() {
        return format!("no copy may be activated: {end}");
    }
    let tried = chosen.map_or(order, |chosen| &order[..=chosen]).iter();
    let words: Vec<String> = tried
        .map(|place| format!("{}: {}", question.servers[place.server].name, place.dial))
        .collect();
    let mut text = words.join("; then ");
    if chosen.is_none() {
        text = format!("{text}; {end}");
    }
    text
}

#[cfg(test)]
mod tests;

//! The conformance kit, put to the agent's driver: two members over a network that loses, doubles
//! and delays, in a time of their own, with hands that take their time. tests/it/conformance.rs
//! puts it to the simulator, and tests/bed to whole agents.

use dagtwin::agent::driver::{Driver, Hands};
use dagtwin::agent::recorder::Recorder;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, NicId, NodeId, OpId, Span};
use dagtwin::failover::message::Message;
use dagtwin::failover::seam::{
    Act, Boot, ContentIndex, CopyReport, CopyStatus, Durable, Input, Note, Outcome, Start,
};
use dagtwin::journal::{Header, Journal, Origin, RecordNo, binary};
use dagtwin::lab::conformance::{self, Breach};
use dagtwin::model::{Topology, builtin, load};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// A journal that can be read while its driver lives.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a driver wants, as it wants it.
#[derive(Default)]
struct Wishes {
    sent: Vec<(NicId, NodeId, Message, RecordNo)>,
    begun: Vec<(OpId, Act, RecordNo)>,
}

impl Hands for Wishes {
    fn stepped(&mut self, _: &dagtwin::failover::Node) {}
    fn send(&mut self, nic: NicId, to: NodeId, message: Message, record: RecordNo) {
        self.sent.push((nic, to, message, record));
    }
    fn begin(&mut self, op: OpId, act: Act, record: RecordNo) {
        self.begun.push((op, act, record));
    }
    fn note(&mut self, _: &Note) {}
}

/// What is on its way to a member.
type Coming = (NodeId, Input, Option<RecordNo>);

struct Pair {
    topology: Topology,
    members: Vec<(Driver<Paper>, Paper)>,
    /// By moment, then in the order in which it was sent.
    coming: BTreeMap<(Instant, u64), Coming>,
    number: u64,
    draws: Stream,
    /// Of a hundred messages, so many are lost.
    loses: u64,
    /// A driver that is told of a deadline only so long after it.
    late: Span,
}

impl Pair {
    fn new(seed: u64, loses: u64, late: Span) -> Pair {
        let site = builtin::SITES.iter().find(|site| site.topology.name == "two-node-2010");
        let site = &site.expect("it is built in").topology;
        let topology = load::topology(site.path, site.text, &[]).expect("it loads").topology;
        let scenario = "title = \"quiet\"\nuntil = \"10m\"\n";
        let scenario = load::scenario("quiet", "quiet", scenario, &topology).expect("it loads");
        let member = |node: NodeId| {
            let paper = Paper::default();
            let host = topology.node_name(node).to_owned();
            let header = Header {
                format: Header::FORMAT,
                version: "test".to_owned(),
                origin: Origin::Agent { host },
                topology: topology.clone(),
                scenario: None,
                sources: None,
                capsule: None,
            };
            let recorder = Recorder::new(paper.clone(), &header).expect("memory takes it");
            let mut driver = Driver::new(node, recorder);
            let database = topology.boot_database(&scenario);
            let boot = Boot {
                durable: Durable { epoch: 1, database, ..Durable::default() },
                links: vec![true; topology.machines[node.into()].nics.len()],
                replication_service: true,
                start: Start::default(),
                time_of_day: Span::ZERO,
            };
            driver.start(Instant::ZERO, topology.config(node), boot);
            (driver, paper)
        };
        let members = topology.node_ids().map(member).collect();
        let draws = Stream::new(seed, 0, Purpose::Choice);
        Pair { topology, members, coming: BTreeMap::new(), number: 0, draws, loses, late }
    }

    fn comes(&mut self, at: Instant, what: Coming) {
        self.number += 1;
        self.coming.insert((at, self.number), what);
    }

    /// Does what a member wants: messages take up to 2 ms, operations up to 50 ms.
    fn serve(&mut self, now: Instant, from: NodeId, wishes: Wishes) {
        for (nic, to, message, _) in wishes.sent {
            if self.draws.below(100) < self.loses {
                continue;
            }
            for _ in 0..=u64::from(self.draws.below(50) == 0) {
                let at = now + Span::from_micros(100 + self.draws.below(1_900));
                let input = Input::Frame { nic, from, message: message.clone() };
                self.comes(at, (to, input, None));
            }
        }
        for (op, act, record) in wishes.begun {
            let outcome = match act {
                Act::CopyStatus(_) => Outcome::Copy(CopyReport {
                    status: CopyStatus::Healthy,
                    content_index: ContentIndex::Healthy,
                    generated: 0,
                    inspected: 0,
                    replayed: 0,
                    activation_suspended: false,
                }),
                Act::CopyLastLogs { .. } => Outcome::LastLogs { copied: 0, missing: 0 },
                Act::WitnessBoot { .. } => Outcome::WitnessBoot(Instant::ZERO),
                _ => Outcome::Ok,
            };
            let at = now + Span::from_micros(1 + self.draws.below(50_000));
            self.comes(at, (from, Input::Done { op, outcome }, Some(record)));
        }
    }

    /// The next thing that happens: what comes in, or a deadline.
    fn turn(&mut self, until: Instant) -> bool {
        let due = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(place, (driver, _))| Some((driver.deadline()? + self.late, place)));
        let due = due.min();
        let next = self.coming.first_key_value().map(|((at, _), _)| *at);
        let mut wishes = Wishes::default();
        match (due, next) {
            (Some((at, place)), next) if next.is_none_or(|next| at < next) && at < until => {
                self.members[place].0.wake(at, &mut wishes);
                self.serve(at, NodeId(place as u8), wishes);
            }
            (_, Some(at)) if at < until => {
                let (_, (to, input, cause)) = self.coming.pop_first().expect("it was there");
                let driver = &mut self.members[usize::from(to.0)].0;
                driver.feed(at, input, cause, &mut wishes);
                self.serve(at, to, wishes);
            }
            _ => return false,
        }
        true
    }

    fn run(&mut self, until: Span) {
        while self.turn(Instant::ZERO + until) {}
    }

    fn journals(&self) -> Vec<Journal> {
        let read = |(_, paper): &(Driver<Paper>, Paper)| {
            let bytes = paper.0.lock().expect("nobody panics").clone();
            binary::read(&mut bytes.as_slice()).expect("it can be read")
        };
        self.members.iter().map(read).collect()
    }

    fn breaches(&self) -> Vec<Breach> {
        let mut found = Vec::new();
        for journal in self.journals() {
            let judged = conformance::judge(&self.topology, None, &journal.records);
            let verified = judged.verified.unwrap_or_else(|differs| panic!("{differs:?}"));
            assert!(verified.inputs > 100 && verified.lives == 1, "{verified:?}");
            found.extend(judged.breaches);
        }
        found
    }
}

#[test]
fn the_agents_driver_keeps_every_sentence_whatever_the_network_does() {
    for (seed, loses) in [(1, 0), (2, 10), (3, 30)] {
        let mut pair = Pair::new(seed, loses, Span::ZERO);
        pair.run(Span::from_secs(120));
        assert_eq!(pair.breaches(), [], "{loses} of 100 are lost");
        let in_quorum = |(driver, _): &(Driver<Paper>, Paper)| {
            driver.node().is_some_and(|node| node.view().quorum)
        };
        assert!(pair.members.iter().any(in_quorum), "somebody serves");
    }
}

#[test]
fn a_driver_that_is_always_late_keeps_every_sentence_and_is_told_to_be_late() {
    let late = Span::from_millis(300);
    let mut pair = Pair::new(4, 0, late);
    pair.run(Span::from_secs(60));
    assert_eq!(pair.breaches(), []);
    let journals = pair.journals();
    let told = conformance::lateness(&pair.topology, None, &journals[0].records);
    assert_eq!(told.last(), Some(&late));
}

#[test]
fn a_driver_that_forgets_deadlines_is_found() {
    let mut pair = Pair::new(5, 0, Span::from_secs(5));
    // Somebody pulls at the cable, so that the member hears of something else first.
    for second in 1..60 {
        let up = second % 2 == 0;
        let input = Input::Link { nic: NicId(0), up };
        pair.comes(Instant::ZERO + Span::from_secs(second * 2), (NodeId(0), input, None));
    }
    pair.run(Span::from_secs(120));
    let found = pair.breaches();
    let forgotten = |it: &Breach| it.sentence == conformance::Sentence::DeadlineIsReadAgain;
    assert!(found.iter().any(forgotten), "{found:?}");
}

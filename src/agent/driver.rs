//! Drives one node: has every input journaled before it is stepped and every effect before it is
//! done. It knows no socket, thread or clock: [`run`](super::run) brings inputs and moments, and
//! [`Hands`] do what is wanted.

use super::recorder::Recorder;
use crate::base::{Instant, NicId, NodeId, OpId, Span};
use crate::failover::Node;
use crate::failover::config::Config;
use crate::failover::message::Message;
use crate::failover::seam::{Act, Boot, Effect, Effects, Input, Note, Timer};
use crate::journal::record::{AgentEvent, Plant, ServiceState};
use crate::journal::{RecordNo, What};
use crate::model::Service;
use std::io::{self, Write};

/// Does what a node wants.
pub trait Hands {
    /// The node has taken a step: what it is after it holds for all that it wants done.
    fn stepped(&mut self, node: &Node);

    /// Sends a message; fire and forget. `record` is that of the sending.
    fn send(&mut self, nic: NicId, to: NodeId, message: Message, record: RecordNo);

    /// Begins an operation; the answer comes as an [`Input::Done`] of its number, at most one.
    fn begin(&mut self, op: OpId, act: Act, record: RecordNo);

    /// Is told of a decision that nobody has to act on.
    fn note(&mut self, note: &Note);
}

/// Drives the node of one member.
pub struct Driver<W: Write> {
    me: NodeId,
    node: Option<Node>,
    effects: Effects,
    /// The record of the step that armed each timer.
    armed: [Option<RecordNo>; Timer::COUNT],
    /// The last moment that the node was told; it is never told an earlier one.
    latest: Instant,
    /// Counts lives of the service.
    lives: u32,
    recorder: Recorder<W>,
}

impl<W: Write> Driver<W> {
    /// A driver without a life of its node.
    pub fn new(me: NodeId, recorder: Recorder<W>) -> Self {
        let (node, effects, armed) = (None, Effects::new(), [None; Timer::COUNT]);
        Driver { me, node, effects, armed, latest: Instant::ZERO, lives: 0, recorder }
    }

    /// The node; none between two lives.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// The journal.
    pub fn recorder(&mut self) -> &mut Recorder<W> {
        &mut self.recorder
    }

    /// Which life of the service this is, or the last one was.
    pub fn lives(&self) -> u32 {
        self.lives
    }

    /// The last moment that the node was told.
    pub fn latest(&self) -> Instant {
        self.latest
    }

    /// A life of the Cluster service begins.
    ///
    /// # Panics
    /// If one is under way.
    pub fn start(&mut self, now: Instant, config: Config, boot: Boot) {
        assert!(self.node.is_none(), "a life of the service ends before the next begins");
        let now = self.not_before(now);
        self.lives += 1;
        let machine = self.me.into();
        let (service, state) = (Service::Cluster, ServiceState::Running);
        let change = Plant::Service { machine, service, state };
        let started = self.recorder.record(now, None, What::Plant(change));
        let boots = AgentEvent::Boot(Box::new(boot.clone()));
        self.recorder.record(now, Some(started), What::Agent(self.me, boots));
        self.recorder.flush();
        self.armed = [Some(started); Timer::COUNT];
        self.node = Some(Node::new(config, boot, now));
    }

    /// The life of the Cluster service is over, by its own decision or without it.
    pub fn end(&mut self, now: Instant, cause: Option<RecordNo>) {
        if self.node.take().is_none() {
            return;
        }
        let now = self.not_before(now);
        let machine = self.me.into();
        let (service, state) = (Service::Cluster, ServiceState::Stopped);
        self.record(now, cause, What::Plant(Plant::Service { machine, service, state }));
        self.recorder.flush();
    }

    /// Ends the journal in good order.
    ///
    /// # Errors
    /// If its end cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.recorder.finish()
    }

    /// Notes what became of the world outside the node.
    pub fn record(&mut self, now: Instant, cause: Option<RecordNo>, what: What) -> RecordNo {
        let now = self.not_before(now);
        self.recorder.record(now, cause, what)
    }

    /// Notes that the process stood still, or its machine slept.
    pub fn stood_still(&mut self, now: Instant, late: Span) {
        let told = AgentEvent::StoodStill(late);
        self.record(now, None, What::Agent(self.me, told));
    }

    /// Why the journal has ended before its time, once.
    pub fn journal_failure(&mut self) -> Option<io::Error> {
        self.recorder.failure()
    }

    /// When the node wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref().and_then(Node::deadline).map(|deadline| deadline.at)
    }

    /// Wakes the node; returns what [`Driver::feed`] does.
    pub fn wake(&mut self, now: Instant, hands: &mut impl Hands) -> Option<bool> {
        let deadline = self.node.as_ref().and_then(Node::deadline)?;
        let cause = self.armed[deadline.why as usize];
        self.feed(now, Input::Wake, cause, hands)
    }

    /// Tells the node something and has its effects done, in their order. Returns whether its life
    /// goes on; `Some(restart)` says that it has ended, and whether it is to begin again.
    pub fn feed(
        &mut self,
        now: Instant,
        input: Input,
        cause: Option<RecordNo>,
        hands: &mut impl Hands,
    ) -> Option<bool> {
        let now = self.not_before(now);
        self.node.as_ref()?;
        let step = self.recorder.record(now, cause, What::In(self.me, input.clone()));
        self.recorder.flush();
        let node = self.node.as_mut().expect("checked above");
        node.step(now, input, &mut self.effects);
        for timer in node.armed() {
            self.armed[timer as usize] = Some(step);
        }
        let effects = std::mem::take(&mut self.effects);
        let out = |effect: &Effect| What::Out(self.me, effect.clone());
        let numbers: Vec<RecordNo> =
            effects.iter().map(|it| self.recorder.record(now, Some(step), out(it))).collect();
        self.recorder.flush();
        hands.stepped(self.node.as_ref().expect("checked above"));
        let mut ends = None;
        for (effect, record) in effects.into_iter().zip(numbers) {
            match effect {
                Effect::Send { nic, to, message } => hands.send(nic, to, message, record),
                Effect::Do { act: Act::Stop { restart }, .. } => {
                    self.end(now, Some(record));
                    ends = Some(restart);
                }
                Effect::Do { op, act } => hands.begin(op, act, record),
                Effect::Note(note) => hands.note(&note),
            }
        }
        ends
    }

    /// Moments never go back, whatever the caller's clock does.
    fn not_before(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }
}

//! One task owns the node: it takes what comes in, completions first, and has the driver step it.
//! Nothing here waits for anything but the next thing to come in.

use super::alarm::Alarm;
use super::clock::Clock;
use super::control::{Answer, Asked, Request};
use super::driver::{Driver, Hands};
use crate::base::{Instant, Span};
use crate::failover::Node;
use crate::failover::config::Config;
use crate::failover::seam::{Boot, Input, Order};
use crate::journal::record::Plant;
use crate::journal::{RecordNo, What};
use std::io::{self, Write};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

/// Most inputs that are taken before everybody else has a turn (house.md §12).
const MOST_AT_ONCE: usize = 64;

/// A turn that comes so much later than it was due is told: the process stood still, or its machine
/// slept (assumed: a busy machine is late by less).
const STOOD_STILL: Span = Span::from_millis(100);

/// Something that happened on this host, and what the node is to hear of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The life of the service that it is for, by its count; none: for any. What a later life has
    /// not asked for it is not told.
    pub life: Option<u32>,
    /// What made it happen.
    pub cause: Option<RecordNo>,
    /// What became of the host, in the order in which it happened.
    pub facts: Vec<Plant>,
    /// What the node is told.
    pub input: Option<Input>,
}

/// What comes in beside datagrams and requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Something for the node.
    Told(Told),
    /// The witness's record was counted up; `began` is the time since boot before that was sent.
    WitnessRenewed {
        /// Before it was sent.
        began: Span,
    },
    /// The witness's record is not this member's any more.
    WitnessLost,
}

/// Where things come in.
pub struct Incoming {
    /// Completions and what was noticed.
    pub news: UnboundedReceiver<News>,
    /// Datagrams of other members, as they came.
    pub datagrams: Receiver<Datagram>,
    /// Questions, orders, the wish to end.
    pub asked: Receiver<Asked>,
}

/// A datagram as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// The adapter, by its place in the topology.
    pub nic: crate::base::NicId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What the driver of a member needs beside the node: a network and hands.
pub trait Surroundings: Hands {
    /// Takes in a datagram; what the node is told of it, if anything, and the record of its
    /// sending.
    fn datagram(&mut self, datagram: &Datagram) -> Option<(Input, Option<What>)>;

    /// So much time has passed since the last turn; called before what came in is taken.
    fn turn(&mut self, now: Instant, since_last: Span);

    /// Sees the node after each turn.
    fn seen(&mut self, node: Option<&Node>);

    /// What a life of the service begins from, if one is to begin now.
    fn begins(&mut self, now: Instant) -> Option<(Config, Boot)>;

    /// Is told what became of the host.
    fn happened(&mut self, fact: &Plant);

    /// The witness vouches for this member since then, by the time since boot; none: not any more.
    fn witness(&mut self, vouches_since: Option<Span>);

    /// Answers a request; the order that the node is told of, if any.
    fn asked(&mut self, node: Option<&Node>, request: Request) -> (Answer, Option<Order>);

    /// Why the node refused an order in the step that told it of it, in words: none if it took it,
    /// or had to pass it on to the core group's owner.
    fn refusal(&mut self, of: Order) -> Option<String>;

    /// The life of the service has ended; whether and when it is to begin again.
    fn ended(&mut self, now: Instant, restart: bool);

    /// When the surroundings themselves want a turn.
    fn deadline(&self) -> Option<Instant>;

    /// The journal could not be written and has ended; serving goes on.
    fn journal_ended(&mut self, why: &io::Error);

    /// Whether everything has ended and the task is to return.
    fn over(&self) -> bool;
}

/// A member: its driver and what is around it.
pub struct Member<W: Write, H> {
    /// Drives the node.
    pub driver: Driver<W>,
    /// Network and hands.
    pub around: H,
    /// Tells moments.
    pub clock: Clock,
    /// When it last looked at the clock in a turn.
    looked: Instant,
}

impl<W: Write, H: Surroundings> Member<W, H> {
    /// A member that has had no turn yet.
    pub fn new(driver: Driver<W>, around: H, clock: Clock) -> Self {
        Member { driver, around, clock, looked: clock.now() }
    }

    /// Takes what comes in until everything has ended.
    ///
    /// # Errors
    /// If the system has no timer, or takes it away.
    pub async fn run(&mut self, mut incoming: Incoming) -> io::Result<()> {
        let mut alarm = Alarm::new()?;
        let mut last = self.clock.now();
        while !self.around.over() {
            let next = [self.driver.deadline(), self.around.deadline()];
            let due = next.into_iter().flatten().min();
            alarm.set(&self.clock, due)?;
            let first = tokio::select! {
                biased;
                Some(news) = incoming.news.recv() => Some(First::News(news)),
                Some(datagram) = incoming.datagrams.recv() => Some(First::Datagram(datagram)),
                Some(asked) = incoming.asked.recv() => Some(First::Asked(asked)),
                () = alarm.rings() => None,
            };
            let now = self.clock.now();
            self.looked = now;
            let late = due.map_or(Span::ZERO, |due| now.saturating_since(due));
            if late > STOOD_STILL {
                self.driver.stood_still(now, late);
            }
            self.around.turn(now, now.saturating_since(last));
            last = now;
            if let Some((config, boot)) = self.around.begins(now) {
                // The moment names the life in every datagram, too.
                self.driver.start(now, config, boot);
            }
            self.take(first, &mut incoming);
            let now = self.moment();
            if self.driver.deadline().is_some_and(|at| at <= now) {
                let ends = self.driver.wake(now, &mut self.around);
                self.goes_on(ends);
            }
            self.around.seen(self.driver.node());
            if let Some(error) = self.driver.journal_failure() {
                self.around.journal_ended(&error);
            }
        }
        Ok(())
    }

    /// Ends the journal in good order.
    ///
    /// # Errors
    /// If its end cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.driver.finish()
    }

    /// Takes the first and what else is there, up to the most at once.
    fn take(&mut self, first: Option<First>, incoming: &mut Incoming) {
        let mut next = first;
        for _ in 0..MOST_AT_ONCE {
            match next.take() {
                Some(First::News(news)) => self.news(news),
                Some(First::Datagram(datagram)) => self.datagram(&datagram),
                Some(First::Asked(asked)) => self.asked(asked),
                None => {}
            }
            next = incoming.news.try_recv().ok().map(First::News);
            next = next.or_else(|| incoming.datagrams.try_recv().ok().map(First::Datagram));
            next = next.or_else(|| incoming.asked.try_recv().ok().map(First::Asked));
            if next.is_none() {
                return;
            }
        }
        // What was taken out and is beyond the most still has to be done.
        match next {
            Some(First::News(news)) => self.news(news),
            Some(First::Datagram(datagram)) => self.datagram(&datagram),
            Some(First::Asked(asked)) => self.asked(asked),
            None => {}
        }
    }

    fn asked(&mut self, (request, tell): Asked) {
        let (mut answer, order) = self.around.asked(self.driver.node(), request);
        if let Some(order) = order {
            self.feed(Input::Order(order), None);
            if let Some(why) = self.around.refusal(order) {
                answer = Answer::Refused(why);
            }
        }
        // Who asked may have gone.
        let _ = tell.send(answer);
    }

    fn news(&mut self, news: News) {
        match news {
            News::Told(told) => self.told(told),
            News::WitnessRenewed { began } => self.around.witness(Some(began)),
            News::WitnessLost => self.around.witness(None),
        }
    }

    /// The moment now. A process that is stopped inside a turn notes that before it does more.
    fn moment(&mut self) -> Instant {
        let now = self.clock.now();
        let gap = now.saturating_since(self.looked);
        if gap > STOOD_STILL {
            self.driver.stood_still(now, gap);
        }
        self.looked = now;
        now
    }

    /// Notes what happened on the host and tells the node.
    pub fn told(&mut self, told: Told) {
        let now = self.moment();
        let mut cause = told.cause;
        for fact in told.facts {
            self.around.happened(&fact);
            cause = Some(self.driver.record(now, cause, What::Plant(fact)));
        }
        let ours = told.life.is_none_or(|life| life == self.driver.lives());
        if let Some(input) = told.input.filter(|_| ours) {
            self.feed(input, cause);
        }
    }

    /// Tells the node something.
    pub fn feed(&mut self, input: Input, cause: Option<RecordNo>) {
        let now = self.moment();
        let ends = self.driver.feed(now, input, cause, &mut self.around);
        self.goes_on(ends);
    }

    fn datagram(&mut self, datagram: &Datagram) {
        let Some((input, came)) = self.around.datagram(datagram) else { return };
        let now = self.moment();
        let cause = came.map(|came| self.driver.record(now, None, came));
        self.feed(input, cause);
    }

    fn goes_on(&mut self, ends: Option<bool>) {
        if let Some(restart) = ends {
            self.around.ended(self.clock.now(), restart);
        }
    }
}

enum First {
    News(News),
    Datagram(Datagram),
    Asked(Asked),
}

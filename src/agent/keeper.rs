//! Keeps one witness server's record for this member: claims it when the node wants it, counts it
//! up while it is held, and watches it while another holds it.
//!
//! The owner of the core group keeps the record also while its votes suffice without the witness:
//! then the loss of the other member alone interrupts nobody, for the witness goes on vouching that
//! nobody took over (see [`Fence`](crate::failover::fencing::Fence)). A claim answers "held" only
//! when the holder was seen alive after it was made, and takes over only what has stood still for
//! the whole patience.

use super::clock::boottime;
use super::run::{News, Told};
use super::witness::{Claim, Error, Kind, Renewal, Stale, Standing, Verdict, Watch, Witness};
use crate::base::{Instant, NodeId, OpId, Span};
use crate::failover::seam::{Failure, Input, Outcome, Refusal};
use crate::journal::RecordNo;
use crate::journal::record::Plant;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::sleep;

/// How the record is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Time between two looks, or two counts.
    pub interval: Duration,
    /// How long another's record has to stand still before it is taken over.
    pub patience: Duration,
    /// Longest that one operation on the place may take.
    pub limit: Duration,
}

/// Which life of the service asked, by which operation and record.
pub type Request = (u32, OpId, RecordNo);

/// What the keeper is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// `Act::ClaimWitness`.
    Claim {
        /// Who asked.
        asked: Request,
        /// The epoch that the node knows.
        known: u64,
        /// The epoch to write.
        epoch: u64,
    },
    /// `Act::TestWitness`.
    Test {
        /// Who asked.
        asked: Request,
        /// The epoch that the node knows.
        known: u64,
    },
    /// `Act::ReleaseWitness`.
    Release {
        /// Who asked.
        asked: Request,
    },
    /// `Act::WitnessBoot`.
    Boot {
        /// Who asked.
        asked: Request,
    },
    /// The health checks of the witness resource.
    IsAlive {
        /// Who asked.
        asked: Request,
    },
    /// Keep the record in this epoch whether the vote is needed or not; none: only if it is.
    Reserve(Option<u64>),
}

/// Keeps one record. Runs until nobody can ask any more; then it gives up what it holds.
pub struct Keeper {
    me: NodeId,
    server: u8,
    witness: Witness,
    pace: Pace,
    watch: Watch,
    stale: Option<Stale>,
    /// The epoch in which this life of the member holds the record.
    holds: Option<u64>,
    reserve: Option<u64>,
    /// Whether the node has claimed it, and not released it since.
    claimed: bool,
    /// The newest epoch that a life of the service has claimed it in, and which life.
    own: Option<(u32, u64)>,
    /// Whether the last operation on the place had an answer.
    answers: Result<(), Failure>,
    news: UnboundedSender<News>,
}

impl Keeper {
    /// A keeper that holds nothing.
    ///
    /// # Errors
    /// If the pace does not fit: a look at least four times in the patience.
    pub fn new(
        me: NodeId,
        server: u8,
        witness: Witness,
        pace: Pace,
        news: UnboundedSender<News>,
    ) -> Result<Keeper, Error> {
        let watch = Watch::new(me.0, pace.patience, pace.interval)?;
        let (stale, holds, reserve) = (None, None, None);
        let (claimed, own, answers) = (false, None, Ok(()));
        Ok(Keeper {
            me,
            server,
            witness,
            pace,
            watch,
            stale,
            holds,
            reserve,
            claimed,
            own,
            answers,
            news,
        })
    }

    /// Does what it is asked, and looks or counts in between.
    pub async fn run(mut self, mut asks: UnboundedReceiver<Ask>) {
        let interval = Span::from_nanos(self.pace.interval.as_nanos() as u64);
        let mut due = boottime();
        loop {
            let wait = Duration::from_nanos(due.saturating_sub(boottime()).as_nanos());
            tokio::select! {
                biased;
                // A place that does not answer keeps no claim waiting: a look is begun anew.
                ask = asks.recv() => match ask {
                    Some(ask) => self.answer(ask).await,
                    None => break,
                },
                next = async {
                    sleep(wait).await;
                    let next = boottime() + interval;
                    self.tend().await;
                    next
                } => due = next,
            }
        }
        if let Some(epoch) = self.holds {
            // Whoever ends keeps nobody waiting if it can help it; a failure costs the patience.
            let _ = self.witness.release(self.me.0, epoch, self.pace.limit).await;
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Claim { asked, known, epoch } => {
                // A node that asks again before it has heard of its first claim knows what that one
                // wrote.
                let (life, ..) = asked;
                let own =
                    self.own.filter(|(own, epoch)| *own == life && self.holds == Some(*epoch));
                let known = own.map_or(known, |(_, epoch)| known.max(epoch));
                let outcome = self.claim(known, epoch).await;
                if outcome == Outcome::Ok {
                    self.own = self.holds.map(|epoch| (life, epoch));
                }
                self.claimed = outcome == Outcome::Ok;
                let holder = self.claimed.then_some(self.me);
                let (server, held) = (self.server, holder.is_some());
                let facts = held.then_some(Plant::WitnessLock { server, holder });
                self.done(asked, facts, outcome);
            }
            Ask::Test { asked, known } => {
                let outcome = self.test(known).await;
                self.done(asked, None, outcome);
            }
            Ask::Release { asked } => {
                self.claimed = false;
                let outcome = match self.reserve {
                    // The node needs it no more, but its record still vouches for this member.
                    Some(_) => Outcome::Ok,
                    None => self.release().await,
                };
                let fact = Plant::WitnessLock { server: self.server, holder: None };
                self.done(asked, (outcome == Outcome::Ok).then_some(fact), outcome);
            }
            Ask::Boot { asked } => {
                let boot = self.witness.boot(self.pace.limit).await;
                self.noticed(boot.as_ref().map(drop));
                let outcome = boot.map_or_else(failed, |boot| {
                    let nanos = u64::try_from(boot.started.as_nanosecond()).unwrap_or(0);
                    Outcome::WitnessBoot(Instant::from_nanos(nanos))
                });
                self.done(asked, None, outcome);
            }
            Ask::IsAlive { asked } => {
                let outcome = self.answers.map_or_else(Outcome::Failed, |()| Outcome::Ok);
                self.done(asked, None, outcome);
            }
            Ask::Reserve(epoch) => {
                self.reserve = epoch;
                if epoch.is_none() && !self.claimed {
                    // What keeps it from being released was told; it goes stale by itself.
                    let _ = self.release().await;
                }
            }
        }
    }

    /// Looks, or counts up what is held, or takes what is to be reserved and free.
    async fn tend(&mut self) {
        if let Some(epoch) = self.holds
            && self.reserve.is_none_or(|wanted| wanted == epoch)
        {
            return self.renew(epoch).await;
        }
        let standing = self.look().await;
        let free = matches!(standing, Some(Standing::Free | Standing::Mine | Standing::Stale(_)));
        if let Some(epoch) = self.reserve.filter(|_| free) {
            // What keeps it from being taken was told, and is tried again.
            drop(self.take(epoch, epoch).await);
        }
    }

    async fn renew(&mut self, epoch: u64) {
        let began = boottime();
        match self.witness.renew(self.me.0, epoch, self.pace.limit).await {
            Ok(Renewal::Renewed(_)) => {
                self.noticed(Ok(()));
                self.tell(News::WitnessRenewed { began });
            }
            // Never written over: who has it now has won it.
            Ok(Renewal::Lost(_)) => {
                self.noticed(Ok(()));
                self.lost();
            }
            Err(error) => self.noticed(Err(&error)),
        }
    }

    fn lost(&mut self) {
        self.holds = None;
        self.claimed = false;
        self.watch.forget();
        self.tell(News::WitnessLost);
    }

    /// How the record stands; none if the place does not answer.
    async fn look(&mut self) -> Option<Standing> {
        let asked = boottime();
        let record = self.witness.read(self.pace.limit).await;
        self.noticed(record.as_ref().map(drop));
        let standing = self.watch.look(record.ok()?, duration(asked), duration(boottime()));
        self.stale = match standing {
            Standing::Stale(stale) => Some(stale),
            Standing::Free | Standing::Mine | Standing::Held { .. } => None,
        };
        Some(standing)
    }

    /// One try to write the record.
    async fn take(&mut self, known: u64, epoch: u64) -> Result<Verdict, Error> {
        let (me, stale, began) = (self.me.0, self.stale, boottime());
        let claim = Claim { me, known, epoch: epoch.max(known), stale };
        let verdict = self.witness.claim(claim, self.pace.limit).await;
        self.noticed(verdict.as_ref().map(drop));
        if let Ok(Verdict::Claimed(record)) = &verdict {
            self.holds = Some(record.epoch);
            self.tell(News::WitnessRenewed { began });
        }
        verdict
    }

    /// Claims until it is decided: won, newer than this node knows, or held by somebody who lives.
    async fn claim(&mut self, known: u64, epoch: u64) -> Outcome {
        let mut first = None;
        loop {
            match self.take(known, epoch).await {
                Ok(Verdict::Claimed(_)) => return Outcome::Ok,
                Ok(Verdict::Newer(_)) => return Outcome::Refused(Refusal::WitnessNewer),
                Ok(Verdict::HeldBy { node, record }) => {
                    self.holds = None;
                    if *first.get_or_insert(record) != record {
                        return Outcome::Refused(Refusal::WitnessHeld(NodeId(node)));
                    }
                }
                Err(error) => return failed(error),
            }
            match self.look().await {
                Some(Standing::Held { left, .. }) => sleep(left.min(self.pace.interval)).await,
                Some(Standing::Free | Standing::Mine | Standing::Stale(_)) => {}
                None => return self.answers.map_or_else(Outcome::Failed, |()| Outcome::TimedOut),
            }
        }
    }

    async fn test(&mut self, known: u64) -> Outcome {
        self.look().await;
        let verdict = self.witness.test(self.me.0, known, self.stale, self.pace.limit).await;
        self.noticed(verdict.as_ref().map(drop));
        match verdict {
            Ok(Verdict::Claimed(_)) => Outcome::Ok,
            Ok(Verdict::Newer(_)) => Outcome::Refused(Refusal::WitnessNewer),
            Ok(Verdict::HeldBy { node, .. }) => {
                Outcome::Refused(Refusal::WitnessHeld(NodeId(node)))
            }
            Err(error) => failed(error),
        }
    }

    async fn release(&mut self) -> Outcome {
        let Some(epoch) = self.holds.take() else { return Outcome::Ok };
        self.tell(News::WitnessLost);
        let released = self.witness.release(self.me.0, epoch, self.pace.limit).await;
        self.noticed(released.as_ref().map(drop));
        released.map_or_else(failed, |_| Outcome::Ok)
    }

    /// The place answered, or did not; told once when that changes.
    fn noticed(&mut self, answer: Result<(), &Error>) {
        let now = answer.map_err(failure);
        if now.is_err() != self.answers.is_err() {
            match answer {
                Ok(()) => tracing::info!(server = self.server, "the witness answers again"),
                Err(error) => tracing::warn!(server = self.server, %error, "the witness is away"),
            }
        }
        self.answers = now;
    }

    fn done(&self, (life, op, record): Request, fact: Option<Plant>, outcome: Outcome) {
        let (cause, facts) = (Some(record), fact.into_iter().collect());
        let input = Some(Input::Done { op, outcome });
        let life = Some(life);
        self.tell(News::Told(Told { life, cause, facts, input }));
    }

    fn tell(&self, news: News) {
        // Nobody listens any more when everything ends.
        let _ = self.news.send(news);
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.as_nanos())
}

fn failure(error: &Error) -> Failure {
    match error.kind() {
        Kind::NoPath => Failure::NoPath,
        Kind::NoAnswer | Kind::NotServed | Kind::Busy => Failure::NoAnswer,
        Kind::Refused | Kind::Failed => Failure::Disk,
    }
}

fn failed(error: Error) -> Outcome {
    Outcome::Failed(failure(&error))
}

#[cfg(test)]
mod tests {
    use super::super::witness::Place;
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[tokio::test]
    async fn a_life_that_claims_twice_is_not_refused_for_what_it_wrote_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = || Place::Directory(folder.path().to_owned());
        let second = Duration::from_secs(1);
        let pace = Pace { interval: second, patience: second * 4, limit: second * 60 };
        let mut witness = Witness::new(place()).expect("a thread");
        witness.prepare(pace.limit).await.expect("prepared");
        let (news, mut told) = unbounded_channel();
        let keeper = Keeper::new(NodeId(0), 0, witness, pace, news).expect("it fits");
        let (asks, asked) = unbounded_channel();
        let runs = tokio::spawn(keeper.run(asked));
        let claims = [(1, 6), (1, 7), (2, 8)];
        for (number, (life, epoch)) in claims.into_iter().enumerate() {
            let asked = (life, OpId(number as u32), RecordNo(0));
            asks.send(Ask::Claim { asked, known: 5, epoch }).expect("it runs");
        }
        let mut outcomes = Vec::new();
        while outcomes.len() < claims.len() {
            if let Some(News::Told(Told { input: Some(Input::Done { outcome, .. }), .. })) =
                told.recv().await
            {
                outcomes.push(outcome);
            }
        }
        let newer = Outcome::Refused(Refusal::WitnessNewer);
        assert_eq!(outcomes, [Outcome::Ok, Outcome::Ok, newer], "another life may know less");
        drop(asks);
        runs.await.expect("it ends");
    }
}

//! What there is to choose at a state: which of the things that may come does, which of the frames
//! that it sends are lost, whether a cut begins with them, whether a member loses its power.

use super::site::Site;
use super::world::{Candidate, Cut, Sent, World};
use crate::base::{Instant, NodeId, Span};

/// What may still go wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(super) struct Budget {
    pub losses: u8,
    pub cuts: u8,
    pub crashes: u8,
}

/// How a choice goes on from what comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It comes; of the frames that it sends, those of this set are lost.
    Comes { lost: u32 },
    /// It comes, and with its frames a cut begins, which lasts so long (none: to the end); of the
    /// frames that are left, those of this set are lost.
    Cuts { cut: Cut, lasts: Option<Span>, lost: u32 },
    /// The member that it happens to loses its power instead.
    Crashes { node: NodeId },
}

/// A state's successor.
pub(super) struct Successor {
    pub world: World,
    /// The mark of the world.
    pub mark: u128,
    pub budget: Budget,
    pub pick: Pick,
}

/// Which choice: the place of the candidate, and of its fate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pick {
    pub candidate: u16,
    pub fate: u32,
}

/// What the explorer chooses from.
pub(super) struct Choices {
    /// How late a core may be woken.
    pub clock: Span,
    /// Nothing comes after this moment.
    pub horizon: Instant,
    /// Cuts and losses of power begin up to this moment.
    pub begins: Instant,
    /// Whether what commutes comes in one order only.
    pub reduces: bool,
    /// Cuts that there are.
    pub cuts: Vec<Cut>,
    /// How long they last.
    pub spans: Vec<Option<Span>>,
}

/// Most frames of one step: more than a core with one peer sends at once.
const MOST_FRAMES: usize = 16;

impl Choices {
    /// The candidates of a state that come before the horizon.
    pub(super) fn candidates(&self, world: &World) -> Vec<Candidate> {
        let mut all = world.candidates(self.clock);
        all.retain(|candidate| candidate.from.max(world.now) <= self.horizon);
        all
    }

    /// Every successor of a state. Whether nothing is left to come before the horizon is told by
    /// there being none.
    pub(super) fn successors(&self, site: &Site, world: &World, budget: Budget) -> Vec<Successor> {
        let candidates = self.candidates(world);
        let mut all = Vec::new();
        for (place, candidate) in candidates.iter().enumerate() {
            let mut next = world.clone();
            next.take(site, candidate);
            if self.comes_first(site, world, &next, candidate, &candidates) {
                // It has to come now, nobody can tell, and it does nothing but to its own core:
                // what else can come now can as well come after it.
                all.clear();
                self.fates(site, world, next, (place, candidate), budget, &mut all);
                return all;
            }
            self.fates(site, world, next, (place, candidate), budget, &mut all);
        }
        all
    }

    /// Whether a candidate may be the only one that is followed: it comes at this moment in every
    /// order, its step touched nothing but its own core, and nothing else comes to that core now.
    fn comes_first(
        &self,
        site: &Site,
        world: &World,
        next: &World,
        candidate: &Candidate,
        candidates: &[Candidate],
    ) -> bool {
        let Some(node) = world.stepped(&candidate.next) else { return false };
        let alone =
            candidates.iter().filter(|other| world.happens_to(&other.next) == Some(node)).count()
                == 1;
        self.reduces
            && candidates.len() > 1
            && !site.flight().0.is_zero()
            && candidate.to == next.now
            && !next.touched
            && next.broken.is_none()
            && alone
    }

    fn fates(
        &self,
        site: &Site,
        world: &World,
        mut next: World,
        (place, candidate): (usize, &Candidate),
        budget: Budget,
        all: &mut Vec<Successor>,
    ) {
        let sent = std::mem::take(&mut next.sent);
        let fates = self.fates_of(world, &next, candidate, &sent, budget);
        for (number, fate) in fates.iter().enumerate() {
            let (after, budget) = if let Fate::Crashes { node } = fate {
                let mut after = world.clone();
                after.now = next.now;
                after.crash(site, *node);
                (after, Budget { crashes: budget.crashes - 1, ..budget })
            } else {
                fated(site, next.clone(), &sent, fate, budget)
            };
            let number = u32::try_from(number).expect("a step sends a few frames");
            let candidate = u16::try_from(place).expect("a few things come at a time");
            let pick = Pick { candidate, fate: number };
            all.push(Successor { mark: after.mark(), world: after, budget, pick });
        }
    }

    /// The fates of a candidate: `next` is the world after it, `sent` what it sends.
    fn fates_of(
        &self,
        world: &World,
        next: &World,
        candidate: &Candidate,
        sent: &[Sent],
        budget: Budget,
    ) -> Vec<Fate> {
        let sets = lost_sets(sent.len(), budget.losses);
        let mut fates: Vec<Fate> = sets.map(|lost| Fate::Comes { lost }).collect();
        let begins = next.now <= self.begins;
        if budget.cuts > 0 && begins {
            fates.extend(self.begun(next, sent, budget.losses));
        }
        if budget.crashes > 0
            && begins
            && let Some(node) = world.happens_to(&candidate.next)
            && world.member(node).up
        {
            fates.push(Fate::Crashes { node });
        }
        fates
    }

    /// Cuts that may begin with the frames of a step: those that stop one of them. A cut that
    /// begins while nothing is sent is as good as one that begins with the next frame.
    fn begun(&self, next: &World, sent: &[Sent], losses: u8) -> Vec<Fate> {
        let mut fates = Vec::new();
        for cut in &self.cuts {
            let stops = |frame: &Sent| cut.stops(frame.network, frame.from);
            let left: Vec<usize> = (0..sent.len()).filter(|place| !stops(&sent[*place])).collect();
            if left.len() == sent.len() || next.cuts.contains(cut) {
                continue;
            }
            for lasts in &self.spans {
                // A cut that would heal after the horizon is one that lasts to the end.
                let ends = lasts.map(|lasts| next.now.saturating_add(lasts));
                if ends.is_some_and(|ends| ends > self.horizon) {
                    continue;
                }
                for chosen in lost_sets(left.len(), losses) {
                    let lost = left
                        .iter()
                        .enumerate()
                        .filter(|(bit, _)| chosen & (1 << bit) != 0)
                        .fold(0_u32, |lost, (_, place)| lost | 1 << place);
                    fates.push(Fate::Cuts { cut: *cut, lasts: *lasts, lost });
                }
            }
        }
        fates
    }

    /// What a pick of a state is: the candidate, its fate, the frames of its step.
    pub(super) fn told(
        &self,
        site: &Site,
        world: &World,
        budget: Budget,
        pick: Pick,
    ) -> (Candidate, Fate, Vec<Sent>) {
        let candidates = self.candidates(world);
        let candidate = candidates[usize::from(pick.candidate)].clone();
        let mut next = world.clone();
        next.take(site, &candidate);
        let sent = std::mem::take(&mut next.sent);
        let fates = self.fates_of(world, &next, &candidate, &sent, budget);
        (candidate, fates[pick.fate as usize].clone(), sent)
    }
}

/// A world after a step, with the fate of its frames.
fn fated(
    site: &Site,
    mut world: World,
    sent: &[Sent],
    fate: &Fate,
    mut budget: Budget,
) -> (World, Budget) {
    let (cut, lost) = match fate {
        Fate::Comes { lost } => (None, *lost),
        Fate::Cuts { cut, lasts, lost } => (Some((*cut, *lasts)), *lost),
        Fate::Crashes { .. } => unreachable!("a member without power sends nothing"),
    };
    for (place, frame) in sent.iter().enumerate() {
        let stopped = cut.is_some_and(|(cut, _)| cut.stops(frame.network, frame.from));
        if !stopped && lost & (1 << place) == 0 {
            world.travel(frame);
        }
    }
    if let Some((cut, lasts)) = cut {
        world.cut(site, cut, lasts);
        budget.cuts -= 1;
    }
    budget.losses -= u8::try_from(lost.count_ones()).expect("at most 32 frames");
    (world, budget)
}

/// The sets of at most so many of some frames, the empty one first.
fn lost_sets(frames: usize, most: u8) -> impl Iterator<Item = u32> {
    assert!(frames <= MOST_FRAMES, "a step of one of two members sends a few frames");
    (0..1_u32 << frames).filter(move |set| set.count_ones() <= u32::from(most))
}

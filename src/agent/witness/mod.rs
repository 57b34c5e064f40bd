//! The witness: one small record that says which node holds it, in which epoch, and how often it
//! was written. The record is the name of a file, and is changed only by renaming the very file
//! that was found: that is a compare-and-swap, for whoever comes second does not find it any more.
//! On a share it is one request, which the server carries out to its end whatever becomes of the
//! client. Nothing is open between two requests: a lock or an open file that waits for its owner's
//! next word would outlive him (linux-ha.md §9, §10 item 2).
//!
//! A look may show a record that is not on disk yet, and that a crash of the witness host takes
//! back. It was never answered then, so nobody has counted on it.
//!
//! A node that claims the witness renews it regularly while it needs it. Others look at it with a
//! [`Watch`], and may take it only with the [`Stale`] that the watch gives when the record stood
//! still for long enough by their own clock. Whoever finds another epoch or owner than he wrote
//! has lost it, and nothing is ever written over that without a new claim.
//!
//! The witness has to be prepared once with [`Witness::prepare`]. Nothing else makes a record:
//! a directory whose mount is missing would otherwise be a fresh witness for each node.
//!
//! | act of the core | operation | outcome |
//! | --- | --- | --- |
//! | `ClaimWitness` | [`Witness::claim`] | [`Verdict`] |
//! | `TestWitness` | [`Witness::test`] | [`Verdict`] |
//! | `ReleaseWitness` | [`Witness::release`] | [`Release`] |
//! | `WitnessBoot` | [`Witness::boot`] | [`Boot`] |

mod boot;
mod decide;
mod directory;
mod error;
mod record;
mod share;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

pub use boot::{Boot, write_boot};
pub use decide::{Claim, Release, Renewal, Verdict};
pub use error::{Error, Kind};
pub use record::{Record, Unfit};
pub use share::ShareSettings;
pub use watch::{Stale, Standing, Watch};

use decide::{GiveUp, Look, Renew, Step, Test};
use directory::Directory;
use share::Share;
use std::path::PathBuf;
use std::time::Duration;

/// Where a witness is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a directory, local or mounted, that all nodes see. A mount must not remember what was in
    /// it: NFS needs `noac`, or a look shows what the witness said a minute ago.
    Directory(PathBuf),
    /// On an SMB 2 or 3 share.
    Share(ShareSettings),
}

/// A node's access to a witness. It does one thing at a time, and has at most one thread (a
/// directory) or one connection (a share).
///
/// Every operation takes a limit for all of it, waiting for others included, and ends within it.
/// Every one may be dropped at an await. A write that was under way then, or at the limit, may
/// still arrive as long as nobody else writes; the operations after it know it again.
#[derive(Debug)]
pub struct Witness {
    place: At,
}

#[derive(Debug)]
enum At {
    Directory(Directory),
    Share(Box<Share>),
}

impl Witness {
    /// Access to the witness at a place. Does not touch the place yet; reads a share's password
    /// file.
    ///
    /// # Errors
    /// If the password file cannot be used, or no thread can be started.
    pub fn new(place: Place) -> Result<Witness, Error> {
        let place = match place {
            Place::Directory(directory) => At::Directory(Directory::new(directory)?),
            Place::Share(settings) => At::Share(Box::new(Share::new(settings)?)),
        };
        Ok(Witness { place })
    }

    /// Makes the record if there is none: once, by an administrator. A record that is there is
    /// left as it is, and given. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why it cannot be made, or what is there instead.
    pub async fn prepare(&mut self, limit: Duration) -> Result<Record, Error> {
        match &mut self.place {
            At::Directory(directory) => directory.prepare(limit).await,
            At::Share(share) => share.prepare(limit).await,
        }
    }

    /// Claims the witness. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why there is no verdict.
    pub async fn claim(&mut self, claim: Claim, limit: Duration) -> Result<Verdict, Error> {
        if claim.epoch < claim.known {
            return Err(Error::Backwards { epoch: claim.epoch, known: claim.known });
        }
        self.exchange(claim, limit).await
    }

    /// Tells what a claim would find, and writes nothing. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why there is no verdict.
    pub async fn test(
        &mut self,
        me: u8,
        known: u64,
        stale: Option<Stale>,
        limit: Duration,
    ) -> Result<Verdict, Error> {
        self.exchange(Test { me, known, stale }, limit).await
    }

    /// Counts the record up, if it is still this node's in this epoch. Only for a claim of this
    /// life of the node. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why it is not known whether it was renewed. It is not lost by that.
    pub async fn renew(&mut self, me: u8, epoch: u64, limit: Duration) -> Result<Renewal, Error> {
        self.exchange(Renew { me, epoch }, limit).await
    }

    /// Gives the witness up, if it is still this node's in this epoch. The epoch stays. May be
    /// dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why it is not known whether it was released.
    pub async fn release(&mut self, me: u8, epoch: u64, limit: Duration) -> Result<Release, Error> {
        self.exchange(GiveUp { me, epoch }, limit).await
    }

    /// The record, for a [`Watch`]. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn read(&mut self, limit: Duration) -> Result<Record, Error> {
        self.exchange(Look, limit).await
    }

    /// When the witness host started. May be dropped; ends within `limit`.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub async fn boot(&mut self, limit: Duration) -> Result<Boot, Error> {
        match &mut self.place {
            At::Directory(directory) => directory.boot(limit).await,
            At::Share(share) => share.boot(limit).await,
        }
    }

    async fn exchange<S: Step>(&mut self, step: S, limit: Duration) -> Result<S::Answer, Error> {
        match &mut self.place {
            At::Directory(directory) => directory.exchange(step, limit).await,
            At::Share(share) => share.exchange(step, limit).await,
        }
    }
}

//! Fencing by time: who may serve, and until when, from moments alone. The agent and the simulator
//! keep these rules beside the core; docs/AGENT.md says why they suffice.
//!
//! [`Bonds`] is how long a member is bound not to take over from others, [`Fence`] until when
//! nobody can have taken over from it, [`Watch`] when a witness's record has stood still for so
//! long that it may be taken, and [`Bound`] which lengths of a lease fit all that.

mod bonds;
mod bound;
mod fence;
mod watch;

pub use bonds::{Binding, Bonds};
pub use bound::{Bound, Misfit};
pub use fence::{Fence, Margins, Voter, majority};
pub use watch::Watch;

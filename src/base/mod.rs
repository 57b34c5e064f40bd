//! Floor 0: identifiers, moments, spans, ratios, ordered vectors, keyed random draws.
//!
//! Nothing here knows what a cluster is. Everything is integer.

pub mod address;
pub mod clock;
pub mod decimal;
pub mod draw;
pub mod ids;
pub mod idvec;
pub mod ratio;
pub mod time;

pub use address::Address;
pub use decimal::Decimal;
pub use ids::{
    BalancerId, ClientId, CopyId, DbId, GroupId, Id, MachineId, MachineSet, MailId, NetId, NicId,
    NodeId, NodeSet, OpId, ResourceId, SiteId, StepNo,
};
pub use idvec::IdVec;
pub use ratio::Ratio;
pub use time::{Instant, Span};

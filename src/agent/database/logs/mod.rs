//! Logs from agent to agent: what a dead instance still has on its disk is handed out by the
//! agent of its host to the agent that is about to activate a copy (attempt copy last logs).
//!
//! Both sides prove that they know a shared key, each by a challenge of the other's; every
//! message after that carries a number and a code of its own, so that none can be forged, altered,
//! repeated or left out. Nothing is encrypted. A request names a database that the server was
//! told of, and numbers: no path can be named.

mod client;
mod protocol;
mod server;

pub use client::Client;
pub(super) use client::Connection;
pub(super) use protocol::End;
pub use protocol::Key;
pub use server::Server;

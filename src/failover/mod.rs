//! Floor 1: the failover state machine. It decides; it knows nothing of how, and draws no random
//! number.

pub mod config;
pub mod message;
pub mod seam;
pub mod state;

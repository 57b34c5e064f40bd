//! The agent as a whole, as its host sees it.

mod bed;
mod clear;
mod conflict;
mod intruder;
mod orders;
mod priority;
mod shadow;
mod vigil;

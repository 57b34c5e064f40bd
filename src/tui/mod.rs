//! Floor 7: the terminal time machine. It knows journals and views; whatever has to be run or
//! written it asks for through [`link::Link`].
//!
//! Keys, clicks and passing time become [`command::Command`]s ([`keys`] has the table);
//! [`app::App::update`] does them to the state; [`render`] draws the state into a buffer;
//! [`terminal`] is the only part that touches a terminal or a clock.

pub mod app;
pub mod clock;
pub mod command;
mod difference;
pub mod keys;
mod layout;
pub mod link;
pub mod list;
pub mod mouse;
pub mod prompt;
pub mod render;
pub mod take;
pub mod terminal;
pub mod theme;

//! What a person can ask for. Keys, clicks and prompts all become one of these.

use crate::base::Span;

/// A part of the screen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Pane {
    /// The lanes.
    Lanes,
    /// The site at the cursor's moment.
    Scene,
    /// The outage budget.
    Budget,
    /// The list of events.
    Events,
    /// Why, and why not.
    Why,
    /// Latencies and queues.
    Plots,
}

impl Pane {
    /// Every pane, in the order of the tab key.
    pub const ALL: [Pane; 6] =
        [Pane::Lanes, Pane::Scene, Pane::Budget, Pane::Events, Pane::Why, Pane::Plots];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Pane::Lanes => "Lanes",
            Pane::Scene => "Scene",
            Pane::Budget => "Outage budget",
            Pane::Events => "Events",
            Pane::Why => "Why",
            Pane::Plots => "Plots",
        }
    }
}

/// Something that a person asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Play or pause.
    Play,
    /// The next higher speed.
    Faster,
    /// The next lower speed.
    Slower,
    /// A second a second.
    RealTime,
    /// The cursor by so many columns of the lanes.
    Scrub(i64),
    /// The next (true) or previous event of the list.
    Event(bool),
    /// The next (true) or previous record.
    Record(bool),
    /// The next (true) or previous edge of an outage or fault.
    Edge(bool),
    /// To the beginning.
    First,
    /// To the end.
    Last,
    /// Ask where to jump to.
    Jump,
    /// Mark this moment with the next key.
    Mark,
    /// Jump to the mark of the next key.
    GoToMark,
    /// Follow a growing journal, or stop.
    Follow,
    /// Focus the next pane.
    NextPane,
    /// Focus the previous pane.
    PreviousPane,
    /// Focus a pane.
    Focus(Pane),
    /// The focused pane alone, or all.
    Maximise,
    /// Up in the focused pane.
    Up,
    /// Down in the focused pane.
    Down,
    /// A page up in the focused pane.
    PageUp,
    /// A page down in the focused pane.
    PageDown,
    /// Zoom in at the cursor.
    ZoomIn,
    /// Zoom out at the cursor.
    ZoomOut,
    /// Show the outage, or all.
    Fit,
    /// Show parts of lanes, or hide them.
    Unfold,
    /// The next weight of events.
    Weight,
    /// Ask for a filter.
    Filter,
    /// Ask for what to search.
    Search,
    /// The next match.
    NextMatch,
    /// The previous match.
    PreviousMatch,
    /// To the cause of the event at the cursor.
    Cause,
    /// Back to where the last jump began.
    Back,
    /// Ask the other question in the panel of causes.
    WhyNot,
    /// Ask for a change, and run again.
    WhatIf,
    /// Show another run beside this one.
    Compare,
    /// Change the two runs about.
    Swap,
    /// To the first difference of the two runs.
    Difference,
    /// Drop the newest what-if.
    Undo,
    /// Ask for a name, and save the what-if.
    Save,
    /// Show or hide help.
    Help,
    /// Copy the command that shows this moment.
    Copy,
    /// Draw everything anew.
    Redraw,
    /// Suspend the program.
    Suspend,
    /// One level back.
    Escape,
    /// End the program.
    Quit,
    /// So much time has passed.
    Tick(Span),
}

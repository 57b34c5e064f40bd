//! Cmdlets of Active Manager: databases and servers (exchange.md §1.7, §5).

use super::{Cmdlet, Line, Shell, Takes, Wrong};
use crate::base::NodeId;
use crate::failover::seam::{ActivationPolicy, MountDial, Order, ServerSettings, SkipChecks};
use crate::model::scenario::Action;

const DIALS: &[&str] = &["None", "Lossless", "GoodAvailability", "BestAvailability", "BestEffort"];
const SERVER_DIALS: &[&str] = &["Lossless", "GoodAvailability", "BestAvailability"];
const POLICIES: &[&str] = &["Unrestricted", "IntrasiteOnly", "Blocked"];

/// The cmdlets.
pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Move-ActiveMailboxDatabase",
        identity: Some(("Identity", Takes::Database)),
        second: Some("ActivateOnServer"),
        unless: Some("Server"),
        parameters: &[
            ("Server", Takes::Node),
            ("ActivateOnServer", Takes::Node),
            ("MountDialOverride", Takes::Word(DIALS)),
            ("SkipHealthChecks", Takes::Switch),
            ("SkipActiveCopyChecks", Takes::Switch),
            ("SkipLagChecks", Takes::Switch),
            ("SkipClientExperienceChecks", Takes::Switch),
            ("SkipMaximumActiveDatabasesChecks", Takes::Switch),
        ],
        ignored: &[("MoveComment", Takes::Text), ("TerminateOnWarning", Takes::Switch)],
        shell: Shell::Exchange,
        meaning: "switches a database, or every one of a server, over to another copy",
        read: move_database,
    },
    Cmdlet {
        name: "Set-MailboxServer",
        identity: Some(("Identity", Takes::Node)),
        second: None,
        unless: None,
        parameters: &[
            ("AutoDatabaseMountDial", Takes::Word(SERVER_DIALS)),
            ("DatabaseCopyAutoActivationPolicy", Takes::Word(POLICIES)),
            ("MaximumActiveDatabases", Takes::Limit),
        ],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "sets the mount dial, the activation policy or the maximum of a server",
        read: set_server,
    },
    Cmdlet {
        name: "StartDagServerMaintenance.ps1",
        identity: Some(("ServerName", Takes::Node)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("OverrideMinimumTwoCopies", Takes::Switch), ("MoveComment", Takes::Text)],
        shell: Shell::Script,
        meaning: "pauses a node, blocks activation there, moves databases and the core group away",
        read: |line| Ok(order(line, Order::StartMaintenance { node: server(line)? })),
    },
    Cmdlet {
        name: "StopDagServerMaintenance.ps1",
        identity: Some(("ServerName", Takes::Node)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[],
        shell: Shell::Script,
        meaning: "resumes a node and lets databases be activated there; moves nothing back",
        read: |line| Ok(order(line, Order::StopMaintenance { node: server(line)? })),
    },
];

pub(super) fn order(line: &Line, order: Order) -> Action {
    Action::Order { on: line.on(), order }
}

fn server(line: &Line) -> Result<NodeId, Wrong> {
    Ok(line.node("ServerName")?.expect("a line has its identity"))
}

fn move_database(line: &Line) -> Result<Action, Wrong> {
    let to = line.node("ActivateOnServer")?;
    let dials = [
        None,
        Some(MountDial::Lossless),
        Some(MountDial::GoodAvailability),
        Some(MountDial::BestAvailability),
        Some(MountDial::BestEffort),
    ];
    let lossless = Some(MountDial::Lossless);
    let dial = line.word("MountDialOverride")?.map_or(lossless, |place| dials[place]);
    let skip = SkipChecks {
        health_checks: line.switch("SkipHealthChecks")?,
        active_copy_checks: line.switch("SkipActiveCopyChecks")?,
        lag_checks: line.switch("SkipLagChecks")?,
        client_experience_checks: line.switch("SkipClientExperienceChecks")?,
        maximum_active_databases_checks: line.switch("SkipMaximumActiveDatabasesChecks")?,
    };
    match (line.database("Identity")?, line.node("Server")?) {
        (Some(database), None) => {
            let (name, copies) = &line.names().databases[database];
            if to.is_some_and(|to| !copies.contains(&to)) {
                return Err(Wrong::new(format!("-ActivateOnServer to have a copy of {name}")));
            }
            Ok(order(line, Order::MoveDatabase { database, to, dial, skip }))
        }
        (None, Some(from)) if to == Some(from) => {
            Err(Wrong::new("-ActivateOnServer to be another server"))
        }
        (None, Some(from)) => Ok(order(line, Order::MoveServer { from, to, dial, skip })),
        (Some(_), Some(_)) => Err(Wrong::new("a database or -Server, not both")),
        (None, None) => Err(Wrong::new("a database, or -Server NODE")),
    }
}

fn set_server(line: &Line) -> Result<Action, Wrong> {
    let node = line.node("Identity")?.expect("a line has its identity");
    let dials = [MountDial::Lossless, MountDial::GoodAvailability, MountDial::BestAvailability];
    let policies = [
        ActivationPolicy::Unrestricted,
        ActivationPolicy::IntrasiteOnly,
        ActivationPolicy::Blocked,
    ];
    let policy = line.word("DatabaseCopyAutoActivationPolicy")?;
    let maximum = match line.text("MaximumActiveDatabases") {
        None => None,
        Some(text) if text.eq_ignore_ascii_case("$null") => Some(None),
        Some(text) => Some(Some(text.parse::<u16>().map_err(|_| {
            Wrong::new(format!(
                "a whole number from 0 to {} or $null after -MaximumActiveDatabases, not {text}",
                u16::MAX
            ))
        })?)),
    };
    let settings = ServerSettings {
        dial: line.word("AutoDatabaseMountDial")?.map(|place| dials[place]),
        activation_policy: policy.map(|place| policies[place]),
        maximum_active: maximum,
    };
    if settings == ServerSettings::default() {
        return Err(Wrong::new("at least one parameter that changes something"));
    }
    Ok(order(line, Order::SetServer { node, settings }))
}

//! The table of cmdlets.

use super::{Cmdlet, Line, Shell, Takes, Wrong};
use crate::base::{CopyId, DbId, GroupId, NodeId, ResourceId};
use crate::failover::seam::{Failback, Order, Start, StartQuorum};
use crate::model::scenario::Action;
use crate::model::version::Ability;

/// Every cmdlet that a scenario may use.
pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Add-ClusterServerRole",
        identity: Some(("Name", Takes::Group)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "a configured group comes into being and online",
        read: |line| Ok(order(line, Order::CreateGroup(group(line)?))),
    },
    Cmdlet {
        name: "Move-ClusterGroup",
        identity: Some(("Name", Takes::Group)),
        second: Some("Node"),
        unless: None,
        parameters: &[("Node", Takes::Node)],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "moves a group to a node, or to the best possible owner",
        read: |line| {
            let to = line.node("Node")?;
            Ok(order(line, Order::MoveGroup { group: group(line)?, to }))
        },
    },
    Cmdlet {
        name: "Start-ClusterGroup",
        identity: Some(("Name", Takes::Group)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "brings a group online",
        read: |line| Ok(order(line, Order::OnlineGroup(group(line)?))),
    },
    Cmdlet {
        name: "Stop-ClusterGroup",
        identity: Some(("Name", Takes::Group)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "takes a group offline",
        read: |line| Ok(order(line, Order::OfflineGroup(group(line)?))),
    },
    Cmdlet {
        name: "Start-ClusterResource",
        identity: Some(("Name", Takes::Resource)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "brings a resource online, and what it depends on",
        read: |line| Ok(order(line, Order::OnlineResource(resource(line)?))),
    },
    Cmdlet {
        name: "Stop-ClusterResource",
        identity: Some(("Name", Takes::Resource)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "takes a resource offline, and what depends on it",
        read: |line| Ok(order(line, Order::OfflineResource(resource(line)?))),
    },
    Cmdlet {
        name: "Stop-ClusterNode",
        identity: Some(("Name", Takes::Node)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "stops the Cluster service on a node in good order",
        read: |line| Ok(Action::Order { on: node(line)?, order: Order::StopService }),
    },
    Cmdlet {
        name: "Start-ClusterNode",
        identity: Some(("Name", Takes::Node)),
        second: None,
        unless: None,
        parameters: &[
            ("FixQuorum", Takes::Switch),
            ("ForceQuorum", Takes::Switch),
            ("FQ", Takes::Switch),
            ("PreventQuorum", Takes::Switch),
            ("PQ", Takes::Switch),
            ("IgnorePersistentState", Takes::Switch),
            ("ClearQuarantine", Takes::Switch),
            ("CQ", Takes::Switch),
        ],
        ignored: &[("Wait", Takes::Number)],
        shell: Shell::Cluster,
        meaning: "starts the Cluster service on a node; with -FixQuorum it forms whatever the \
                  votes, with -PreventQuorum it joins only, with -ClearQuarantine (2016 on) \
                  although it is quarantined; refused where it runs with quorum",
        read: start_node,
    },
    Cmdlet {
        name: "Suspend-ClusterNode",
        identity: Some(("Name", Takes::Node)),
        second: Some("TargetNode"),
        unless: None,
        parameters: &[
            ("Drain", Takes::Switch),
            ("TargetNode", Takes::Node),
            ("Wait", Takes::Switch),
        ],
        ignored: &[],
        shell: Shell::Cluster,
        meaning: "pauses a node: it hosts no new groups; drained (2012 on), its groups are moved away",
        read: suspend,
    },
    Cmdlet {
        name: "Resume-ClusterNode",
        identity: Some(("Name", Takes::Node)),
        second: Some("Failback"),
        unless: None,
        parameters: &[("Failback", Takes::Word(&["Immediate", "NoFailback", "Policy"]))],
        ignored: &[],
        shell: Shell::Cluster,
        meaning: "ends a node's pause; without -Failback (2012 on) nothing comes back to it",
        read: |line| {
            line.since("Failback", Ability::Drain)?;
            let all = [Failback::Immediate, Failback::NoFailback, Failback::Policy];
            let failback = line.word("Failback")?.map_or(Failback::NoFailback, |place| all[place]);
            Ok(order(line, Order::ResumeNode { node: node(line)?, failback }))
        },
    },
    Cmdlet {
        name: "Mount-Database",
        identity: Some(("Identity", Takes::Database)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[("AcceptDataLoss", Takes::Switch), ("Force", Takes::Switch)],
        shell: Shell::Exchange,
        meaning: "mounts a database where it is active",
        read: |line| Ok(order(line, Order::MountDatabase(database(line)?))),
    },
    Cmdlet {
        name: "Dismount-Database",
        identity: Some(("Identity", Takes::Database)),
        second: None,
        unless: None,
        parameters: &[],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "dismounts a database",
        read: |line| Ok(order(line, Order::DismountDatabase(database(line)?))),
    },
    Cmdlet {
        name: "Suspend-MailboxDatabaseCopy",
        identity: Some(("Identity", Takes::Copy)),
        second: None,
        unless: None,
        parameters: &[("ActivationOnly", Takes::Switch)],
        ignored: &[("SuspendComment", Takes::Text)],
        shell: Shell::Exchange,
        meaning: "a passive copy copies and replays nothing, or with -ActivationOnly it may not \
                  be activated",
        read: |line| {
            let ((database, node), activation_only) = (copy(line)?, line.switch("ActivationOnly")?);
            Ok(order(line, Order::SuspendCopy { database, node, activation_only }))
        },
    },
    Cmdlet {
        name: "Resume-MailboxDatabaseCopy",
        identity: Some(("Identity", Takes::Copy)),
        second: None,
        unless: None,
        parameters: &[("ReplicationOnly", Takes::Switch)],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "a suspended copy goes on; with -ReplicationOnly its activation stays suspended",
        read: |line| {
            let ((database, node), replication_only) =
                (copy(line)?, line.switch("ReplicationOnly")?);
            Ok(order(line, Order::ResumeCopy { database, node, replication_only }))
        },
    },
    Cmdlet {
        name: "Update-MailboxDatabaseCopy",
        identity: Some(("Identity", Takes::Copy)),
        second: None,
        unless: None,
        parameters: &[
            ("SourceServer", Takes::Node),
            ("DeleteExistingFiles", Takes::Switch),
            ("ManualResume", Takes::Switch),
            ("DatabaseOnly", Takes::Switch),
        ],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "seeds a suspended or failed copy anew; with -ManualResume it then stays suspended",
        read: update_copy,
    },
    Cmdlet {
        name: "New-ClientAccessArray",
        identity: None,
        second: None,
        unless: None,
        parameters: &[("Fqdn", Takes::Text)],
        ignored: &[("Site", Takes::Text), ("Name", Takes::Text)],
        shell: Shell::Exchange,
        meaning: "makes the directory object of the client access array",
        read: |line| array(line, "Fqdn").map(|()| Action::NewClientAccessArray),
    },
    Cmdlet {
        name: "Set-MailboxDatabase",
        identity: Some(("Identity", Takes::Database)),
        second: None,
        unless: None,
        parameters: &[
            ("RpcClientAccessServer", Takes::Text),
            ("CircularLoggingEnabled", Takes::Word(&["$true", "$false"])),
        ],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "names the client access array, or a server by its full name, in a database, or lets \
                  its logs be deleted",
        read: set_database,
    },
];

const GIVEN: &str = "a line has its identity";

fn order(line: &Line, order: Order) -> Action {
    Action::Order { on: line.on(), order }
}

fn group(line: &Line) -> Result<GroupId, Wrong> {
    Ok(line.group("Name")?.expect(GIVEN))
}

fn resource(line: &Line) -> Result<ResourceId, Wrong> {
    Ok(line.resource("Name")?.expect(GIVEN))
}

fn node(line: &Line) -> Result<NodeId, Wrong> {
    Ok(line.node("Name")?.expect(GIVEN))
}

fn database(line: &Line) -> Result<DbId, Wrong> {
    Ok(line.database("Identity")?.expect(GIVEN))
}

/// A copy that a line names as `DATABASE\\SERVER`.
fn copy(line: &Line) -> Result<(DbId, NodeId), Wrong> {
    Ok(line.copy("Identity")?.expect(GIVEN))
}

fn update_copy(line: &Line) -> Result<Action, Wrong> {
    let (database, node) = copy(line)?;
    let source = line.node("SourceServer")?;
    let (name, copies) = &line.names().databases[database];
    if source.is_some_and(|source| source == node || !copies.contains(&source)) {
        return Err(Wrong::new(format!("-SourceServer to have another copy of {name}")));
    }
    Ok(Action::UpdateCopy {
        on: line.on(),
        copy: CopyId { database, node },
        source,
        delete_existing_files: line.switch("DeleteExistingFiles")?,
        manual_resume: line.switch("ManualResume")?,
        database_only: line.switch("DatabaseOnly")?,
    })
}

fn start_node(line: &Line) -> Result<Action, Wrong> {
    let force = line.switch("FixQuorum")? || line.switch("ForceQuorum")? || line.switch("FQ")?;
    let prevent = line.switch("PreventQuorum")? || line.switch("PQ")?;
    let quorum = match (force, prevent) {
        (false, false) => StartQuorum::Normal,
        (true, false) => StartQuorum::Force,
        (false, true) => StartQuorum::Prevent,
        (true, true) => return Err(Wrong::new("-FixQuorum or -PreventQuorum, not both")),
    };
    let ignore_persistent_state = line.switch("IgnorePersistentState")?;
    for name in ["ClearQuarantine", "CQ"] {
        line.since(name, Ability::Quarantine)?;
    }
    let clear_quarantine = line.switch("ClearQuarantine")? || line.switch("CQ")?;
    let start = Start { quorum, ignore_persistent_state, clear_quarantine, restores: None };
    Ok(Action::StartClusterService { node: node(line)?, start })
}

fn suspend(line: &Line) -> Result<Action, Wrong> {
    for name in ["Drain", "TargetNode", "Wait"] {
        line.since(name, Ability::Drain)?;
    }
    let (node, target) = (node(line)?, line.node("TargetNode")?);
    let drain = line.switch("Drain")?;
    if target.is_some() && !drain {
        return Err(Wrong::new("-Drain beside -TargetNode"));
    }
    if target == Some(node) {
        return Err(Wrong::new("-TargetNode to be another node"));
    }
    Ok(order(line, Order::SuspendNode { node, drain: drain.then_some(target) }))
}

fn set_database(line: &Line) -> Result<Action, Wrong> {
    let database = database(line)?;
    match (line.word("CircularLoggingEnabled")?, line.text("RpcClientAccessServer")) {
        (Some(_), Some(_)) => Err(Wrong::new("one parameter in one order")),
        (Some(word), None) => Ok(Action::SetCircularLogging { database, enabled: word == 0 }),
        (None, given) => {
            let names = line.names();
            let full = |node: &str| format!("{node}.{}", names.domain);
            let mut nodes = names.nodes.iter();
            let server = nodes.find(|(_, node)| {
                given.is_some_and(|given| full(node).eq_ignore_ascii_case(given))
            });
            if let Some((node, _)) = server {
                return Ok(Action::NameServer { database, node });
            }
            array(line, "RpcClientAccessServer")?;
            Ok(Action::SetRpcClientAccessServer { database })
        }
    }
}

/// The name of the array must be given, and be the one that the site has.
fn array(line: &Line, parameter: &'static str) -> Result<(), Wrong> {
    let Some(known) = &line.names().client_access_array else {
        return Err(Wrong::new("a topology with a [client_access_array]"));
    };
    match line.text(parameter) {
        Some(given) if given.eq_ignore_ascii_case(known) => Ok(()),
        given => {
            let hint = given.map(|_| format!("did you mean {known:?}?"));
            let expected = format!("-{parameter} {known} (the [client_access_array]'s fqdn)");
            Err(Wrong { expected, hint })
        }
    }
}

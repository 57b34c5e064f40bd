//! Cmdlets of the database availability group as a whole (exchange.md §3.1, §3.2).

use super::active_manager::order;
use super::{Cmdlet, Line, Takes, Wrong, unknown};
use crate::base::NodeSet;
use crate::failover::seam::Order;
use crate::model::scenario::Action;

/// The cmdlets.
pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Set-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        unless: None,
        parameters: &[
            ("DatacenterActivationMode", Takes::Word(&["Off", "DagOnly"])),
            ("WitnessServer", Takes::Text),
            ("WitnessDirectory", Takes::Text),
        ],
        meaning: "turns datacenter activation coordination on or off, or names the witness server",
        read: set_group,
    },
    Cmdlet {
        name: "Stop-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        unless: None,
        parameters: &[
            ("MailboxServer", Takes::Node),
            ("ActiveDirectorySite", Takes::Text),
            ("ConfigurationOnly", Takes::Switch),
            ("Confirm", Takes::Switch),
        ],
        meaning: "marks members as stopped and, but for -ConfigurationOnly, stops their service",
        read: |line| {
            line.unasked()?;
            let configuration_only = line.switch("ConfigurationOnly")?;
            Ok(Action::StopMembers { nodes: members(line)?, configuration_only })
        },
    },
    Cmdlet {
        name: "Restore-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        unless: None,
        parameters: &[
            ("AlternateWitnessServer", Takes::Text),
            ("AlternateWitnessDirectory", Takes::Text),
            ("Confirm", Takes::Switch),
        ],
        meaning: "lets the members that are left serve: stopped ones are evicted, quorum is forced \
                  if need be, databases are mounted",
        read: |line| {
            named(line)?;
            line.unasked()?;
            let witness_server = witness_server(line, "AlternateWitnessServer")?;
            Ok(Action::RestoreGroup { on: line.on(), witness_server })
        },
    },
    Cmdlet {
        name: "Start-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        unless: None,
        parameters: &[
            ("MailboxServer", Takes::Node),
            ("ActiveDirectorySite", Takes::Text),
            ("Confirm", Takes::Switch),
        ],
        meaning: "takes stopped members back into the group and starts their service",
        read: |line| {
            line.unasked()?;
            Ok(Action::StartMembers { on: line.on(), nodes: members(line)? })
        },
    },
];

/// The group's name must be the one that there is.
fn named(line: &Line) -> Result<(), Wrong> {
    let known = &line.names().availability_group;
    match line.text("Identity") {
        Some(given) if given.eq_ignore_ascii_case(known) => Ok(()),
        _ => Err(Wrong::new(format!("the database availability group {known}"))),
    }
}

/// The members that a line is about: one, or all of a site.
fn members(line: &Line) -> Result<NodeSet, Wrong> {
    named(line)?;
    let site = line.text("ActiveDirectorySite");
    match (line.node("MailboxServer")?, site) {
        (Some(node), None) => Ok(NodeSet::only(node)),
        (None, Some(given)) => {
            let sites = &line.names().sites;
            let found = sites.iter().find(|(name, _)| name.eq_ignore_ascii_case(given));
            let known = sites.iter().map(|(name, _)| name.as_str());
            let nodes = found.map(|(_, nodes)| *nodes);
            nodes.ok_or_else(|| unknown("ActiveDirectorySite", given, known))
        }
        _ => Err(Wrong::new("-MailboxServer or -ActiveDirectorySite, not both")),
    }
}

/// A witness server is a machine with that role which is no member (exchange.md §3.1).
fn witness_server(line: &Line, parameter: &'static str) -> Result<Option<u8>, Wrong> {
    let Some(server) = line.text(parameter) else { return Ok(None) };
    let known = &line.names().witness_servers;
    let found = known.iter().position(|name| name.eq_ignore_ascii_case(server));
    match found.and_then(|place| u8::try_from(place).ok()) {
        Some(place) => Ok(Some(place)),
        None if known.is_empty() => Err(Wrong::new("a group with a witness server")),
        None => {
            let known = known.join(", ");
            let expected = format!("-{parameter} to be one of {known}: the role \"witness\"");
            Err(Wrong::new(expected))
        }
    }
}

fn set_group(line: &Line) -> Result<Action, Wrong> {
    named(line)?;
    let mode = line.word("DatacenterActivationMode")?;
    let on = match (mode, line.text("WitnessServer")) {
        (Some(_), Some(_)) => return Err(Wrong::new("one change in one order")),
        (None, _) => {
            let place = witness_server(line, "WitnessServer")?;
            let expected = "-DatacenterActivationMode Off or DagOnly, or -WitnessServer";
            let place = place.ok_or_else(|| Wrong::new(expected))?;
            return Ok(order(line, Order::SetWitnessServer(place)));
        }
        (Some(word), None) => word == 1,
    };
    if on {
        line.names().coordination.as_ref().map_or(Ok(()), |why| Err(Wrong::new(why.clone())))?;
    }
    Ok(order(line, Order::SetActivationCoordination(on)))
}

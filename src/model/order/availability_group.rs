//! Cmdlets of the database availability group as a whole (exchange.md §3.1, §3.2).

use super::active_manager::order;
use super::{Cmdlet, Line, Shell, Takes, Wrong, unknown};
use crate::base::NodeSet;
use crate::failover::seam::Order;
use crate::model::scenario::Action;

/// The cmdlets.
pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Set-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        second: None,
        unless: None,
        parameters: &[
            ("DatacenterActivationMode", Takes::Word(&["Off", "DagOnly"])),
            ("WitnessServer", Takes::Text),
            ("WitnessDirectory", Takes::Text),
            ("AlternateWitnessServer", Takes::Text),
        ],
        ignored: &[("AlternateWitnessDirectory", Takes::Text)],
        shell: Shell::Exchange,
        meaning: "turns datacenter activation coordination on or off, or names the witness server or \
                  the alternate one; a directory alone decides nothing",
        read: set_group,
    },
    Cmdlet {
        name: "Stop-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        second: None,
        unless: None,
        parameters: &[
            ("MailboxServer", Takes::Node),
            ("ActiveDirectorySite", Takes::Text),
            ("ConfigurationOnly", Takes::Switch),
        ],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "marks members as stopped and, but for -ConfigurationOnly, stops their service",
        read: |line| {
            let configuration_only = line.switch("ConfigurationOnly")?;
            Ok(Action::StopMembers { nodes: members(line)?, configuration_only })
        },
    },
    Cmdlet {
        name: "Restore-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        second: None,
        unless: None,
        parameters: &[
            ("ActiveDirectorySite", Takes::Text),
            ("AlternateWitnessServer", Takes::Text),
            ("UsePrimaryWitnessServer", Takes::Switch),
        ],
        ignored: &[("AlternateWitnessDirectory", Takes::Text)],
        shell: Shell::Exchange,
        meaning: "lets the members that are left serve: stopped ones are evicted, quorum is forced \
                  if need be, databases are mounted; the site has no say, all that are not \
                  stopped are restored; the witness is the alternate one that the line or an \
                  earlier Set- names, but with -UsePrimaryWitnessServer",
        read: restore,
    },
    Cmdlet {
        name: "Start-DatabaseAvailabilityGroup",
        identity: Some(("Identity", Takes::Text)),
        second: None,
        unless: None,
        parameters: &[("MailboxServer", Takes::Node), ("ActiveDirectorySite", Takes::Text)],
        ignored: &[],
        shell: Shell::Exchange,
        meaning: "takes stopped members back into the group and starts their service",
        read: |line| Ok(Action::StartMembers { on: line.on(), nodes: members(line)? }),
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
        (None, Some(given)) => of_site(line, given),
        _ => Err(Wrong::new("-MailboxServer or -ActiveDirectorySite, not both")),
    }
}

/// The members of a site.
fn of_site(line: &Line, given: &str) -> Result<NodeSet, Wrong> {
    let sites = &line.names().sites;
    let found = sites.iter().find(|(name, _)| name.eq_ignore_ascii_case(given));
    let known = sites.iter().map(|(name, _)| name.as_str());
    let nodes = found.map(|(_, nodes)| *nodes);
    nodes.ok_or_else(|| unknown("ActiveDirectorySite", given, known))
}

fn restore(line: &Line) -> Result<Action, Wrong> {
    named(line)?;
    if let Some(site) = line.text("ActiveDirectorySite") {
        of_site(line, site)?;
    }
    let witness_server = witness_server(line, "AlternateWitnessServer")?;
    let primary_witness = line.switch("UsePrimaryWitnessServer")?;
    if primary_witness && witness_server.is_some() {
        let expected = "-AlternateWitnessServer or -UsePrimaryWitnessServer, not both";
        return Err(Wrong::new(expected));
    }
    Ok(Action::RestoreGroup { on: line.on(), witness_server, primary_witness })
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
    let server = witness_server(line, "WitnessServer")?;
    let alternate = witness_server(line, "AlternateWitnessServer")?;
    let directories = ["WitnessDirectory", "AlternateWitnessDirectory"];
    let directory = directories.iter().any(|name| line.text(name).is_some());
    let on = match (mode, server, alternate) {
        (Some(word), None, None) => word == 1,
        (None, Some(server), None) => return Ok(order(line, Order::SetWitnessServer(server))),
        (None, None, Some(server)) => return Ok(Action::SetAlternateWitness { server }),
        (None, None, None) if directory => return Ok(Action::NoEffect),
        (None, None, None) => {
            let expected = "-DatacenterActivationMode Off or DagOnly, -WitnessServer, \
                            -WitnessDirectory or -AlternateWitnessServer";
            return Err(Wrong::new(expected));
        }
        _ => return Err(Wrong::new("one change in one order")),
    };
    if on {
        line.names().coordination.as_ref().map_or(Ok(()), |why| Err(Wrong::new(why.clone())))?;
    }
    Ok(order(line, Order::SetActivationCoordination(on)))
}

//! One canonical schedule: what comes earliest comes first. It leads to the state that exploration
//! begins from, and from where it ended to where everything is back.

use super::site::Site;
use super::world::{MEMBERS, World};
use crate::base::{Instant, NodeId, Span};
use crate::failover::seam::CopyStatus;
use std::collections::BTreeSet;

/// What of a site's service is not there, in words: a group that is wanted and not online on one
/// member, a database that is not mounted on one, members that are not in one view.
pub(super) fn missing(site: &Site, world: &World) -> Option<String> {
    let topology = &site.topology;
    for (group, of) in topology.groups.iter() {
        let wanted = |node: NodeId| {
            let core = world.member(node).core.as_ref();
            core.is_some_and(|core| core.value.view().database.groups[group].wanted)
        };
        let on = world.members.iter().filter(|member| member.online.contains(&group)).count();
        if site.nodes().any(wanted) && on != 1 {
            return Some(format!("group {} is online on {on} members", of.name));
        }
    }
    for (database, of) in topology.databases.iter() {
        let copies = &world.copies[database];
        let mounted = copies.iter().filter(|copy| copy.status == CopyStatus::Mounted).count();
        if mounted != 1 {
            return Some(format!("database {} is mounted on {mounted} members", of.name));
        }
    }
    let together = site.nodes().all(|node| {
        let core = world.member(node).core.as_ref();
        core.is_some_and(|core| core.value.view().members.len() == MEMBERS)
    });
    (!together).then(|| "the members are not in one view".to_owned())
}

/// Lets everything come in the canonical order up to a moment.
pub(super) fn play(site: &Site, world: &mut World, until: Instant) {
    while let Some(next) = world.earliest().filter(|next| next.from <= until) {
        world.take(site, &next);
        for frame in std::mem::take(&mut world.sent) {
            world.travel(&frame);
        }
    }
    world.now = world.now.max(until);
}

/// Heals everything in a world and plays on until everything is back, at most so long. `known` has
/// the marks of worlds from which it comes back; this way's are added.
pub(super) fn settles(
    site: &Site,
    mut world: World,
    within: Span,
    known: &mut BTreeSet<u128>,
) -> Result<(), String> {
    let until = world.now.saturating_add(within);
    world.heal(site);
    let mut marks = Vec::new();
    let mut lacks = missing(site, &world);
    while lacks.is_some() {
        let mark = world.mark();
        if known.contains(&mark) {
            break;
        }
        marks.push(mark);
        let next = world.earliest().filter(|next| next.from <= until);
        let Some(next) = next else { return Err(lacks.unwrap_or_default()) };
        world.take(site, &next);
        if let Some(broken) = &world.broken {
            return Err(format!("{}: {}", broken.promise, broken.why));
        }
        for frame in std::mem::take(&mut world.sent) {
            world.travel(&frame);
        }
        lacks = missing(site, &world);
    }
    known.extend(marks);
    Ok(())
}

//! `[[resource]]` in a topology file: resources of a group beside its address and name, and
//! properties of those.

use super::cluster::Cluster;
use super::read::{Placed, Section};
use super::topology::{in_subnet, name_once};
use crate::base::{Address, GroupId, IdVec, NetId, NodeId, NodeSet, ResourceId, Span};
use crate::failover::config::{ResourceKind, RestartAction};
use crate::model::settings::{PARAMETERS, Settings, Value};
use crate::model::topology::*;

/// Types that a resource of its own can have. The address's network is read later.
const TYPES: &[(&str, ResourceKind)] = &[
    ("ip-address", ResourceKind::IpAddress { network: NetId(0) }),
    ("network-name", ResourceKind::NetworkName),
    ("generic-service", ResourceKind::GenericService),
    ("generic-application", ResourceKind::GenericApplication),
    ("wait", ResourceKind::Wait),
];

const ACTIONS: &[(&str, RestartAction)] = &[
    ("dont-restart", RestartAction::DontRestart),
    ("restart-no-notify", RestartAction::RestartNoNotify),
    ("restart-notify", RestartAction::RestartNotify),
];

/// What a resource's section may name.
pub(super) struct Known<'a> {
    pub(super) nodes: &'a IdVec<NodeId, String>,
    pub(super) networks: &'a IdVec<NetId, Network>,
    pub(super) net_names: &'a IdVec<NetId, String>,
    pub(super) settings: &'a Settings,
}

impl Cluster {
    /// Every `[[resource]]`: one of a new name comes into being, one of a known name gets
    /// properties. A dependency may name any resource of the group, before or after.
    pub(super) fn resources(&mut self, root: &Section, known: &Known) {
        let sections = root.tables("resource");
        if sections.len() > 1000 {
            root.wrong("resource", "at most 1000 resources", None);
            return;
        }
        let ids: Vec<Option<ResourceId>> =
            sections.iter().map(|section| self.resource(section, known)).collect();
        for (section, id) in sections.iter().zip(ids) {
            let Some(id) = id else { continue };
            self.depend(section, id);
            self.properties(section, id, known);
            section.finish();
        }
        for (section, id) in sections.iter().filter_map(|s| Some((s, self.named(s)?))) {
            if self.circular(id) {
                section.wrong("depends_on", "no resource that depends on this one in turn", None);
            }
        }
        self.share_an_owner(&sections);
        for (_, group) in self.groups.iter() {
            if group.resources.is_empty() {
                let expected = format!(
                    "at least one [[resource]] of the group {}, or its address",
                    group.name
                );
                root.wrong("group", &expected, None);
            }
        }
    }

    /// A group can be only where all its resources can (wsfc.md §4.3 possible owners): the last of
    /// them that names its possible owners has to leave a node.
    fn share_an_owner(&self, sections: &[Section]) {
        for (id, group) in self.groups.iter().filter(|(id, _)| !self.possible[*id].is_empty()) {
            let shared = |set: NodeSet, id: &ResourceId| {
                set.intersection(self.resources[*id].possible_owners)
            };
            let left = group.resources.iter().fold(self.possible[id], shared);
            let names_owners = |section: &&Section| {
                let of = self.named(section).map(|one| self.resources[one].group);
                of == Some(id) && section.has("possible_owners")
            };
            let last = sections.iter().rfind(names_owners).filter(|_| left.is_empty());
            if let Some(section) = last {
                let name = &group.name;
                let expected = format!(
                    "a node that every other resource of {name} can be on too (wsfc.md §4.3)"
                );
                section.wrong("possible_owners", &expected, None);
            }
        }
    }

    fn named(&self, section: &Section) -> Option<ResourceId> {
        let name = section.text("name").text;
        self.resources.iter().find(|(_, r)| r.name.eq_ignore_ascii_case(&name)).map(|(id, _)| id)
    }

    /// The resource of a section; a new one if it has a type.
    fn resource(&mut self, section: &Section, known: &Known) -> Option<ResourceId> {
        let name = section.text("name");
        let kind = section.word("type", TYPES);
        if !section.has("type") {
            let names: IdVec<ResourceId, String> =
                self.resources.values().map(|resource| resource.name.clone()).collect();
            section.expect(&["group"]);
            return section.find(&name, "a type beside the name, or a resource", &names);
        }
        name_once(section, &name, "resource", &self.resources, |other| &other.name);
        let groups: IdVec<GroupId, String> =
            self.groups.values().map(|group| group.name.clone()).collect();
        let group = section.find(&section.text("group"), "a group", &groups)?;
        let mut resource = Resource {
            name: name.text.clone(),
            group,
            kind: kind?,
            address: None,
            dns_name: None,
            depends_on: Vec::new(),
            possible_owners: self.possible[group],
            restart_action: RestartAction::RestartNotify,
            own: Properties::default(),
        };
        match resource.kind {
            ResourceKind::IpAddress { .. } => {
                let network = section.find(&section.text("network"), "a network", known.net_names);
                let address = section.address("address");
                if let (Some(network), Some(address)) = (network, address) {
                    in_subnet(section, &known.networks[network], address);
                }
                let network = network.unwrap_or_default();
                resource.kind = ResourceKind::IpAddress { network };
                resource.address = Some(address.unwrap_or(Address(0)));
                self.addresses.push((section.text("address"), address.unwrap_or(Address(0))));
            }
            ResourceKind::NetworkName => {
                let dns_name = section.optional_text("dns_name").unwrap_or(name);
                if dns_name.text.chars().count() > 15 {
                    section.wrong_at(&dns_name, "a name of at most 15 characters", None);
                }
                resource.dns_name = Some(dns_name.text.to_lowercase());
            }
            ResourceKind::FileShareWitness
            | ResourceKind::GenericService
            | ResourceKind::GenericApplication
            | ResourceKind::Wait => {}
        }
        Some(self.push(resource))
    }

    /// `depends_on`: a list of which every one is needed, or an expression.
    fn depend(&mut self, section: &Section, id: ResourceId) {
        if section.has("depends_on") {
            let names = if section.is_no_list("depends_on") {
                let place = section.text("depends_on");
                match expression(&place.text) {
                    Some(all) => {
                        let at = |name| Placed { text: name, ..place.clone() };
                        all.into_iter().map(|any| any.into_iter().map(at).collect()).collect()
                    }
                    None => {
                        let expected = "a list of resources, or an expression such as \
                                        \"[A] and ([B] or [C])\"";
                        let mixed = place.text.contains(" and ") && place.text.contains(" or ");
                        let hint = "brackets around what is joined by \"or\"".to_owned();
                        section.wrong_at(&place, expected, mixed.then_some(hint));
                        Vec::new()
                    }
                }
            } else {
                section.texts("depends_on").into_iter().map(|place| vec![place]).collect()
            };
            let group = self.resources[id].group;
            let mut all = Vec::new();
            for any in names {
                let found: Vec<ResourceId> =
                    any.iter().filter_map(|place| self.provider(section, place, group)).collect();
                all.push(found);
            }
            self.resources[id].depends_on = all;
        }
        let resource = &self.resources[id];
        let named = resource.kind == ResourceKind::NetworkName;
        let mut providers = resource.depends_on.iter().flatten();
        if named && !providers.any(|on| self.resources[*on].address.is_some()) {
            let expected = "an IP Address among what a Network Name depends on (wsfc.md §4.2)";
            section.wrong("depends_on", expected, None);
        }
    }

    fn provider(&self, section: &Section, place: &Placed, group: GroupId) -> Option<ResourceId> {
        let names: IdVec<ResourceId, String> =
            self.resources.values().map(|resource| resource.name.clone()).collect();
        let found = section.find(place, "a resource", &names)?;
        if self.resources[found].group != group {
            section.wrong_at(place, "a resource of the same group (wsfc.md §4.2)", None);
        }
        Some(found)
    }

    /// Whether a resource depends on itself in the end.
    fn circular(&self, id: ResourceId) -> bool {
        let mut seen = vec![id];
        let mut next = 0;
        while next < seen.len() {
            for on in self.resources[seen[next]].depends_on.iter().flatten() {
                if *on == id {
                    return true;
                }
                if !seen.contains(on) {
                    seen.push(*on);
                }
            }
            next += 1;
        }
        false
    }

    fn properties(&mut self, section: &Section, id: ResourceId, known: &Known) {
        let never = [("never", ())];
        let retry = match section.optional_word("retry_period_on_failure", &never) {
            Some(()) => Some(None),
            None => ranged(section, "retry_period_on_failure").map(Some),
        };
        let own = Properties {
            looks_alive_poll_interval: ranged(section, "looks_alive_poll_interval"),
            is_alive_poll_interval: ranged(section, "is_alive_poll_interval"),
            signals_failure: section.value("signals_failure").unwrap_or(false),
            restart_threshold: ranged(section, "restart_threshold"),
            restart_period: ranged(section, "restart_period"),
            restart_delay: ranged(section, "restart_delay"),
            retry_period_on_failure: retry,
            pending_timeout: ranged(section, "pending_timeout"),
            deadlock_timeout: ranged(section, "deadlock_timeout"),
            separate_monitor: section.value("separate_monitor").unwrap_or(false),
            stays_offline: !section.value("persistent_state").unwrap_or(true),
            online_time: section.value("online_time"),
            offline_time: section.value("offline_time"),
            tells_every: above_zero(section, "tells_every"),
        };
        let usual = &known.settings.cluster;
        let period = own.restart_period.unwrap_or(usual.restart_period);
        let retry = own.retry_period_on_failure.unwrap_or(Some(usual.retry_period_on_failure));
        match retry.filter(|retry| *retry < period) {
            Some(_) if section.has("retry_period_on_failure") => {
                let period = period.show();
                let expected =
                    format!("at least restart_period, {period}, or \"never\" (wsfc.md §4.2)");
                section.wrong("retry_period_on_failure", &expected, None);
            }
            Some(retry) if section.has("restart_period") => {
                let retry = retry.show();
                let expected = format!("at most retry_period_on_failure, {retry} (wsfc.md §4.2)");
                section.wrong("restart_period", &expected, None);
            }
            Some(_) | None => {}
        }
        if let Some(action) = section.word("restart_action", ACTIONS) {
            self.resources[id].restart_action = action;
        }
        if section.has("possible_owners") {
            let places = section.texts("possible_owners");
            let found = places.iter().filter_map(|p| section.find(p, "a node", known.nodes));
            let found: NodeSet = found.collect();
            let of_group = self.possible[self.resources[id].group];
            if found.is_empty() {
                section.wrong("possible_owners", "at least one node", None);
            } else {
                self.resources[id].possible_owners = found.intersection(of_group);
            }
        }
        self.resources[id].own = own;
    }
}

/// A property that is within the range of the setting of the same name.
pub(super) fn ranged<V: Value>(section: &Section, key: &'static str) -> Option<V> {
    let value = section.value::<V>(key)?;
    let mut parameters = PARAMETERS.iter();
    let setting = parameters.find(|known| known.key.strip_prefix("cluster.") == Some(key));
    let (low, high) = setting.expect("a setting has the property's name").range;
    let above = V::read(low).is_none_or(|low| value >= low);
    if !above || V::read(high).is_some_and(|high| value > high) {
        section.wrong(key, &format!("a value from {low} to {high}"), None);
    }
    Some(value)
}

fn above_zero(section: &Section, key: &'static str) -> Option<Span> {
    let value = section.value::<Span>(key);
    if value.is_some_and(Span::is_zero) {
        section.wrong(key, "a duration above zero", None);
    }
    value
}

/// A dependency expression such as `[A] and ([B] or [C])`, as lists of which one each is needed
/// (wsfc.md §4.2). None if it is not one.
fn expression(text: &str) -> Option<Vec<Vec<String>>> {
    let name = |part: &str| {
        let inside = part.trim().strip_prefix('[')?.strip_suffix(']')?;
        (!inside.contains(['[', ']'])).then(|| inside.trim().to_owned())
    };
    let term = |part: &str| -> Option<Vec<String>> {
        let part = part.trim();
        let bare = !part.starts_with('(');
        let inside = part.strip_prefix('(').map_or(Some(part), |rest| rest.strip_suffix(')'))?;
        let names: Vec<String> = inside.split(" or ").map(name).collect::<Option<_>>()?;
        // Which of the two binds closer is nowhere documented.
        (!bare || names.len() == 1 || !text.contains(" and ")).then_some(names)
    };
    text.split(" and ").map(term).collect()
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn expressions_are_lists_of_alternatives() {
        let read = |text: &str| {
            let all = expression(text)?;
            Some(all.iter().map(|any| any.join("|")).collect::<Vec<_>>().join(" & "))
        };
        for (text, expected) in [
            ("[A]", Some("A")),
            ("[A] or [B 2]", Some("A|B 2")),
            ("([A]) and ([B] or [C])", Some("A & B|C")),
            ("[A] and [B]", Some("A & B")),
            ("A or B", None),
            ("([A] or [B]", None),
            ("[A] and", None),
            ("[A] and [B] or [C]", None),
            ("[A] or [B] and [C]", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}

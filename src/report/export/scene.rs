//! The site at a moment: networks as lines, machines as boxes on them, clients as bars.

use super::svg::{Anchor, Color, DIM, FAULT, Font, GRID, PAPER, Paint, Rect, Svg, lighter};
use super::{MARGIN, Told, scene_at, style};
use crate::base::{Instant, MachineId, NetId, NodeId};
use crate::failover::seam::ResourceState;
use crate::journal::record::ServiceState;
use crate::journal::text::{Names, group_state, service_name};
use crate::model::Fault;
use crate::model::topology::MachineRole;
use crate::report::palette::COLORS;
use crate::view::film::Film;
use crate::view::lanes::{Condition, condition};
use crate::view::why_not::why_not;
use crate::view::{Scene, Subject};

/// Room between machines.
const GAP: f64 = 12.0;
/// Height of a line in a machine's box.
const LINE: f64 = 17.0;
/// Height of the head of a machine's box.
const HEAD: f64 = 26.0;
/// Narrowest box.
const NARROWEST: f64 = 190.0;
/// Distance between two networks' lines.
const BUS: f64 = 20.0;
/// The most lines of a box: what does not fit is counted.
const MOST_LINES: usize = 14;

/// A line of a machine's box.
struct Line {
    condition: Condition,
    text: String,
}

pub(super) fn draw(film: &Film, told: &Told<'_>, at: Instant, width: u32) -> String {
    let width = f64::from(width);
    let (scene, upto) = scene_at(film, at);
    let names = film.names();
    let mut svg = Svg::new(width);
    style::define(&mut svg);
    let mut y = super::title(&mut svg, film, told, Some(at), MARGIN);
    y += faults(&mut svg, &scene, &names, y);
    let machines: Vec<MachineId> = film.topology().machines.ids().collect();
    let room = width - 2.0 * MARGIN;
    let most = (((room + GAP) / (NARROWEST + GAP)) as usize).clamp(1, machines.len().max(1));
    // Rows of the same length look better than a full one and a rest.
    let rows = machines.len().div_ceil(most).max(1);
    let columns = machines.len().div_ceil(rows).max(1);
    let box_width = ((room + GAP) / columns as f64 - GAP).min(340.0);
    for row in machines.chunks(columns) {
        let (networks_height, buses) = networks(&mut svg, &scene, row, y);
        y += networks_height;
        let contents: Vec<(MachineId, Vec<Line>)> =
            row.iter().map(|id| (*id, lines(&scene, &names, *id))).collect();
        let most = contents.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
        let height = HEAD + most.min(MOST_LINES + 1) as f64 * LINE + 8.0;
        for (place, (id, lines)) in contents.iter().enumerate() {
            let x = MARGIN + place as f64 * (box_width + GAP);
            let area = Rect { x, y, width: box_width, height };
            machine(&mut svg, &scene, &names, (*id, lines), area, &buses);
        }
        network_names(&mut svg, &scene, &names, &buses);
        y += height + 14.0;
    }
    y += clients(&mut svg, &scene, film, at, y);
    y += reasons(&mut svg, film, told, (&scene, upto), y);
    let has_clients = !film.lanes().clients.is_empty();
    y += style::legend(&mut svg, MARGIN, y, width - MARGIN, has_clients);
    svg.finish(y + MARGIN / 2.0, &super::name(film))
}

/// Faults in force, named; their height.
fn faults(svg: &mut Svg, scene: &Scene<'_>, names: &Names, top: f64) -> f64 {
    let all: Vec<String> = scene
        .active_faults()
        .map(|fault| {
            let (kind, target) = names.fault_name(&fault);
            format!("{kind} on {target}")
        })
        .collect();
    if all.is_empty() {
        return 0.0;
    }
    let font = Font::new(12.0).bold();
    let room = svg.width - 2.0 * MARGIN - 24.0;
    let text = font.cut(&format!("In force: {}", all.join("; ")), room);
    svg.warning(MARGIN, top, 14.0);
    svg.text(MARGIN + 20.0, top + 12.0, font, &text);
    24.0
}

/// Networks that machines of a row are on.
fn buses(scene: &Scene<'_>, row: &[MachineId]) -> Vec<NetId> {
    let topology = scene.topology();
    let used = |network: NetId| {
        let mut nics = row.iter().flat_map(|id| topology.machines[*id].nics.values());
        nics.any(|nic| nic.network == network)
    };
    topology.networks.ids().filter(|id| used(*id)).collect()
}

fn bus_color(network: NetId) -> Color {
    COLORS[[0, 3, 8, 7][usize::from(network.0) % 4]]
}

/// Lines of networks over a row of machines, with their places; their height.
fn networks(
    svg: &mut Svg,
    scene: &Scene<'_>,
    row: &[MachineId],
    top: f64,
) -> (f64, Vec<(NetId, f64)>) {
    let mut places = Vec::new();
    let mut y = top;
    for network in buses(scene, row) {
        y += BUS;
        places.push((network, y));
        let up = scene.networks[network];
        let color = if up { bus_color(network) } else { FAULT };
        let bar = Rect { x: MARGIN, y: y - 1.5, width: svg.width - 2.0 * MARGIN, height: 3.0 };
        let paint = if up { Paint::fill(color) } else { Paint::none().stroke(color, 1.5).dashed() };
        svg.rect(bar, &paint, "");
    }
    (y + 18.0 - top, places)
}

/// Names of networks at the left end of their lines, over the wires that pass there.
fn network_names(svg: &mut Svg, scene: &Scene<'_>, names: &Names, buses: &[(NetId, f64)]) {
    for (network, y) in buses {
        let up = scene.networks[*network];
        let color = if up { bus_color(*network) } else { FAULT };
        let state = if up { "" } else { ": forwards nothing" };
        let text = format!("{}{state}", names.network(*network));
        let font = Font::new(11.0).color(color).bold();
        let width = font.width(&text) + 4.0;
        let paper = Rect { x: MARGIN, y: y - 15.0, width, height: 13.0 };
        svg.rect(paper, &Paint::fill(PAPER), "");
        svg.text(MARGIN, y - 5.0, font, &text);
        if !up {
            svg.warning(MARGIN + width + 2.0, y - 15.0, 10.0);
        }
    }
}

/// A machine: a box with what is on it, hung on its networks.
fn machine(
    svg: &mut Svg,
    scene: &Scene<'_>,
    names: &Names,
    (id, lines): (MachineId, &[Line]),
    area: Rect,
    buses: &[(NetId, f64)],
) {
    let (now, label) = condition(scene, names, Subject::Machine(id));
    adapters(svg, scene, names, id, area, buses);
    let hit = scene.active_faults().any(|fault| is_on(fault, id));
    let frame = if hit { FAULT } else { style::color(now) };
    svg.rect(area, &Paint::fill(PAPER).stroke(frame, if hit { 2.5 } else { 1.5 }), "");
    svg.rect(Rect { height: HEAD - 4.0, ..area }, &style::paint(now), "");
    let font = Font::new(13.0).bold();
    let name = names.machine(id);
    svg.text(area.x + 7.0, area.y + 16.0, font, name);
    let right = area.x + area.width - 7.0 - if hit { 22.0 } else { 0.0 };
    let small = Font::new(11.0);
    let state = format!("{}: {label}", style::letter(now));
    let text = small.cut(&state, right - area.x - font.width(name) - 16.0);
    svg.text(right, area.y + 15.5, small.anchor(Anchor::End), &text);
    if hit {
        svg.warning(area.x + area.width - 21.0, area.y + 4.0, 14.0);
    }
    let shown = lines.len().min(MOST_LINES);
    for (place, line) in lines.iter().take(shown).enumerate() {
        let y = area.y + HEAD + place as f64 * LINE;
        let mark = Rect { x: area.x + 7.0, y: y + 2.0, width: 13.0, height: 12.0 };
        svg.rect(mark, &style::paint(line.condition), "");
        let letter = style::letter(line.condition);
        svg.text(area.x + 13.5, y + 11.5, Font::new(9.5).anchor(Anchor::Middle), &letter);
        let text = small.cut(&line.text, area.width - 32.0);
        svg.text(area.x + 25.0, y + 12.0, small, &text);
    }
    if lines.len() > shown {
        let y = area.y + HEAD + shown as f64 * LINE + 12.0;
        let text = format!("and {} more", lines.len() - shown);
        svg.text(area.x + 25.0, y, small.color(DIM), &text);
    }
}

/// A machine's adapters, each with its wire up to its network.
fn adapters(
    svg: &mut Svg,
    scene: &Scene<'_>,
    names: &Names,
    id: MachineId,
    area: Rect,
    buses: &[(NetId, f64)],
) {
    let nics = &scene.topology().machines[id].nics;
    let step = area.width / (nics.len() as f64 + 1.0);
    for (place, (nic, config)) in nics.iter().enumerate() {
        let x = area.x + step * (place as f64 + 1.0);
        let bus = buses.iter().find(|(network, _)| *network == config.network);
        let Some((network, bus)) = bus else { continue };
        let (now, _) = condition(scene, names, Subject::Adapter(id, nic));
        let up = now == Condition::Ready;
        let color = if up { bus_color(*network) } else { DIM };
        svg.line((x, *bus), (x, area.y), color, !up);
        let socket = Rect { x: x - 5.0, y: area.y - 9.0, width: 10.0, height: 9.0 };
        svg.rect(socket, &style::paint(now), names.nic(id, nic));
        if !up {
            // A cross: nothing comes through here.
            let y = area.y - 14.0;
            svg.line((x - 4.0, y - 4.0), (x + 4.0, y + 4.0), FAULT, false);
            svg.line((x - 4.0, y + 4.0), (x + 4.0, y - 4.0), FAULT, false);
            let font = Font::new(10.0).color(FAULT).bold();
            let text = font.cut(&format!("{} down", names.nic(id, nic)), step - 14.0);
            svg.text(x + 8.0, area.y - 5.0, font, if now == Condition::Off { "" } else { &text });
        }
    }
}

/// Whether a fault is on a machine.
fn is_on(fault: Fault, id: MachineId) -> bool {
    match fault {
        Fault::NicDown { machine, .. }
        | Fault::PowerOff { machine }
        | Fault::Freeze { machine }
        | Fault::ServiceStop { machine, .. }
        | Fault::ServiceHang { machine, .. }
        | Fault::ServiceSlow { machine, .. }
        | Fault::ResourceFail { machine, .. }
        | Fault::ResourceHang { machine, .. }
        | Fault::ServiceCrash { machine, .. }
        | Fault::Reboot { machine }
        | Fault::ClockRate { machine, .. }
        | Fault::ClockStep { machine, .. }
        | Fault::WitnessLockHeld { machine }
        | Fault::WitnessStale { machine }
        | Fault::DnsUpdateRefused { machine }
        | Fault::DnsStale { machine }
        | Fault::DiskSlow { machine, .. } => machine == id,
        Fault::PathCut { from, to, .. }
        | Fault::PathLoss { from, to, .. }
        | Fault::PathDelay { from, to, .. } => from == id || to == id,
        Fault::LogCorruption { copy }
        | Fault::DiskFull { copy }
        | Fault::MountFail { copy }
        | Fault::DismountSlow { copy, .. } => MachineId::from(copy.node) == id,
        Fault::NetworkDown { .. }
        | Fault::FrameLoss { .. }
        | Fault::NetworkDelay { .. }
        | Fault::FrameDuplication { .. }
        | Fault::FrameReordering { .. }
        | Fault::GratuitousArpBlocked { .. } => false,
    }
}

/// What is on a machine: groups, copies, the witness, services that do not run.
fn lines(scene: &Scene<'_>, names: &Names, id: MachineId) -> Vec<Line> {
    let topology = scene.topology();
    let mut lines = Vec::new();
    if usize::from(id.0) < topology.nodes {
        member(scene, names, NodeId(id.0), &mut lines);
    }
    let servers = topology.witness_servers();
    if servers.get(usize::from(scene.witness_server)) == Some(&id) {
        let (condition, label) = condition(scene, names, Subject::Witness);
        lines.push(Line { condition, text: format!("witness, {label}") });
    }
    if usize::from(id.0) >= topology.nodes {
        let condition = if scene.reachable(id) { Condition::Serving } else { Condition::Failed };
        let words = topology.machines[id].roles.iter().filter_map(|role| role_word(*role));
        lines.extend(words.map(|word| Line { condition, text: word.to_owned() }));
    }
    for ((on, service), state) in &scene.services {
        if *on != id || *state == ServiceState::Running {
            continue;
        }
        let (condition, how) = match state {
            ServiceState::Hung => (Condition::Impaired, "hangs"),
            ServiceState::Stopped | ServiceState::Running => (Condition::Failed, "stopped"),
        };
        lines.push(Line { condition, text: format!("{} {how}", service_name(*service)) });
    }
    lines
}

/// What a machine outside the cluster is there for; the witness has a line of its own.
const fn role_word(role: MachineRole) -> Option<&'static str> {
    Some(match role {
        MachineRole::Mailbox => "Mailbox",
        MachineRole::ClientAccess => "Client Access",
        MachineRole::HubTransport => "Hub Transport",
        MachineRole::DomainController => "directory and log-on",
        MachineRole::Dns => "DNS",
        MachineRole::LoadBalancer => "load balancer",
        MachineRole::Witness => return None,
    })
}

/// What a member has: its part in the cluster, groups and copies.
fn member(scene: &Scene<'_>, names: &Names, node: NodeId, lines: &mut Vec<Line>) {
    let topology = scene.topology();
    let member = scene.nodes[node];
    if member.running {
        let (condition, text) = match (member.quorum, member.members.is_empty()) {
            (true, _) if member.members.len() > 3 => {
                let (all, of) = (member.members.len(), topology.nodes);
                (Condition::Serving, format!("in view of {all} of {of} members"))
            }
            (true, _) => (Condition::Serving, format!("in view: {}", names.nodes(member.members))),
            (false, false) => (Condition::Failed, "no quorum".to_owned()),
            (false, true) => (Condition::Changing, "looks for a cluster".to_owned()),
        };
        lines.push(Line { condition, text });
    }
    if member.primary {
        let text = "Primary Active Manager".to_owned();
        lines.push(Line { condition: Condition::Serving, text });
    }
    for group in topology.groups.ids() {
        if scene.groups[group].owner != Some(node) {
            continue;
        }
        let (condition, _) = condition(scene, names, Subject::Group(group));
        let resources = topology.groups[group].resources.iter();
        let online = resources
            .filter(|id| scene.resources[**id].get(&node) == Some(&ResourceState::Online))
            .count();
        let state = group_state(scene.groups[group].state);
        let of = topology.groups[group].resources.len();
        let text = format!("{}: {state}, {online} of {of} online", names.group(group));
        lines.push(Line { condition, text });
    }
    for (id, copy) in scene.copies.iter().filter(|(id, _)| id.node == node) {
        let (condition, label) = condition(scene, names, Subject::Copy(*id));
        let database = names.database(id.database);
        let queues = match (copy.copy_queue, copy.replay_queue) {
            (0, 0) => String::new(),
            (copies, replays) => format!(", queues {copies} and {replays}"),
        };
        lines.push(Line { condition, text: format!("{database}: {label}{queues}") });
    }
}

/// A bar for each kind of client, by how they stand; their height.
fn clients(svg: &mut Svg, scene: &Scene<'_>, film: &Film, at: Instant, top: f64) -> f64 {
    const ROW: f64 = 24.0;
    let names_width = 110.0;
    let mut y = top;
    for lane in &film.lanes().clients {
        let counts = lane.at(at);
        let topology = scene.topology();
        let groups = topology.clients.iter().filter(|group| group.kind == lane.kind);
        let all = groups.map(|group| group.count).sum::<u32>().max(1);
        let font = Font::new(12.0).bold().anchor(Anchor::End);
        svg.text(MARGIN + names_width - 8.0, y + 13.0, font, lane.kind.label());
        let left = MARGIN + names_width;
        let width = svg.width - MARGIN - left - 160.0;
        let bar = Rect { x: left, y, width, height: ROW - 6.0 };
        let well = lighter(style::color(Condition::Serving), 55);
        svg.rect(bar, &Paint::fill(well).stroke(GRID, 1.0), "");
        let mut x = left;
        for standing in style::SHOWN {
            let count = counts.of(standing);
            if count == 0 {
                continue;
            }
            let part = width * f64::from(count) / f64::from(all);
            let area = Rect { x, width: part, ..bar };
            svg.rect(area, &style::area(standing), standing.word());
            let small = Font::new(10.5);
            let words = format!("{count} {}", standing.word());
            if small.width(&words) + 8.0 <= part {
                // Words stand on paper, so that stripes do not cross them.
                let paper =
                    Rect { x: x + 3.0, y: y + 2.5, width: small.width(&words) + 4.0, height: 13.0 };
                svg.rect(paper, &Paint::fill(PAPER), "");
                svg.text(x + 5.0, y + 13.0, small, &words);
            }
            x += part;
        }
        let text = format!("{} of {all} not connected", counts.out());
        svg.text(left + width + 8.0, y + 13.0, Font::new(11.5), &text);
        y += ROW;
    }
    y + 6.0 - top
}

/// The most reasons that are told.
const MOST_REASONS: usize = 5;

/// Why the database that is out, or else the group, is not in service; its height.
fn reasons(
    svg: &mut Svg,
    film: &Film,
    told: &Told<'_>,
    (scene, upto): (&Scene<'_>, usize),
    top: f64,
) -> f64 {
    let services = told.story.out.iter().map(|one| one.subject);
    let services = services.filter(|subject| !matches!(subject, Subject::Clients(_)));
    let answers = services.map(|subject| why_not(scene, film.records(), upto, subject));
    let Some(answer) = answers.into_iter().find(|answer| !answer.well) else { return 0.0 };
    let name = answer.subject.name(&film.names(), scene.topology());
    let mut y = top + 14.0;
    let head = format!("Why {name} is not in service");
    svg.text(MARGIN, y, Font::new(12.5).bold(), &head);
    let font = Font::new(11.5);
    let room = svg.width - 2.0 * MARGIN - 12.0;
    let mut texts: Vec<String> =
        answer.blockers.iter().take(MOST_REASONS).map(|blocker| blocker.text.clone()).collect();
    texts.extend(answer.prospect(film.is_complete()));
    for text in texts {
        y += 17.0;
        svg.rect(Rect { x: MARGIN, y: y - 6.5, width: 4.0, height: 4.0 }, &Paint::fill(DIM), "");
        svg.text(MARGIN + 12.0, y, font, &font.cut(&text, room));
    }
    y + 14.0 - top
}

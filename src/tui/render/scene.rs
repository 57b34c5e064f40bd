//! The site at the cursor's moment.
//!
//! ```text
//! EX01 Down, cut off       EX02 Up                  DC01 up
//! ╳ MAPI   ╳ Replication   ▄ MAPI  ▄ Replication    ▄ LAN
//! · VIP Dismounted         █ VIP Mounted  q 0/0     witness held by EX02
//!                          █ CASArray Online        casarray 192.168.10.21
//! MAPI ──────╳────────────────●───────────────────────┴──
//! Outlook 600 ███████████████████▒▒▒▒░░░░ 402 connected, 198 trying
//! ```
//!
//! A line that is broken between two nodes is a path that one of them has told to be lost. What
//! runs over a network is drawn on its line: `●` a heartbeat or its answer, `◆` another
//! message, `✗` one that is lost. A journey too short for the eye is drawn as long as one that it
//! can follow.

use super::super::app::App;
use super::{Pane, fitted, more_below, put};
use crate::base::{Id, MachineId, NetId, NodeId, Span};
use crate::journal::record::ServiceState;
use crate::journal::text::{Names, service_name};
use crate::model::topology::MachineRole;
use crate::view::frames::{Fate, Frame, frames};
use crate::view::lanes::{Condition, condition};
use crate::view::{Scene, Standing, Subject};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span as Text};

/// The narrowest column of a machine.
const NARROWEST: u16 = 24;
/// How long the eye wants to see a frame, in real time.
const SEEN: Span = Span::from_millis(250);
/// How far back frames are looked for.
const BACK: Span = Span::from_secs(2);

/// Draws the scene; scrolled, if it is higher than its pane.
pub(super) fn draw(app: &App, scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    if area.width < 10 || area.height == 0 {
        return;
    }
    let film = &app.take().film;
    let names = film.names();
    let machines: Vec<Vec<Line<'_>>> = scene
        .topology()
        .machines
        .ids()
        .map(|machine| machine_lines(app, scene, &names, machine))
        .collect();
    let abreast = usize::from((area.width / NARROWEST).max(1)).min(machines.len().max(1));
    let rows = machines.chunks(abreast);
    let heights: usize = rows.clone().map(|row| row.iter().map(Vec::len).max().unwrap_or(0)).sum();
    let one_row = machines.len() <= abreast;
    // Machines in several rows are named once more above the networks.
    let networks = scene.topology().networks.len() + usize::from(!one_row);
    let clients = app.take().film.lanes().clients.len();
    let height = heights + networks + clients + rows.len().saturating_sub(1) + 1;
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(4_000);
    let mut canvas = Buffer::empty(Rect::new(0, 0, area.width, height));
    let width = area.width / u16::try_from(abreast).unwrap_or(1);
    let mut y = 0;
    for row in rows {
        let tallest = row.iter().map(Vec::len).max().unwrap_or(0);
        for (lines, place) in row.iter().zip(0_u16..) {
            for (line, below) in lines.iter().zip(y..height) {
                put(app.theme, &mut canvas, (place * width, below), width.saturating_sub(1), line);
            }
        }
        y += u16::try_from(tallest).unwrap_or(0) + u16::from(!one_row);
    }
    let places = match one_row {
        true => Places { left: 0, width },
        false => {
            let width = area.width.saturating_sub(LABEL)
                / u16::try_from(machines.len()).unwrap_or(1).max(1);
            let places = Places { left: LABEL, width };
            name_line(app, scene, places, y, &mut canvas);
            y += 1;
            places
        }
    };
    y = network_lines(app, scene, places, y, &mut canvas);
    client_lines(app, y, &mut canvas);
    blit(app, &canvas, area, buffer);
}

/// Copies the part of the canvas that is in sight.
fn blit(app: &App, canvas: &Buffer, area: Rect, buffer: &mut Buffer) {
    let height = canvas.area.height;
    let most = usize::from(height.saturating_sub(area.height));
    let scrolled = app.scrolled.get(&Pane::Scene).copied().unwrap_or(0).min(most);
    let scrolled = u16::try_from(scrolled).unwrap_or(0);
    for y in 0..area.height.min(height - scrolled) {
        for x in 0..area.width {
            buffer[(area.x + x, area.y + y)] = canvas[(x, y + scrolled)].clone();
        }
    }
    let hidden = height.saturating_sub(area.height + scrolled);
    more_below(app, usize::from(hidden), area, buffer);
}

/// A line with the sign of a condition before it.
fn signed<'l>(app: &App, condition: Condition, text: String) -> Line<'l> {
    let style = app.theme.condition(condition);
    Line::from(vec![
        Text::styled(format!("{} ", app.theme.sign(condition)), style),
        Text::raw(text),
    ])
}

fn machine_lines<'l>(
    app: &App,
    scene: &Scene<'_>,
    names: &Names<'_>,
    machine: MachineId,
) -> Vec<Line<'l>> {
    let theme = app.theme;
    let config = &scene.topology().machines[machine];
    let (state, label) = condition(scene, names, Subject::Machine(machine));
    let mut title = vec![
        Text::styled(config.name.clone(), theme.heading().add_modifier(Modifier::UNDERLINED)),
        Text::styled(format!(" {} {label}", theme.sign(state)), theme.condition(state)),
    ];
    let member = (machine.index() < scene.topology().nodes).then_some(NodeId(machine.0));
    if let Some(member) = member.map(|node| &scene.nodes[node]) {
        if member.primary {
            title.push(Text::styled(" PAM", theme.accent()));
        }
        if member.running && member.votes.1 > 0 {
            let (has, needed) = member.votes;
            let style = if member.quorum { theme.dim() } else { theme.bad() };
            title.push(Text::styled(format!(" votes {has}, needs {needed}"), style));
        }
    }
    let mut lines = vec![Line::from(title)];
    for fault in scene.active_faults() {
        let (kind, target) = names.fault_name(&fault);
        if target.split(' ').any(|word| word == config.name) {
            let sign = theme.or("✗", "!");
            lines.push(Line::styled(format!("{sign} {kind} {target}"), theme.bad()));
        }
    }
    let nics = config.nics.iter().map(|(nic, adapter)| {
        let (state, _) = condition(scene, names, Subject::Adapter(machine, nic));
        vec![
            Text::styled(format!("{} ", theme.sign(state)), theme.condition(state)),
            Text::raw(format!("{}  ", adapter.name)),
        ]
    });
    lines.push(Line::from(nics.flatten().collect::<Vec<_>>()));
    if let Some(node) = member {
        lines.extend(member_lines(app, scene, names, node));
    }
    lines.extend(service_lines(app, scene, machine));
    lines.extend(server_lines(app, scene, names, machine));
    lines
}

/// Groups and copies of a member.
fn member_lines<'l>(
    app: &App,
    scene: &Scene<'_>,
    names: &Names<'_>,
    node: NodeId,
) -> Vec<Line<'l>> {
    let mut lines = Vec::new();
    for (group, known) in scene.groups.iter() {
        if known.owner == Some(node) {
            let (state, label) = condition(scene, names, Subject::Group(group));
            let label = label.split(" on ").next().unwrap_or_default().to_owned();
            lines.push(signed(app, state, format!("{} {label}", names.group(group))));
        }
    }
    for (copy, known) in scene.copies.iter().filter(|(copy, _)| copy.node == node) {
        let (state, label) = condition(scene, names, Subject::Copy(*copy));
        let mut text = format!("{} {label}", names.database(copy.database));
        if !known.mounted {
            text += &format!(" queues {}/{}", known.copy_queue, known.replay_queue);
        }
        lines.push(signed(app, state, text));
    }
    lines
}

/// Services that do not run as they should.
fn service_lines<'l>(app: &App, scene: &Scene<'_>, machine: MachineId) -> Vec<Line<'l>> {
    let known = scene.services.range((machine, crate::model::Service::Cluster)..);
    let of_machine = known.take_while(|((of, _), _)| *of == machine);
    let wrong = of_machine.filter_map(|((_, service), state)| match state {
        ServiceState::Running => None,
        ServiceState::Stopped => Some((service, "stopped")),
        ServiceState::Hung => Some((service, "hangs")),
    });
    let line = |(service, word): (&crate::model::Service, &str)| {
        Line::styled(format!("{} {word}", service_name(*service)), app.theme.bad())
    };
    wrong.map(line).collect()
}

/// What a server beside the cluster has: the witness's lock, names.
fn server_lines<'l>(
    app: &App,
    scene: &Scene<'_>,
    names: &Names<'_>,
    machine: MachineId,
) -> Vec<Line<'l>> {
    let topology = scene.topology();
    let mut lines = Vec::new();
    let servers = topology.witness_servers();
    if servers.get(usize::from(scene.witness_server)) == Some(&machine) {
        let (state, label) = condition(scene, names, Subject::Witness);
        lines.push(signed(app, state, format!("witness {label}")));
    }
    if topology.machines[machine].roles.contains(&MachineRole::Dns) {
        for (resource, address) in &scene.dns {
            let name = Subject::Name(*resource).name(names, topology);
            let name = name.split('.').next().unwrap_or_default().to_owned();
            lines.push(Line::from(vec![
                Text::styled(format!("{} ", app.theme.or("→", ">")), app.theme.dim()),
                Text::raw(format!("{name} {address}")),
            ]));
        }
    }
    lines
}

/// Where machines stand on the lines of networks: so many columns each, from a column on.
#[derive(Clone, Copy)]
struct Places {
    left: u16,
    width: u16,
}

/// Columns of a network's name before machines in several rows.
const LABEL: u16 = 13;

/// Every machine's name where it stands on the networks below.
fn name_line(app: &App, scene: &Scene<'_>, places: Places, y: u16, canvas: &mut Buffer) {
    for (machine, config) in scene.topology().machines.iter() {
        let x = places.left + u16::try_from(machine.index()).unwrap_or(0) * places.width;
        let room = usize::from(places.width.saturating_sub(1));
        let name = fitted(&config.name, room, app.theme.unicode);
        canvas.set_string(x, y, format!("{name:^room$}"), app.theme.dim());
    }
}

/// The networks as lines with what runs over them; the next free row.
fn network_lines(
    app: &App,
    scene: &Scene<'_>,
    places: Places,
    mut y: u16,
    canvas: &mut Buffer,
) -> u16 {
    let theme = app.theme;
    let topology = scene.topology();
    let film = &app.take().film;
    let at_least = app.speed.of(SEEN).min(SEEN);
    let moving = frames(film.records(), app.at, BACK.max(at_least));
    let whole = canvas.area.width;
    let middle = |machine: MachineId| {
        let place = u16::try_from(machine.index()).unwrap_or(0);
        (places.left + place * places.width + places.width / 2).min(whole.saturating_sub(1))
    };
    for (network, config) in topology.networks.iter() {
        let up = scene.networks[network];
        let style = if up { theme.dim() } else { theme.bad() };
        let sign = if up { theme.or("─", "-") } else { theme.or("╳", "x") };
        canvas.set_string(0, y, sign.repeat(usize::from(whole)), style);
        for (from, to) in lost_stretches(scene, network) {
            let (from, to) = (middle(from.into()), middle(to.into()));
            for x in from.min(to) + 1..from.max(to) {
                canvas.set_string(x, y, theme.or("╌", "."), theme.bad());
            }
        }
        for (machine, has) in topology.machines.iter() {
            for (nic, _) in has.nics.iter().filter(|(_, nic)| nic.network == network) {
                let names = film.names();
                let (state, _) = condition(scene, &names, Subject::Adapter(machine, nic));
                let sign = match state {
                    Condition::Ready => theme.or("┴", "+").to_owned(),
                    other => theme.sign(other).to_string(),
                };
                canvas.set_string(middle(machine), y, sign, theme.condition(state));
            }
        }
        for frame in moving.iter().filter(|frame| of_network(scene, frame, network)) {
            if let Some(way) = frame.way(app.at, at_least) {
                let (from, to) = (middle(frame.from.into()), middle(frame.to.into()));
                let (sign, style) = frame_sign(app, frame, way);
                canvas.set_string(between(from, to, way), y, sign, style);
            }
        }
        let room = usize::from(places.left.max(places.width / 2));
        let label = fitted(&format!("{} ", config.name), room, theme.unicode);
        canvas.set_string(0, y, label, theme.heading());
        y += 1;
    }
    y
}

/// Members between which a path over a network is lost, as either of them tells.
fn lost_stretches(scene: &Scene<'_>, network: NetId) -> Vec<(NodeId, NodeId)> {
    let over = |node: NodeId, nic| {
        let nics = &scene.topology().machines[MachineId::from(node)].nics;
        nics.get(nic).is_some_and(|nic: &crate::model::topology::Nic| nic.network == network)
    };
    let lost = scene.lost_paths.iter().filter(|(from, _, nic)| over(*from, *nic));
    lost.map(|(from, to, _)| (*from, *to)).collect()
}

fn of_network(scene: &Scene<'_>, frame: &Frame, network: NetId) -> bool {
    let nics = &scene.topology().machines[MachineId::from(frame.from)].nics;
    nics.get(frame.nic).is_some_and(|nic| nic.network == network)
}

/// A column between two, so many thousandths of the way.
fn between(from: u16, to: u16, way: u64) -> u16 {
    let (from, to) = (i64::from(from), i64::from(to));
    let way = i64::try_from(way).unwrap_or(1_000);
    u16::try_from(from + (to - from) * way / 1_000).unwrap_or(0)
}

fn frame_sign(app: &App, frame: &Frame, way: u64) -> (&'static str, Style) {
    let theme = app.theme;
    match frame.fate {
        Fate::Lost(_) if way > 500 => (theme.or("✗", "x"), theme.bad()),
        _ if frame.heartbeat => (theme.or("●", "o"), theme.accent()),
        _ => (theme.or("◆", "*"), theme.accent()),
    }
}

/// A bar for each kind of client.
fn client_lines(app: &App, mut y: u16, canvas: &mut Buffer) {
    let theme = app.theme;
    let width = canvas.area.width;
    for lane in &app.take().film.lanes().clients {
        let counts = lane.at(app.at);
        let all = counts.all();
        let name = format!("{:<12}{all:>6} ", fitted(lane.kind.label(), 12, theme.unicode));
        canvas.set_string(0, y, &name, Style::new());
        let room = width.saturating_sub(20 + 40).clamp(8, 60);
        let mut x = 20;
        let mut told = Vec::new();
        for standing in Standing::ALL {
            let count = counts.of(standing);
            if count == 0 {
                continue;
            }
            told.push(format!("{count} {}", standing.word()));
            // Whoever is there is seen, be it one of ten thousand.
            let share = u64::from(count) * u64::from(room) / u64::from(all.max(1));
            let share = u16::try_from(share).unwrap_or(room).max(1);
            for _ in 0..share.min((20 + room).saturating_sub(x)) {
                if x < width {
                    canvas[(x, y)]
                        .set_char(theme.standing_sign(standing))
                        .set_style(theme.standing(standing));
                }
                x += 1;
            }
        }
        let text = told.join(", ");
        let style = if counts.out() > 0 { theme.bad() } else { theme.dim() };
        let from = 20 + room + 1;
        if from < width {
            let room = usize::from(width - from);
            canvas.set_stringn(from, y, fitted(&text, room, theme.unicode), room, style);
        }
        y += 1;
    }
}

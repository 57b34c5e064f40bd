//! `dagtwin quorum`: the pure rules as a calculator.

use super::args::{ListFormat, key_value};
use super::failure::{Answer, Done, Failure};
use super::{input, suggest};
use crate::base::{Id, NodeId, NodeSet};
use crate::failover::quorum::plan::{Cluster, Event, Part};
use crate::model::Topology;
use crate::report::quorum::{Calculated, Step};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};

/// Calculate votes and majority after losses, leaves and partitions, and say why.
///
/// What is lost with one --down is lost at the same moment; what is lost with the next one is
/// lost after it, so that dynamic quorum has adapted in between. The options are played in the
/// order in which they stand.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Quorum {
    /// A built-in topology's name, a folder with a topology.toml, or such a file.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath)]
    pub topology: String,
    #[command(flatten)]
    pub plan: Plan,
    /// The node that owns the core group [default: the first node of the file].
    #[arg(long, value_name = "NODE")]
    pub owner: Option<String>,
    /// Give a setting another value; may be given many times. Keys: `dagtwin list parameters`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Form of the answer on standard output.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

const EXAMPLES: &str = "\
Examples:
  dagtwin quorum two-node-2010 --down EX01
  dagtwin quorum my-site --down EX01 --down EX02 --leave EX03
  dagtwin quorum my-site --partition 'EX01,EX02|EX03,EX04,witness'
  dagtwin quorum my-site --set windows_version=2012r2 --down witness --down EX01,EX02";

/// What happens, in the order of the command line.
#[derive(Debug)]
pub(super) struct Plan(Vec<(Kind, String)>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Down,
    Leave,
    Partition,
    Up,
}

/// The options of a plan: kind, name, value, help.
const OPTIONS: [(Kind, &str, &str, &str); 4] = [
    (
        Kind::Down,
        "down",
        "A,B",
        "Nodes, and perhaps the word witness, that are lost at the same moment; may be given many \
         times",
    ),
    (
        Kind::Leave,
        "leave",
        "A,B",
        "Nodes whose Cluster service is stopped in good order; may be given many times",
    ),
    (
        Kind::Partition,
        "partition",
        "A,B|C,witness",
        "Sides that cannot reach each other; nodes that are not named are a side of their own; \
         without the word witness every side reaches it",
    ),
    (
        Kind::Up,
        "up",
        "A,B",
        "Nodes, and perhaps the word witness, that return; may be given many times",
    ),
];

impl FromArgMatches for Plan {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found: Vec<(usize, Kind, String)> = Vec::new();
        for (kind, name, ..) in OPTIONS {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            let indices = matches.indices_of(name).into_iter().flatten();
            found.extend(indices.zip(values).map(|(index, text)| (index, kind, text.clone())));
        }
        found.sort_by_key(|(index, ..)| *index);
        Ok(Plan(found.into_iter().map(|(_, kind, text)| (kind, text)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Plan::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Plan {
    fn augment_args(command: Command) -> Command {
        OPTIONS.into_iter().fold(command, |command, (_, name, value, help)| {
            let option = Arg::new(name).long(name).value_name(value).help(help);
            command.arg(option.action(ArgAction::Append))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Plan::augment_args(command)
    }
}

impl Kind {
    fn option(self) -> &'static str {
        let mut all = OPTIONS.iter();
        all.find(|(kind, ..)| *kind == self).map_or("", |(_, name, ..)| name)
    }
}

pub(super) fn quorum(args: &Quorum) -> Answer {
    let loaded = input::topology(&args.topology, &args.set)?;
    let topology = &loaded.topology;
    let owner = match &args.owner {
        Some(name) => node(topology, "--owner", name)?,
        None => NodeId(0),
    };
    let nodes: NodeSet = topology.node_ids().collect();
    let mut cluster = Cluster::new(topology.rules(), nodes, owner);
    let mut steps = vec![Step { what: None, judged: cluster.stands() }];
    for (kind, text) in &args.plan.0 {
        let event = event(topology, &cluster, *kind, text)?;
        let what = Some(format!("--{} {text}", kind.option()));
        steps.push(Step { what, judged: cluster.play(&event) });
    }
    let calculated =
        Calculated { topology, steps: &steps, up: cluster.up(), witness_up: cluster.witness_up() };
    let output = match args.format {
        ListFormat::Text => calculated.text(),
        ListFormat::Json => calculated.json(),
    };
    Ok(Done::with(output))
}

fn node(topology: &Topology, option: &str, name: &str) -> Result<NodeId, Failure> {
    let names: Vec<&str> = topology.node_ids().map(|id| topology.node_name(id)).collect();
    let found = names.iter().position(|known| known.eq_ignore_ascii_case(name));
    found.map(NodeId::at).ok_or_else(|| {
        let what = format!("node in {option}");
        let remedy = if option == "--owner" { "" } else { "or the word witness" };
        Failure::Call(suggest::unknown(&what, name, &names, remedy))
    })
}

/// A list such as `EX01,EX02,witness`: the nodes, and whether the witness is among them.
/// `given` is the whole value of the option.
fn list(
    topology: &Topology,
    option: &str,
    given: &str,
    text: &str,
) -> Result<(NodeSet, bool), Failure> {
    let (mut nodes, mut witness) = (NodeSet::EMPTY, false);
    let wrong =
        |expected: &str| Err(Failure::Call(format!("{option} {given:?}: expected {expected}")));
    for name in text.split(',').map(str::trim) {
        let twice = if name.is_empty() {
            let expected = "names with a comma between them, such as EX01,EX02";
            return wrong(expected);
        } else if name.eq_ignore_ascii_case("witness") {
            std::mem::replace(&mut witness, true)
        } else {
            let node = node(topology, option, name)?;
            let known = nodes.contains(node);
            nodes = nodes.with(node);
            known
        };
        if twice {
            return wrong(&format!("every name once; {name} stands there twice"));
        }
    }
    if witness && topology.dag.witness.is_none() && topology.rules().witness().is_none() {
        return wrong("no witness: this topology has none ([dag] witness_server)");
    }
    Ok((nodes, witness))
}

fn event(topology: &Topology, cluster: &Cluster, kind: Kind, text: &str) -> Result<Event, Failure> {
    let option = format!("--{}", kind.option());
    let wrong =
        |expected: String| Err(Failure::Call(format!("{option} {text:?}: expected {expected}")));
    let name = |node: NodeId| topology.node_name(node);
    if kind == Kind::Partition {
        return partition(topology, cluster, text);
    }
    let (nodes, witness) = list(topology, &option, text, text)?;
    let up = cluster.up();
    if kind == Kind::Up {
        if let Some(node) = nodes.intersection(up).lowest() {
            return wrong(format!("what is down; {} is up", name(node)));
        }
        if witness && cluster.witness_up() {
            return wrong("what is down; the witness is up".to_owned());
        }
        return Ok(Event::Up { nodes, witness });
    }
    if let Some(node) = nodes.minus(up).lowest() {
        return wrong(format!("what is up; {} is down, or stopped without quorum", name(node)));
    }
    if kind == Kind::Leave {
        if witness {
            return wrong("nodes; a witness cannot leave in good order".to_owned());
        }
        return Ok(Event::Leave(nodes));
    }
    if witness && !cluster.witness_up() {
        return wrong("what is up; the witness is down".to_owned());
    }
    Ok(Event::Down { nodes, witness })
}

/// Sides with `|` between them; what is up and not named is one more side.
fn partition(topology: &Topology, cluster: &Cluster, text: &str) -> Result<Event, Failure> {
    let option = "--partition";
    let wrong =
        |expected: String| Err(Failure::Call(format!("{option} {text:?}: expected {expected}")));
    let (mut parts, mut named, mut says) = (Vec::new(), NodeSet::EMPTY, false);
    for side in text.split('|') {
        let (members, witness) = list(topology, option, text, side)?;
        if let Some(node) = members.intersection(named).lowest() {
            return wrong(format!("each node in one side; {} is in two", topology.node_name(node)));
        }
        if let Some(node) = members.minus(cluster.up()).lowest() {
            let name = topology.node_name(node);
            return wrong(format!("nodes that are up; {name} is down, or stopped without quorum"));
        }
        named = named.union(members);
        says |= witness;
        parts.push(Part { members, witness });
    }
    let rest = cluster.up().minus(named);
    if !rest.is_empty() {
        parts.push(Part { members: rest, witness: false });
    }
    if parts.iter().filter(|part| !part.members.is_empty()).count() < 2 {
        return wrong("at least two sides with nodes, such as EX01|EX02,witness".to_owned());
    }
    if !says {
        parts.iter_mut().for_each(|part| part.witness = true);
    }
    Ok(Event::Partition(parts))
}

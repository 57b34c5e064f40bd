//! `dagtwin ctl`: asks the agent of this host.

use crate::agent::control::{self, Request};
use crate::cli::failure::{Answer, Done, Failure, plain};
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// Ask the agent of this host how it is, or give it an order.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Ctl {
    /// The agent's socket.
    #[arg(long, default_value = "/run/dagtwin/control.sock", value_hint = ValueHint::FilePath)]
    pub socket: PathBuf,
    #[command(subcommand)]
    pub question: Question,
}

/// What is asked.
#[derive(Subcommand, Clone, Debug)]
pub(in crate::cli) enum Question {
    /// How the member is.
    Status {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
        format: StatusFormat,
    },
    /// Move a group to another member, or to the best possible owner.
    Move {
        /// The group, such as CASArray.
        group: String,
        /// Where to.
        #[arg(long, value_name = "NODE")]
        to: Option<String>,
    },
    /// Switch a database over to another copy.
    Switchover {
        /// The database.
        database: String,
        /// Where to; Active Manager chooses if nothing is named.
        #[arg(long, value_name = "SERVER")]
        to: Option<String>,
    },
    /// Suspend a passive copy: it copies and replays nothing.
    Suspend {
        /// The copy, such as VIP\\EX02.
        copy: String,
    },
    /// Let a suspended copy go on.
    Resume {
        /// The copy, such as VIP\\EX02.
        copy: String,
    },
    /// Pause a member: it hosts no new groups.
    Pause {
        /// The member.
        node: String,
    },
    /// Let a paused member host groups again.
    Unpause {
        /// The member.
        node: String,
    },
    /// Give an order, as the cmdlet's own line; `dagtwin list orders` shows them.
    Order {
        /// Such as "Move-ClusterGroup CASArray -Node EX02".
        line: String,
    },
    /// Read the agent's file again, and take over what can be taken over; SIGHUP does the same.
    Reload,
    /// Hand over what can be handed over, and end; SIGTERM does the same.
    Stop,
}

/// Form of a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(in crate::cli) enum StatusFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
}

impl Question {
    /// The request that it is.
    fn request(&self) -> Request {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let line = match self {
            Question::Status { .. } => return Request::Status,
            Question::Reload => return Request::Reload,
            Question::Stop => return Request::Stop,
            Question::Order { line } => line.clone(),
            Question::Move { group, to } => {
                let to = to.as_ref().map(|node| format!(" -Node {}", quoted(node)));
                format!("Move-ClusterGroup {}{}", quoted(group), to.unwrap_or_default())
            }
            Question::Switchover { database, to } => {
                let to = to.as_ref().map(|node| format!(" -ActivateOnServer {}", quoted(node)));
                let database = quoted(database);
                format!("Move-ActiveMailboxDatabase {database}{}", to.unwrap_or_default())
            }
            Question::Suspend { copy } => format!("Suspend-MailboxDatabaseCopy {}", quoted(copy)),
            Question::Resume { copy } => format!("Resume-MailboxDatabaseCopy {}", quoted(copy)),
            Question::Pause { node } => format!("Suspend-ClusterNode {}", quoted(node)),
            Question::Unpause { node } => format!("Resume-ClusterNode {}", quoted(node)),
        };
        Request::Order(line)
    }
}

pub(in crate::cli) fn ctl(args: &Ctl) -> Answer {
    let answer = control::call(&args.socket, &args.question.request());
    let answer = answer.map_err(|error| {
        let socket = args.socket.display();
        let remedy = "an agent's `control` says where its socket is, and --socket names it";
        Failure::Machine(format!("{socket}: no agent answers: {}; {remedy}", plain(&error)))
    })?;
    let wrong = |error: serde_json::Error| {
        Failure::Machine(format!("{}: {error} in {answer:?}", args.socket.display()))
    };
    let read: control::Answer = serde_json::from_str(&answer).map_err(wrong)?;
    let broken = matches!(read, control::Answer::Refused(_));
    let as_json = matches!(args.question, Question::Status { format: StatusFormat::Json });
    let output = match read {
        control::Answer::Status(status) if as_json => {
            serde_json::to_string_pretty(&status).map_err(wrong)? + "\n"
        }
        control::Answer::Status(status) => status.text(),
        control::Answer::Taken => "taken\n".to_owned(),
        control::Answer::Reloaded { taken, at_restart } => {
            let list = |what: &[String]| match what {
                [] => "nothing".to_owned(),
                some => some.join(", "),
            };
            let later = list(&at_restart);
            format!("taken over: {}\nat the next start: {later}\n", list(&taken))
        }
        control::Answer::Refused(why) => format!("refused: {why}\n"),
    };
    Ok(Done { output: output.into_bytes(), broken, ..Done::default() })
}

//! Generic Service and Generic Application resources.

use super::{Wanted, duration};
use crate::agent::run::{News, Told};
use crate::agent::service::{self, Checked, Done, Notice, Service, ServiceError};
use crate::base::ResourceId;
use crate::failover::seam::{Act, Failure, Input, Outcome, Report};
use crate::model::host::{ServiceKind, ServiceSettings};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// Serves one service: passes on what is wanted, and tells how each ended.
pub(super) async fn run(
    resource: ResourceId,
    checked: Checked,
    news: UnboundedSender<News>,
    mut wanted: UnboundedReceiver<Wanted>,
) {
    let teller = {
        let news = news.clone();
        Arc::new(move |notice: &Notice| noticed(resource, notice, &news))
    };
    let service = Service::start(checked, teller);
    let left = service.left_over().await;
    if !left.found.is_empty() || left.result.is_err() {
        tracing::warn!(?left, "an earlier life had left something running");
    }
    while let Some(next) = wanted.recv().await {
        let pending = match next.act {
            Act::Online(_) => service.online(),
            Act::Offline(_) => service.offline(),
            Act::LooksAlive(_) => service.looks_alive(),
            Act::IsAlive(_) => service.is_alive(),
            _ => service.terminate(),
        };
        let news = news.clone();
        tokio::spawn(async move {
            let done = pending.await;
            let _ = news.send(next.ended(Vec::new(), outcome(&done)));
        });
    }
    service.terminate().await;
}

fn outcome(done: &Done) -> Outcome {
    match &done.result {
        Ok(()) => Outcome::Ok,
        Err(error) => {
            tracing::warn!(action = %done.action, %error, lines = ?done.last_lines, "a service");
            match error {
                ServiceError::TimedOut { .. } => Outcome::TimedOut,
                _ => Outcome::Failed(Failure::NotAlive),
            }
        }
    }
}

fn noticed(resource: ResourceId, notice: &Notice, news: &UnboundedSender<News>) {
    let report = match notice {
        Notice::Line(line) => {
            tracing::info!(?resource, action = %line.action, "{}", line.text);
            return;
        }
        Notice::LinesLeftOut { lines, .. } => {
            tracing::info!(?resource, lines, "lines came too fast and are left out");
            return;
        }
        Notice::AtWork => Report::ResourceAtWork { resource },
        Notice::Ended(ended) => {
            tracing::warn!(?resource, how = %ended.how, lines = ?ended.last_lines, "it ended");
            Report::ResourceFailed { resource, failure: Failure::Terminated }
        }
    };
    let input = Some(Input::Saw(report));
    let _ = news.send(News::Told(Told { life: None, cause: None, facts: Vec::new(), input }));
}

/// The resource's name as processes and folders may have it; other characters become a dash, and
/// then the resource's number makes it unique.
fn plain(name: &str, id: ResourceId) -> String {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-');
    let plain: String = name.chars().map(|it| if fits(it) { it } else { '-' }).take(48).collect();
    let plain = plain.trim_start_matches(['.', '-']);
    match plain {
        "" => format!("resource-{}", id.0),
        same if same == name => name.to_owned(),
        other => format!("{other}-{}", id.0),
    }
}

/// What a service is, from the agent's file.
pub(super) fn settings(
    name: &str,
    id: ResourceId,
    settings: &ServiceSettings,
) -> service::Settings {
    let name = plain(name, id);
    let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let kind = match &settings.kind {
        ServiceKind::Unit(unit) => service::Kind::Unit(service::Unit::new(unit.clone())),
        ServiceKind::Run { command, looks_alive, is_alive } => service::Kind::Run(service::Run {
            looks_alive: some(looks_alive),
            is_alive: some(is_alive),
            ..service::Run::new(command.clone())
        }),
        ServiceKind::Commands { start, stop, looks_alive, is_alive } => {
            service::Kind::Command(service::Command {
                start: start.clone(),
                stop: stop.clone(),
                looks_alive: some(looks_alive),
                is_alive: some(is_alive),
            })
        }
        ServiceKind::Ocf { agent, parameters } => {
            let ocf = service::Ocf::new(agent.clone());
            service::Kind::Ocf(service::Ocf { parameters: parameters.clone(), ..ocf })
        }
    };
    let limits = service::Limits {
        online: Some(duration(settings.start_limit)),
        offline: Some(duration(settings.stop_limit)),
        looks_alive: Some(duration(settings.probe_limit)),
        is_alive: Some(duration(settings.probe_limit)),
        terminate: None,
    };
    service::Settings { limits, ..service::Settings::new(name, kind) }
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::base::ResourceId;

    #[test]
    fn names_are_made_to_fit_and_stay_different() {
        assert_eq!(plain("FrontEnd", ResourceId(3)), "FrontEnd");
        assert_eq!(plain("Front End", ResourceId(3)), "Front-End-3");
        assert_eq!(plain("Front/End", ResourceId(4)), "Front-End-4");
        assert_eq!(plain("--", ResourceId(5)), "resource-5");
    }
}

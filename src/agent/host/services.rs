//! Generic Service and Generic Application resources.

use super::Wanted;
use crate::agent::run::{News, Told};
use crate::agent::service::{Checked, Done, Notice, Service, ServiceError};
use crate::base::ResourceId;
use crate::failover::seam::{Act, Failure, Input, Outcome, Report};
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
            tracing::info!(?resource, action = %line.action, text = %line.text);
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

//! One task per resource: what is asked of it is done in order, and told once.

use super::program::{Cancel, Ear};
use super::work::{Body, Shared, Verdict};
use super::{Action, Ask, Checked, Done, Ended, Notice, ServiceError, Teller};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, watch};

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Something under way, and who wants to know.
struct Job<T> {
    action: Action,
    asks: Vec<Ask>,
    cancel: watch::Sender<Option<Action>>,
    work: Work<T>,
}

/// The task.
pub(super) struct Actor {
    shared: Arc<Shared>,
    asks: mpsc::UnboundedReceiver<Ask>,
    /// Away while a change is under way.
    body: Option<Body>,
    change: Option<Job<(Body, Verdict)>>,
    looks_alive: Option<Job<Verdict>>,
    is_alive: Option<Job<Verdict>>,
    queue: VecDeque<Ask>,
}

/// Waits for a job's end; for ever if there is none.
async fn end<T>(job: &mut Option<Job<T>>) -> (Vec<Ask>, T) {
    let Some(running) = job else { return std::future::pending().await };
    let ended = running.work.as_mut().await;
    let asks = job.take().map(|job| job.asks).unwrap_or_default();
    (asks, ended)
}

/// Waits for the end of the supervised child; for ever if there is none.
async fn child_end(body: Option<&Body>) -> Ended {
    match body.and_then(|body| body.keeper.as_ref()) {
        Some(keeper) => keeper.end().await,
        None => std::future::pending().await,
    }
}

/// Whether something under way gives way to something newer. Terminate leaves nothing running only
/// if it is let finish, and the clean-up likewise, but Terminate does all that it does.
fn yields(older: Action, newer: Action) -> bool {
    match older {
        Action::Terminate => false,
        Action::LeftOver => newer == Action::Terminate,
        Action::Online | Action::Offline | Action::LooksAlive | Action::IsAlive | Action::Check => {
            true
        }
    }
}

impl Actor {
    pub(super) fn new(
        checked: Checked,
        teller: Teller,
        asks: mpsc::UnboundedReceiver<Ask>,
    ) -> Self {
        let ear = Ear { teller, pending: Arc::new(AtomicBool::new(false)) };
        let (_, cancel) = Cancel::new();
        Actor {
            shared: Arc::new(Shared::new(checked, ear)),
            asks,
            body: Some(Body::new(cancel)),
            change: None,
            looks_alive: None,
            is_alive: None,
            queue: VecDeque::new(),
        }
    }

    /// Works until nobody can ask any more and everything asked is done.
    pub(super) async fn run(mut self) {
        let mut open = true;
        loop {
            self.begin();
            let idle = self.change.is_none() && self.queue.is_empty() && !self.probing();
            if !open && idle {
                return;
            }
            tokio::select! {
                biased;
                ask = self.asks.recv(), if open => match ask {
                    Some(ask) => self.take(ask),
                    None => open = false,
                },
                (asks, (body, verdict)) = end(&mut self.change) => {
                    self.shared.ear.pending.store(false, Ordering::Relaxed);
                    self.body = Some(body);
                    tell(asks, &verdict);
                }
                (asks, verdict) = end(&mut self.looks_alive) => tell(asks, &verdict),
                (asks, verdict) = end(&mut self.is_alive) => tell(asks, &verdict),
                ended = child_end(self.body.as_ref()) => {
                    if let Some(body) = &mut self.body {
                        body.keeper = None;
                    }
                    self.shared.ear.tell(&Notice::Ended(ended));
                }
            }
        }
    }

    fn probing(&self) -> bool {
        self.looks_alive.is_some() || self.is_alive.is_some()
    }

    fn take(&mut self, ask: Ask) {
        if ask.action.is_probe() { self.take_probe(ask) } else { self.take_change(ask) }
    }

    /// Calls off what gives way to an order, and puts it in line.
    fn take_change(&mut self, ask: Ask) {
        let by = ask.action;
        if let Some(job) = &self.change
            && yields(job.action, by)
        {
            call_off(&job.cancel, by);
        }
        for job in [&self.looks_alive, &self.is_alive].into_iter().flatten() {
            call_off(&job.cancel, by);
        }
        let older = std::mem::take(&mut self.queue);
        let (off, kept): (Vec<Ask>, Vec<Ask>) =
            older.into_iter().partition(|older| yields(older.action, by));
        self.queue = kept.into();
        self.call_off(off, by);
        self.queue.push_back(ask);
    }

    /// Joins a probe of the same kind that is under way, or begins one.
    fn take_probe(&mut self, ask: Ask) {
        let action = ask.action;
        let before = self.change.as_ref().map(|job| job.action);
        if let Some(by) = before.or(self.queue.front().map(|ask| ask.action)) {
            self.call_off(vec![ask], by);
            return;
        }
        let slot =
            if action == Action::LooksAlive { &mut self.looks_alive } else { &mut self.is_alive };
        if let Some(job) = slot {
            job.asks.push(ask);
            return;
        }
        let (cancel, called) = Cancel::new();
        let keeper = self.body.as_ref().and_then(|body| body.keeper.as_ref());
        let runs = keeper.is_some_and(|keeper| keeper.ended().is_none());
        let shared = Arc::clone(&self.shared);
        let work = Box::pin(async move {
            let mut body = Body::new(called);
            shared.probe(action, runs, &mut body).await
        });
        *slot = Some(Job { action, asks: vec![ask], cancel, work });
    }

    fn call_off(&self, asks: Vec<Ask>, by: Action) {
        for ask in asks {
            let (resource, action) = (self.shared.settings.name.clone(), ask.action);
            let verdict = Verdict::new(Err(ServiceError::CalledOff { resource, action, by }));
            tell(vec![ask], &verdict);
        }
    }

    /// Begins the next change once nothing is under way.
    fn begin(&mut self) {
        if self.change.is_some() || self.probing() {
            return;
        }
        let Some(mut body) = self.body.take() else { return };
        let Some(ask) = self.queue.pop_front() else {
            self.body = Some(body);
            return;
        };
        let action = ask.action;
        let (cancel, called) = Cancel::new();
        body.cancel = called;
        let pending = matches!(action, Action::Online | Action::Offline);
        self.shared.ear.pending.store(pending, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        let work = Box::pin(async move {
            let verdict = shared.change(action, &mut body).await;
            (body, verdict)
        });
        self.change = Some(Job { action, asks: vec![ask], cancel, work });
    }
}

/// Calls a job off; the first order that does is the one that is told.
fn call_off(cancel: &watch::Sender<Option<Action>>, by: Action) {
    cancel.send_if_modified(|called| called.is_none() && called.replace(by).is_none());
}

/// Tells everybody who asked.
fn tell(asks: Vec<Ask>, verdict: &Verdict) {
    for Ask { action, asked, told } in asks {
        let mut done = Done::new(action, asked.elapsed(), verdict.result.clone());
        done.last_lines.clone_from(&verdict.last_lines);
        done.found.clone_from(&verdict.found);
        done.remains.clone_from(&verdict.remains);
        // Who asked may have gone.
        let _ = told.send(done);
    }
}

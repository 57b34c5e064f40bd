//! Metrics over HTTP, in the text form of Prometheus: `GET /metrics`.

use super::control::{Answer, Asked, Request};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a request's head may take to come, and its answer (assumed).
const PATIENCE: Duration = Duration::from_secs(5);
/// The form's own name.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The place where metrics are served.
#[derive(Debug)]
pub struct Metrics {
    listener: TcpListener,
}

impl Metrics {
    /// Opens the place.
    ///
    /// # Errors
    /// If it is taken, or is no address of this host.
    pub async fn open(address: SocketAddr) -> io::Result<Metrics> {
        Ok(Metrics { listener: TcpListener::bind(address).await? })
    }

    /// Where it is; the port that was given if it was asked for any.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until nobody can be asked any more.
    pub async fn serve(self, into: mpsc::Sender<Asked>) {
        while !into.is_closed() {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let into = into.clone();
                    let answer = service_fn(move |request| answer(request, into.clone()));
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(PATIENCE)
                        .serve_connection(TokioIo::new(stream), answer);
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "metrics were not answered");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no question for metrics can be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    into: mpsc::Sender<Asked>,
) -> Result<Response<String>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match metrics(&into).await {
            Some(text) => (StatusCode::OK, text),
            None => (StatusCode::SERVICE_UNAVAILABLE, "the agent did not answer\n".to_owned()),
        },
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "there is only /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "there is only GET\n".to_owned()),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}

async fn metrics(into: &mpsc::Sender<Asked>) -> Option<String> {
    let (tell, told) = oneshot::channel();
    into.send((Request::Status, tell)).await.ok()?;
    match timeout(PATIENCE, told).await.ok()?.ok()? {
        Answer::Status(status) => Some(status.metrics()),
        Answer::Taken | Answer::Reloaded { .. } | Answer::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::status::Status;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// What is answered to a request's lines by an agent with this status.
    async fn answered(status: Option<Status>, lines: &str) -> String {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let metrics = Metrics::open(address).await.expect("any port");
        let place = metrics.address().expect("it has one");
        let (into, mut asked) = mpsc::channel::<Asked>(1);
        tokio::spawn(metrics.serve(into));
        tokio::spawn(async move {
            while let Some((_, tell)) = asked.recv().await {
                let refused = || Answer::Refused("it ends".to_owned());
                let status = status.clone().map(|status| Answer::Status(Box::new(status)));
                let _ = tell.send(status.unwrap_or_else(refused));
            }
        });
        let mut stream = TcpStream::connect(place).await.expect("it listens");
        stream.write_all(lines.as_bytes()).await.expect("it takes it");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        answer
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn the_status_is_told_as_metrics() {
        let status = Status { node: "EX01".to_owned(), quorum: true, ..Status::default() };
        let answer = answered(Some(status), &get("/metrics")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("dagtwin_quorum 1"), "{answer}");
        assert!(answer.contains("version=0.0.4"), "{answer}");
    }

    #[tokio::test]
    async fn what_cannot_be_told_has_a_status_of_its_own() {
        let lost = answered(Some(Status::default()), &get("/")).await;
        assert!(lost.starts_with("HTTP/1.1 404") && lost.contains("/metrics"), "{lost}");
        let ending = answered(None, &get("/metrics")).await;
        assert!(ending.starts_with("HTTP/1.1 503"), "{ending}");
        let put = get("/metrics").replace("GET", "PUT");
        let refused = answered(None, &put).await;
        assert!(refused.starts_with("HTTP/1.1 405") && refused.contains("allow: GET"), "{refused}");
        let nonsense = answered(None, "hello\r\n\r\n").await;
        assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
    }
}

//! Two nodes with a database, on loopback, in a temporary directory.

use dagtwin::agent::database::logs::{Client, Key, Server};
use dagtwin::agent::database::{
    CopyReport, Event, Instance, Limits, Node, Settings, Status, SystemUser,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client as Sql, NoTls};

pub(crate) const LONG: Duration = Duration::from_secs(240);
const PATIENT: Duration = Duration::from_secs(20);
pub(crate) const PASSWORD: &str = "with: a \\ colon";

/// Where PostgreSQL's programs are, or why there are none.
fn binaries() -> Result<PathBuf, String> {
    let root = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(root).map_err(|error| format!("{root:?}: {error}"))?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists() && path.join("pg_rewind").exists())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| "no initdb below /usr/lib/postgresql".to_owned())
}

/// What the tests run on; none if they are skipped.
pub(crate) fn ground() -> Option<(PathBuf, SystemUser)> {
    let root = rustix::process::geteuid().is_root();
    let user = if root { SystemUser::named("postgres") } else { SystemUser::current() };
    let ground = binaries()
        .and_then(|binaries| user.map(|user| (binaries, user)).map_err(|error| error.to_string()));
    match ground {
        Ok(ground) => Some(ground),
        Err(why) => {
            assert!(std::env::var_os("DAGTWIN_NO_SKIP").is_none(), "not skipped: {why}");
            eprintln!("skipped: {why}; remedy: apt-get install postgresql");
            None
        }
    }
}

/// A directory that is removed when dropped, after its servers were ended.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Directory {
        let mut random = [0; 6];
        getrandom::fill(&mut random).expect("random bytes");
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = PathBuf::from(format!("/tmp/dt-{name}"));
        std::fs::create_dir(&path).expect("a directory");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("open");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        end_servers(&self.0);
        for _ in 0..50 {
            if std::fs::remove_dir_all(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Ends the servers of every home below a directory.
pub(crate) fn end_servers(directory: &Path) {
    for home in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        kill_tree(&home.path().join("data"));
    }
}

/// Ends every process that works in a data directory.
fn kill_tree(data: &Path) {
    let Ok(data) = std::fs::canonicalize(data) else { return };
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let works_there = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data);
        let pid = entry.file_name().to_str().and_then(|pid| pid.parse::<i32>().ok());
        if let (true, Some(pid)) = (works_there, pid) {
            signal(pid, rustix::process::Signal::KILL);
        }
    }
}

pub(crate) fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    let _ = rustix::process::kill_process(pid, signal);
}

/// Every process of an instance, its server first.
pub(crate) fn processes(instance: &Instance) -> Vec<i32> {
    let server = instance.process().expect("it runs");
    let list = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
    let children = list.expect("its children");
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    std::iter::once(server).chain(children).collect()
}

/// One node's copy.
pub(crate) struct Copy {
    pub(crate) instance: Instance,
    pub(crate) events: Receiver<Event>,
    pub(crate) server: Server,
    pub(crate) key: Key,
}

pub(crate) struct Bed {
    pub(crate) copies: Vec<Copy>,
    _directory: Directory,
}

/// A port that is free now, below those that the kernel gives to whoever connects; each process
/// takes them from a range of its own.
pub(crate) fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 3000 + u16::try_from(std::process::id() % 40).expect("small") * 200;
    for _ in 0..200 {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 200;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

pub(crate) fn settings(
    root: &Path,
    ground: &(PathBuf, SystemUser),
    name: &str,
    node: Node,
    ports: &[u16],
) -> Settings {
    let password_file = root.join("password");
    std::fs::write(&password_file, format!("{PASSWORD}\n")).expect("a password");
    let own = usize::from(node);
    let address = |n: usize| SocketAddr::from(([127, 0, 0, 1], ports[n]));
    Settings {
        name: name.to_owned(),
        node,
        directory: root.join(format!("{name}-{node}")),
        port: ports[own],
        listen: vec![IpAddr::from([127, 0, 0, 1])],
        binaries: ground.0.clone(),
        user: ground.1.clone(),
        replication_user: "replication".to_owned(),
        password_file,
        peers: (0..ports.len())
            .filter(|n| *n != own)
            .map(|n| (Node::try_from(n).expect("few"), vec![address(n)]))
            .collect(),
        clients: vec![(IpAddr::from([127, 0, 0, 1]), 32)],
        synchronous: true,
        keep_for_copies: 64,
        replay_lag: Duration::ZERO,
        least_free: 1 << 20,
        parameters: BTreeMap::from([
            ("shared_buffers".to_owned(), "8MB".to_owned()),
            ("max_connections".to_owned(), "20".to_owned()),
            // Nothing that writes by itself: positions stay where the test puts them.
            ("autovacuum".to_owned(), "off".to_owned()),
            ("bgwriter_lru_maxpages".to_owned(), "0".to_owned()),
            ("checkpoint_timeout".to_owned(), "1h".to_owned()),
        ]),
        // The machine may be slow: only tests of a limit have short ones.
        limits: Limits { answer: PATIENT, peer: PATIENT, silence: PATIENT, ..Limits::default() },
    }
}

impl Copy {
    pub(crate) async fn open(settings: Settings) -> Copy {
        let key = Key::new(b"sixteen bytes or more").expect("a key");
        let databases = BTreeMap::from([(settings.name.clone(), settings.data())]);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(any, key.clone(), databases).await.expect("a log server");
        let (instance, events) = Instance::open(settings).await.expect("opened");
        Copy { instance, events, server, key }
    }

    pub(crate) fn logs(&self) -> Client {
        Client::new(vec![self.server.address()], self.key.clone(), Duration::from_secs(5))
    }

    pub(crate) async fn reaches(&self, status: Status) -> CopyReport {
        self.reaches_that(&format!("{status:?}"), |report| report.status == status).await
    }

    pub(crate) async fn reaches_that(
        &self,
        what: &str,
        wanted: impl Fn(&CopyReport) -> bool,
    ) -> CopyReport {
        let begin = Instant::now();
        loop {
            let report = self.instance.status().await;
            if wanted(&report) {
                return report;
            }
            if begin.elapsed() > LONG {
                let log = self.instance.settings().directory.join("log");
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let tail: Vec<_> = log.lines().rev().take(15).collect();
                panic!("not {what}: {report:?}\nlog, last line first: {tail:#?}");
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// A client's connection, over the local socket.
    pub(crate) async fn sql(&self) -> Sql {
        let settings = self.instance.settings();
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(settings.socket_directory())
            .port(settings.port)
            .user("dagtwin")
            .dbname("postgres");
        let (client, connection) = config.connect(NoTls).await.expect("connected");
        tokio::spawn(connection);
        client
    }

    pub(crate) fn follow(&self, node: Node) {
        self.instance.follow(Some(node), false).expect("told to follow");
    }

    /// Copies from nobody any more, so that it misses what comes.
    pub(crate) async fn cut(&self) {
        self.instance.follow(None, false).expect("told to follow nobody");
        self.reaches(Status::DisconnectedAndHealthy).await;
    }

    pub(crate) async fn event(&mut self) -> Event {
        tokio::time::timeout(LONG, self.events.recv()).await.expect("in time").expect("an event")
    }

    pub(crate) async fn count(&self) -> i64 {
        let rows = self.sql().await.query("select count(*) from mail", &[]).await;
        rows.expect("counted")[0].get(0)
    }
}

/// Marks data as those of a passive copy, as the server does.
pub(crate) fn mark(settings: &Settings) {
    let path = settings.data().join("standby.signal");
    std::fs::write(&path, "").expect("marked");
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = (settings.user.uid, settings.user.gid);
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("given");
    }
}

/// Puts messages into the database, each acknowledged before the next.
pub(crate) async fn deliver(sql: &Sql, messages: u32) {
    for _ in 0..messages {
        sql.execute("insert into mail(body) values (repeat('x', 100))", &[])
            .await
            .expect("delivered");
    }
}

/// Writes at least so many megabytes of log.
pub(crate) async fn fill(sql: &Sql, megabytes: i32) {
    for _ in 0..megabytes {
        // Random, so that it is not compressed away.
        sql.execute(
            "insert into mail(body) select string_agg(md5(random()::text), '') \
             from generate_series(1, 400) g, generate_series(1, 100) h group by h",
            &[],
        )
        .await
        .expect("filled");
    }
}

/// A database with its table, stopped: made once for each build of the tests, as making one is
/// most of what a test would do.
async fn template(ground: &(PathBuf, SystemUser)) -> PathBuf {
    static MADE: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| make_template(ground)).await.clone()
}

async fn make_template(ground: &(PathBuf, SystemUser)) -> PathBuf {
    let program = std::env::current_exe().and_then(std::fs::metadata).expect("the test");
    let since = program.modified().expect("its date");
    let age = since.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let templates = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let wanted = templates.join(format!("{age}-{}", ground.1.uid));
    if wanted.exists() {
        return wanted;
    }
    let _ = std::fs::remove_dir_all(&templates);
    std::fs::create_dir_all(&templates).expect("a directory");
    let directory = Directory::new();
    let ports = [free_port(), free_port()];
    let copy = Copy::open(settings(&directory.0, ground, "db1", 0, &ports)).await;
    copy.instance.create(LONG).await.expect("created");
    copy.instance.mount(LONG).await.expect("mounted");
    let table = "create table mail(id serial primary key, body text)";
    copy.sql().await.batch_execute(table).await.expect("a table");
    copy.instance.dismount(LONG).await.expect("dismounted");
    let beside = templates.join(format!("new-{}", std::process::id()));
    copy_tree(&copy.instance.settings().data(), &beside);
    // Another process may have been as quick.
    let _ = std::fs::rename(beside, &wanted);
    wanted
}

fn copy_tree(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success(), "{} to {}", from.display(), to.display());
}

impl Bed {
    /// Two copies of one database: node 0 active, node 1 Healthy.
    pub(crate) async fn new() -> Option<Bed> {
        Bed::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl Fn(&mut Settings)) -> Option<Bed> {
        let ground = ground()?;
        let template = template(&ground).await;
        let directory = Directory::new();
        let ports = [free_port(), free_port()];
        let mut copies = Vec::new();
        for node in 0..2 {
            let mut settings = settings(&directory.0, &ground, "db1", node, &ports);
            change(&mut settings);
            let copy = Copy::open(settings).await;
            let data = copy.instance.settings().data();
            copy_tree(&template, &data);
            if node == 1 {
                mark(copy.instance.settings());
            }
            copies.push(copy);
        }
        let bed = Bed { copies, _directory: directory };
        bed.first().instance.mount(LONG).await.expect("mounted");
        bed.second().follow(0);
        bed.second().reaches(Status::Healthy).await;
        Some(bed)
    }

    pub(crate) fn first(&self) -> &Copy {
        &self.copies[0]
    }

    pub(crate) fn second(&self) -> &Copy {
        &self.copies[1]
    }

    /// Waits until the second copy has everything that the first has.
    pub(crate) async fn caught_up(&self) {
        let first = self.first().instance.status().await;
        let end = first.positions.generated;
        self.second().reaches_that("caught up", |report| report.positions.replayed >= end).await;
    }
}

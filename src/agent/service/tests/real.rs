//! Resource agents of the package `resource-agents` as they are.

use super::super::Ocf;
use super::*;
use std::process::Command;

const DIRECTORY: &str = "/usr/lib/ocf/resource.d/heartbeat";

/// The package's agent, if it is installed.
fn packaged(test: &str, name: &str) -> Option<PathBuf> {
    let path = Path::new(DIRECTORY).join(name);
    if path.exists() {
        return Some(path);
    }
    skip(test, "the package resource-agents is not installed");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dummy_lives_and_dies() {
    let Some(agent) = packaged("dummy_lives_and_dies", "Dummy") else { return };
    let bench = Bench::new();
    let state = bench.path("dummy.state");
    let ocf = Ocf::new(agent).with("state", state.to_string_lossy());
    let settings = bench.settings("dummy", Kind::Ocf(ocf));
    let checked = settings.check().await.expect("it is in order");
    let read = checked.meta_data().expect("it is an agent");
    assert_eq!(
        (read.name.as_str(), read.about.as_str()),
        ("Dummy", "Example stateless resource agent")
    );
    assert_eq!(checked.bounds.online, Duration::from_secs(20));
    let it = bench.start_checked(checked);
    assert_eq!(it.left_over().await.found, [""; 0]);
    not_alive(&it.is_alive().await, "OCF_NOT_RUNNING");
    well(&it.online().await);
    assert!(state.exists());
    well(&it.looks_alive().await);
    well(&it.is_alive().await);
    well(&it.offline().await);
    assert!(!state.exists());
    fs::write(&state, "").expect("it is writable");
    let done = it.left_over().await;
    well(&done);
    assert!(done.found.len() == 1 && !state.exists(), "{done:?}");
    well(&it.online().await);
    well(&it.terminate().await);
    assert!(!state.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dummys_parameters_are_checked() {
    let Some(agent) = packaged("dummys_parameters_are_checked", "Dummy") else { return };
    let bench = Bench::new();
    let ocf = Ocf::new(agent.clone()).with("sate", "/x");
    let error = bench.settings("dummy", Kind::Ocf(ocf)).check().await.expect_err("it is wrong");
    assert!(matches!(error, ServiceError::UnknownParameter { .. }), "{error:?}");
    let ocf = Ocf::new(agent).with("state", "/nowhere/at/all/state");
    let error = bench.settings("dummy", Kind::Ocf(ocf)).check().await.expect_err("it is wrong");
    assert!(error.to_string().contains("OCF_ERR_ARGS"), "{error}");
}

/// Every agent of the package says of itself what can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_packaged_agent_is_understood() {
    if packaged("every_packaged_agent_is_understood", "Dummy").is_none() {
        return;
    }
    let bench = Bench::new();
    let mut read = 0;
    for entry in fs::read_dir(DIRECTORY).expect("it is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ocf = Ocf { validate: false, ..Ocf::new(entry.path()) };
        match bench.settings(&name, Kind::Ocf(ocf)).check().await {
            Ok(_) | Err(ServiceError::MissingParameter { .. }) => read += 1,
            // Some need a program that is not installed even to describe themselves.
            Err(error) => println!("{error}"),
        }
    }
    assert!(read > 60, "{read}");
}

/// A network namespace with an interface.
struct Namespace(String);

impl Namespace {
    fn new() -> Result<Self, String> {
        let namespace = Namespace(format!("dagtwin-svc-{}", std::process::id()));
        let name = namespace.0.clone();
        let inside = ["-n", &name];
        run("ip", &["netns", "add", &name])?;
        let orders: [&[&str]; 4] = [
            &["link", "set", "lo", "up"],
            &["link", "add", "one", "type", "veth", "peer", "name", "two"],
            &["address", "add", "10.99.0.1/24", "dev", "one"],
            &["link", "set", "one", "up"],
        ];
        for order in orders {
            run("ip", &[&inside[..], order].concat())?;
        }
        run("ip", &[&inside[..], &["link", "set", "two", "up"]].concat())?;
        Ok(namespace)
    }

    fn has(&self, address: &str) -> bool {
        let found = Command::new("ip").args(["-n", &self.0, "-o", "address"]).output();
        String::from_utf8_lossy(&found.expect("ip").stdout).contains(address)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "delete", &self.0]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.map_err(|error| format!("{program}: {error}"))?;
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.success() { Ok(()) } else { Err(format!("{program} {arguments:?}: {told}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_comes_and_goes_and_is_not_adopted() {
    let test = "an_address_comes_and_goes_and_is_not_adopted";
    let Some(agent) = packaged(test, "IPaddr2") else { return };
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(why) => return skip(test, &why),
    };
    let bench = Bench::new();
    let text = format!("exec ip netns exec {} {} \"$@\"", namespace.0, agent.display());
    let wrapped = bench.script("IPaddr2", &text);
    let error = bench.settings("ip", Kind::Ocf(Ocf::new(&wrapped))).check().await;
    let error = error.expect_err("it needs an address").to_string();
    assert!(error.contains("requires the parameter ip (IPv4 or IPv6 address)"), "{error}");
    let ocf = Ocf::new(&wrapped).with("ip", "10.99.0.50").with("nic", "one");
    let it = bench.service(Kind::Ocf(ocf.with("cidr_netmask", "24"))).await;
    let address = "10.99.0.50/24";
    run("ip", &["-n", &namespace.0, "address", "add", address, "dev", "one"]).expect("it is free");
    let done = it.left_over().await;
    well(&done);
    assert!(done.found == ["monitor says 0 OCF_SUCCESS"] && !namespace.has(address), "{done:?}");
    well(&it.online().await);
    assert!(namespace.has(address));
    well(&it.is_alive().await);
    run("ip", &["-n", &namespace.0, "address", "delete", address, "dev", "one"])
        .expect("it is there");
    not_alive(&it.looks_alive().await, "OCF_NOT_RUNNING");
    well(&it.online().await);
    well(&it.terminate().await);
    assert!(!namespace.has(address));
    assert_eq!(bench.members("it"), []);
}

//! What the plant does to addresses, names and mail, seen in the records of whole runs.

use crate::{corpus, site};
use dagtwin::base::{Instant, Span};
use dagtwin::failover::seam::{Effect, Failure, Note, ResourceState};
use dagtwin::journal::record::{ClientEvent, MailEvent, Plant};
use dagtwin::journal::{Record, What};
use dagtwin::lab;
use dagtwin::model::load::{self, Given};
use dagtwin::model::{Scenario, Topology};
use dagtwin::sim::{Recording, simulate};
use dagtwin::view::outage::Who;

fn records(topology: &Topology, scenario: &Scenario) -> Vec<Record> {
    simulate(topology, scenario, 1, Recording::Memory).records
}

/// When the IP Address of the array came online or began to, after the fault of `nic-loss`.
fn address(records: &[Record], state: ResourceState) -> Instant {
    let fault = Instant::ZERO + Span::from_secs(60);
    let found = records.iter().find(|record| {
        let What::Out(_, Effect::Note(Note::Resource { resource, state: now, .. })) = record.what
        else {
            return false;
        };
        record.at > fault && resource.0 == 3 && now == state
    });
    found.expect("the address moves").at
}

#[test]
fn an_address_comes_online_after_its_arp_requests() {
    for (count, interval) in [(3, 500), (2, 500), (3, 2_000), (0, 500)] {
        let mut built = site::named("nic-loss");
        built.topology.settings.cluster.arp_retry_count = count;
        built.topology.settings.cluster.arp_retry_interval = Span::from_millis(interval);
        let records = records(&built.topology, &built.scenario);
        let takes = address(&records, ResourceState::Online)
            .since(address(&records, ResourceState::OnlinePending));
        assert_eq!(takes, Span::from_millis(interval) * u64::from(count), "{count}, {interval}");
    }
}

/// EX01 stood still, and goes on in the moment in which EX02 takes its address: that is in use
/// (event 1049) until EX01 has heard that it is out.
#[test]
fn an_address_that_is_still_in_use_is_not_taken() {
    let built = site::named("vm-paused-6s");
    let records = records(&built.topology, &built.scenario);
    let refused = records.iter().any(|record| {
        let What::Out(node, Effect::Note(note)) = &record.what else { return false };
        let Note::Resource { failure, .. } = note else { return false };
        node.0 == 1 && *failure == Some(Failure::DuplicateAddress)
    });
    assert!(refused, "EX02 was not told of event 1049");
    let array = built.topology.resources.values().nth(3).and_then(|one| one.address);
    let mut owners = 0;
    for record in &records {
        match record.what {
            What::Plant(Plant::AddressUp { address, .. }) if Some(address) == array => owners += 1,
            What::Plant(Plant::AddressDown { address, .. }) if Some(address) == array => {
                owners -= 1;
            }
            _ => {}
        }
        assert!(owners <= 1, "two owners at {}", record.at);
    }
    assert_eq!(owners, 1, "one has it in the end");
}

#[test]
fn a_client_finds_the_address_of_another_subnet_when_its_record_has_expired() {
    let worst = |life: u64| {
        let (_, mut topology, mut scenario) = corpus::named("two-subnets/name-in-the-other-subnet");
        topology.settings.cluster.host_record_ttl = Span::from_secs(life);
        // The way back is another story.
        scenario.steps.truncate(2);
        let outcome = lab::run(&topology, &scenario, 1, &Given::new());
        let clients = outcome.outages.iter().filter(|one| matches!(one.who, Who::Client(..)));
        clients.filter_map(|one| one.to.map(|to| to.since(one.from))).max().expect("an outage")
    };
    // The record is known from 20 s on, the move is at 100 s.
    let (short, long) = (worst(60), worst(300));
    assert!(short < Span::from_secs(60), "{short}");
    assert!(long > Span::from_secs(200) && long < Span::from_secs(280), "{long}");
}

#[test]
fn a_failover_within_a_subnet_leaves_dns_alone() {
    for life in [Span::from_secs(30), Span::from_secs(24 * 3_600)] {
        let mut built = site::named("nic-loss");
        built.topology.settings.cluster.host_record_ttl = life;
        let outcome = lab::run(&built.topology, &built.scenario, 1, &Given::new());
        let written = outcome.records.iter().any(|record| {
            let dns = matches!(record.what, What::Plant(Plant::DnsRecord { .. }));
            dns && record.at > Instant::ZERO + Span::from_secs(60)
        });
        assert!(!written, "the record names the same address");
        let recovered = outcome.recovered.expect("everything comes back");
        assert!(recovered < Span::from_secs(20), "a life of {life}: {recovered}");
    }
}

#[test]
fn a_dead_hubs_mail_is_taken_over_after_15_minutes_with_rtm_and_3_hours_from_sp1() {
    let file = dagtwin::model::builtin::SITES[0];
    let text = file.scenarios.iter().find(|one| one.name == "shadow-takeover").expect("it").text;
    for (version, minutes) in [("rtm", 15), ("sp1", 180)] {
        let mut wishes = load::wishes("s", text);
        wishes.push(load::Wish::of_command_line("exchange_version", version));
        let topology = load::topology("t", file.topology.text, &wishes).expect("a site").topology;
        let mut scenario = load::scenario("s", "s", text, &topology).expect("a scenario");
        let wait = Span::from_secs(minutes * 60);
        let died = scenario.faults[0].at;
        scenario.until = died + (wait + Span::from_secs(60));
        let records = records(&topology, &scenario);
        let again = records
            .iter()
            .find(|record| matches!(record.what, What::Mail(_, MailEvent::Resubmitted { .. })));
        let taken = again.expect("it is taken over").at.since(died);
        assert!(taken >= wait && taken < wait + Span::from_secs(2), "{version}: {taken}");
    }
}

#[test]
fn a_database_older_than_the_array_names_it_when_it_is_told() {
    let named = |built: &site::Built| {
        let records = records(&built.topology, &built.scenario);
        let answers = records.iter().filter_map(|record| match record.what {
            What::Client(_, ClientEvent::Autodiscovered { array }) => Some(array),
            _ => None,
        });
        answers.collect::<std::collections::BTreeSet<bool>>().into_iter().collect::<Vec<_>>()
    };
    let mut built = site::named("article");
    assert_eq!(named(&built), [true]);
    built.scenario.steps.retain(|step| step.label != "17");
    assert_eq!(named(&built), [false], "nobody told it of the array");
    assert_eq!(named(&site::named("nic-loss")), [true], "it was made after the array");
}

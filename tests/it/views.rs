//! What pictures and terminals show beside the scene, seen in whole runs.

use crate::site::{Built, all, named};
use dagtwin::base::{CopyId, Instant};
use dagtwin::journal::text::Names;
use dagtwin::journal::{Record, RecordNo, What};
use dagtwin::model::topology::ClientKind;
use dagtwin::sim::{Recording, simulate};
use dagtwin::view::headline::{Disturbance, Headline, headline};
use dagtwin::view::lanes::{Condition, Lanes, condition};
use dagtwin::view::outage::outages;
use dagtwin::view::plots::{Of, Plots};
use dagtwin::view::why_not::{WhyNot, why_not};
use dagtwin::view::{Scene, Subject, first_disturbance, why};

fn records(built: &Built) -> Vec<Record> {
    simulate(&built.topology, &built.scenario, 1, Recording::Memory).records
}

fn story(built: &Built, records: &[Record]) -> Headline {
    let (topology, scenario) = (&built.topology, &built.scenario);
    let outages = outages(topology, scenario, records);
    headline(topology, Some(scenario), records, &outages)
}

#[test]
fn the_headline_names_the_fault_when_and_how_long() {
    let built = named("nic-loss");
    let records = records(&built);
    let story = story(&built, &records);
    let told = story.sentences().join("\n");
    for wanted in [
        "Outlook was out for up to 10.5 s",
        "179 of 500 clients",
        "nic-down on EX01 all NICs at 60.0 s",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(told.contains("Most of it: ") && told.contains("detection 4.0 s"), "{told}");
    assert!(story.sentences().len() <= 3, "{told}");
    let mut cut_off = story.out.iter().map(|one| one.cut_off);
    assert!(cut_off.all(|number| number < 500), "{:#?}", story.out);
    let fault = Disturbance::Fault { index: 0, healed: false };
    for one in &story.out {
        assert_eq!(one.because.map(|because| because.what), Some(fault), "{one:#?}");
        let whole: u64 = one.stages.iter().map(|share| share.span.as_nanos()).sum();
        assert_eq!(whole, one.longest.as_nanos(), "the stages add up");
    }
    assert!(story.out.iter().any(|one| matches!(one.subject, Subject::Database(_))));
}

#[test]
fn a_story_can_be_told_while_it_goes_on() {
    let built = named("nic-loss");
    let all = records(&built);
    let until = |seconds: u64| {
        let moment = Instant::from_nanos(seconds * 1_000_000_000);
        let records = &all[..all.partition_point(|record| record.at <= moment)];
        story(&built, records).sentences().join("\n")
    };
    assert_eq!(until(30), "Nobody was without mail.");
    assert!(until(64).contains("still out at 64"), "{}", until(64));
    assert!(until(100).contains("was out for up to"), "{}", until(100));
    let bare = headline(&built.topology, None, &all, &[]);
    assert_eq!(bare.sentences(), ["Nobody was without mail."]);
}

#[test]
fn stories_of_several_faults_and_of_none() {
    let quiet = named("quiet");
    assert_eq!(story(&quiet, &records(&quiet)).sentences(), ["Nobody was without mail."]);
    let open = named("dc01-off-then-nics");
    let told = story(&open, &records(&open)).sentences().join("\n");
    assert!(told.contains("is out since 120"), "{told}");
    assert!(told.contains("because of nic-down on EX01 all NICs at 120.0 s"), "{told}");
    let moved = named("forced-move");
    let told = story(&moved, &records(&moved)).sentences().join("\n");
    assert!(told.contains("because of step "), "{told}");
}

#[test]
fn a_chain_says_what_every_link_waited_for() {
    let built = named("nic-loss");
    let records = records(&built);
    let names = Names::new(&built.topology, Some(&built.scenario));
    let locked = records
        .iter()
        .position(|record| names.phrase(&record.what) == "witness log locked by EX02");
    let links = why::chain(&names, &records, RecordNo(locked.expect("a lock") as u32));
    assert!(matches!(records[links[0].record.0 as usize].what, What::Fault { .. }));
    let told: Vec<_> = links.iter().map(|link| format!("{}: {}", link.who, link.text)).collect();
    assert!(told.iter().any(|text| text == "EX02: regroup tick"), "{told:#?}");
    assert!(told.iter().all(|text| !text.ends_with("wakes")), "{told:#?}");
    let effects = why::consequences(&records, links[1].record, 3);
    assert_eq!(effects.len(), 3, "what an adapter without carrier leads to");
    assert!(effects.iter().all(|of| records[of.0 as usize].cause == Some(links[1].record)));
}

/// The site after all records up to a moment, and how many they are.
fn scene_at<'t>(built: &'t Built, records: &[Record], at: Instant) -> (Scene<'t>, usize) {
    let upto = records.partition_point(|record| record.at <= at);
    let mut scene = Scene::new(&built.topology, &built.scenario);
    records[..upto].iter().for_each(|record| scene.apply(record));
    (scene, upto)
}

fn asked(built: &Built, records: &[Record], millis: u64, subject: Subject) -> WhyNot {
    let at = Instant::from_nanos(millis * 1_000_000);
    let (scene, upto) = scene_at(built, records, at);
    why_not(&scene, records, upto, subject)
}

fn texts(answer: &WhyNot) -> String {
    answer.blockers.iter().map(|blocker| format!("{}\n", blocker.text)).collect()
}

fn database() -> Subject {
    Subject::Database(dagtwin::base::DbId(0))
}

#[test]
fn why_not_names_what_stands_in_the_way_and_what_is_awaited() {
    let built = named("nic-loss");
    let records = records(&built);
    let answer = asked(&built, &records, 65_500, database());
    assert!(!answer.well && !answer.never, "{answer:#?}");
    let told = texts(&answer);
    assert!(told.contains("EX01: its adapter MAPI has no carrier"), "{told}");
    assert!(told.contains("EX02 has not missed EX01 long enough"), "{told}");
    let next = &answer.awaits[0];
    assert_eq!((next.who.as_str(), next.text.split(':').next()), ("EX02", Some("regroup tick")));
    assert!(answer.awaits.last().is_some_and(|link| link.text.contains("mounted")), "{answer:#?}");
    let prospect = answer.prospect(true).expect("it is away");
    assert!(prospect.contains("at 68.2 s; next, in 0.1 s: EX02: regroup tick"), "{prospect}");

    let mounting = texts(&asked(&built, &records, 67_000, database()));
    assert!(
        mounting.contains("failover under way since 66.1 s: it is Mounting on EX02"),
        "{mounting}"
    );
    assert!(mounting.contains("the copy on EX01 was passed over"), "{mounting}");

    let group = texts(&asked(&built, &records, 67_000, Subject::Group(dagtwin::base::GroupId(1))));
    assert!(group.contains("CASArray IP Address is coming online since 66.1 s"), "{group}");
    assert!(group.contains("CASArray waits for CASArray IP Address"), "{group}");

    let clients = asked(&built, &records, 66_000, Subject::Clients(ClientKind::Outlook));
    let told = texts(&clients);
    assert!(told.contains("wait for an answer that does not come"), "{told}");
    assert!(!clients.awaits.is_empty());

    let well = asked(&built, &records, 55_000, database());
    assert!(well.well && well.blockers.is_empty() && well.prospect(true).is_none());
    let live = &records[..records.partition_point(|record| record.at.as_nanos() < 66_000_000_000)];
    let answer = asked(&built, live, 66_000, database());
    assert!(answer.never && answer.awaits.is_empty());
    let prospect = answer.prospect(false).expect("it is away");
    assert!(prospect.starts_with("not back yet; nothing is known after 66.0 s"), "{prospect}");
}

#[test]
fn why_not_tells_which_votes_are_missing() {
    let built = named("dc01-off-then-nics");
    let records = records(&built);
    let answer = asked(&built, &records, 150_000, database());
    assert!(answer.never, "{answer:#?}");
    let told = texts(&answer);
    for wanted in ["no side of the cluster has quorum", "of 2 votes needed", "DC01: it is off"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

/// Everything of a site that can be asked about.
fn subjects(built: &Built) -> Vec<Subject> {
    let lanes = Lanes::new(&built.topology);
    let kinds = lanes.clients.iter().map(|lane| Subject::Clients(lane.kind));
    lanes.lanes.iter().map(|lane| lane.subject).chain(kinds).collect()
}

#[test]
fn whatever_is_not_well_has_something_in_its_way() {
    let mut asked = (0_u32, 0_u32);
    for built in all() {
        let records = records(&built);
        let names = Names::new(&built.topology, Some(&built.scenario));
        let begin = first_disturbance(&built.scenario).unwrap_or(built.scenario.clients_from);
        let after = |seconds| begin + dagtwin::base::Span::from_secs(seconds);
        for at in [Instant::ZERO, after(1), after(6), after(45), built.scenario.until] {
            let (scene, upto) = scene_at(&built, &records, at);
            for subject in subjects(&built) {
                let answer = why_not(&scene, &records, upto, subject);
                let place = format!("{} at {at}: {answer:#?}", built.name);
                let told = answer.blockers.iter().all(|blocker| !blocker.text.is_empty());
                assert!(answer.well || !answer.blockers.is_empty() && told, "{place}");
                assert!(answer.well || answer.never || !answer.awaits.is_empty(), "{place}");
                assert!(!answer.well || answer.blockers.is_empty(), "{place}");
                let (condition, _) = condition(&scene, &names, subject);
                let bad = matches!(condition, Condition::Failed | Condition::Off);
                let unused = matches!(subject, Subject::Clients(_));
                assert!(!bad || unused || !answer.well, "{place}");
                asked = (asked.0 + 1, asked.1 + u32::from(!answer.well));
            }
        }
    }
    assert!(asked.0 > 2_000 && asked.1 > 400, "{asked:?}");
}

#[test]
fn plots_tell_queues_and_latencies() {
    let built = named("nic-loss");
    let records = records(&built);
    let mut scene = Scene::new(&built.topology, &built.scenario);
    let mut plots = Plots::new(&built.topology);
    for record in &records {
        scene.apply(record);
        plots.see(&scene, record);
    }
    let series = plots.series(&built.topology);
    let of = |wanted| series.iter().find(|one| one.of == wanted).expect("a series");
    let kind = ClientKind::Outlook;
    let most = |wanted| of(wanted).points.iter().map(|(_, value)| *value).max().unwrap_or(0);
    assert!(most(Of::Waiting(kind)) >= 150, "{}", most(Of::Waiting(kind)));
    assert_eq!(most(Of::Longest(kind)) / 1_000_000, 10_522);
    for (median, longest) in of(Of::Median(kind)).points.iter().zip(&of(Of::Longest(kind)).points) {
        assert!(median.0 == longest.0 && median.1 <= longest.1);
    }
    let waiting = of(Of::Waiting(kind)).points.last().expect("a last point").1;
    let now = scene
        .clients
        .iter()
        .filter(|(id, client)| built.topology.client_group(*id).kind == kind && client.waiting);
    assert_eq!(waiting, now.count() as u64, "what stands is what the scene has");
    let copy = CopyId { database: dagtwin::base::DbId(0), node: dagtwin::base::NodeId(1) };
    assert!(of(Of::CopyQueue(copy)).subject() == Some(Subject::Copy(copy)));
    assert!(series.iter().all(|one| one.points.len() <= 2_049), "bounded");
}

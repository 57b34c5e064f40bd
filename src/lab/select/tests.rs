use super::*;
use crate::failover::best_copy::UNKNOWN_QUEUE;
use crate::failover::seam::ContentIndex;

const NEWEST: u64 = 1 << 40;

fn server(name: &str) -> Server {
    Server {
        name: name.to_owned(),
        dial: MountDial::GoodAvailability,
        policy: ActivationPolicy::Unrestricted,
        site: String::new(),
        maximum_active: None,
        reachable: true,
        lost: name == "EX01",
    }
}

/// A healthy copy on a server, as preferred as the server's number tells.
fn copy(server: usize, copy_queue: u64, replay_queue: u64) -> Copy {
    let inspected = NEWEST - copy_queue;
    Copy {
        server,
        preference: server as u8 + 1,
        status: Ok(CopyStatus::Healthy),
        report: CopyReport {
            status: CopyStatus::Healthy,
            content_index: ContentIndex::Healthy,
            generated: NEWEST,
            inspected,
            replayed: inspected - replay_queue,
            activation_suspended: false,
        },
    }
}

fn database(name: &str, active: usize, copies: &[Copy]) -> Database {
    let copies = copies.to_vec();
    Database { name: name.to_owned(), active, mounted: true, newest: NEWEST, copies }
}

/// EX01 is lost; EX02 and EX03 are there.
fn question(databases: Vec<Database>) -> Question {
    Question {
        servers: ["EX01", "EX02", "EX03"].map(server).to_vec(),
        databases,
        lossless_move: false,
        source_answers: false,
        skip: SkipChecks::default(),
    }
}

/// The server that mounts each database, in the order of the answers.
fn mounted_on(question: &Question) -> Vec<Option<&str>> {
    let answers = select(question);
    let on = |answer: &Selected| answer.chosen.map(|chosen| answer.order[chosen].server);
    answers.iter().map(|a| on(a).map(|server| question.servers[server].name.as_str())).collect()
}

#[test]
fn only_databases_of_the_lost_server_are_selected_for() {
    let mut question = question(vec![
        database("A", 1, &[copy(0, 0, 0), copy(1, 0, 0)]),
        database("B", 0, &[copy(0, 0, 0), copy(1, 0, 0)]),
    ]);
    let answers = select(&question);
    assert_eq!(answers.iter().map(|answer| answer.database).collect::<Vec<_>>(), [1]);
    let dropped = |question: &Question| select(question)[0].dropped.clone();
    assert_eq!(dropped(&question), [(0, "it was the active copy; its server is lost".to_owned())]);
    question.source_answers = true;
    assert_eq!(dropped(&question), [(0, "it is the copy that is being left".to_owned())]);
}

#[test]
fn the_next_copy_is_asked_when_the_dial_refuses_the_first() {
    // Seven logs missing in set 1, none in set 6: the better rank does not mount.
    let mut question = question(vec![database("A", 0, &[copy(1, 7, 0), copy(2, 6, 50)])]);
    assert_eq!(mounted_on(&question), [Some("EX03")]);
    let answer = &select(&question)[0];
    assert_eq!(answer.order[0].server, 1);
    assert!(answer.why.starts_with("EX02: 7 logs missing, GoodAvailability accepts 6"));
    assert!(
        answer.why.ends_with("then EX03: 6 logs missing, GoodAvailability accepts 6: it mounts")
    );
    assert_eq!(answer.decided().map(|place| place.dial.missing), Some(6));
    question.servers[1].dial = MountDial::BestAvailability;
    assert_eq!(mounted_on(&question), [Some("EX02")]);
    // No dial accepts: nothing mounts, and the figures are those of the first.
    question.servers[1].dial = MountDial::GoodAvailability;
    question.servers[2].dial = MountDial::Lossless;
    let answer = &select(&question)[0];
    assert_eq!((answer.chosen, answer.order.len()), (None, 2));
    assert!(answer.why.ends_with("it does not mount; the database stays dismounted"));
    assert_eq!(answer.decided().map(|place| place.dial.missing), Some(7));
}

#[test]
fn logs_that_only_the_lost_server_told_of_are_missing_too() {
    let mut question = question(vec![database("A", 0, &[copy(1, 0, 0)])]);
    question.databases[0].newest = NEWEST + 7;
    let answer = &select(&question)[0];
    // Nobody who can be asked knows of them, so they do not count in the queue.
    assert_eq!(answer.order[0].ranked.copy_queue, 0);
    assert_eq!((answer.order[0].dial.missing, answer.chosen), (7, None));
    question.source_answers = true;
    assert_eq!(select(&question)[0].order[0].dial.missing, 0);
    assert_eq!(mounted_on(&question), [Some("EX02")]);
}

#[test]
fn each_activation_counts_against_the_maximum_of_the_next() {
    let copies = [copy(1, 0, 0), copy(2, 1, 0)];
    let databases = ["A", "B", "C"].map(|name| database(name, 0, &copies));
    let mut question = question(databases.to_vec());
    question.databases.push(database("D", 1, &[copy(1, 0, 0)]));
    question.servers[1].maximum_active = Some(3);
    assert_eq!(mounted_on(&question), [Some("EX02"), Some("EX02"), Some("EX03")]);
    let answer = &select(&question)[2];
    assert_eq!(answer.dropped[0].1, "its server has 3 active databases of at most 3");
    // What is dismounted does not count.
    question.databases[3].mounted = false;
    assert_eq!(mounted_on(&question), [Some("EX02"); 3]);
    question.servers[1].maximum_active = Some(0);
    question.servers[2].maximum_active = Some(1);
    assert_eq!(mounted_on(&question), [Some("EX03"), None, None]);
    let answer = &select(&question)[1];
    assert_eq!(answer.why, "no copy may be activated: the database stays dismounted");
    assert_eq!((answer.order.len(), answer.decided()), (0, None));
}

#[test]
fn a_lossless_move_sorts_by_preference_and_has_a_dial_of_its_own() {
    let mut question = question(vec![database("A", 0, &[copy(1, 1, 0), copy(2, 0, 0)])]);
    question.servers[1].dial = MountDial::BestAvailability;
    assert!(!select(&question)[0].by_preference);
    question.lossless_move = true;
    let answer = &select(&question)[0];
    assert!(answer.by_preference);
    assert_eq!(answer.order.iter().map(|place| place.server).collect::<Vec<_>>(), [1, 2]);
    assert!(answer.order.iter().all(|place| place.dial.dial == MountDial::Lossless));
    assert_eq!(mounted_on(&question), [Some("EX03")]);
    question.databases[0].copies.pop();
    let answer = &select(&question)[0];
    assert!(answer.why.ends_with("the switchover fails and the database stays where it is"));
    question.source_answers = true;
    assert_eq!(mounted_on(&question), [Some("EX02")]);
}

#[test]
fn what_cannot_be_asked_or_is_in_another_state_is_dropped() {
    let mut odd = copy(2, 0, 0);
    odd.status = Err("SinglePageRestore");
    let mut question = question(vec![database("A", 0, &[copy(1, 0, 0), odd])]);
    let reasons = |question: &Question| select(question)[0].dropped.clone();
    let odd = (2, "status SinglePageRestore is not eligible for activation".to_owned());
    assert_eq!(reasons(&question), std::slice::from_ref(&odd));
    question.servers[1].reachable = false;
    let gone = (1, "its server cannot be reached".to_owned());
    assert_eq!(reasons(&question), [gone.clone(), odd]);
    question.servers[2].lost = true;
    assert_eq!(reasons(&question), [gone, (2, "its server cannot be reached".to_owned())]);
}

#[test]
fn intrasite_only_looks_at_the_site_of_the_lost_server() {
    let mut question = question(vec![database("A", 0, &[copy(1, 0, 0)])]);
    question.servers[1].policy = ActivationPolicy::IntrasiteOnly;
    assert_eq!(mounted_on(&question), [Some("EX02")]);
    question.servers[1].site = "Bonn".to_owned();
    assert_eq!(mounted_on(&question), [None]);
    question.servers[0].site = "Bonn".to_owned();
    assert_eq!(mounted_on(&question), [Some("EX02")]);
}

#[test]
fn a_source_of_a_seed_that_answers_is_not_left_on_demand() {
    let mut source = copy(0, 0, 0);
    source.report.status = CopyStatus::SeedingSource;
    let mut question = question(vec![database("A", 0, &[source, copy(1, 0, 0)])]);
    (question.source_answers, question.lossless_move) = (true, true);
    assert_eq!(mounted_on(&question), [None]);
    question.skip.active_copy_checks = true;
    assert_eq!(mounted_on(&question), [Some("EX02")]);
}

#[test]
fn a_loss_that_nobody_knows_is_accepted_by_no_dial() {
    let mut question = question(vec![database("A", 0, &[copy(1, UNKNOWN_QUEUE, 0)])]);
    question.servers[1].dial = MountDial::BestAvailability;
    assert_eq!(mounted_on(&question), [None]);
    let answer = &select(&question)[0];
    assert_eq!(answer.order[0].ranked.set, Ok(3));
    assert!(answer.order[0].why.contains("copy queue not known (counts as not below 10)"));
    assert!(answer.why.contains("not known how many logs are missing"), "{}", answer.why);
}

use super::*;

/// A healthy copy with these queues, on an unrestricted server.
fn copy(node: u8, preference: u8, copy_queue: u64, replay_queue: u64) -> Candidate {
    Candidate {
        node: NodeId(node),
        preference,
        dial: MountDial::GoodAvailability,
        source: false,
        tried: false,
        reachable: true,
        report: Some(CopyReport {
            status: CopyStatus::Healthy,
            content_index: ContentIndex::Healthy,
            generated: 1000,
            inspected: 1000 - copy_queue,
            replayed: 1000 - copy_queue - replay_queue,
            activation_suspended: false,
        }),
        policy: ActivationPolicy::Unrestricted,
        same_site: true,
        active: 0,
        maximum_active: None,
    }
}

fn report(candidate: &mut Candidate) -> &mut CopyReport {
    candidate.report.as_mut().expect("the copy has a report")
}

fn with_status(status: CopyStatus) -> Candidate {
    let mut candidate = copy(0, 1, 0, 0);
    report(&mut candidate).status = status;
    candidate
}

const NO_SKIP: SkipChecks = SkipChecks {
    health_checks: false,
    active_copy_checks: false,
    lag_checks: false,
    client_experience_checks: false,
    maximum_active_databases_checks: false,
};
const FAILOVER: Request = Request { asked: Asked::Failover, skip: NO_SKIP };
const LAG: LagCheck = LagCheck { copy_queue: 9, replay_queue: 6 };
const TARGET: Request = Request { asked: Asked::Target(LAG), skip: NO_SKIP };
const LOSSLESS: Request = Request { asked: Asked::Switchover { lossless: true }, skip: NO_SKIP };
const LOSSY: Request = Request { asked: Asked::Switchover { lossless: false }, skip: NO_SKIP };

/// A named target, with some checks left out.
fn target(leave_out: fn(&mut SkipChecks)) -> Request {
    let mut request = TARGET;
    leave_out(&mut request.skip);
    request
}

/// A switchover that names no target, with some checks left out.
fn untargeted(leave_out: fn(&mut SkipChecks)) -> Request {
    let mut request = LOSSY;
    leave_out(&mut request.skip);
    request
}

/// The nodes in the order in which they are tried.
fn nodes(candidates: &[Candidate], request: Request) -> Vec<u8> {
    let order = rank(candidates, request);
    order.iter().filter(|ranked| ranked.set.is_ok()).map(|ranked| ranked.node.0).collect()
}

/// What becomes of one copy alone.
fn alone(candidate: Candidate, request: Request) -> Result<u8, Dropped> {
    rank(&[candidate], request)[0].set
}

#[test]
fn a_copy_meets_the_first_set_of_the_table_by_its_index_and_queues() {
    use ContentIndex::{Crawling, Failed, Healthy};
    // One queue on either side of its limit, each with every state of the index.
    let table = [
        (Healthy, 9, 49, 1),
        (Crawling, 9, 49, 2),
        (Failed, 9, 49, 5),
        (Healthy, 10, 49, 3),
        (Crawling, 10, 49, 4),
        (Failed, 10, 49, 5),
        (Healthy, 9, 50, 6),
        (Crawling, 9, 50, 7),
        (Failed, 9, 50, 10),
        (Healthy, 10, 50, 8),
        (Crawling, 10, 50, 9),
        (Failed, 10, 50, 10),
    ];
    for (index, copies, replays, expected) in table {
        let mut candidate = copy(0, 1, 0, replays);
        report(&mut candidate).content_index = index;
        report(&mut candidate).generated = 1000 + copies;
        assert_eq!(alone(candidate, FAILOVER), Ok(expected), "{index:?} {copies} {replays}");
    }
}

#[test]
fn the_set_counts_before_the_sorted_order() {
    // By either sort the first copy would be the first; its set puts it last.
    let slow = copy(0, 1, 0, 50);
    let behind = copy(1, 2, 9, 49);
    let far_behind = copy(2, 3, 10, 0);
    for request in [FAILOVER, LOSSLESS] {
        assert_eq!(nodes(&[slow, behind, far_behind], request), [1, 2, 0]);
    }
}

#[test]
fn within_a_set_the_shorter_copy_queue_counts_then_the_preference() {
    let copies = [copy(0, 1, 5, 0), copy(1, 3, 1, 0), copy(2, 2, 1, 0)];
    assert!(!sorts_by_preference(&copies, FAILOVER));
    assert_eq!(nodes(&copies, FAILOVER), [2, 1, 0]);
    assert_eq!(nodes(&copies, LOSSY), [2, 1, 0]);
    assert_eq!(nodes(&copies, TARGET), [2, 1, 0]);
}

#[test]
fn a_lossless_dial_on_any_server_sorts_by_preference() {
    for lossless in 0..3 {
        let mut copies = [copy(0, 1, 5, 0), copy(1, 3, 0, 0), copy(2, 2, 1, 0)];
        copies[lossless].dial = MountDial::Lossless;
        assert!(sorts_by_preference(&copies, FAILOVER));
        assert_eq!(nodes(&copies, FAILOVER), [0, 2, 1]);
    }
    let mut copies = [copy(0, 1, 5, 0), copy(1, 3, 0, 0), copy(2, 2, 1, 0)];
    // That of the server that is being left counts as well.
    copies[0].source = true;
    assert_eq!(nodes(&copies, FAILOVER), [1, 2]);
    copies[0].dial = MountDial::Lossless;
    assert_eq!(nodes(&copies, FAILOVER), [2, 1]);
}

#[test]
fn a_lossless_switchover_without_target_sorts_by_preference() {
    let copies = [copy(0, 2, 0, 0), copy(1, 1, 5, 0)];
    assert!(sorts_by_preference(&copies, LOSSLESS));
    assert_eq!(nodes(&copies, LOSSLESS), [1, 0]);
    for request in [LOSSY, TARGET, FAILOVER] {
        assert!(!sorts_by_preference(&copies, request));
        assert_eq!(nodes(&copies, request), [0, 1], "{request:?}");
    }
}

#[test]
fn copies_alike_in_everything_stand_in_the_order_of_their_nodes() {
    let copies = [copy(2, 1, 0, 0), copy(0, 1, 0, 0), copy(1, 1, 0, 0)];
    assert_eq!(nodes(&copies, FAILOVER), [0, 1, 2]);
    let copies = [copy(2, 1, 3, 0), copy(0, 1, 4, 0), copy(1, 1, 4, 0)];
    assert_eq!(nodes(&copies, LOSSLESS), [2, 0, 1]);
}

#[test]
fn copy_queues_are_computed_against_the_newest_log_that_anybody_knows() {
    // The second copy has heard nothing since log 980; by itself it lacks nothing.
    let mut deaf = copy(1, 1, 20, 0);
    report(&mut deaf).generated = 980;
    let order = rank(&[copy(0, 2, 0, 0), deaf], FAILOVER);
    assert_eq!((order[0].node, order[0].copy_queue, order[0].set), (NodeId(0), 0, Ok(1)));
    assert_eq!((order[1].node, order[1].copy_queue, order[1].set), (NodeId(1), 20, Ok(3)));
    // A copy that was not told of new logs has still inspected what it has inspected.
    let mut untold = copy(0, 2, 0, 0);
    report(&mut untold).generated = 0;
    assert_eq!(newest_log(&[untold, deaf]), 1000);
    assert_eq!(rank(&[untold, deaf], FAILOVER)[1].copy_queue, 20);
    // So does one that cannot be chosen, and the copy that is being left.
    for set in [|c: &mut Candidate| c.source = true, |c: &mut Candidate| c.reachable = false] {
        let mut other = copy(0, 2, 0, 0);
        set(&mut other);
        assert_eq!(rank(&[other, deaf], FAILOVER)[0].copy_queue, 20);
    }
    assert_eq!(newest_log(&[]), 0);
}

#[test]
fn four_states_are_eligible() {
    let eligible = [
        CopyStatus::Healthy,
        CopyStatus::DisconnectedAndHealthy,
        CopyStatus::DisconnectedAndResynchronizing,
        CopyStatus::SeedingSource,
    ];
    let others = [
        CopyStatus::Mounted,
        CopyStatus::Mounting,
        CopyStatus::Dismounting,
        CopyStatus::Dismounted,
        CopyStatus::Initializing,
        CopyStatus::Resynchronizing,
        CopyStatus::Failed,
        CopyStatus::Suspended,
        CopyStatus::FailedAndSuspended,
        CopyStatus::Seeding,
        CopyStatus::ServiceDown,
    ];
    for status in eligible {
        assert_eq!(alone(with_status(status), FAILOVER), Ok(1), "{status:?}");
    }
    for status in others {
        assert_eq!(alone(with_status(status), FAILOVER), Err(Dropped::Status(status)));
    }
    let skip = target(|skip| skip.health_checks = true);
    for status in [
        CopyStatus::Initializing,
        CopyStatus::Resynchronizing,
        CopyStatus::Failed,
        CopyStatus::Suspended,
        CopyStatus::FailedAndSuspended,
    ] {
        assert_eq!(alone(with_status(status), skip), Ok(1), "{status:?}");
    }
    for status in [
        CopyStatus::Mounted,
        CopyStatus::Mounting,
        CopyStatus::Dismounting,
        CopyStatus::Dismounted,
        CopyStatus::Seeding,
        CopyStatus::ServiceDown,
    ] {
        assert_eq!(alone(with_status(status), skip), Err(Dropped::Status(status)));
    }
}

/// Every reason, in the order in which they are looked at: a copy with all of them tells the first;
/// without that one it tells the second, and so on.
#[test]
fn the_first_of_several_reasons_is_told() {
    let mut bad = copy(0, 1, 0, 0);
    bad.source = true;
    bad.tried = true;
    bad.reachable = false;
    bad.report = None;
    bad.policy = ActivationPolicy::Blocked;
    bad.same_site = false;
    bad.active = 3;
    bad.maximum_active = Some(3);
    type Mend = fn(&mut Candidate);
    let steps: [(Dropped, Mend); 9] = [
        (Dropped::Source, |c| c.source = false),
        (Dropped::Tried, |c| c.tried = false),
        (Dropped::Unreachable, |c| c.reachable = true),
        (Dropped::NoAnswer, |c| {
            c.report = copy(0, 1, 0, 0).report;
            report(c).status = CopyStatus::Failed;
            report(c).activation_suspended = true;
        }),
        (Dropped::PolicyBlocked, |c| c.policy = ActivationPolicy::IntrasiteOnly),
        (Dropped::OtherSite, |c| c.same_site = true),
        (Dropped::ActivationSuspended, |c| report(c).activation_suspended = false),
        (Dropped::MaximumActive { active: 3, limit: 3 }, |c| c.active = 2),
        (Dropped::Status(CopyStatus::Failed), |c| report(c).status = CopyStatus::Healthy),
    ];
    for (reason, mend) in steps {
        assert_eq!(alone(bad, FAILOVER), Err(reason));
        mend(&mut bad);
    }
    assert_eq!(alone(bad, FAILOVER), Ok(1));
}

#[test]
fn a_named_target_is_not_judged_by_the_policy_for_automatic_activation() {
    let mut blocked = copy(0, 1, 0, 0);
    blocked.policy = ActivationPolicy::Blocked;
    let mut far = copy(0, 1, 0, 0);
    (far.policy, far.same_site) = (ActivationPolicy::IntrasiteOnly, false);
    for request in [FAILOVER, LOSSLESS, LOSSY] {
        assert_eq!(alone(blocked, request), Err(Dropped::PolicyBlocked));
        assert_eq!(alone(far, request), Err(Dropped::OtherSite));
    }
    assert_eq!(alone(blocked, TARGET), Ok(1));
    assert_eq!(alone(far, TARGET), Ok(1));
    far.policy = ActivationPolicy::Unrestricted;
    assert_eq!(alone(far, FAILOVER), Ok(1));
    report(&mut far).activation_suspended = true;
    assert_eq!(alone(far, FAILOVER), Err(Dropped::ActivationSuspended));
    assert_eq!(alone(far, LOSSY), Err(Dropped::ActivationSuspended));
    assert_eq!(alone(far, TARGET), Ok(1));
    report(&mut far).status = CopyStatus::Suspended;
    assert_eq!(alone(far, TARGET), Ok(1));
    report(&mut far).status = CopyStatus::Failed;
    assert_eq!(alone(far, TARGET), Err(Dropped::Status(CopyStatus::Failed)));
}

#[test]
fn a_named_target_passes_its_checks_or_is_refused() {
    let judge = |queues: (u64, u64), status, index, leave_out: fn(&mut SkipChecks)| {
        let mut candidate = copy(0, 1, 0, queues.1);
        report(&mut candidate).generated = 1000 + queues.0;
        report(&mut candidate).status = status;
        report(&mut candidate).content_index = index;
        alone(candidate, target(leave_out))
    };
    let nothing: fn(&mut SkipChecks) = |_| {};
    let (healthy, whole) = (CopyStatus::Healthy, ContentIndex::Healthy);
    assert_eq!(judge((9, 6), healthy, whole, nothing), Ok(1));
    let long = Dropped::CopyQueue { length: 10, longest: 9 };
    assert_eq!(judge((10, 0), healthy, whole, nothing), Err(long));
    assert_eq!(judge((10, 0), healthy, whole, |skip| skip.lag_checks = true), Ok(1));
    let long = Dropped::ReplayQueue { length: 7, longest: 6 };
    assert_eq!(judge((0, 7), healthy, whole, nothing), Err(long));
    assert_eq!(judge((0, 7), healthy, whole, |skip| skip.health_checks = true), Err(long));
    assert_eq!(judge((0, 7), healthy, whole, |skip| skip.lag_checks = true), Ok(1));
    let seeds = CopyStatus::SeedingSource;
    assert_eq!(judge((0, 0), seeds, whole, nothing), Err(Dropped::SeedingSource));
    assert_eq!(judge((0, 0), seeds, whole, |skip| skip.lag_checks = true), Ok(1));
    for index in [ContentIndex::Crawling, ContentIndex::Failed] {
        let bad = Err(Dropped::ContentIndex(index));
        assert_eq!(judge((0, 0), healthy, index, nothing), bad);
        assert_eq!(judge((0, 0), healthy, index, |skip| skip.lag_checks = true), bad);
        let skipped = judge((0, 0), healthy, index, |skip| skip.client_experience_checks = true);
        assert_eq!(skipped, Ok(1));
    }
}

#[test]
fn a_server_below_its_maximum_may_take_one_more() {
    let mut full = copy(0, 1, 0, 0);
    for (active, maximum, dropped) in [
        (2, Some(3), false),
        (3, Some(3), true),
        (4, Some(3), true),
        (0, Some(0), true),
        (9, None, false),
    ] {
        (full.active, full.maximum_active) = (active, maximum);
        let limit = maximum.unwrap_or_default();
        let expected = if dropped { Err(Dropped::MaximumActive { active, limit }) } else { Ok(1) };
        assert_eq!(alone(full, FAILOVER), expected, "{active} of {maximum:?}");
        let skip = target(|skip| skip.maximum_active_databases_checks = true);
        assert_eq!(alone(full, skip), Ok(1), "{active} of {maximum:?}");
    }
}

/// Without a target the sets decide, and a check that is left out changes the set.
#[test]
fn a_check_that_is_left_out_counts_as_passed_and_no_other() {
    let mut bad = copy(0, 1, 0, 50);
    report(&mut bad).generated = 1010;
    report(&mut bad).content_index = ContentIndex::Failed;
    assert_eq!(alone(bad, LOSSY), Ok(10));
    assert_eq!(alone(bad, untargeted(|skip| skip.lag_checks = true)), Ok(5));
    assert_eq!(alone(bad, untargeted(|skip| skip.client_experience_checks = true)), Ok(8));
    assert_eq!(alone(bad, untargeted(|skip| skip.health_checks = true)), Ok(10));
    assert_eq!(alone(bad, untargeted(|skip| skip.active_copy_checks = true)), Ok(10));
    assert_eq!(alone(bad, untargeted(|skip| skip.maximum_active_databases_checks = true)), Ok(10));
    report(&mut bad).content_index = ContentIndex::Crawling;
    assert_eq!(alone(bad, untargeted(|skip| skip.lag_checks = true)), Ok(2));
    report(&mut bad).content_index = ContentIndex::Healthy;
    assert_eq!(alone(bad, untargeted(|skip| skip.lag_checks = true)), Ok(1));
}

#[test]
fn an_active_copy_that_seeds_another_is_not_left_on_demand() {
    let mut source = with_status(CopyStatus::SeedingSource);
    source.source = true;
    let other = copy(1, 2, 0, 0);
    let judged = |request| {
        let order = rank(&[source, other], request);
        let of = |node| order.iter().find(|ranked| ranked.node == node).expect("ranked").set;
        assert_eq!(of(NodeId(0)), Err(Dropped::Source));
        of(NodeId(1))
    };
    for request in [TARGET, LOSSLESS, LOSSY] {
        assert_eq!(judged(request), Err(Dropped::ActiveIsSeedingSource));
    }
    assert_eq!(judged(FAILOVER), Ok(1));
    assert_eq!(judged(target(|skip| skip.active_copy_checks = true)), Ok(1));
    // A passive copy that seeds is an eligible one.
    let passive = with_status(CopyStatus::SeedingSource);
    assert_eq!(nodes(&[passive, other], LOSSLESS), [0, 1]);
}

#[test]
fn dropped_copies_stand_last_with_the_queues_that_are_known_of_them() {
    let mut suspended = with_status(CopyStatus::Suspended);
    report(&mut suspended).inspected = 993;
    report(&mut suspended).replayed = 990;
    let order = rank(&[suspended, copy(1, 9, 9, 60)], LOSSLESS);
    assert_eq!(
        order[0],
        Ranked { node: NodeId(1), set: Ok(6), copy_queue: 9, replay_queue: 60, preference: 9 }
    );
    assert_eq!(
        order[1],
        Ranked {
            node: NodeId(0),
            set: Err(Dropped::Status(CopyStatus::Suspended)),
            copy_queue: 7,
            replay_queue: 3,
            preference: 1,
        }
    );
    let mut silent = copy(0, 1, 0, 0);
    silent.report = None;
    let order = rank(&[silent], FAILOVER);
    assert_eq!((order[0].copy_queue, order[0].replay_queue), (0, 0));
}

#[test]
fn the_mount_dial_accepts_so_many_missing_logs_and_not_one_more() {
    for (dial, most) in [
        (MountDial::Lossless, 0),
        (MountDial::GoodAvailability, 6),
        (MountDial::BestAvailability, 12),
    ] {
        for over in [None, Some(dial)] {
            let server = if over.is_some() { MountDial::BestAvailability } else { dial };
            let word = mount_dial(most, server, over);
            assert_eq!(word, DialWord { dial, missing: most, mounts: true });
            let word = mount_dial(most + 1, server, over);
            assert_eq!(word, DialWord { dial, missing: most + 1, mounts: false });
        }
    }
    assert!(mount_dial(u64::MAX, MountDial::Lossless, Some(MountDial::BestEffort)).mounts);
    // The override may be the stricter one.
    assert!(!mount_dial(1, MountDial::BestAvailability, Some(MountDial::Lossless)).mounts);
}

#[test]
fn reasons_name_their_numbers() {
    let why = |candidate| rank(&[candidate], FAILOVER)[0].why();
    let mut candidate = copy(0, 2, 0, 50);
    report(&mut candidate).generated = 1009;
    assert_eq!(
        why(candidate),
        "set 6: an eligible status, content index Healthy, copy queue below 10; copy queue 9 \
         (below 10), replay queue 50 (not below 50), preference 2"
    );
    report(&mut candidate).generated = 1010;
    report(&mut candidate).replayed = 951;
    report(&mut candidate).content_index = ContentIndex::Crawling;
    assert_eq!(
        why(candidate),
        "set 4: an eligible status, content index Crawling, replay queue below 50; copy queue 10 \
         (not below 10), replay queue 49 (below 50), preference 2"
    );
    assert_eq!(criteria(10), "an eligible status");
    let mut worst = copy(0, 1, 0, 50);
    report(&mut worst).generated = 1010;
    report(&mut worst).content_index = ContentIndex::Failed;
    let told = |request| rank(&[worst], request)[0].why();
    let queues = "copy queue 10 (not below 10), replay queue 50 (not below 50), preference 1";
    assert_eq!(told(LOSSY), format!("set 10: an eligible status; {queues}"));
    let skipped = told(untargeted(|skip| skip.lag_checks = true));
    assert!(skipped.contains("replay queue 50 (check left out, not below 50)"), "{skipped}");
    assert!(skipped.contains("copy queue 10 (not below 10)"), "{skipped}");
    candidate.active = 2;
    candidate.maximum_active = Some(2);
    assert_eq!(why(candidate), "its server has 2 active databases of at most 2");
    report(&mut candidate).activation_suspended = true;
    assert_eq!(why(candidate), "activation of this copy is suspended");
}

#[test]
fn what_is_not_known_counts_as_too_long_and_is_told_so() {
    for (queue, words) in [
        (UNKNOWN_QUEUE - 1, "copy queue 2147483647 (not below 10)"),
        (UNKNOWN_QUEUE, "copy queue not known (counts as not below 10)"),
    ] {
        let mut candidate = copy(0, 1, 0, 0);
        report(&mut candidate).generated = 1000 + queue;
        let ranked = rank(&[candidate], FAILOVER)[0];
        assert_eq!(ranked.set, Ok(3));
        assert!(ranked.why().contains(words), "{}", ranked.why());
    }
    let word = |missing| mount_dial(missing, MountDial::BestAvailability, None).to_string();
    assert!(word(UNKNOWN_QUEUE - 1).starts_with("2147483647 logs missing, BestAvailability"));
    assert!(word(UNKNOWN_QUEUE).starts_with("not known how many logs are missing, Best"));
}

#[test]
fn every_reason_and_every_word_of_the_dial_has_its_text() {
    for (reason, text) in [
        (Dropped::Unreachable, "its server cannot be reached"),
        (Dropped::NoAnswer, "its server did not tell its state"),
        (Dropped::Status(CopyStatus::Failed), "status Failed is not eligible for activation"),
        (Dropped::PolicyBlocked, "DatabaseCopyAutoActivationPolicy of its server is Blocked"),
        (Dropped::Source, "it is the copy that is being left"),
        (Dropped::Tried, "it was tried in this operation and did not mount"),
        (Dropped::ActiveIsSeedingSource, "the active copy is the source of a seed"),
        (Dropped::SeedingSource, "it is the source of a seed, and SkipLagChecks was not given"),
        (
            Dropped::CopyQueue { length: 10, longest: 9 },
            "its copy queue of 10 is longer than 9, and SkipLagChecks was not given",
        ),
        (
            Dropped::ReplayQueue { length: 7, longest: 6 },
            "its replay queue of 7 is longer than 6, and SkipLagChecks was not given",
        ),
        (
            Dropped::CopyQueue { length: UNKNOWN_QUEUE, longest: 9 },
            "its copy queue is not known, and SkipLagChecks was not given",
        ),
        (
            Dropped::ContentIndex(ContentIndex::Crawling),
            "its content index is Crawling, and SkipClientExperienceChecks was not given",
        ),
    ] {
        assert_eq!(reason.to_string(), text);
    }
    assert!(Dropped::OtherSite.to_string().contains("IntrasiteOnly"));
    let word = |missing, dial| mount_dial(missing, dial, None).to_string();
    assert_eq!(
        word(1, MountDial::Lossless),
        "1 log missing, Lossless accepts 0: it does not mount"
    );
    assert_eq!(
        word(6, MountDial::GoodAvailability),
        "6 logs missing, GoodAvailability accepts 6: it mounts"
    );
    assert_eq!(
        word(13, MountDial::BestEffort),
        "13 logs missing, BestEffort accepts any loss: it mounts"
    );
}

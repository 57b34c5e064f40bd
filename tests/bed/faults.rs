//! A test for each fault.

use crate::fault::Fault;
use crate::ground::{fit, variable, wanted};
use crate::run::run;
use crate::site::{Profile, Site};
use std::sync::{Mutex, PoisonError};

/// The site that is left whole by one test is the next one's.
static SITE: Mutex<Option<Site>> = Mutex::new(None);

/// Does something on the site, if it is wanted and can be done here.
pub(crate) fn on_the_site(name: &str, work: impl FnOnce(&mut Site)) {
    // Whoever failed has taken the site along.
    let mut kept = SITE.lock().unwrap_or_else(PoisonError::into_inner);
    if !fit() {
        return;
    }
    if !wanted(name) {
        eprintln!("{name}: DAGTWIN_BED_FAULTS leaves it out");
        return;
    }
    let mut site = kept.take().unwrap_or_else(|| Site::new(Profile::chosen()));
    work(&mut site);
    *kept = Some(site);
}

fn tried(fault: Fault) {
    let repetitions =
        variable("DAGTWIN_BED_REPETITIONS").map_or(1, |it| it.parse().expect("a number"));
    let mut broken = Vec::new();
    on_the_site(fault.name(), |site| {
        for repetition in 1..=repetitions {
            let report = run(site, fault, repetition);
            eprintln!("{}", report.line());
            report.keep();
            if !report.breaks.is_empty() {
                broken.push(report.line());
            }
        }
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

macro_rules! faults {
    ($($name:ident $fault:ident,)*) => {
        $(
            #[test]
            fn $name() {
                tried(Fault::$fault);
            }
        )*
    };
}

faults! {
    nics_down NicsDown,
    mapi_nic_down MapiNicDown,
    cable_pulled CablePulled,
    blackhole Blackhole,
    isolated Isolated,
    stop_agent StopAgent,
    kill_agent KillAgent,
    freeze_agent FreezeAgent,
    power_loss PowerLoss,
    partition Partition,
    partition_no_witness PartitionNoWitness,
    witness_lost WitnessLost,
    flapping Flapping,
    loss_30 Loss30,
    one_way_loss OneWayLoss,
    one_way_cut OneWayCut,
    dns_stopped DnsStopped,
    witness_stopped WitnessStopped,
    full_disk FullDisk,
    delay Delay,
}

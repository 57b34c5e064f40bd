//! More logs are missing than the mount dial allows.

use crate::fault::Fault;
use crate::faults::on_the_site;
use crate::ground::{boottime, ms, wait_for};
use crate::site::{DATABASES, Host, Site};
use std::thread::sleep;

/// By default a copy is mounted that lacks six logs at most (exchange.md §1.3 GoodAvailability).
const DIAL: u64 = 6;

/// How far a member's log of a database goes, in logs.
fn logs(host: &Host, database: &str, function: &str) -> u64 {
    let text = format!("select ({function}() - '0/0'::pg_lsn)::bigint / 1048576");
    let rows = host.sql(database, &text).expect("it is up");
    rows[0].parse().expect("a number")
}

fn is_mounted_on(site: &Site, asked: usize, database: &str, name: &str) -> Result<(), String> {
    let status = site.hosts[asked].status()?;
    let it = &status["databases"][database];
    let there = it["mounted"] == true && it["active_on"] == name;
    there.then_some(()).ok_or_else(|| format!("{database} is not mounted on {name}: {status}"))
}

#[test]
fn a_copy_that_lacks_more_logs_than_the_dial_allows_is_not_mounted() {
    on_the_site("dial", |site| {
        let [(far, port), (near, _)] = DATABASES;
        let owner = usize::from(site.gather() == site.hosts[1].name);
        let other = 1 - owner;
        let names = [site.hosts[owner].name, site.hosts[other].name];
        // Nothing of this database is copied any more.
        site.hosts[other].space.nft(&format!(
            "table inet backlog {{\nchain drops {{\ntype filter hook input priority 0;\n\
             tcp sport {port} drop\ntcp dport {port} drop\n}}\n}}\n"
        ));
        let text = "create table ballast as \
                    select n, repeat(md5(n::text), 4) from generate_series(1, 80000) n";
        site.hosts[owner].sql(far, text).expect("it is mounted");
        let written = logs(&site.hosts[owner], far, "pg_current_wal_lsn");
        let copied = logs(&site.hosts[other], far, "pg_last_wal_receive_lsn");
        assert!(written > copied + DIAL, "{copied} of {written} logs are copied");
        // Heartbeats tell how far the log goes.
        sleep(site.profile.delay * 2);
        Fault::PowerLoss.strike(site, owner);
        let patience = site.profile.detection() + ms(20_000);
        wait_for(patience, || is_mounted_on(site, other, near, names[1])).expect("within the dial");
        let began = boottime();
        while boottime() - began < 3_000_000_000 {
            let taken = is_mounted_on(site, other, far, names[1]);
            assert!(taken.is_err(), "{far} is mounted without {} logs", written - copied);
            sleep(ms(100));
        }
        site.hosts[other].space.nft("delete table inet backlog\n");
        Fault::PowerLoss.heal(site, owner);
        site.healed_at = boottime();
        site.wait_whole();
        let status = site.hosts[other].status().expect("it is whole");
        assert_eq!(status["databases"][far]["active_on"], names[0], "it has all logs");
        let count = site.hosts[owner].sql(far, "select count(*) from ballast");
        assert_eq!(count.expect("it is whole"), ["80000"], "nothing is lost");
        site.hosts[owner].sql(far, "drop table ballast").expect("it is mounted");
    });
}

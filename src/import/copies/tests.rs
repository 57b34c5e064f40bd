use super::*;
use crate::failover::best_copy::UNKNOWN_QUEUE;

fn export(text: &str) -> Export {
    read("f", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = read("f", text.as_bytes()).expect_err("the file is refused");
    problems.iter().map(ToString::to_string).collect()
}

fn only(text: &str) -> Copy {
    let export = export(text);
    assert_eq!(export.databases.len(), 1, "{text}");
    export.databases[0].copies[0].clone()
}

/// Copy and replay queue of a copy.
fn queues(copy: &Copy) -> (u64, u64) {
    (copy.report.copy_queue(), copy.report.replay_queue())
}

#[test]
fn the_same_copy_in_every_form() {
    let csv = "Identity,Status,CopyQueueLength,ReplayQueueLength,ContentIndexState\n\
               DB 1\\EX02,Healthy,3,7,Crawling\n";
    let forms = [
        csv.to_owned(),
        format!("#TYPE Deserialized.Something\n{csv}"),
        format!("sep=,\n{csv}"),
        csv.replace(',', ";"),
        csv.replace(',', "\t"),
        csv.replace("DB 1\\EX02", "\"DB 1\\EX02\""),
        format!("{csv}\n{}", csv.lines().next().expect("a heading")),
        "Identity : DB 1\\EX02\nStatus : Healthy\nCopyQueueLength : 3\nReplayQueueLength: 7\n\
         ContentIndexState : Crawling\n"
            .to_owned(),
        "{\"Identity\":\"DB 1\\\\EX02\",\"Status\":\"Healthy\",\"CopyQueueLength\":3,\
         \"ReplayQueueLength\":\"7\",\"ContentIndexState\":{\"value\":1,\"Value\":\"Crawling\"}}"
            .to_owned(),
    ];
    let first = only(csv);
    assert_eq!((first.server.as_str(), queues(&first)), ("EX02", (3, 7)));
    assert_eq!(first.report.content_index, ContentIndex::Crawling);
    assert_eq!(first.status, Ok(CopyStatus::Healthy));
    for form in forms {
        assert_eq!(only(&form), first, "{form}");
        let list = format!("[{form}]");
        if form.starts_with('{') {
            assert_eq!(only(&list), first);
            assert_eq!(only(&format!("{{\"value\":{list},\"Count\":1}}")), first);
        }
    }
}

#[test]
fn a_list_may_be_indented_wrapped_or_spaced() {
    let copies = |text: &str| {
        let export = export(text);
        let copies = export.databases.iter().flat_map(|database| &database.copies);
        copies.map(|copy| (copy.server.clone(), queues(copy))).collect::<Vec<_>>()
    };
    let expected = [("EX01".to_owned(), (1, 0)), ("EX02".to_owned(), (2, 0))];
    let lines = [
        "Identity         : DB\\EX01",
        "Status           : Healthy",
        "ErrorMessage     : The log was not found at 10:30:00. Status: bad",
        "                   Status : Failed is what it said",
        "CopyQueueLength  : 1",
        "ReplayLagStatus  : Enabled:False; Percentage:0;",
        "ReplayQueueLength: 0",
        "Identity         : DB\\EX02",
        "Status           : Healthy",
        "CopyQueueLength  : 2",
        "ReplayLagStatus  : Enabled:False; Percentage:0;",
        "ReplayQueueLength: 0",
    ];
    assert_eq!(copies(&lines.join("\n")), expected);
    assert_eq!(copies(&lines.join("\r\n\r\n")), expected);
    assert_eq!(copies(&lines.map(|line| format!("    {line}")).join("\n")), expected);
    assert_eq!(copies(&lines.map(|line| format!("\u{a0}{line}")).join("\n")), expected);
    let wrapped = "Identity : Mailbox Database\n           0123\\EX01\nStatus : Healthy\n";
    assert_eq!(export(wrapped).databases[0].name, "Mailbox Database 0123");
}

#[test]
fn the_copy_is_told_by_its_own_fields_or_by_its_identity() {
    let named = |fields: &str, values: &str| {
        let export = export(&format!("{fields},Status\n{values},Healthy\n"));
        (export.databases[0].name.clone(), export.databases[0].copies[0].server.clone())
    };
    let expected = ("DB".to_owned(), "EX1".to_owned());
    assert_eq!(named("Identity", "DB\\EX1"), expected);
    assert_eq!(named("Name", "DB\\EX1"), expected);
    assert_eq!(named("Id", " DB \\ EX1 "), expected);
    assert_eq!(named("DatabaseName,MailboxServer", "DB,EX1"), expected);
    assert_eq!(named("Identity,DatabaseName", "db\\EX1,DB"), expected);
    let other = problems("Identity,DatabaseName,Status\nx\\EX1,DB,Healthy\n");
    assert!(other[0].contains("expected the copy that DatabaseName"), "{other:?}");
    let unnamed = problems("Identity,Status\nDB1,Healthy\n,Healthy\n\\EX1,Healthy\nDB\\,Healthy\n");
    assert_eq!(unnamed.len(), 4, "{unnamed:?}");
    assert!(unnamed[0].starts_with("f:2: Identity = \"DB1\": expected which copy"), "{unnamed:?}");
}

#[test]
fn states_are_words_with_or_without_spaces() {
    let state = |word: &str| only(&format!("Identity,Status\nDB\\EX1,{word}\n")).status;
    assert_eq!(state("DisconnectedAndHealthy"), Ok(CopyStatus::DisconnectedAndHealthy));
    assert_eq!(state("Failed and Suspended"), Ok(CopyStatus::FailedAndSuspended));
    assert_eq!(state("servicedown"), Ok(CopyStatus::ServiceDown));
    assert_eq!(state("SinglePageRestore"), Err("SinglePageRestore"));
    let wrong = problems("Identity,Status\nDB\\EX1,Helthy\nDB\\EX2,5\nDB\\EX3,\n");
    assert!(wrong[0].starts_with("f:2: Status = \"Helthy\": expected one of Mounted"), "{wrong:?}");
    assert!(wrong[0].contains("did you mean \"Healthy\""), "{wrong:?}");
    assert!(wrong[1].contains("f:3: Status = \"5\"") && wrong[1].contains("export the words"));
    assert!(wrong[2].starts_with("f:4: Status: expected the state"), "{wrong:?}");
}

#[test]
fn every_value_that_is_none_is_told_with_its_place() {
    let head = "Identity,Status,CopyQueueLength,ActivationPreference,ActivationSuspended,\
                AutoActivationPolicy\n";
    let text = format!("{head}DB\\EX1,Healthy,many,0,maybe,Never\nDB\\EX2,Healthy,1,256,,\n");
    let wrong = problems(&text);
    let begins = [
        "f:2: ActivationSuspended = \"maybe\": expected True or False",
        "f:2: ActivationPreference = \"0\": expected a number from 1",
        "f:2: AutoActivationPolicy = \"Never\": expected Unrestricted",
        "f:2: CopyQueueLength = \"many\": expected a whole number of logs",
        "f:3: ActivationPreference = \"256\": expected a number from 1",
    ];
    assert_eq!(wrong.len(), begins.len(), "{wrong:#?}");
    for (wrong, begin) in wrong.iter().zip(begins) {
        assert!(wrong.starts_with(begin), "{wrong}");
    }
    let json = problems("[{\"Identity\":\"DB\\\\EX1\",\"Status\":\"Healthy\"},{\"Status\":1.5}]");
    assert!(json[0].starts_with("f: [1].Identity: expected which copy"), "{json:?}");
    let many = format!("Identity,Status\n{}", "DB\\EX1,Bad\n".repeat(1000));
    let wrong = problems(&many);
    assert_eq!(wrong.len(), MOST_PROBLEMS + 1);
    assert!(wrong[MOST_PROBLEMS].contains("more follow"), "{}", wrong[MOST_PROBLEMS]);
}

#[test]
fn a_copy_stands_there_once_and_a_database_has_sixteen_at_most() {
    let wrong = problems("Identity,Status\nDB\\EX1,Healthy\ndb\\ex1.contoso.local,Healthy\n");
    assert_eq!(wrong, ["f:3: Identity = \"DB\\ex1.contoso.local\": expected each copy once"]);
    let rows = |count: u8| {
        let rows = (1..=count).map(|number| format!("DB\\EX{number},Healthy\n"));
        format!("Identity,Status\n{}", rows.collect::<String>())
    };
    assert_eq!(export(&rows(16)).databases[0].copies.len(), 16);
    assert_eq!(problems(&rows(17)).len(), 1);
}

#[test]
fn the_active_copy_is_found_by_what_most_is_known_from() {
    let active = |text: &str| {
        let export = export(text);
        (export.databases[0].active.clone(), export.notes.len())
    };
    let ex1 = Some("EX1".to_owned());
    let by_name =
        "Identity,Status,ActiveDatabaseCopy\nDB\\EX1,Dismounted,ex1\nDB\\EX2,Healthy,ex1.a.b\n";
    assert_eq!(active(by_name), (ex1.clone(), 0));
    assert!(!export(by_name).databases[0].mounted);
    let by_flag = "Identity,Status,ActiveCopy\nDB\\EX1,ServiceDown,True\nDB\\EX2,Healthy,False\n";
    assert_eq!(active(by_flag), (ex1.clone(), 0));
    assert!(export(by_flag).databases[0].mounted);
    assert_eq!(active("Identity,Status\nDB\\EX1,Mounting\nDB\\EX2,Healthy\n"), (ex1.clone(), 0));
    // The passive copies alone tell it too.
    let passive = "Identity,Status,ActiveDatabaseCopy\nDB\\EX2,Healthy,EX1\n";
    assert_eq!(active(passive), (ex1.clone(), 0));
    assert!(export(passive).databases[0].mounted);
    let elsewhere =
        "Identity,Status,ActiveDatabaseCopy\nDB\\EX1,Mounted,EX9\nDB\\EX2,Healthy,EX9\n";
    assert_eq!(active(elsewhere), (ex1.clone(), 1));
    let itself = "Identity,Status,ActiveCopy\nDB\\EX1,Mounted,False\nDB\\EX2,Healthy,True\n";
    assert_eq!(active(itself), (ex1.clone(), 1));
    let split = "Identity,Status,ActiveDatabaseCopy\nDB\\EX1,Mounted,EX1\nDB\\EX2,Healthy,EX3\n";
    assert_eq!(active(split), (ex1.clone(), 1));
    assert_eq!(active("Identity,Status\nDB\\EX1,Healthy\n"), (None, 1));
    assert_eq!(active("Identity,Status\nDB\\EX1,Mounted\nDB\\EX2,Mounting\n"), (ex1, 1));
    assert_eq!(active("Identity,Status\nDB\\EX1,Mounting\nDB\\EX2,Mounting\n"), (None, 1));
    let both = problems("Identity,Status\nDB\\EX1,Mounted\nDB\\EX2,Mounted\n");
    assert!(both[0].contains("expected one mounted copy of DB; that on EX1 is"), "{both:?}");
}

#[test]
fn lines_that_were_typed_are_passed_over() {
    let list = "[PS] C:\\Windows\\system32>Get-MailboxDatabaseCopyStatus |\n>> Format-List\n\n\
                Identity : DB\\EX01\nStatus : Healthy\nCopyQueueLength : 7x\nPS C:\\> \n";
    assert_eq!(problems(list).len(), 1);
    assert!(problems(list)[0].starts_with("f:6: CopyQueueLength"), "{:?}", problems(list));
    let sound = list.replace("7x", "7");
    assert_eq!(queues(&only(&sound)).0, 7);
    let table = "[PS] C:\\>type copies.csv\nIdentity,Status\nDB\\EX1,Healthy\n";
    assert_eq!(only(table).server, "EX1");
    let remote = table.replace("[PS]", "[ex01.contoso.com]: PS");
    assert_eq!(only(&remote).server, "EX1");
}

#[test]
fn lengths_that_stand_for_not_known_are_not_known() {
    for sentinel in ["18446744073709551615", "9223372036854775807", "-1", "99999999999999999999999"]
    {
        let head = "Identity,Status,CopyQueueLength,ReplayQueueLength";
        let copy = only(&format!("{head}\nDB\\EX1,Healthy,{sentinel},4\n"));
        assert_eq!(queues(&copy), (UNKNOWN_QUEUE, 4), "{sentinel}");
        // With numbers of logs it can be computed.
        let text = format!(
            "{head},LastLogGenerated,LastLogInspected,LastLogReplayed\n\
             DB\\EX1,Healthy,{sentinel},{sentinel},100,95,90\n"
        );
        assert_eq!(queues(&only(&text)), (5, 5), "{sentinel}");
    }
}

#[test]
fn what_is_no_export_is_refused_with_what_would_be_one() {
    for (text, words) in [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("hello", "Export-Csv, ConvertTo-Json or Format-List"),
        ("Name  Status\n----  ------\nDB1\\EX1  Healthy\n", "use `| Format-List`"),
        ("[{\"Identity\": ", "one JSON document"),
        ("[1, 2]", "an object for each copy"),
        ("[]", "at least one database copy"),
        ("Identity,Status\n", "at least one database copy"),
        ("Identity,Status\nDB\\EX1\n", "2 cells, as in the heading; this row has 1"),
        (
            "\"ClassId2e4f51ef21dd47e99d3c952918aff9cd\",\"pageHeaderEntry\"\n\"a\",\"b\"\n",
            "leave them out before Export-Csv",
        ),
    ] {
        let wrong = problems(text);
        assert_eq!(wrong.len(), 1, "{text:?}: {wrong:?}");
        assert!(wrong[0].contains(words), "{text:?}: {wrong:?}");
    }
    assert!(problems("[{\"Identity\": ")[0].starts_with("f:1:"));
    assert!(problems("\n\nhello")[0].starts_with("f:3 = \"hello\""));
    assert!(read("f", b"\x7fELF\0\0").is_err());
}

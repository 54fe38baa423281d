use std::collections::BTreeMap;

use super::model::MAX_PLACES;
use super::words::ago;
use super::*;
use crate::postgres::ErrorKind;
use crate::runner::{Reachability, Rounds, Source};

const NOW: f64 = 1_000_000.0;

fn source(target: &str, datname: Option<&str>) -> Source {
    Source { target: target.into(), datname: datname.map(Into::into), collector: "table_sizes" }
}

fn good() -> Rounds {
    Rounds { succeeded: Some(true), last_success: Some(NOW - 42.0), series: 1234, ..Rounds::default() }
}

fn failed(reason: &str) -> Rounds {
    Rounds { succeeded: Some(false), failure: Some((ErrorKind::Timeout, reason.to_owned())), ..good() }
}

fn up() -> Reachability {
    Reachability::up()
}

fn down(reason: &str) -> Reachability {
    Reachability::down(ErrorKind::Connect, reason)
}

fn overview(target: Reachability, database: Reachability, rounds: Rounds) -> Overview {
    Overview {
        targets: BTreeMap::from([("main".into(), target)]),
        databases: BTreeMap::from([(("main".into(), "app".into()), database)]),
        rounds: BTreeMap::from([(source("main", Some("app")), rounds)]),
    }
}

fn render(overview: &Overview) -> String {
    Page::new(overview, &[], NOW, NOW - 90.0).render().unwrap()
}

#[test]
fn what_works_is_shown_with_its_age_and_size() {
    let page = render(&overview(up(), up(), good()));
    for text in ["main", "app", "table_sizes", "42 s ago", "1\u{202f}234"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("Needs attention"));
}

#[test]
fn what_fails_stands_at_the_top_in_words() {
    let overview = overview(up(), up(), failed("the statement took longer than 20 s"));
    let problems = problems(targets(&overview, NOW).iter().flat_map(Target::problems));
    assert_eq!(problems.len(), 1);
    let reason = "the statement took longer than 20 s";
    assert_eq!(problems[0].what, What::Failing { collector: "table_sizes", kind: "timeout", reason });
    assert_eq!(problems[0].places, ["main / app"]);
    assert!(render(&overview).contains("the statement took longer than 20 s"));
}

#[test]
fn of_a_target_that_is_down_only_that_is_said() {
    let overview = overview(down("connection refused"), down("connection refused"), failed("connection refused"));
    let targets = targets(&overview, NOW);
    let what = What::TargetDown { reason: "connection refused" };
    assert_eq!(targets[0].problems(), [(what, "main".to_owned())]);
    assert_eq!(targets[0].standing().word, "down");
}

#[test]
fn nothing_that_comes_from_a_server_is_markup() {
    let hostile = "<script>alert('\"')</script>&\n🦀";
    let overview = Overview {
        targets: BTreeMap::from([(hostile.into(), down(hostile))]),
        databases: BTreeMap::from([((hostile.into(), hostile.into()), down(hostile))]),
        rounds: BTreeMap::from([(source(hostile, Some(hostile)), failed(hostile))]),
    };
    let page = render(&overview);
    assert!(!page.contains("<script"));
    assert!(page.contains("&#60;script&#62;"));
}

#[test]
fn the_same_problem_in_many_places_is_one() {
    let mut overview = overview(up(), up(), failed("late"));
    for index in 0..MAX_PLACES + 6 {
        overview.rounds.insert(source("main", Some(&format!("app{index}"))), failed("late"));
    }
    let problems = problems(targets(&overview, NOW).iter().flat_map(Target::problems));
    assert_eq!((problems.len(), problems[0].places.len(), problems[0].more_places), (1, MAX_PLACES, 7));
    assert!(render(&overview).contains("and 7 more"));
}

#[test]
fn many_problems_are_counted_and_not_all_listed() {
    let mut overview = overview(up(), up(), good());
    for index in 0..MAX_PROBLEMS + 8 {
        overview.rounds.insert(source("main", Some(&format!("app{index}"))), failed(&format!("reason {index}")));
    }
    assert!(render(&overview).contains("and 8 more"));
}

#[test]
fn an_application_is_shown_with_the_reason_why_nothing_can_be_judged_by_it() {
    let mut application = Application::example("shop", NOW);
    let render = |application: &Application| {
        let overview = overview(up(), up(), good());
        Page::new(&overview, std::slice::from_ref(application), NOW, NOW - 90.0).render().unwrap()
    };
    let page = render(&application);
    assert!(page.contains("shop") && page.contains("344") && !page.contains("Needs attention"), "{page}");
    application.reason = Some("/srv/<shop> does not exist".to_owned());
    let page = render(&application);
    assert!(page.contains("Needs attention") && page.contains("/srv/&#60;shop&#62; does not exist"), "{page}");
}

#[test]
fn nothing_watched_is_said() {
    assert!(render(&Overview::default()).contains("No target is watched"));
}

#[test]
fn ages_are_as_exact_as_a_reader_needs_them() {
    for (seconds, text) in [(0.2, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (200_000.0, "2 d")] {
        assert_eq!(age(seconds), text);
    }
    assert_eq!(ago(None), "never");
}

#[test]
fn long_numbers_are_grouped() {
    for (value, text) in [(0_u64, "0"), (999, "999"), (1000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")] {
        assert_eq!(number(value), text);
    }
}

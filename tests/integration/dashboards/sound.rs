//! What Grafana takes without a word, and what a reader needs.

use std::collections::HashSet;

use super::{all, label_variables, list, panels, text};
use crate::dashboards::expressions;

/// Panels and data sources that are part of Grafana 11 to 13.
const KINDS: [&str; 5] = ["row", "stat", "timeseries", "table", "bargauge"];

#[test]
fn identifiers_are_unique() {
    let mut uids = HashSet::new();
    for dashboard in all() {
        assert!(uids.insert(text(&dashboard, "uid").to_owned()), "{}", dashboard["uid"]);
        let mut ids = HashSet::new();
        for panel in list(&dashboard, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: {}", dashboard["uid"], panel["title"]);
        }
    }
}

#[test]
fn no_panels_overlap_and_none_leaves_the_grid() {
    for dashboard in all() {
        let mut taken = HashSet::new();
        for panel in list(&dashboard, "panels") {
            let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{}: {} covers another", dashboard["uid"], panel["title"]);
                }
            }
        }
    }
}

#[test]
fn every_row_has_panels() {
    for dashboard in all() {
        let kinds: Vec<_> = list(&dashboard, "panels").iter().map(|panel| panel["type"] == "row").collect();
        assert_eq!(kinds.first(), Some(&true), "{}", dashboard["uid"]);
        assert_eq!(kinds.last(), Some(&false), "{}", dashboard["uid"]);
        assert!(!kinds.windows(2).any(|pair| pair == [true, true]), "{}", dashboard["uid"]);
    }
}

#[test]
fn nothing_needs_a_plug_in() {
    for dashboard in all() {
        for panel in list(&dashboard, "panels") {
            assert!(KINDS.contains(&text(panel, "type")), "{}: {}", panel["title"], panel["type"]);
        }
        let source = &list(&dashboard["templating"], "list")[0];
        assert_eq!((text(source, "type"), text(source, "query")), ("datasource", "prometheus"));
    }
}

#[test]
fn every_query_goes_to_the_chosen_data_source() {
    let chosen = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    for dashboard in all() {
        for variable in label_variables(&dashboard) {
            assert_eq!(variable["datasource"], chosen, "{}", variable["name"]);
        }
        for panel in panels(&dashboard) {
            assert_eq!(panel["datasource"], chosen, "{}", panel["title"]);
            assert!(list(panel, "targets").iter().all(|target| target["datasource"] == chosen), "{}", panel["title"]);
        }
    }
}

#[test]
fn a_panel_says_what_it_shows_and_in_which_unit() {
    for dashboard in all() {
        for panel in panels(&dashboard) {
            assert!(text(panel, "title").len() > 3, "{panel}");
            assert!(text(panel, "description").len() > 10, "{}", panel["title"]);
            assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{}", panel["title"]);
            let lines = panel["type"] == "timeseries" || panel["type"] == "bargauge";
            let legends: HashSet<_> = list(panel, "targets").iter().map(|target| &target["legendFormat"]).collect();
            assert!(!lines || legends.len() == list(panel, "targets").len(), "{}", panel["title"]);
            assert!(!lines || legends.iter().all(|legend| legend.as_str().is_some_and(|legend| legend.len() > 2)));
        }
    }
}

#[test]
fn no_value_is_never_shown_as_a_good_one() {
    for dashboard in all() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] == "stat") {
            let result = &panel["fieldConfig"]["defaults"]["mappings"][0];
            assert_eq!(text(&result["options"], "match"), "null+nan", "{}", panel["title"]);
            assert_eq!(text(&result["options"]["result"], "text"), "no data");
            assert_eq!(text(&result["options"]["result"], "color"), "purple");
            // A last value from a time range would outlive what it speaks of.
            assert_eq!(panel["targets"][0]["instant"], true, "{}", panel["title"]);
        }
        for panel in panels(&dashboard).filter(|panel| panel["type"] != "stat") {
            assert!(panel["fieldConfig"]["defaults"]["noValue"].is_string(), "{}", panel["title"]);
        }
    }
}

#[test]
fn each_variable_depends_on_all_before_it_and_every_one_is_used() {
    for dashboard in all() {
        let mut earlier: Vec<&str> = Vec::new();
        for variable in label_variables(&dashboard) {
            let (name, definition) = (text(variable, "name"), text(&variable["query"], "query"));
            let (selector, label) = definition
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
                .unwrap();
            assert_eq!(label, name);
            let selector = expressions::selectors(selector).remove(0);
            assert_eq!(selector.variables(), earlier, "{name} in {}", dashboard["uid"]);
            let used = panels(&dashboard)
                .flat_map(|panel| list(panel, "targets"))
                .any(|target| text(target, "expr").contains(&format!("{name}=~\"${name}\"")));
            assert!(used, "{name} in {}", dashboard["uid"]);
            earlier.push(name);
        }
        assert!(earlier.starts_with(&["job", "instance", "target", "datname"]), "{earlier:?}");
    }
}

#[test]
fn every_dashboard_leads_to_the_others_and_links_to_what_exists() {
    let dashboards = all();
    for dashboard in &dashboards {
        assert_eq!(dashboard["tags"], serde_json::json!(["pgwarden"]));
        let link = &dashboard["links"][0];
        assert_eq!(
            (&link["tags"], &link["includeVars"], &link["keepTime"]),
            (&dashboard["tags"], &true.into(), &true.into())
        );
        let json = dashboard.to_string();
        for uid in json.split("/d/").skip(1).map(|rest| rest.split('?').next().unwrap()) {
            assert!(dashboards.iter().any(|other| other["uid"] == uid), "{uid}");
        }
    }
}

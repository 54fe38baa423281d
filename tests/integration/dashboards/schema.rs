//! The types that Grafana publishes for its dashboards accept ours.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use super::{all, panels, text};

/// Grafana's types as JSON writes them: enumerations are their values.
const HEADER: &str = r#"
import type { Dashboard } from "@grafana/schema";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type * as Table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as BarGauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";

type Json<T> = unknown extends T ? unknown
    : T extends string ? `${T}`
    : T extends number | boolean | null | undefined ? T
    : T extends Array<infer Item> ? Array<Json<Item>>
    : { [Key in keyof T]: Json<T[Key]> };
"#;

/// TypeScript in which each dashboard, and the options and the style of each panel, must fit its type.
fn typed() -> String {
    let mut program = HEADER.to_owned();
    for (number, dashboard) in all().iter().enumerate() {
        writeln!(program, "export const dashboard{number}: Json<Dashboard> = {dashboard};").unwrap();
        for (index, panel) in panels(dashboard).enumerate() {
            let options = &panel["options"];
            let (kind, style) = match text(panel, "type") {
                "stat" => ("Stat", None),
                "bargauge" => ("BarGauge", None),
                "timeseries" => ("TimeSeries", Some("TimeSeries.FieldConfig")),
                "table" => ("Table", Some("Table.FieldConfig")),
                other => panic!("no type for panels of the kind {other}"),
            };
            let name = format!("panel{number}_{index}");
            writeln!(program, "export const {name}: Json<Partial<{kind}.Options>> = {options};").unwrap();
            if let Some(style) = style {
                let custom = &panel["fieldConfig"]["defaults"]["custom"];
                writeln!(program, "export const {name}_style: Json<Partial<{style}>> = {custom};").unwrap();
            }
        }
    }
    program
}

/// Compiles the program against the types of a major version of Grafana; what the compiler says.
fn compile(major: u8, program: &str) -> String {
    let types = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/grafana/{major}"));
    assert!(types.join("version").exists(), "Grafana's types are not there; run tests/fetch-grafana");
    let folder = tempfile::tempdir_in(&types).unwrap();
    std::fs::write(folder.path().join("dashboards.ts"), program).unwrap();
    let compiler = types.join("node_modules/typescript/bin/tsc");
    let options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"];
    let output = Command::new("node")
        .arg(compiler)
        .args(options)
        .args(["--moduleResolution", "bundler", "dashboards.ts"])
        .current_dir(folder.path())
        .output()
        .expect("node runs");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_types_of_grafana_11_to_13_accept_every_dashboard() {
    let program = typed();
    for major in [11, 12, 13] {
        assert_eq!(compile(major, &program), "", "Grafana {major}");
    }
}

#[test]
fn the_types_would_refuse_a_mistake() {
    let mistakes = [(r#""graphTooltip":1"#, r#""graphTooltip":7"#), (r#""colorMode":"#, r#""colourMode":"#)];
    let program = mistakes.iter().fold(typed(), |program, (right, wrong)| {
        assert!(program.contains(right), "{right}");
        program.replace(right, wrong)
    });
    let refused = compile(13, &program);
    assert!(refused.contains("Type '7' is not assignable"), "{refused}");
    assert!(refused.contains("'\"colourMode\"' does not exist"), "{refused}");
}

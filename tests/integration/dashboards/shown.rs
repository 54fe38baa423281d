//! Every panel shows data on a real Prometheus, while a fleet is in all the trouble that the dashboards know.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::folder;
use super::stage::Stage;

/// Asks a Prometheus for every panel and draws the dashboards; which panels show nothing.
async fn draw(prometheus: &str, minutes: f64, output: &Path) -> Result<(), String> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/grafana/venv/bin/python");
    assert!(python.exists(), "Pillow is not there; run tests/fetch-grafana");
    let mut command = Command::new(python);
    command.arg(folder().join("draw")).arg(prometheus).arg("--output").arg(output);
    command.args(["--rate-interval", "10s", "--minutes", &minutes.to_string()]).kill_on_drop(true);
    let drawn = command.output().await.expect("the script can be run");
    if drawn.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&[drawn.stdout, drawn.stderr].concat()).into_owned())
    }
}

/// With `PGWARDEN_PICTURES=FOLDER` it keeps the pictures there, and plays for ten minutes so that lines have a course.
#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_data_when_everything_goes_wrong() {
    let pictures = std::env::var_os("PGWARDEN_PICTURES");
    let temporary = tempfile::tempdir().unwrap();
    let output = pictures.as_deref().map_or(temporary.path(), Path::new);
    let (minutes, act) = if pictures.is_some() { (10.0, Duration::from_mins(5)) } else { (1.0, Duration::ZERO) };
    let stage = Stage::set().await;
    tokio::time::sleep(act).await;
    let stage = stage.trouble().await;
    tokio::time::sleep(act).await;
    let mut missing = String::new();
    let patience = Duration::from_secs(90);
    let shown = tokio::time::timeout(patience, async {
        while let Err(faults) = draw(&stage.prometheus.url, minutes, output).await {
            missing = faults;
        }
    });
    assert!(shown.await.is_ok(), "{missing}");
}

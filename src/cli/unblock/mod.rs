//! `pgwarden unblock`: ends what is in the way, after showing it, and never without being asked.

mod subject;

use std::io::{BufRead, Write};
use std::time::Duration;

use super::Outcome;
use super::locks::{Watch, text};
use super::source::Source;
use crate::locks::{Holder, Judgement};
use crate::postgres::{ErrorKind, Parameter, Session};
use subject::{Refusal, Subject};

/// Show a session, what it holds and who waits for it, and end it if you say so.
///
/// Its statement is cancelled, or with --terminate the whole session is ended. Exits 0 when it let go, 1 when it was left
/// alone or did not let go, 2 when it could not be told.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,

    /// Process id of the session, as `pgwarden locks` shows it
    #[arg(value_name = "PID")]
    pid: i32,

    /// End the whole session instead of cancelling its statement; needed for one that is idle in transaction
    #[arg(long)]
    terminate: bool,

    /// Do not ask, for runbooks
    #[arg(long)]
    yes: bool,

    /// Also end our own sessions, replication, and an autovacuum against transaction id wraparound
    #[arg(long)]
    force: bool,
}

/// How long a session has to let go.
const PATIENCE: Duration = Duration::from_secs(10);

const CANCEL: &str = include_str!("cancel.sql");
const TERMINATE: &str = include_str!("terminate.sql");

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut watch = Watch::open(&args.source, None).await?;
    let (_, judgement) = watch.round().await?;
    let Some(subject) = Subject::find(&mut watch.session, args.pid).await? else {
        anyhow::bail!("no session has the pid {}; it may have ended", args.pid);
    };
    let held = subject.held(&mut watch.session).await?;
    show(&subject, &held, &judgement);
    match subject.refusal() {
        Some(Refusal::Never(reason)) => anyhow::bail!("{reason}"),
        Some(Refusal::Unforced(reason)) if !args.force => anyhow::bail!("{reason}; --force ends it all the same"),
        _ => {}
    }
    if !args.terminate && !subject.is_active() {
        anyhow::bail!("it runs no statement that could be cancelled, only --terminate makes it let go");
    }
    let question = if args.terminate { "End this session?" } else { "Cancel its statement?" };
    if !args.yes && !confirmed(question)? {
        anstream::println!("left alone");
        return Ok(Outcome::Finding);
    }
    end(&mut watch.session, &subject, args.terminate).await
}

fn show(subject: &Subject, held: &[String], judgement: &Judgement) {
    anstream::println!("{subject}");
    for lock in held {
        anstream::println!("  holds {lock}");
    }
    let holder = Holder::Session(subject.pid);
    let behind =
        judgement.waiting.iter().filter(|waiter| waiter.blocked_by.contains(&holder) || waiter.roots.contains(&holder));
    let behind: Vec<_> = behind.collect();
    for waiter in behind.iter().take(MAX_SHOWN) {
        let wait = text::seconds(waiter.wait.estimate());
        anstream::println!("  {} has waited {wait} behind it", text::name(&judgement.parties[&waiter.holder]));
    }
    let transaction =
        subject.transaction_age.map(|age| format!("rolls back its transaction of {}, ", text::seconds(age)));
    let transaction = transaction.unwrap_or_default();
    let locks = text::counted(held.len(), "lock");
    let behind = match behind.len() {
        0 => "; nobody waits behind it".to_owned(),
        waiters => format!(" and lets {} go on or move up", text::counted(waiters, "session")),
    };
    anstream::println!("ending it {transaction}releases {locks}{behind}");
}

/// Sessions behind it that are shown.
const MAX_SHOWN: usize = 10;

/// Asks. Whoever does not answer has not agreed.
fn confirmed(question: &str) -> std::io::Result<bool> {
    anstream::print!("{question} [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn end(session: &mut Session, subject: &Subject, terminate: bool) -> anyhow::Result<Outcome> {
    session.start_round(PATIENCE);
    let Some(backend_start) = subject.backend_start else {
        anyhow::bail!("our role cannot tell this session from a later one with the same pid: GRANT pg_monitor to it");
    };
    let sql = if terminate { TERMINATE } else { CANCEL };
    let parameters = [Parameter::Integer(subject.pid.into()), Parameter::Integer(backend_start)];
    let rows = match session.query(sql, &parameters).await {
        Err(error) if error.kind() == ErrorKind::Permission => {
            anyhow::bail!("{error}; {}", subject.privilege())
        }
        rows => rows?,
    };
    if rows.is_empty() {
        anyhow::bail!("the session has ended meanwhile, nothing was done");
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        session.start_round(PATIENCE);
        let now = Subject::find(session, subject.pid).await?;
        if now.is_none_or(|now| now.has_let_go(subject, terminate)) {
            anstream::println!("{}", if terminate { "the session has ended" } else { "the statement was cancelled" });
            return Ok(Outcome::Fine);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anstream::println!("it was asked to, and has not let go within {} s", PATIENCE.as_secs());
    Ok(Outcome::Finding)
}

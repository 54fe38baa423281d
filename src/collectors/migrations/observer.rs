//! Goes round a server and brings back evidence about its locks.
//!
//! Locks and sessions are seen from anywhere, the names of relations only inside their database: one session moves to
//! the databases where something has to be named, and home again, so that it never takes a second connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::evidence::{self, Server};
use crate::config::{self, Databases};
use crate::locks::{Catalog, Evidence, History, Lock, LockKind, Oid, Session as Participant, Settings, State};
use crate::postgres::{Error, Session};

/// How long what was seen inside a database is taken for true, in seconds. Version tables come and go rarely.
const LOOK_AGAIN: f64 = 300.0;

/// How long a database is left alone whose last look found no name for a relation: that is not committed. Where somebody
/// has come to stand at a relation since, it was committed meanwhile, and is asked for at once.
const ASK_AGAIN: f64 = 15.0;

/// From how many seconds on a transaction that nobody continues stands still: between two statements it does not.
const STANDS_STILL: f64 = 1.0;

/// How long a database that could not be looked into is left alone.
const TRY_AGAIN: f64 = 60.0;

/// What is remembered of a server from round to round.
#[derive(Debug, Default)]
pub struct Observer {
    history: History,
    known: BTreeMap<Oid, Known>,
    databases: Vec<String>,
}

/// What was seen of a database.
#[derive(Debug, Default)]
struct Known {
    /// From the last look that succeeded.
    catalog: Option<Catalog>,
    /// Why the last look did not.
    failure: Option<String>,
    /// The relations whose names were asked for, whether or not they have one.
    asked: BTreeSet<Oid>,
    seen_at: f64,
}

impl Known {
    /// Whether the last look found no name for something, which may have turned into a version table since.
    fn lacks_names(&self) -> bool {
        let named = |relation| self.catalog.as_ref().is_some_and(|catalog| catalog.relations.contains_key(relation));
        !self.asked.iter().all(named)
    }
}

impl From<&config::Migrations> for Settings {
    fn from(config: &config::Migrations) -> Self {
        Self {
            stuck_after: config.stuck_after.as_secs_f64(),
            applications: config.applications.clone(),
            users: config.users.clone(),
        }
    }
}

impl Observer {
    /// One round, with this much time for visits to databases; what does not fit is for the next one. A database that lets
    /// nobody in, because a catalog of its is locked, must not cost the round.
    pub async fn round(
        &mut self,
        session: &mut Session,
        watched: &Databases,
        config: &config::Alembic,
        visits: Duration,
    ) -> Result<Evidence, Error> {
        let server = evidence::server(session).await?;
        self.databases =
            server.databases.iter().map(|it| it.datname.clone()).filter(|name| watched.contains(name)).collect();
        self.known.retain(|oid, _| server.databases.iter().any(|database| database.oid == *oid));

        let mut evidence = evidence::read(session, &server, self.catalogs()).await?;
        let worth_a_look = self.worth_a_look(&evidence, server.now);
        if !worth_a_look.is_empty() {
            self.visit(session, &server, watched, config, worth_a_look, visits).await?;
            let catalogs = self.catalogs();
            // Weak locks tell a migration where they are on a version table, so they were not asked for before.
            evidence = if evidence::version_tables(&catalogs) == evidence::version_tables(&evidence.catalogs) {
                Evidence { catalogs, ..evidence }
            } else {
                evidence::read(session, &server, catalogs).await?
            };
        }
        let busy = busy(&evidence);
        for database in server.databases.iter().filter(|it| watched.contains(&it.datname)) {
            let reason = match self.known.get(&database.oid) {
                Some(Known { failure: Some(reason), .. }) => reason.clone(),
                None if busy.contains(&database.oid) => "not looked into yet".to_owned(),
                _ => continue,
            };
            evidence.visibility.unseen_databases.insert(database.datname.clone(), reason);
        }
        self.history.observe(&evidence);
        Ok(evidence)
    }

    /// What earlier rounds saw.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The watched databases that the last round found, whether or not anything is locked in them.
    pub fn databases(&self) -> &[String] {
        &self.databases
    }

    /// Looks into databases for the names of relations, each in its turn, and returns home.
    async fn visit(
        &mut self,
        session: &mut Session,
        server: &Server,
        watched: &Databases,
        config: &config::Alembic,
        wanted: BTreeMap<Oid, BTreeSet<Oid>>,
        time: Duration,
    ) -> Result<(), Error> {
        let until = Instant::now() + time;
        let home = session.datname().to_owned();
        let mut given_up = false;
        let names: BTreeMap<Oid, &str> = server.databases.iter().map(|it| (it.oid, it.datname.as_str())).collect();
        let visits = wanted.into_iter().filter_map(|(oid, relations)| Some((oid, *names.get(&oid)?, relations)));
        let mut visits: Vec<_> = visits.filter(|(_, datname, _)| watched.contains(datname)).collect();
        // Where it is already there is nothing to connect to; where nothing has to be named there is no hurry.
        visits.sort_by_key(|(_, datname, relations)| (*datname != home, relations.is_empty()));
        for (oid, datname, asked) in visits {
            let begun = Instant::now();
            if begun >= until {
                break;
            }
            let relations: Vec<Oid> = asked.iter().copied().collect();
            let looked = timeout_at(until, look_into(session, datname, &relations, config)).await;
            given_up |= looked.is_err();
            // Whoever got but the rest of the time is not to blame; in the next round it gets more.
            if looked.is_err() && begun.elapsed() < time / 2 {
                break;
            }
            let known = self.known.entry(oid).or_default();
            (known.asked, known.seen_at, known.failure) = (asked, server.now, None);
            match looked {
                Ok(Ok(catalog)) => known.catalog = Some(catalog),
                Ok(Err(error)) => known.failure = Some(error.to_string()),
                Err(_) => known.failure = Some(format!("no answer within {time:?}")),
            }
        }
        // A session whose statement was given up may still run it.
        if session.datname() != home || session.is_broken() || given_up {
            session.move_to(&home).await?;
        }
        Ok(())
    }

    /// The databases that are worth a look, with the relations that the round mentions in each: where something lacks a name
    /// that a look may find, and where the last look was long ago.
    fn worth_a_look(&self, evidence: &Evidence, now: f64) -> BTreeMap<Oid, BTreeSet<Oid>> {
        let mut mentioned: BTreeMap<Oid, BTreeSet<Oid>> = BTreeMap::new();
        let mut worth_a_look: BTreeSet<Oid> = BTreeSet::new();
        let of_locks = evidence.locks.iter().filter_map(|lock| {
            let since = evidence.session(&lock.holder).and_then(|session| stands_since(session, lock, now));
            Some((lock.tag.database, lock.tag.relation?, since))
        });
        let of_progress = evidence.progress.iter().filter_map(|(pid, progress)| {
            let session = evidence.sessions.get(pid)?;
            Some((session.database?, progress.relation, session.xact_start))
        });
        for (database, relation, since) in of_locks.chain(of_progress) {
            if database == 0 || relation == 0 {
                continue;
            }
            mentioned.entry(database).or_default().insert(relation);
            let is_new = self.known.get(&database).is_none_or(|known| !known.asked.contains(&relation));
            if evidence.relation_of(database, relation).is_none() && (is_new || self.came_later(database, since)) {
                worth_a_look.insert(database);
            }
        }
        for lock in evidence.locks.iter().filter(|lock| !lock.granted) {
            let Some(session) = evidence.session(&lock.holder) else { continue };
            let Some(database) = session.database else { continue };
            // The partition that a DETACH CONCURRENTLY lets go of is only seen in its database. Anybody else who waits may
            // be an upgrade by a version table that is new.
            let at_once = lock.tag.kind == LockKind::VirtualXid;
            let soon = at_once || self.is_older(database, now, ASK_AGAIN);
            if soon && self.came_later(database, stands_since(session, lock, now)) {
                worth_a_look.insert(database);
            }
        }
        // What is committed now, and stands in nobody's way any more, may be a version table.
        let unfinished = self.known.iter().filter(|(_, known)| known.lacks_names()).map(|(oid, _)| *oid);
        worth_a_look.extend(unfinished.filter(|oid| self.is_older(*oid, now, ASK_AGAIN)));
        worth_a_look.extend(busy(evidence).into_iter().filter(|oid| self.is_older(*oid, now, LOOK_AGAIN)));
        // Where a look has failed, nobody is in a hurry to wait for the next one.
        worth_a_look.retain(|oid| self.is_older(*oid, now, 0.0));
        worth_a_look.into_iter().map(|oid| (oid, mentioned.remove(&oid).unwrap_or_default())).collect()
    }

    /// Whether somebody has stood somewhere only since the last look into a database.
    fn came_later(&self, database: Oid, since: Option<f64>) -> bool {
        self.known.get(&database).is_none_or(|known| since.is_some_and(|since| since > known.seen_at))
    }

    /// Whether what was seen of a database is too old, or nothing was and it may be better now.
    fn is_older(&self, database: Oid, now: f64, seconds: f64) -> bool {
        self.known.get(&database).is_none_or(|known| {
            let seconds = if known.failure.is_none() { seconds } else { TRY_AGAIN };
            now - known.seen_at >= seconds
        })
    }

    fn catalogs(&self) -> BTreeMap<Oid, Catalog> {
        self.known.iter().filter_map(|(oid, known)| Some((*oid, known.catalog.clone()?))).collect()
    }
}

/// The databases in which somebody is at work, who may hold a lock on a version table.
fn busy(evidence: &Evidence) -> BTreeSet<Oid> {
    let working = evidence.sessions.values().filter(|session| !session.own && session.state != State::Idle);
    let locked = evidence.locks.iter().map(|lock| lock.tag.database).filter(|database| *database != 0);
    working.filter_map(|session| session.database).chain(locked).collect()
}

/// Since when a session has stood at a lock, as far as that tells when its relation can have been committed at the latest:
/// whoever waits has found its name. The statements of an open transaction come and go, until nobody continues it.
fn stands_since(session: &Participant, lock: &Lock, now: f64) -> Option<f64> {
    if !lock.granted {
        return lock.wait_start.or(session.query_start);
    }
    let left = session.state.is_idle_in_transaction();
    session.state_change.filter(|since| left && now - since >= STANDS_STILL).or(session.xact_start)
}

/// Moves to a database, if the session is not there, and looks into it.
async fn look_into(
    session: &mut Session,
    datname: &str,
    relations: &[Oid],
    config: &config::Alembic,
) -> Result<Catalog, Error> {
    if session.datname() != datname || session.is_broken() {
        session.move_to(datname).await?;
    }
    evidence::look(session, relations, config).await
}

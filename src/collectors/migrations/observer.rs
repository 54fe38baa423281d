//! Goes round a server and brings back evidence about its locks.
//!
//! Locks and sessions are seen from anywhere, the names of relations only inside their database: one session moves to
//! the databases where something has to be named, and home again, so that it never takes a second connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::evidence::{self, Server};
use crate::config::{self, Databases};
use crate::locks::{Catalog, Evidence, History, LockKind, Oid, Settings};
use crate::postgres::{Error, Session};

/// How long what was seen inside a database is taken for true, in seconds. Version tables come and go rarely.
const LOOK_AGAIN: f64 = 300.0;

/// How long a relation that has no name yet is left alone: it is not committed, and a new name helps nobody at once.
const ASK_AGAIN: f64 = 15.0;

/// How long a database that could not be looked into is left alone.
const TRY_AGAIN: f64 = 60.0;

/// Time for visits in one round; what does not fit is for the next one. A database that lets nobody in, because a catalog
/// of its is locked, must not cost the round.
const VISITS: Duration = Duration::from_secs(2);

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
    /// One round.
    pub async fn round(
        &mut self,
        session: &mut Session,
        watched: &Databases,
        config: &config::Alembic,
    ) -> Result<Evidence, Error> {
        let server = evidence::server(session).await?;
        let until = Instant::now() + VISITS;
        self.databases =
            server.databases.iter().map(|it| it.datname.clone()).filter(|name| watched.contains(name)).collect();
        self.known.retain(|oid, _| server.databases.iter().any(|database| database.oid == *oid));

        let due: BTreeMap<Oid, BTreeSet<Oid>> = server
            .databases
            .iter()
            .filter(|database| database.locked && self.is_older(database.oid, server.now, LOOK_AGAIN))
            .map(|database| (database.oid, BTreeSet::new()))
            .collect();
        self.visit(session, &server, watched, config, due, until).await?;
        let evidence = evidence::read(session, &server, self.catalogs()).await?;
        let unnamed = self.unnamed(&evidence, server.now);
        let mut evidence = if unnamed.is_empty() {
            evidence
        } else {
            self.visit(session, &server, watched, config, unnamed, until).await?;
            Evidence { catalogs: self.catalogs(), ..evidence }
        };
        for (oid, database) in server.databases.iter().map(|database| (database.oid, database)) {
            let reason = match self.known.get(&oid) {
                Some(Known { failure: Some(reason), .. }) => reason.clone(),
                None if database.locked && watched.contains(&database.datname) => "not looked into yet".to_owned(),
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
        until: Instant,
    ) -> Result<(), Error> {
        let home = session.datname().to_owned();
        let mut given_up = false;
        let names: BTreeMap<Oid, &str> = server.databases.iter().map(|it| (it.oid, it.datname.as_str())).collect();
        let visits = wanted.into_iter().filter_map(|(oid, relations)| Some((oid, *names.get(&oid)?, relations)));
        let mut visits: Vec<_> = visits.filter(|(_, datname, _)| watched.contains(datname)).collect();
        // Where it is already there is nothing to connect to.
        visits.sort_by_key(|(_, datname, _)| *datname != home);
        for (oid, datname, asked) in visits {
            let begun = Instant::now();
            if begun >= until {
                break;
            }
            let relations: Vec<Oid> = asked.iter().copied().collect();
            let looked = timeout_at(until, look_into(session, datname, &relations, config)).await;
            given_up |= looked.is_err();
            // Whoever got but the rest of the time is not to blame; in the next round it gets more.
            if looked.is_err() && begun.elapsed() < VISITS / 2 {
                break;
            }
            let known = self.known.entry(oid).or_default();
            (known.asked, known.seen_at, known.failure) = (asked, server.now, None);
            match looked {
                Ok(Ok(catalog)) => known.catalog = Some(catalog),
                Ok(Err(error)) => known.failure = Some(error.to_string()),
                Err(_) => known.failure = Some(format!("no answer within {VISITS:?}")),
            }
        }
        // A session whose statement was given up may still run it.
        if session.datname() != home || session.is_broken() || given_up {
            session.move_to(&home).await?;
        }
        Ok(())
    }

    /// The relations without a name that are worth asking for, by database.
    fn unnamed(&self, evidence: &Evidence, now: f64) -> BTreeMap<Oid, BTreeSet<Oid>> {
        let mut unnamed: BTreeMap<Oid, BTreeSet<Oid>> = BTreeMap::new();
        let of_locks = evidence.locks.iter().filter_map(|lock| Some((lock.tag.database, lock.tag.relation?)));
        let of_progress = evidence
            .progress
            .iter()
            .filter_map(|(pid, progress)| Some((evidence.sessions.get(pid)?.database?, progress.relation)));
        for (database, relation) in of_locks.chain(of_progress) {
            if database != 0 && relation != 0 && evidence.relation_of(database, relation).is_none() {
                unnamed.entry(database).or_default().insert(relation);
            }
        }
        // The partition that a DETACH CONCURRENTLY lets go of is only seen in its database.
        for lock in evidence.locks.iter().filter(|lock| !lock.granted && lock.tag.kind == LockKind::VirtualXid) {
            if let Some(database) = evidence.session(&lock.holder).and_then(|session| session.database) {
                unnamed.entry(database).or_default();
            }
        }
        unnamed.retain(|oid, relations| {
            let answered = self.known.get(oid).filter(|known| known.failure.is_none());
            answered.is_some_and(|known| !relations.is_subset(&known.asked)) || self.is_older(*oid, now, ASK_AGAIN)
        });
        // What has a name is asked for again: a look replaces what was known.
        for (oid, relations) in &mut unnamed {
            relations.extend(self.known.get(oid).into_iter().flat_map(|known| &known.asked));
        }
        unnamed
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

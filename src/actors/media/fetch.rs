//! Fetches what a URL names: only from where this server may go, only as much as may be, and onto the disk.
//!
//! What protects the operator's network is the address. A name is resolved once for each connection, every address is judged, and
//! only the permitted ones are dialled ([`names`]); a literal address is judged as the connector reads it; each redirect begins all
//! over. So any port may be named: whoever is reached is a host of the internet, which anybody reaches on every port, or one that
//! the operator allowed.

mod answer;
mod file;
mod names;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mime_guess::Mime;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::domain::egress::Egress;
use crate::domain::media::{Fault, MediaUrl};
use crate::trust;
use answer::{again, never};
use file::Draft;
use names::{Guarded, Hosts, Names};

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 5;
const USER_AGENT: &str = concat!("Wamux/", env!("CARGO_PKG_VERSION"));

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// To resolve the name, connect, and agree on TLS.
    connect: Duration,
    /// Until the next byte.
    silence: Duration,
    /// For all of it, redirects included.
    total: Duration,
}

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(10), silence: Duration::from_secs(20), total: Duration::from_mins(5) };

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) size: u64,
    /// What the server calls it, or else what its name ends in: a hint and no more, the content decides.
    pub(crate) claimed: Option<Mime>,
}

/// Downloads what callers name. One for a server; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
    egress: Arc<Egress>,
    patience: Patience,
}

impl Fetcher {
    pub(crate) fn new(egress: Egress) -> Result<Self, reqwest::Error> {
        Self::with(egress, Arc::new(Hosts), trust::tls(), PATIENCE)
    }

    fn with(
        egress: Egress,
        names: Arc<dyn Names>,
        tls: ClientConfig,
        patience: Patience,
    ) -> Result<Self, reqwest::Error> {
        let egress = Arc::new(egress);
        let plain = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Guarded::new(names, Arc::clone(&egress))))
            // A proxy would do the dialling, and nobody would judge the addresses.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            // Each request dials, and so is judged; nothing that one answer left behind reaches another.
            .pool_max_idle_per_host(0)
            .http1_only()
            // Whatever features the build unites: what is counted is what came over the wire.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .user_agent(USER_AGENT)
            .default_headers(plain)
            .connect_timeout(patience.connect)
            .read_timeout(patience.silence)
            .build()?;
        Ok(Self { client, egress, patience })
    }

    /// Streams what the URL names into a file that it makes, for its owner alone, with at most `limit` bytes. Nothing is left of
    /// the file after a failure, or when the caller stops waiting.
    pub(crate) async fn fetch(&self, url: &MediaUrl, limit: u64, into: &Path) -> Result<Fetched, Fault> {
        let late = |_| again(format!("it took longer than {} s", self.patience.total.as_secs()));
        timeout(self.patience.total, self.follow(url.clone(), limit, into)).await.map_err(late)?
    }

    async fn follow(&self, mut url: MediaUrl, limit: u64, into: &Path) -> Result<Fetched, Fault> {
        let first = url.host().to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask(&url).await?;
            match answer::redirect(&url, &answer)? {
                Some(next) => url = next,
                None => return keep(&url, answer, limit, into).await,
            }
        }
        Err(never(format!("{first} redirects more than {REDIRECTS_MAX} times")))
    }

    async fn ask(&self, url: &MediaUrl) -> Result<Response, Fault> {
        self.judge(url)?;
        let asked = self.client.get(url.url().clone()).send().await;
        asked.map_err(|error| answer::fault(url.host(), &error))
    }

    /// Judges an address that stands in the URL itself: whatever the connector takes for one, it dials without asking for a name.
    fn judge(&self, url: &MediaUrl) -> Result<(), Fault> {
        let host = url.host();
        let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let literal = host.parse::<Ipv4Addr>().map(Into::into).or_else(|_| v6.parse::<Ipv6Addr>().map(Into::into));
        match literal.map(|address| self.egress.check(address)) {
            Ok(Err(forbidden)) => {
                tracing::warn!(error = %forbidden, "a tenant's URL leads to where it may not");
                Err(Fault::UrlForbidden)
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// Onto the disk, as it comes.
async fn keep(url: &MediaUrl, mut answer: Response, limit: u64, into: &Path) -> Result<Fetched, Fault> {
    answer::accept(url, &answer, limit)?;
    let claimed = answer::claimed(url, &answer);
    let mut draft = Draft::new(into).map_err(|error| file::fault(&error))?;
    while let Some(chunk) = answer.chunk().await.map_err(|error| answer::fault(url.host(), &error))? {
        if draft.size() + chunk.len() as u64 > limit {
            return Err(Fault::TooLarge { limit });
        }
        draft.write(&chunk).await.map_err(|error| file::fault(&error))?;
    }
    if draft.size() == 0 {
        return Err(never(format!("{} sent an empty file", url.host())));
    }
    let size = draft.finish().await.map_err(|error| file::fault(&error))?;
    Ok(Fetched { size, claimed })
}

//! URLs that want to reach the operator's own network: by spelling, by name, by redirect, by a name that changes its mind.

use std::net::{Ipv6Addr, SocketAddr, TcpListener as Listener};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;

use super::{Ground, MB, PUBLIC, SHORT, Site, Zone, failed, ok, to, url};
use crate::actors::media::fetch::PATIENCE;
use crate::domain::media::{Fault, MediaUrl};

const TABLE: &str = include_str!("../../../../../tests/media/hostile_urls.txt");

/// A listener on every address of this machine.
struct Victim(Listener);

impl Victim {
    fn new() -> Self {
        let listener = Listener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)))
            .unwrap_or_else(|_| Listener::bind(("0.0.0.0", 0)).unwrap());
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Whether a connection was made since the last time: on loopback it stands in the listener's queue before the dialler knows.
    fn was_reached(&self) -> bool {
        let mut reached = false;
        while self.0.accept().is_ok() {
            reached = true;
        }
        reached
    }

    /// The table's rows of one kind, with this listener's port.
    fn urls(&self, kind: &str) -> Vec<String> {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        rows.filter(|row| row.0 == kind).map(|row| row.1.replace("{port}", &self.port().to_string())).collect()
    }
}

#[tokio::test]
async fn no_hostile_url_reaches_anything() {
    let (victim, ground) = (Victim::new(), Ground::new());
    let (door, guard) = (victim.urls("door"), victim.urls("guard"));
    assert!(door.len() >= 40 && guard.len() >= 80, "{} and {}", door.len(), guard.len());
    let taken: Vec<_> = door.iter().filter(|text| MediaUrl::try_from((*text).clone()).is_ok()).collect();
    assert!(taken.is_empty(), "{taken:?}");
    for text in guard {
        let url = MediaUrl::try_from(text.clone()).unwrap_or_else(|error| panic!("{text} {error}"));
        assert_eq!(ground.fault(&url).await, Fault::UrlForbidden, "{text}");
        assert!(!victim.was_reached(), "{text}");
    }
}

/// Or else the listener that saw nothing would prove nothing.
#[tokio::test]
async fn the_same_urls_reach_the_listener_where_an_operator_allows_it() {
    let ground = Ground::with("127.0.0.0/8,0.0.0.0,::1", Arc::default(), SHORT);
    let rows = (0..Victim::new().urls("guard").len()).map(async |row| {
        let victim = Victim::new();
        let text = victim.urls("guard").swap_remove(row);
        let fault = ground.fault(&url(&text)).await;
        let named = text.contains(&format!(":{}", victim.port()));
        let reached = victim.was_reached();
        assert!(!reached || !matches!(fault, Fault::UrlForbidden), "{text} {fault:?}");
        reached && named
    });
    let reached = join_all(rows).await.into_iter().filter(|reached| *reached).count();
    assert!(reached >= 50, "{reached}");
}

#[tokio::test]
async fn no_redirect_leads_to_a_hostile_url() {
    let (victim, ground) = (Victim::new(), Ground::new());
    let mut forbidden = 0;
    for text in [victim.urls("door"), victim.urls("guard")].concat() {
        let site = Site::saying(to(&text)).await;
        let from = site.url("/a.jpg");
        let fault = ground.fault(&from).await;
        assert!(!victim.was_reached(), "{text}");
        // Some are paths of the same site when they are read there.
        let elsewhere =
            from.url().join(&text).is_ok_and(|to| to.host_str() != from.url().host_str() && MediaUrl::of(to).is_ok());
        assert_eq!(fault == Fault::UrlForbidden, elsewhere, "{text} {fault:?}");
        forbidden += usize::from(elsewhere);
    }
    assert!(forbidden >= 80, "{forbidden}");
}

#[tokio::test]
async fn a_chain_of_redirects_is_judged_at_every_step() {
    let (victim, ground) = (Victim::new(), Ground::new());
    let last = format!("http://127.0.0.1:{}/", victim.port());
    let site = Site::telling(move |head| if head.starts_with("GET /a ") { to("/b") } else { to(&last) }).await;
    assert_eq!(ground.fault(&site.url("/a")).await, Fault::UrlForbidden);
    assert_eq!(site.asked(), ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]);
    assert!(!victim.was_reached());
}

#[tokio::test]
async fn a_name_is_what_its_addresses_are() {
    let victim = Victim::new();
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::"],
        &["0.0.0.0"],
        &["::"],
        &["169.254.169.254"],
        &["10.0.0.1", "192.168.0.1", "172.16.0.1"],
        &["fd00:ec2::254", "fe80::1"],
        &["127.0.0.1", "::1", "224.0.0.1"],
    ] {
        let zone = Arc::new(Zone::default().with("cdn.example.com", &[addresses]));
        let ground = Ground::with(PUBLIC, zone, PATIENCE);
        for scheme in ["http", "https"] {
            let url = url(&format!("{scheme}://cdn.example.com:{}/", victim.port()));
            assert_eq!(ground.fault(&url).await, Fault::UrlForbidden, "{addresses:?}");
        }
    }
    assert!(!victim.was_reached());
}

#[tokio::test]
async fn of_a_name_with_a_public_and_private_addresses_only_the_public_one_is_dialled() {
    let site = Site::saying(ok("", b"film")).await;
    let port = site.address.port();
    // The very port of the site, on the other addresses.
    let victims: Vec<_> = ["127.0.0.1", "127.0.0.2"]
        .map(|address| Listener::bind((address, port)).unwrap())
        .into_iter()
        .map(|listener| listener.set_nonblocking(true).map(|()| Victim(listener)).unwrap())
        .collect();
    let zone = Zone::default().with("both.example.com", &[&["127.0.0.1", "::1", PUBLIC, "127.0.0.2"]]);
    let ground = Ground::with(PUBLIC, zone.into(), PATIENCE);
    let url = url(&format!("http://both.example.com:{port}/"));
    assert_eq!(ground.fetch(&url, MB).await.unwrap().size, 4);
    assert!(victims.iter().all(|victim| !victim.was_reached()));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let victim = Victim::new();
    // It would serve more requests over the same connection.
    let site = Site::serving(|_, mut stream| async move {
        stream.write_all(&ok("Content-Length: 4\r\n", b"film")).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let zone = Arc::new(Zone::default().with("rebind.example.com", &[&[PUBLIC], &["127.0.0.1"]]));
    let ground = Ground::with(PUBLIC, Arc::clone(&zone), PATIENCE);
    let named = |port: u16| url(&format!("http://rebind.example.com:{port}/"));
    // Asked once, so there is no second answer that could differ from the one that was judged.
    assert!(ground.fetch(&named(site.address.port()), MB).await.is_ok());
    assert_eq!(*zone.asked.lock().unwrap(), 1);
    assert_eq!(ground.fetcher.fetch(&named(victim.port()), MB, &ground.file()).await, Err(Fault::UrlForbidden));
    // And no connection to the first answer was kept for a request that comes later.
    assert_eq!(ground.fetcher.fetch(&named(site.address.port()), MB, &ground.file()).await, Err(Fault::UrlForbidden));
    assert_eq!(site.asked().len(), 1);
    assert!(!victim.was_reached());
}

#[tokio::test]
async fn a_name_that_changes_its_mind_between_redirects_gains_nothing() {
    let victim = Victim::new();
    let site = Site::saying(to(&format!("http://rebind.example.com:{}/", victim.port()))).await;
    let zone = Zone::default().with("rebind.example.com", &[&[PUBLIC], &["127.0.0.1"]]);
    let ground = Ground::with(PUBLIC, zone.into(), PATIENCE);
    let fault = ground.fault(&url(&format!("http://rebind.example.com:{}/", site.address.port()))).await;
    assert_eq!(fault, Fault::UrlForbidden);
    assert!(!victim.was_reached());
}

#[tokio::test]
async fn redirects_that_never_end_are_left() {
    let ground = Ground::new();
    let ring = Site::saying(to("/again")).await;
    let (again, why) = failed(ground.fault(&ring.url("/")).await);
    assert!(!again && why.contains("more than 5 times"), "{why}");
    assert_eq!(ring.asked().len(), 6);
    let five = Site::telling(|head| match head.split_once("/+").map(|rest| rest.1.split(' ').next().unwrap().len()) {
        Some(4) => ok("", b"film"),
        Some(steps) => to(&format!("/+{}", "+".repeat(steps + 1))),
        None => to("/+"),
    })
    .await;
    assert_eq!(ground.fetch(&five.url("/"), MB).await.unwrap().size, 4);
    assert_eq!(five.asked().len(), 6);
}

#[tokio::test]
async fn redirects_to_what_is_no_web_address_say_so() {
    let ground = Ground::new();
    for (location, want) in [
        ("file:///etc/passwd", "must be an http or https URL"),
        ("http://user:word@example.com/", "must not hold a user name or a password"),
        ("http://[::1", "is no URL"),
        ("http://\u{fffd}.example.com/", "is no URL"),
    ] {
        let (again, why) = failed(ground.fault(&Site::saying(to(location)).await.url("/")).await);
        assert!(!again && why.contains(want), "{location} {why}");
    }
}

//! Where a request comes from: this machine or another, straight or through a proxy, a program or a page.

use std::net::IpAddr;

use warp::http::HeaderMap;

use super::serve::Arrival;

/// Whether a request comes from this machine, and neither through a proxy nor from a page that had its name resolve to us.
pub(super) fn is_here(arrival: &Arrival, headers: &HeaderMap) -> bool {
    arrival.peer.is_some_and(|peer| is_local(peer.ip()))
        && !arrival.is_old
        && !forwarded(headers)
        && own_page(headers)
        && names_here(host(headers))
}

/// Whether a request comes straight from whoever makes it, from any machine. It names us by an address or by a name without
/// dots, which nobody can register: a page that had its own name resolve to us cannot.
#[cfg(feature = "sandbox")]
pub(super) fn is_direct(headers: &HeaderMap) -> bool {
    let name = host(headers);
    let ours = name.parse::<IpAddr>().is_ok() || (!name.is_empty() && !name.contains('.'));
    ours && !forwarded(headers) && own_page(headers)
}

/// Whether a WebSocket may be opened to the simulated network: by a program, which names no page or the one that WhatsApp's own
/// clients name, or by a page of this machine. Any other page in a browser would reach a network on loopback, too.
#[cfg(feature = "sandbox")]
pub(super) fn is_client(headers: &HeaderMap) -> bool {
    headers.get("origin").is_some_and(|origin| origin == "https://web.whatsapp.com") || own_page(headers)
}

/// Whether a form was sent by a page of this very site: browsers say so of every form, and no page can have them say otherwise
/// (Fetch, 3.2 and "Fetch Metadata Request Headers", 2.3). One that says nothing of it is no browser's.
pub(super) fn is_own_form(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let page =
        headers.get("origin").and_then(|origin| origin.to_str().ok()).and_then(|origin| origin.split_once("://"));
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    page.zip(host).is_some_and(|((_, page), host)| page.eq_ignore_ascii_case(host))
}

/// Whether a browser here would throw a cookie for safe connections away, as far as can be told: we were asked over plain http,
/// from another machine. Browsers keep such cookies over https, and on the machine itself.
pub(super) fn loses_cookies(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let page = said("origin");
    let safe = page.starts_with("https://") || said("x-forwarded-proto").eq_ignore_ascii_case("https");
    !safe && !names_here(host(headers)) && (page.starts_with("http://") || !forwarded(headers))
}

/// The address of this server, as whoever asks knows it.
pub(super) fn address(headers: &HeaderMap) -> String {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (host, page) = (said("host"), said("origin"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    let host = if (1..=255).contains(&host.len()) && host.bytes().all(plain) { host } else { "127.0.0.1:8080" };
    let safe = said("x-forwarded-proto").eq_ignore_ascii_case("https") || page.starts_with("https://");
    format!("{}://{host}", if safe { "https" } else { "http" })
}

/// Those whom proxies say that they ask for, in the order of their lines.
pub(super) fn asked_for(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|said| !said.is_empty())
}

pub(super) fn is_local(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    })
}

/// Whether no page made the request, or one of this machine: browsers say which, and a page may send some requests anywhere.
fn own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    let page = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    page.is_some_and(|(_, host)| names_here(without_port(host)))
}

fn host(headers: &HeaderMap) -> &str {
    without_port(headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default())
}

fn without_port(host: &str) -> &str {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |h| h.0);
    name.trim_start_matches('[').trim_end_matches(']')
}

fn names_here(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_a_page_of_this_site_sends_its_forms() {
        for (given, own) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a.example"), ("host", "a.example")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://a.example"), ("host", "a.example")], true),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "http://127.0.0.1:9000"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "null"), ("host", "a.example")], false),
            (&[("host", "a.example")], false),
            (&[], false),
        ] {
            assert_eq!(is_own_form(&headers(given)), own, "{given:?}");
        }
    }

    #[test]
    fn a_plain_connection_from_elsewhere_loses_cookies() {
        for (given, loses) in [
            (&[("host", "127.0.0.1:8080")][..], false),
            (&[("host", "localhost")], false),
            (&[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")], false),
            (&[("host", "wamux.example"), ("x-forwarded-proto", "https")], false),
            (&[("host", "wamux.example"), ("x-forwarded-for", "10.0.0.1")], false),
            (&[("host", "wamux.example"), ("origin", "https://wamux.example")], false),
            (&[("host", "wamux.example"), ("origin", "http://wamux.example"), ("via", "1.1 x")], true),
            (&[("host", "192.168.1.7:8080")], true),
        ] {
            assert_eq!(loses_cookies(&headers(given)), loses, "{given:?}");
        }
    }

    #[test]
    fn the_address_is_what_was_asked_and_nothing_else() {
        for (given, address) in [
            (&[("host", "127.0.0.1:9000")][..], "http://127.0.0.1:9000"),
            (&[("host", "wamux.example"), ("x-forwarded-proto", "https")], "https://wamux.example"),
            (&[("host", "wamux.example"), ("origin", "https://wamux.example")], "https://wamux.example"),
            (&[("host", "[::1]:8080")], "http://[::1]:8080"),
            (&[("host", "a\"; rm -rf /")], "http://127.0.0.1:8080"),
            (&[], "http://127.0.0.1:8080"),
        ] {
            assert_eq!(super::address(&headers(given)), address);
        }
    }

    #[test]
    fn those_asked_for_are_read_over_all_lines() {
        let mut given = headers(&[("x-forwarded-for", "6.6.6.6, 203.0.113.7")]);
        given.append("x-forwarded-for", "10.0.0.2,".parse().unwrap());
        assert_eq!(asked_for(&given).collect::<Vec<_>>(), ["6.6.6.6", "203.0.113.7", "10.0.0.2"]);
    }

    #[test]
    fn only_this_machine_is_here() {
        for (peer, name, value, here) in [
            ("127.0.0.1:5000", "host", "127.0.0.1:8080", true),
            ("[::1]:5000", "host", "[::1]:8080", true),
            ("[::ffff:127.0.0.1]:5000", "host", "localhost", true),
            ("192.168.1.7:5000", "host", "127.0.0.1:8080", false),
            ("127.0.0.1:5000", "host", "evil.example:8080", false),
            ("127.0.0.1:5000", "forwarded", "for=192.168.1.7", false),
            ("127.0.0.1:5000", "x-forwarded-for", "192.168.1.7", false),
            ("127.0.0.1:5000", "x-forwarded-proto", "https", false),
            ("127.0.0.1:5000", "via", "1.1 proxy", false),
            ("127.0.0.1:5000", "origin", "http://localhost:3000", true),
            ("127.0.0.1:5000", "origin", "https://evil.example", false),
            ("127.0.0.1:5000", "origin", "null", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:8080".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            let mut arrival = Arrival { peer: Some(peer.parse().unwrap()), ..Arrival::default() };
            assert_eq!(is_here(&arrival, &headers), here, "{peer} {name}: {value}");
            arrival.is_old = true;
            assert!(!is_here(&arrival, &headers), "a proxy with nothing set asks like this");
        }
        assert!(!is_here(&Arrival::default(), &HeaderMap::new()));
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_page_elsewhere_is_no_client() {
        assert!(is_client(&HeaderMap::new()));
        for (origin, client) in [
            ("https://web.whatsapp.com", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("https://web.whatsapp.com.evil.example", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            let headers = HeaderMap::from_iter([(warp::http::header::ORIGIN, origin.parse().unwrap())]);
            assert_eq!(is_client(&headers), client, "{origin}");
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_name_that_anybody_could_have_registered_is_refused_even_where_all_may_call() {
        for (name, value, direct) in [
            ("host", "10.0.0.7:9080", true),
            ("host", "[2001:db8::7]:9080", true),
            ("host", "sandbox:9080", true),
            ("host", "sandbox", true),
            ("host", "evil.example:9080", false),
            ("host", "", false),
            ("x-forwarded-for", "192.168.1.7", false),
            ("origin", "https://evil.example", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "10.0.0.7:9080".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_direct(&headers), direct, "{name}: {value}");
        }
    }
}

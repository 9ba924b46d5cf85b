//! Knobs: what is read, what is refused, and what is never shown.

use clap::Parser;

use super::*;

fn knobs(args: &[&str]) -> Result<Knobs, clap::Error> {
    Cli::try_parse_from(["wamux", "serve"].iter().chain(args)).map(|cli| cli.knobs)
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn flags_may_stand_before_or_after_the_command() {
    for args in [["wamux", "--listen", "0.0.0.0:80", "serve"], ["wamux", "serve", "--listen", "0.0.0.0:80"]] {
        assert_eq!(Cli::try_parse_from(args).unwrap().knobs.listen.0.to_string(), "0.0.0.0:80");
    }
}

#[test]
fn addresses_are_an_ip_and_a_port() {
    for (text, want) in [
        ("127.0.0.1:0", Some("127.0.0.1:0")),
        ("[::]:8080", Some("[::]:8080")),
        ("localhost:8080", Some("127.0.0.1:8080")),
        ("8080", None),
        (":8080", None),
        ("example.com:8080", None),
        ("127.0.0.1:99999", None),
    ] {
        assert_eq!(text.parse::<Listen>().ok().map(|listen| listen.0.to_string()).as_deref(), want, "{text}");
    }
}

#[test]
fn the_database_stands_in_the_data_folder_unless_told_otherwise() {
    let folder = knobs(&["--data-dir", "/srv/wamux"]).unwrap().check().unwrap();
    assert_eq!(folder.database, "sqlite:///srv/wamux/wamux.db".parse().unwrap());
    let told = knobs(&["--database-url", "postgres://host/db"]).unwrap().check().unwrap();
    assert_eq!(told.database, "postgres://host/db".parse().unwrap());
}

#[test]
fn what_is_wrong_with_a_secret_is_said_without_the_secret() {
    for (flag, value, variable) in [
        ("--master-key", "hunter2hunter2", "WAMUX_MASTER_KEY"),
        ("--operator-token", "hunter2 hunter2", "WAMUX_OPERATOR_TOKEN"),
        ("--database-url", "mysql://me:hunter2@host", "WAMUX_DATABASE_URL"),
        ("--smtp-url", "smtp://me:hunter2@host", "WAMUX_PUBLIC_URL"),
    ] {
        let error = knobs(&[flag, value]).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(variable) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_was_given_is_shown_without_its_secrets() {
    let server =
        ["wamux", "--master-key", "hunter2", "--operator-token", "hunter2", "--database-url", "pg://me:hunter2@h"];
    let mail = Cli::try_parse_from(["wamux", "--smtp-url", "smtp://me:hunter2@h", "serve"]).unwrap();
    assert!(mail.knobs.smtp_url.is_some() && !format!("{mail:?}").contains("hunter2"));
    for command in [&["serve"][..], &["keys", "rotate-master", "--new-key-from-environment", "hunter2"]] {
        let cli = Cli::try_parse_from(server.iter().chain(command)).unwrap();
        assert_eq!(cli.knobs.master_key.as_ref().map(AsRef::as_ref), Some("hunter2"));
        assert!(!format!("{cli:?}").contains("hunter2"), "{cli:?}");
    }
}

#[test]
fn an_empty_setting_is_none() {
    let config = knobs(&["--operator-token", "", "--master-key", " "]).unwrap().check().unwrap();
    assert!(config.operator.is_none() && config.master.is_none());
}

#[test]
fn private_blocks_are_reached_only_where_the_operator_says_so() {
    let allowed = knobs(&["--media-allow", "10.1.0.0/16,::1"]).unwrap().check().unwrap().egress;
    assert_eq!(allowed, "10.1.0.0/16,::1".parse().unwrap());
    assert_eq!(knobs(&[]).unwrap().check().unwrap().egress, Egress::default());
    let error = knobs(&["--media-allow", "intranet"]).unwrap().check().unwrap_err().to_string();
    assert!(error.contains("WAMUX_MEDIA_ALLOW") && error.contains("intranet"), "{error}");
}

#[test]
fn proxies_elsewhere_are_believed_only_where_the_operator_says_so() {
    let trusted = |proxies: &[&str]| knobs(proxies).unwrap().check().map(|config| config.trusted_proxies);
    let [elsewhere, here] = ["172.17.0.2", "127.0.0.1"].map(|proxy| proxy.parse().unwrap());
    assert!(trusted(&[]).unwrap().trusts(here) && !trusted(&[]).unwrap().trusts(elsewhere));
    assert!(trusted(&["--trusted-proxies", "172.16.0.0/12"]).unwrap().trusts(elsewhere));
    let error = trusted(&["--trusted-proxies", "nginx"]).unwrap_err().to_string();
    assert!(error.contains("WAMUX_TRUSTED_PROXIES") && error.contains("nginx"), "{error}");
}

#[test]
fn a_build_refuses_the_network_that_it_is_not_made_for() {
    let other = if cfg!(feature = "sandbox") { "whatsapp" } else { "sandbox" };
    let error = knobs(&["--network", other]).unwrap().check().unwrap_err().to_string();
    let build = if cfg!(feature = "sandbox") { "make run-live" } else { "make run " };
    assert!(error.contains(other) && error.contains(build), "{error}");
    assert!(knobs(&["--network", Network::default().as_str()]).unwrap().check().is_ok());
}

#[test]
fn the_simulated_network_is_opened_here_or_used_elsewhere_and_only_where_there_is_one() {
    let url = "ws://127.0.0.1:9080/ws/chat";
    let check = |args: &[&str]| knobs(args).unwrap().check();
    if !cfg!(feature = "sandbox") {
        for (flag, value) in [("--sandbox-url", url), ("--sandbox-listen", "127.0.0.1:0")] {
            let error = check(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains("real one"), "{error}");
        }
        return;
    }
    assert_eq!(check(&["--sandbox-url", url]).unwrap().sandbox_url.unwrap().chat(), url);
    assert_eq!(check(&["--sandbox-listen", "localhost:9080"]).unwrap().sandbox_listen.unwrap().port(), 9080);
    let none = check(&["--sandbox-url", "", "--sandbox-listen", ""]).unwrap();
    assert!(none.sandbox_url.is_none() && none.sandbox_listen.is_none());
    let both = check(&["--sandbox-url", url, "--sandbox-listen", "127.0.0.1:0"]).unwrap_err().to_string();
    assert!(both.contains("WAMUX_SANDBOX_URL") && both.contains("WAMUX_SANDBOX_LISTEN"), "{both}");
    let wrong = check(&["--sandbox-url", "http://127.0.0.1:9080"]).unwrap_err().to_string();
    assert!(wrong.contains("WAMUX_SANDBOX_URL") && wrong.contains("ws://"), "{wrong}");
}

#[test]
fn variables_that_nobody_reads_are_found() {
    let names = ["WAMUX_LISTEN", "WAMUX_LISTNE", "WAMUX_LOG", "WAMUX_SANDBOX_URI", "HOME", "wamux_x"];
    let unknown = unknown(names.into_iter().map(str::to_owned));
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["WAMUX_LISTNE", "WAMUX_SANDBOX_URI"]);
}

#[test]
fn traces_go_to_a_collector_that_is_named_by_a_url_and_otherwise_nowhere() {
    let collector = |url: &str| knobs(&["--otlp-endpoint", url]).unwrap().collector();
    assert!(knobs(&[]).unwrap().collector().unwrap().is_none() && collector(" ").unwrap().is_none());
    assert_eq!(collector("http://127.0.0.1:4318").unwrap().unwrap().as_str(), "http://127.0.0.1:4318/");
    for nonsense in ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://x/?secret=hunter2", "here"] {
        let error = collector(nonsense).unwrap_err().to_string();
        assert!(error.contains("WAMUX_OTLP_ENDPOINT") && !error.contains("hunter2"), "{error}");
    }
}

//! The look-up of the version: how often the web is asked, and what a failure does.

use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use whatsapp_rust::http::{HttpRequest, HttpResponse};

use super::*;

/// A web whose answers are given in turn, each only once the test lets it out.
struct Web {
    answers: StdMutex<VecDeque<Option<Version>>>,
    let_out: Semaphore,
    asked: AtomicU64,
}

impl Web {
    fn new(answers: impl IntoIterator<Item = Option<Version>>) -> Arc<Self> {
        let answers = StdMutex::new(answers.into_iter().collect());
        Arc::new(Self { answers, let_out: Semaphore::new(0), asked: AtomicU64::new(0) })
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl HttpClient for Web {
    async fn execute(&self, _: HttpRequest) -> anyhow::Result<HttpResponse> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.let_out.acquire().await?.forget();
        match self.answers.lock().unwrap().pop_front().expect("nobody should ask again") {
            Some((_, _, revision)) => {
                let body = format!(r#"{{\"dynamic_data\":{{\"client_revision\":{revision},\"x\":1}}}}"#);
                Ok(HttpResponse { status_code: 200, body: body.into_bytes() })
            }
            None => anyhow::bail!("web.whatsapp.com cannot be reached"),
        }
    }
}

thread_local! {
    static SECONDS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A clock that a test moves: its tests run on one thread each.
fn now() -> Instant {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(clock::instant) + Duration::from_secs(SECONDS.get())
}

fn pass(seconds: u64) {
    SECONDS.set(SECONDS.get() + seconds);
}

fn over(web: &Arc<Web>) -> Arc<CurrentVersion> {
    let web: Arc<dyn HttpClient> = Arc::<Web>::clone(web);
    Arc::new(CurrentVersion { now, ..CurrentVersion::new(web) })
}

const ONE: Version = (2, 3000, 1);
const TWO: Version = (2, 3000, 2);

#[tokio::test]
async fn a_thousand_sessions_that_start_at_once_ask_once() {
    let web = Web::new([Some(ONE)]);
    let version = over(&web);
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let version = Arc::clone(&version);
            tokio::spawn(async move { version.get().await })
        })
        .collect();
    // All of them wait before the web says anything.
    tokio::task::yield_now().await;
    web.let_out.add_permits(1);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Ok(ONE));
    }
    assert_eq!(web.asked(), 1);
    assert_eq!(version.get().await, Ok(ONE));
    assert_eq!(web.asked(), 1, "what is known is not asked again");
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_stands_for_a_while_but_not_for_ever() {
    let web = Web::new([None, None, Some(ONE)]);
    web.let_out.add_permits(9);
    let version = over(&web);
    let answers = futures_util::future::join_all((0..1000).map(|_| version.get())).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one failure, the same for all");
    let why = answers[0].as_ref().unwrap_err().to_string();
    assert!(why.contains("current version") && why.contains("cannot be reached"), "{why}");
    assert_eq!(web.asked(), 1);

    pass(1);
    assert!(version.get().await.is_err());
    assert_eq!(web.asked(), 1, "too early to ask again");
    pass(1);
    assert!(version.get().await.is_err());
    assert_eq!(web.asked(), 2);
    pass(3);
    assert!(version.get().await.is_err());
    assert_eq!(web.asked(), 2, "a second failure stands longer than the first");
    pass(1);
    assert_eq!(version.get().await, Ok(ONE));
}

#[tokio::test]
async fn an_outage_is_asked_about_twice_a_minute_and_no_more_often() {
    let web = Web::new(std::iter::repeat_n(None, 400));
    web.let_out.add_permits(400);
    let version = over(&web);
    for _ in 0..3600 {
        assert!(version.get().await.is_err());
        pass(1);
    }
    assert!((100..=125).contains(&web.asked()), "{} look-ups in an hour", web.asked());
}

#[tokio::test]
async fn an_outdated_version_is_looked_up_anew_once_however_many_sessions_say_so() {
    let web = Web::new([Some(ONE), Some(TWO)]);
    web.let_out.add_permits(9);
    let version = over(&web);
    assert_eq!(version.get().await, Ok(ONE));
    pass(3600);
    for _ in 0..3 {
        assert!(version.is_superseded(ONE).await);
        assert_eq!(version.get().await, Ok(TWO));
    }
    assert_eq!(web.asked(), 2);
}

#[tokio::test]
async fn a_version_is_outdated_for_good_only_when_a_fresh_look_up_gives_no_other() {
    let web = Web::new([Some(ONE), Some(ONE), None, Some(TWO)]);
    web.let_out.add_permits(9);
    let version = over(&web);
    assert_eq!(version.get().await, Ok(ONE));
    assert!(!version.is_superseded(ONE).await, "it was looked up just now");
    pass(60);
    assert!(!version.is_superseded(ONE).await);
    assert!(!version.is_superseded(ONE).await);
    assert_eq!(web.asked(), 2, "a thousand sessions that are refused ask once");
    pass(60);
    assert!(version.is_superseded(ONE).await, "nobody knows");
    assert!(version.is_superseded(ONE).await);
    assert_eq!(web.asked(), 3);
    pass(2);
    assert_eq!(version.get().await, Ok(TWO));

    let fixed = CurrentVersion::fixed(ONE, Web::new([]));
    assert!(!fixed.is_superseded(ONE).await);
}

#[tokio::test]
async fn whoever_goes_away_while_asking_holds_up_nobody() {
    let web = Web::new([Some(ONE)]);
    let version = over(&web);
    let first = tokio::spawn({
        let version = Arc::clone(&version);
        async move { version.get().await }
    });
    while web.asked() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    web.let_out.add_permits(1);
    assert_eq!(version.get().await, Ok(ONE));
}

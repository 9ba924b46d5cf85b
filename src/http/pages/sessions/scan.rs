//! On the simulated network there is a phone of one's own, which scans the code that a session shows.

#[cfg(feature = "sandbox")]
pub(super) use simulated::form;
#[cfg(feature = "sandbox")]
pub(in crate::http) use simulated::scan;

/// On the real network people scan with phones of their own.
#[cfg(not(feature = "sandbox"))]
pub(super) fn form(_: &super::Visit, _: &super::Session) -> maud::Markup {
    maud::html! {}
}

#[cfg(feature = "sandbox")]
mod simulated {
    use maud::{Markup, html};

    use crate::domain::error::Refusal;
    use crate::domain::id::SessionId;
    use crate::domain::session::{Session, Status};
    use crate::http::call::{Answered, id};
    use crate::http::pages::phones::own;
    use crate::http::pages::said::Said;
    use crate::http::pages::sessions::one;
    use crate::http::pages::visit::Visit;
    use crate::http::reply;
    use crate::http::sandbox::Deed;

    pub(in crate::http) async fn scan(mut visit: Visit, session: String) -> Answered {
        let session: SessionId = id(&session)?;
        visit.form().await?.finish(Some(()))?;
        match scanned(&visit, session).await {
            Ok(()) => Ok(reply::see_other(&one::path(session))),
            Err(refusal) => one::page(&visit, session, one::Shown::with(Said::Refused(refusal))).await,
        }
    }

    async fn scanned(visit: &Visit, session: SessionId) -> Result<(), Refusal> {
        let shown = visit.system().current_qr(&visit.access, session).await?;
        let phone = own(visit.access.tenant, 0);
        visit.call.door.phones.act(&phone, Deed::Scan(shown.code), &visit.call.arrival.id).await.map(drop)
    }

    /// The button that has the simulated phone scan the code.
    pub(in crate::http::pages::sessions) fn form(visit: &Visit, session: &Session) -> Markup {
        let words = visit.words().start;
        html! {
            form.scan.card id="scan" method="post" action=(format!("{}/scan", one::path(session.id))) {
                (visit.csrf())
                p.small.muted { (visit.words().sessions.scan_about) }
                button.button.first disabled[session.status != Status::QrReady] { (words.scan) }
            }
        }
    }
}

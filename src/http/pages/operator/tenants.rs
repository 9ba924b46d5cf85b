//! Tenants and their plans: found by address, moved to another plan.

use maud::{Markup, html};

use super::super::super::call::{Answered, Call};
use super::super::super::fields::text;
use super::super::super::reply;
use super::super::moment::moment;
use super::super::said::Said;
use super::super::words;
use super::{Hall, Operating};
use crate::actors::FLEET_PAGE;
use crate::domain::access::Email;
use crate::domain::fleet::TenantRow;
use crate::domain::quota::Plan;

const PATH: &str = "/operator/tenants";

pub(in crate::http) async fn operated_tenants(call: Call) -> Answered {
    match Operating::of(call) {
        Ok(operating) => {
            let moved = operating.call.query.iter().any(|(name, _)| name == "moved");
            let said = moved.then_some(Said::Done(operating.look.words().operator.moved));
            page(&operating, said).await
        }
        Err(instead) => instead,
    }
}

pub(in crate::http) async fn change_plan(call: Call) -> Answered {
    let mut operating = match Operating::of(call) {
        Ok(operating) => operating,
        Err(instead) => return instead,
    };
    let mut fields = operating.form().await?;
    let email = fields.required("email", text(|email: String| email.parse::<Email>()));
    let plan = fields.required("plan", text(Ok::<_, String>));
    let moved = async {
        let (email, plan) = fields.finish(email.zip(plan))?;
        operating.system().move_to_plan(&email, &plan).await
    };
    match moved.await {
        Ok(()) => Ok(reply::see_other("/operator/tenants?moved=1")),
        Err(refusal) => page(&operating, Some(Said::Refused(refusal))).await,
    }
}

async fn page(operating: &Operating, said: Option<Said>) -> Answered {
    let words = operating.look.words().operator;
    let asked = |wanted: &str| {
        let found = operating.call.query.iter().find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let (holding, after) = (asked("q"), asked("after"));
    let mut tenants = operating.system().tenants(holding, after).await?;
    let plans = operating.system().plans().await?;
    let more = u64::try_from(tenants.len()).is_ok_and(|n| n > FLEET_PAGE);
    tenants.truncate(usize::try_from(FLEET_PAGE).unwrap_or(usize::MAX));
    let next = tenants.last().filter(|_| more).map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(holding.map(|holding| ("q", holding)));
        format!("{PATH}?{}", query.append_pair("after", &last.email).finish())
    });
    let body = html! {
        h1 { (words.tenants) }
        @if let Some(said) = &said { (said.shown(operating.look.language)) }
        form.row method="get" action=(PATH) role="search" {
            div.grow { label for="q" { (words.address_holds) } input id="q" name="q" type="search" maxlength="254" value=[holding]; }
            button.button { (words.find) }
        }
        @if tenants.is_empty() { p.empty { (words.no_tenants) } } @else { div.wide { (list(operating, &tenants, &plans)) } }
        @if let Some(next) = next { p { a.button href=(next) { (words.more) } } }
    };
    let page = operating.page(Hall::Tenants, words.tenants, &body)?;
    Ok(if let Some(said) = said { said.on(page) } else { page })
}

fn list(operating: &Operating, tenants: &[TenantRow], plans: &[Plan]) -> Markup {
    let (words, now) = (operating.look.words().operator, operating.system().clock().now());
    html! {
        table.rows {
            thead { tr { th { (words.address) } th { (words.sessions) } th { (words.today) } th { (words.since) } th { (words.plan) } } }
            tbody {
                @for tenant in tenants {
                    tr {
                        td { strong { (tenant.email) } br; code.small { (tenant.id) } }
                        td.num data-label=(words.sessions) { (tenant.connected) " / " (tenant.sessions) }
                        td.num data-label=(words.today) { (tenant.used_today) }
                        td data-label=(words.since) { (moment(operating.look.language, tenant.created_at, now)) }
                        td data-label=(words.plan) {
                            form.row method="post" action=(PATH) {
                                (operating.csrf())
                                input type="hidden" name="email" value=(tenant.email);
                                select name="plan" aria-label=(format!("{} {}", words.plan, tenant.email)) {
                                    @for plan in plans {
                                        option value=(plan.name) selected[plan.name == tenant.plan] { (words::plan(&plan.name)) }
                                    }
                                }
                                button.quiet { (words.change) }
                            }
                        }
                    }
                }
            }
        }
    }
}

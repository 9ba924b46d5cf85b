//! Accepting sends: for a whole batch a read of plans and counts, one of the sessions, one of idempotent answers if any are asked
//! for, one decision each, and few inserts a table.
//!
//! Row, wire id, the day's count, the idempotent answer and the event are committed together, or not at all.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{event, idempotency, media, message, plan, session, tenant, usage};
use sea_orm::sea_query::{Expr, IntoCondition, OnConflict};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    JoinType, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::answers::{self, Known};
use super::{Store, StoreError, many};
use crate::domain::content::Content;
use crate::domain::error::{Code, Refusal};
use crate::domain::event::MESSAGE_ACCEPTED;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::idempotency::Once;
use crate::domain::media::{Caption, Source, Stage};
use crate::domain::message::{Direction, Status};
use crate::domain::phone::Phone;
use crate::domain::quota::{self, Usage};
use crate::domain::request::{Cause, RequestId};

/// The session that sends, and its account's number.
#[derive(Debug, Clone)]
pub struct Sender {
    pub session: SessionId,
    pub phone: Option<Phone>,
}

impl Sender {
    /// Whether the session is still linked to the account that it was chosen for.
    fn is_at(&self, linked: Option<&str>) -> bool {
        self.phone.as_ref().map(Phone::digits) == linked
    }
}

/// A send that its tenant's actor let through, on its way into the database.
pub struct AcceptJob {
    pub tenant: TenantId,
    /// The session that sends, or why none can: only an answer given before overrules that.
    pub session: Result<Sender, Refusal>,
    pub id: MessageId,
    pub wire_id: String,
    pub to: Phone,
    pub content: Content,
    pub cause: Cause,
    pub at: DateTime<Utc>,
    pub once: Option<Once>,
    /// The body that answers it. Under an idempotency key it is kept, sealed.
    pub answer: Vec<u8>,
    /// Called once, after the commit or when there will be none.
    pub done: Box<dyn FnOnce(Result<Outcome, StoreError>) + Send + Sync>,
}

/// What became of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted(Usage),
    /// The same request was accepted before: this is the answer it got.
    Replayed(Vec<u8>, Usage),
    /// The idempotency key belongs to another request.
    KeyReused,
    DailyLimit(Usage),
    Refused(Refusal),
}

impl Store {
    /// Hands a send to the writer, without waiting for the commit.
    pub fn accept(&self, mut job: AcceptJob) {
        if let Some(once) = &job.once {
            let (sealer, key) = (self.sealer(job.tenant), once.key.clone());
            match answers::seal(&sealer, &key, &job.answer) {
                Ok(answer) => job.answer = answer,
                Err(error) => return (job.done)(Err(error)),
            }
            let done = job.done;
            job.done = Box::new(move |outcome| {
                done(outcome.and_then(|outcome| match outcome {
                    Outcome::Replayed(first, usage) => {
                        Ok(Outcome::Replayed(answers::open(&sealer, key.as_str(), first)?, usage))
                    }
                    other => Ok(other),
                }));
            });
        }
        self.inner.writer.accept(job);
    }
}

/// A tenant's day: the send's date decides, so a batch across midnight counts for both.
type Day = (Uuid, NaiveDate);

struct Ledger {
    limits: HashMap<Uuid, u64>,
    used: HashMap<Day, u64>,
    /// The sessions that are not deleted, each with the digits of the number that it is linked to.
    linked: HashMap<Uuid, Option<String>>,
    answers: HashMap<(Uuid, String), idempotency::Model>,
}

pub(super) async fn write(batch: &DatabaseTransaction, jobs: &[AcceptJob]) -> Result<Vec<Outcome>, StoreError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut ledger = read(batch, jobs).await?;
    let before = ledger.used.clone();
    let outcomes: Vec<Outcome> = jobs.iter().map(|job| decide(&mut ledger, job)).collect();
    let accepted: Vec<(&AcceptJob, &Sender)> = jobs
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| matches!(outcome, Outcome::Accepted(_)))
        .filter_map(|(job, _)| Some((job, job.session.as_ref().ok()?)))
        .collect();
    if accepted.is_empty() {
        return Ok(outcomes);
    }
    many::insert(batch, accepted.iter().map(|(job, sender)| row(job, sender)).collect()).await?;
    many::insert(batch, accepted.iter().filter_map(|(job, sender)| medium(job, sender.session)).collect()).await?;
    many::insert(batch, accepted.iter().map(|(job, sender)| accepted_event(job, sender.session)).collect()).await?;
    count(batch, &before, &ledger.used).await?;
    let answers = accepted.iter().filter_map(|(job, _)| answer(job)).map(IntoActiveModel::into_active_model);
    answers::keep(batch, answers.collect()).await?;
    Ok(outcomes)
}

/// Everything the batch's decisions need, in two reads, and one more if there are idempotency keys.
async fn read(batch: &DatabaseTransaction, jobs: &[AcceptJob]) -> Result<Ledger, StoreError> {
    let tenants: BTreeSet<Uuid> = jobs.iter().map(|job| job.tenant.0).collect();
    let days: BTreeSet<NaiveDate> = jobs.iter().map(|job| quota::day(job.at)).collect();
    let to_plan = tenant::Entity::belongs_to(plan::Entity).from(tenant::Column::Plan).to(plan::Column::Name);
    let to_usage = tenant::Entity::belongs_to(usage::Entity).from(tenant::Column::Id).to(usage::Column::TenantId);
    let today = tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Id)
        .column(plan::Column::MessagesPerDay)
        .column(usage::Column::Day)
        .column(usage::Column::Used)
        .join(JoinType::InnerJoin, to_plan.into())
        .join(
            JoinType::LeftJoin,
            to_usage
                .on_condition(move |_, usage| {
                    Expr::col((usage, usage::Column::Day)).is_in(days.clone()).into_condition()
                })
                .into(),
        )
        .filter(tenant::Column::Id.is_in(tenants.clone()));
    let today: Vec<(Uuid, i64, Option<NaiveDate>, Option<i64>)> = today.into_tuple().all(batch).await?;
    let sessions: BTreeSet<Uuid> =
        jobs.iter().filter_map(|job| job.session.as_ref().ok()).map(|sender| sender.session.0).collect();
    let linked = session::Entity::find()
        .select_only()
        .columns([session::Column::Id, session::Column::Phone])
        .filter(session::Column::TenantId.is_in(tenants.clone()))
        .filter(session::Column::Id.is_in(sessions))
        .filter(session::Column::DeletedAt.is_null());
    let linked: Vec<(Uuid, Option<String>)> = linked.into_tuple().all(batch).await?;
    let keys: Vec<&str> = jobs.iter().filter_map(|job| job.once.as_ref()).map(|once| once.key.as_str()).collect();
    let answers = if keys.is_empty() {
        Vec::new()
    } else {
        let asked = idempotency::Entity::find().filter(idempotency::Column::TenantId.is_in(tenants));
        asked.filter(idempotency::Column::Key.is_in(keys)).all(batch).await?
    };
    Ok(Ledger {
        limits: today.iter().map(|(id, limit, ..)| (*id, u64::try_from(*limit).unwrap_or(0))).collect(),
        used: today
            .iter()
            .filter_map(|(id, _, day, used)| Some(((*id, (*day)?), u64::try_from((*used)?).ok()?)))
            .collect(),
        linked: linked.into_iter().collect(),
        answers: answers.into_iter().map(|a| ((a.tenant_id, a.key.clone()), a)).collect(),
    })
}

fn decide(ledger: &mut Ledger, job: &AcceptJob) -> Outcome {
    let limit = ledger.limits.get(&job.tenant.0).copied().unwrap_or(0);
    let used = ledger.used.entry((job.tenant.0, quota::day(job.at))).or_insert(0);
    let mut usage = Usage { limit, used: *used, reset_seconds: quota::seconds_to_midnight(job.at) };
    if let Some(once) = &job.once {
        match answers::known(ledger.answers.get(&(job.tenant.0, once.key.as_str().to_owned())), once, job.at) {
            Some(Known::Same(first)) => return Outcome::Replayed(first.answer.clone(), usage),
            Some(Known::Another) => return Outcome::KeyReused,
            None => {}
        }
    }
    match &job.session {
        Err(refusal) => return Outcome::Refused(refusal.clone()),
        Ok(sender) if !ledger.linked.get(&sender.session.0).is_some_and(|phone| sender.is_at(phone.as_deref())) => {
            return Outcome::Refused(unlinked());
        }
        Ok(_) => {}
    }
    if *used >= limit {
        return Outcome::DailyLimit(usage);
    }
    *used += 1;
    usage.used = *used;
    // A tenant's actor that failed may have forgotten that the first is under way, and let the same through again.
    if let Some(answer) = answer(job) {
        ledger.answers.insert((answer.tenant_id, answer.key.clone()), answer);
    }
    Outcome::Accepted(usage)
}

/// The tenant's actor hears of the end of a session a moment after its row says so: what was let through meanwhile would be sent by
/// nobody, or wait for whichever account is linked next.
fn unlinked() -> Refusal {
    let detail =
        "The session was logged out, linked to another account or deleted in this moment; nothing was accepted.";
    Refusal::new(Code::SessionNotConnected, detail)
}

async fn count(
    batch: &DatabaseTransaction,
    before: &HashMap<Day, u64>,
    after: &HashMap<Day, u64>,
) -> Result<(), StoreError> {
    let changed = after.iter().filter(|(day, used)| before.get(*day).copied().unwrap_or(0) != **used);
    let rows: Vec<_> = changed
        .map(|((tenant, day), used)| usage::ActiveModel {
            tenant_id: Set(*tenant),
            day: Set(*day),
            used: Set(i64::try_from(*used).unwrap_or(i64::MAX)),
        })
        .collect();
    let upsert = OnConflict::columns([usage::Column::TenantId, usage::Column::Day])
        .update_column(usage::Column::Used)
        .to_owned();
    usage::Entity::insert_many(rows).on_conflict(upsert).exec_without_returning(batch).await?;
    Ok(())
}

fn row(job: &AcceptJob, sender: &Sender) -> message::ActiveModel {
    message::ActiveModel {
        seq: NotSet,
        id: Set(job.id.0),
        tenant_id: Set(job.tenant.0),
        session_id: Set(sender.session.0),
        direction: Set(Direction::Outbound.number()),
        wire_id: Set(job.wire_id.clone()),
        peer: Set(job.to.digits().to_owned()),
        to_phone: Set(Some(job.to.to_string())),
        from_phone: Set(sender.phone.as_ref().map(Phone::to_string)),
        kind: Set(job.content.kind().as_str().to_owned()),
        text: Set(words(&job.content).map(str::to_owned)),
        status: Set(Status::Pending.number()),
        error_code: Set(None),
        error_message: Set(None),
        sent_at: Set(None),
        delivered_at: Set(None),
        read_at: Set(None),
        created_at: Set(job.at),
        request_id: Set(job.cause.request.as_ref().map(RequestId::to_string)),
        traceparent: Set(job.cause.trace.as_ref().map(|trace| trace.as_str().to_owned())),
    }
}

/// The row of its medium, if it has one.
fn medium(job: &AcceptJob, session: SessionId) -> Option<media::ActiveModel> {
    let Content::Media(medium) = &job.content else { return None };
    let (url, spool) = match &medium.source {
        Source::Url(url) => (Some(url.as_str().to_owned()), None),
        Source::Upload(name) => (None, Some(name.0)),
    };
    Some(media::ActiveModel {
        message_id: Set(job.id.0),
        tenant_id: Set(job.tenant.0),
        session_id: Set(session.0),
        wanted: Set(medium.wanted.as_str().to_owned()),
        url: Set(url),
        spool: Set(spool),
        stage: Set(Stage::Waiting.number()),
        attempts: Set(0),
        gif: Set(false),
        ..Default::default()
    })
}

/// What is said in words: the text, or the caption of a medium.
fn words(content: &Content) -> Option<&str> {
    match content {
        Content::Text(text) => Some(text.as_str()),
        Content::Media(media) => media.caption.as_ref().map(Caption::as_str),
    }
}

fn accepted_event(job: &AcceptJob, session: SessionId) -> event::ActiveModel {
    event::ActiveModel {
        seq: NotSet,
        tenant_id: Set(job.tenant.0),
        session_id: Set(session.0),
        message_id: Set(Some(job.id.0)),
        kind: Set(MESSAGE_ACCEPTED.to_owned()),
        payload: Set(None),
        created_at: Set(job.at),
    }
}

fn answer(job: &AcceptJob) -> Option<idempotency::Model> {
    let once = job.once.as_ref()?;
    Some(idempotency::Model {
        tenant_id: job.tenant.0,
        key: once.key.as_str().to_owned(),
        request: once.request.to_vec(),
        answer: job.answer.clone(),
        location: None,
        created_at: job.at,
    })
}

//! Faults as they are asked for and shown: by a tenant, for its own sessions; by whoever calls the network itself, for anyone.

pub(super) mod described;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::errand::number;
use crate::domain::error::Refusal;
use crate::domain::event::time;
use crate::domain::id::SessionId;
use crate::domain::phone::Phone;
use crate::http::fields::{self, Fields, line, text, whole};
use crate::sandbox::{
    COUNT_MAX, Count, Fault, FaultError, FaultId, FaultInfo, FaultKind, Probability, SECONDS_MAX, Seconds,
};

const OWNER_MAX: usize = 100;
/// Companions that one fault is aimed at by number.
const DEVICES_MAX: usize = 10_000;

/// What goes wrong, how long, how often: the same for every caller.
struct Asked {
    kind: Option<FaultKind>,
    seconds: Option<Seconds>,
    count: Option<Count>,
    probability: Option<Probability>,
}

impl Asked {
    fn read(fields: &mut Fields) -> Self {
        let said = |error: FaultError| error.to_string();
        Self {
            kind: fields.required("fault", text(|name| name.parse::<FaultKind>())),
            seconds: fields
                .optional("seconds", |value| Seconds::try_from(whole(1..=SECONDS_MAX.into())(value)?).map_err(said)),
            count: fields.optional("count", |value| Count::try_from(whole(1..=COUNT_MAX.into())(value)?).map_err(said)),
            probability: fields.optional("probability", |value| {
                value.as_f64().ok_or(FaultError::Probability).and_then(Probability::try_from).map_err(said)
            }),
        }
    }

    fn fault(self) -> Option<Fault> {
        let Self { kind, seconds, count, probability } = self;
        Some(Fault { seconds, count, probability, ..Fault::new(kind?) })
    }
}

/// What a tenant asks for: which of its sessions, or all; `phone` is the other party that it is narrowed to.
pub(super) fn of_tenant(mut fields: Fields) -> Result<(Option<SessionId>, Fault), Refusal> {
    let asked = Asked::read(&mut fields);
    let session = fields.optional("sessionId", fields::id);
    let peer = fields.optional("phone", number);
    let fault = fields.finish(asked.fault())?;
    checked(Fault { peer, ..fault }, "phone").map(|fault| (session, fault))
}

/// What a caller of the network itself asks for: `phone` is the account that it is aimed at, with `device` one companion
/// of it; `devices` lists companions of several; `peer` is the other party.
pub(super) fn of_anyone(mut fields: Fields) -> Result<Fault, Refusal> {
    let asked = Asked::read(&mut fields);
    let account = fields.optional("phone", number);
    let device = fields.optional("device", device);
    let listed = fields.optional("devices", devices);
    let peer = fields.optional("peer", number);
    let owner = owner(&mut fields);
    if listed.is_some() && account.is_some() {
        fields.wrong("devices", "must not be given together with phone");
    }
    if device.is_some() && account.is_none() {
        fields.wrong("device", "is a number within an account: give its phone too");
    }
    let fault = fields.finish(asked.fault())?;
    let fault = match (account, device) {
        (Some(phone), Some(device)) => Fault { devices: vec![(phone, device)], ..fault },
        (account, _) => Fault { account, devices: listed.unwrap_or_default(), ..fault },
    };
    checked(Fault { peer, owner, ..fault }, "peer")
}

pub(super) fn owner(fields: &mut Fields) -> Option<String> {
    fields.optional("owner", line(OWNER_MAX))
}

fn checked(fault: Fault, peer: &str) -> Result<Fault, Refusal> {
    fault.check().map_err(|error| refused(error, peer)).map(|()| fault)
}

/// Why a fault was not taken, under the name that the other party has where it was asked for.
pub(super) fn refused(error: FaultError, peer: &str) -> Refusal {
    let field = match error {
        FaultError::DoesNotGoWith("peer", _) => peer,
        FaultError::DoesNotGoWith(field, _) => field,
        FaultError::Seconds => "seconds",
        FaultError::Count => "count",
        FaultError::Probability => "probability",
        FaultError::Unknown | FaultError::TooMany => "fault",
    };
    Refusal::field(field, &error)
}

fn device(value: Value) -> Result<u16, String> {
    whole(1..=u16::MAX.into())(value).and_then(|number| u16::try_from(number).map_err(|error| error.to_string()))
}

fn devices(value: Value) -> Result<Vec<(Phone, u16)>, String> {
    let wrong = || format!("must be a list of 1 to {DEVICES_MAX} objects, each with phone and device");
    let Value::Array(listed) = value else { return Err(wrong()) };
    if listed.is_empty() || listed.len() > DEVICES_MAX {
        return Err(wrong());
    }
    let one = |mut one: Value| {
        Some((number(one.get_mut("phone")?.take()).ok()?, device(one.get_mut("device")?.take()).ok()?))
    };
    listed.into_iter().map(|listed| one(listed).ok_or_else(wrong)).collect()
}

/// A companion that a fault is aimed at: a linked device of an account.
#[derive(Serialize, ToSchema)]
struct Companion<'f> {
    phone: &'f Phone,
    device: u16,
}

/// A fault as callers see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'f> {
    id: FaultId,
    fault: FaultKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account: Option<&'f Phone>,
    devices: Vec<Companion<'f>>,
    /// Only what is about this other party.
    peer: Option<&'f Phone>,
    #[schema(value_type = Option<u16>)]
    seconds: Option<Seconds>,
    /// Occasions that are left.
    count: Option<u32>,
    #[schema(value_type = Option<f64>)]
    probability: Option<Probability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<DateTime<Utc>>)]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<DateTime<Utc>>)]
    expires_at: Option<String>,
}

impl<'f> View<'f> {
    pub(super) fn of(id: FaultId, fault: &'f Fault) -> Self {
        Self {
            id,
            fault: fault.kind,
            account: fault.account.as_ref(),
            devices: fault.devices.iter().map(|(phone, device)| Companion { phone, device: *device }).collect(),
            peer: fault.peer.as_ref(),
            seconds: fault.seconds,
            count: fault.count.map(Count::get),
            probability: fault.probability,
            created_at: None,
            expires_at: None,
        }
    }

    pub(super) fn of_one_in_force(info: &'f FaultInfo) -> Self {
        let at = |moment: &DateTime<Utc>| time::text(moment);
        Self {
            count: info.left,
            created_at: Some(at(&info.created_at)),
            expires_at: info.expires_at.as_ref().map(at),
            ..Self::of(info.id, &info.fault)
        }
    }
}

/// The body that asks a network's own API for the same fault.
pub(super) fn body(fault: &Fault) -> Value {
    let devices: Vec<_> = fault.devices.iter().map(|(phone, device)| Companion { phone, device: *device }).collect();
    json!({
        "fault": fault.kind,
        "phone": fault.account,
        "devices": (!devices.is_empty()).then_some(devices),
        "peer": fault.peer,
        "seconds": fault.seconds,
        "count": fault.count,
        "probability": fault.probability,
        "owner": fault.owner,
    })
}

/// The query that asks it for the faults of one owner. The owners that a server names are ids.
pub(super) fn query(owner: Option<&str>) -> String {
    owner.map(|owner| format!("?owner={owner}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Code;

    fn fields(body: &Value) -> Fields {
        Fields::of_json(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_is_no_fault_is_refused_field_by_field() {
        for (body, field) in [
            (json!({}), "fault"),
            (json!({ "fault": "earthquake" }), "fault"),
            (json!({ "fault": 7 }), "fault"),
            (json!({ "fault": "lose_acks", "seconds": 0 }), "seconds"),
            (json!({ "fault": "lose_acks", "seconds": 3601 }), "seconds"),
            (json!({ "fault": "lose_acks", "count": 1.5 }), "count"),
            (json!({ "fault": "lose_acks", "probability": 0 }), "probability"),
            (json!({ "fault": "lose_acks", "probability": "half" }), "probability"),
            (json!({ "fault": "lose_acks", "phone": "12" }), "phone"),
            (json!({ "fault": "log_out", "count": 1 }), "count"),
            (json!({ "fault": "ban", "phone": "+237611111111" }), "phone"),
            (json!({ "fault": "ban", "sessionId": "mine" }), "sessionId"),
            (json!({ "fault": "ban", "owner": "me" }), "owner"),
        ] {
            let refusal = of_tenant(fields(&body)).unwrap_err();
            assert_eq!((refusal.code, refusal.fields[0].field.as_str()), (Code::ValidationFailed, field), "{body}");
        }
        let (session, fault) =
            of_tenant(fields(&json!({ "fault": "lose_acks", "phone": "+237 611 111 111" }))).unwrap();
        assert_eq!((session, fault.kind, fault.account), (None, FaultKind::LoseAcks, None));
        assert_eq!(fault.peer, "+237611111111".parse().ok());
    }

    #[test]
    fn a_network_by_itself_is_told_companions_by_number() {
        let phone = "+237611111111";
        for (body, field) in [
            (json!({ "fault": "ban", "device": 1 }), "device"),
            (json!({ "fault": "ban", "phone": phone, "device": 0 }), "device"),
            (json!({ "fault": "ban", "devices": [] }), "devices"),
            (json!({ "fault": "ban", "devices": [{ "phone": phone }] }), "devices"),
            (json!({ "fault": "ban", "phone": phone, "devices": [{ "phone": phone, "device": 1 }] }), "devices"),
            (json!({ "fault": "silence", "peer": phone }), "peer"),
        ] {
            assert_eq!(of_anyone(fields(&body)).unwrap_err().fields[0].field, field, "{body}");
        }
        let asked = json!({ "fault": "lose_acks", "phone": phone, "device": 3, "owner": "me", "probability": 0.5 });
        let fault = of_anyone(fields(&asked)).unwrap();
        assert_eq!((fault.devices.clone(), fault.account.as_ref()), (vec![(phone.parse().unwrap(), 3)], None));
        // What is asked of a network elsewhere is understood there as the same.
        assert_eq!(of_anyone(fields(&body(&fault))).unwrap(), fault);
        let all = of_anyone(fields(&json!({ "fault": "refuse_connections", "phone": phone }))).unwrap();
        assert_eq!((all.devices.len(), all.account), (0, phone.parse().ok()));
    }
}

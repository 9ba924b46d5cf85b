//! Ids, one type a noun, so that none can stand where another is meant. All are UUIDs of version 7, which sort by time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Only as ids are written here: with dashes, and without what other notations put around them.
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                uuid::fmt::Hyphenated::from_str(text).map(|id| Self(id.into_uuid()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// One customer.
    TenantId
    /// One API key.
    KeyId
    /// One browser in which somebody is signed in.
    SignInId
    /// One linked WhatsApp account.
    SessionId
    /// One message, sent or received.
    MessageId
}

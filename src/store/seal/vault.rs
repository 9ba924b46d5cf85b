//! The vault: how the database knows its master key, and how a rotation hands over to the next one.
//!
//! Row 1 is a word sealed under the key in force. Row 2 is there from the beginning of a rotation until the new key has been given
//! once, and holds the new key, sealed under the old: whoever has either key can finish, and a crash between any two steps loses
//! nothing, not even a new key that nobody has written down yet.

use std::sync::{Arc, OnceLock};

use entity::vault::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::{MasterKey, MasterSecret, Sealer};
use crate::store::StoreError;

const FORCE: i32 = 1;
const NEXT: i32 = 2;
const PROOF: &[u8] = b"wamux";
const HANDOVER: &[u8] = b"wamux/next";

/// What a given key is to a database.
pub(in crate::store) enum Standing {
    /// Everything is sealed under it.
    InForce,
    /// So it is, and it came out of a rotation that is over.
    Arrived,
    /// A rotation from it to this one was cut short.
    Leaving(MasterSecret),
    /// A rotation from it to this one is over, and nobody has given the new key yet.
    Past(MasterSecret),
    /// A rotation is not over, and this is not the key that it began with; it may be the new one, which is not in force yet.
    Beside,
    Foreign,
}

/// How the key stands; a new database takes the key that it is given.
pub(in crate::store) async fn standing(db: &impl ConnectionTrait, given: &MasterKey) -> Result<Standing, StoreError> {
    let sealer = vault_of(given);
    if read(db, FORCE).await?.is_none() {
        let first = OnConflict::column(Column::Id).do_nothing().to_owned();
        let row = ActiveModel { id: Set(FORCE), proof: Set(sealer.seal(PROOF, PROOF)?) };
        Entity::insert(row).on_conflict(first).exec_without_returning(db).await?;
    }
    let force = read(db, FORCE).await?.ok_or(StoreError::Corrupt("vault"))?;
    let next = read(db, NEXT).await?;
    let handed = next.as_ref().and_then(|next| sealer.open(HANDOVER, next).ok());
    let handed = handed.and_then(|secret| secret.try_into().ok()).map(MasterSecret);
    Ok(match (sealer.open(PROOF, &force).is_ok(), handed) {
        (true, Some(new)) => Standing::Leaving(new),
        (true, None) if next.is_some() => Standing::Arrived,
        (true, None) => Standing::InForce,
        (false, Some(new)) => Standing::Past(new),
        (false, None) if next.is_some() => Standing::Beside,
        (false, None) => Standing::Foreign,
    })
}

pub(in crate::store) async fn is_in_force(db: &impl ConnectionTrait, key: &MasterKey) -> Result<bool, StoreError> {
    Ok(read(db, FORCE).await?.is_some_and(|proof| vault_of(key).open(PROOF, &proof).is_ok()))
}

/// The first step of a rotation.
pub(in crate::store) async fn hand_over(
    db: &impl ConnectionTrait,
    old: &MasterKey,
    new: &MasterSecret,
) -> Result<(), StoreError> {
    put(db, NEXT, vault_of(old).seal(HANDOVER, &new.0)?).await
}

/// The last step: from now on this key is in force.
pub(in crate::store) async fn enforce(db: &impl ConnectionTrait, new: &MasterKey) -> Result<(), StoreError> {
    put(db, FORCE, vault_of(new).seal(PROOF, PROOF)?).await
}

/// The new key is where it will be found: the old one opens nothing any more.
pub(in crate::store) async fn forget_old(db: &impl ConnectionTrait) -> Result<(), sea_orm::DbErr> {
    Entity::delete_by_id(NEXT).exec(db).await.map(|_| ())
}

async fn read(db: &impl ConnectionTrait, id: i32) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?.map(|row| row.proof))
}

async fn put(db: &impl ConnectionTrait, id: i32, proof: Vec<u8>) -> Result<(), StoreError> {
    let replace = OnConflict::column(Column::Id).update_column(Column::Proof).to_owned();
    let row = ActiveModel { id: Set(id), proof: Set(proof) };
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn vault_of(key: &MasterKey) -> Sealer {
    key.derive(b"vault")
}

/// Lets a new connection write only while the key that this process seals with is in force.
#[derive(Clone, Default)]
pub(in crate::store) struct Guard(Arc<OnceLock<Sealer>>);

impl Guard {
    /// From now on for this key.
    pub(in crate::store) fn set(&self, key: &MasterKey) {
        let _ = self.0.set(vault_of(key));
    }

    pub(in crate::store) fn allows(&self, proof: Option<&[u8]>) -> bool {
        match (self.0.get(), proof) {
            (Some(sealer), Some(proof)) => sealer.open(PROOF, proof).is_ok(),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

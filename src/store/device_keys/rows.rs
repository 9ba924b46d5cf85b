//! The statements behind the device keys: each runs on SQLite and PostgreSQL alike, and none binds too many variables.

use std::collections::HashSet;

use entity::device_key::{Column, Entity, Model};
use entity::session;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::Kind;
use crate::domain::id::SessionId;
use crate::domain::session::Lease;

/// Rows per statement: five variables each, far below SQLite's limit of 32,766.
pub(super) const CHUNK: usize = 500;

/// The rows of one kind of one session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) session: SessionId,
    pub(super) kind: Kind,
}

impl Scope {
    fn condition(self) -> Condition {
        Condition::all().add(Column::SessionId.eq(self.session.0)).add(Column::Kind.eq(self.kind as i16))
    }

    fn name(self, name: &str) -> Condition {
        self.condition().add(Column::Name.eq(name))
    }

    fn names(self, names: &[String]) -> Condition {
        self.condition().add(Column::Name.is_in(names))
    }
}

/// Whether the lease is still the newest: asked within the transaction that writes.
pub(super) async fn held(txn: &DatabaseTransaction, lease: Lease) -> Result<bool, DbErr> {
    let row = session::Entity::find_by_id(lease.session.0).filter(session::Column::TenantId.eq(lease.tenant.0));
    let epoch: Option<i64> = row.select_only().column(session::Column::Epoch).into_tuple().one(txn).await?;
    Ok(epoch == Some(lease.epoch))
}

pub(super) async fn one(db: &impl ConnectionTrait, scope: Scope, name: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(scope.name(name)).one(db).await
}

pub(super) async fn named(db: &impl ConnectionTrait, scope: Scope, names: &[String]) -> Result<Vec<Model>, DbErr> {
    let mut found = Vec::with_capacity(names.len());
    for chunk in names.chunks(CHUNK) {
        found.extend(Entity::find().filter(scope.names(chunk)).all(db).await?);
    }
    Ok(found)
}

pub(super) async fn all(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(scope.condition()).all(db).await
}

pub(super) async fn marked(db: &impl ConnectionTrait, scope: Scope, mark: i64) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(scope.condition().add(Column::Mark.eq(mark))).all(db).await
}

pub(super) async fn below(db: &impl ConnectionTrait, scope: Scope, mark: i64) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(scope.condition().add(Column::Mark.lt(mark))).all(db).await
}

pub(super) async fn any_marked(db: &impl ConnectionTrait, scope: Scope, mark: i64) -> Result<bool, DbErr> {
    any(db, scope.condition().add(Column::Mark.eq(mark))).await
}

pub(super) async fn any_below(db: &impl ConnectionTrait, scope: Scope, mark: i64) -> Result<bool, DbErr> {
    any(db, scope.condition().add(Column::Mark.lt(mark))).await
}

pub(super) async fn holds(db: &impl ConnectionTrait, scope: Scope, name: &str) -> Result<bool, DbErr> {
    any(db, scope.name(name)).await
}

async fn any(db: &impl ConnectionTrait, condition: Condition) -> Result<bool, DbErr> {
    let found = Entity::find().filter(condition).limit(1).select_only().column(Column::Mark);
    let mark: Option<i64> = found.into_tuple().one(db).await?;
    Ok(mark.is_some())
}

pub(super) async fn last(db: &impl ConnectionTrait, scope: Scope) -> Result<Option<(String, i64)>, DbErr> {
    let newest = Entity::find().filter(scope.condition()).order_by_desc(Column::Mark).limit(1);
    newest.select_only().column(Column::Name).column(Column::Mark).into_tuple().one(db).await
}

/// Inserts or replaces. Of rows with one name the last counts: PostgreSQL refuses to touch a row twice in a statement.
pub(super) async fn upsert(txn: &DatabaseTransaction, rows: Vec<Model>) -> Result<(), DbErr> {
    let mut seen = HashSet::new();
    let mut rows: Vec<_> = rows.into_iter().rev().filter(|row| seen.insert((row.kind, row.name.clone()))).collect();
    rows.reverse();
    insert_or_replace(txn, rows).await
}

/// As `upsert`, for rows that differ in their places.
pub(super) async fn insert_or_replace(txn: &DatabaseTransaction, rows: Vec<Model>) -> Result<(), DbErr> {
    let replace = OnConflict::columns([Column::SessionId, Column::Kind, Column::Name])
        .update_columns([Column::Value, Column::Mark])
        .to_owned();
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let chunk = Entity::insert_many(rows.by_ref().take(CHUNK));
        chunk.on_conflict(replace.clone()).exec_without_returning(txn).await?;
    }
    Ok(())
}

pub(super) async fn raise_marks(txn: &DatabaseTransaction, scope: Scope, marks: &[i64]) -> Result<(), DbErr> {
    for chunk in marks.chunks(CHUNK) {
        let these = scope.condition().add(Column::Mark.is_in(chunk.iter().copied()));
        Entity::update_many().col_expr(Column::Mark, Expr::col(Column::Mark).add(1)).filter(these).exec(txn).await?;
    }
    Ok(())
}

pub(super) async fn take(txn: &DatabaseTransaction, scope: Scope, name: &str) -> Result<Option<Model>, DbErr> {
    Ok(Entity::delete_many().filter(scope.name(name)).exec_with_returning(txn).await?.into_iter().next())
}

pub(super) async fn delete(txn: &DatabaseTransaction, scope: Scope, names: &[String]) -> Result<(), DbErr> {
    for chunk in names.chunks(CHUNK) {
        Entity::delete_many().filter(scope.names(chunk)).exec(txn).await?;
    }
    Ok(())
}

pub(super) async fn delete_marked(txn: &DatabaseTransaction, scope: Scope, mark: i64) -> Result<(), DbErr> {
    Entity::delete_many().filter(scope.condition().add(Column::Mark.eq(mark))).exec(txn).await?;
    Ok(())
}

pub(super) async fn delete_below(txn: &DatabaseTransaction, scope: Scope, mark: i64) -> Result<u64, DbErr> {
    let below = scope.condition().add(Column::Mark.lt(mark));
    Ok(Entity::delete_many().filter(below).exec(txn).await?.rows_affected)
}

pub(super) async fn delete_kind(txn: &DatabaseTransaction, scope: Scope) -> Result<(), DbErr> {
    Entity::delete_many().filter(scope.condition()).exec(txn).await?;
    Ok(())
}

pub(super) async fn wipe(txn: &DatabaseTransaction, session: SessionId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::SessionId.eq(session.0)).exec(txn).await?;
    Ok(())
}

//! What the database looks at to answer: never the history.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::*;
use crate::store::device_keys::store_with_session;

/// SQLite's plan of a statement, a line a step.
pub(in crate::store) async fn plan(store: &Store, query: &impl QueryTrait) -> Vec<String> {
    let query = query.build(DbBackend::Sqlite);
    let explain = format!("EXPLAIN QUERY PLAN {}", query.sql);
    let asked = match query.values {
        Some(values) => Statement::from_sql_and_values(DbBackend::Sqlite, explain, values),
        None => Statement::from_string(DbBackend::Sqlite, explain),
    };
    let plan = store.reader().query_all_raw(asked).await.unwrap();
    plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

/// Holds the plan of a statement: the few rows of the partial index, and never the history.
pub(in crate::store) async fn assert_reads_only_what_is_in_hand(store: &Store, query: &impl QueryTrait) {
    let plan = plan(store, query).await;
    assert!(plan.len() == 1 && plan[0].contains("INDEX message_due"), "{plan:?}");
}

#[tokio::test]
async fn what_is_due_is_found_without_a_look_at_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let (account, now) = ("+237600000001".parse().unwrap(), store.clock().now());
    let pending = plan(&store, &due::pending(lease, 7, 64)).await;
    let sent = plan(&store, &due::sent(lease, &account, now, 7, Some(9))).await;
    let chats = plan(&store, &due::chats_of(due::sent(lease, &account, now, 7, None))).await;
    // Of the history, at most single rows by their id; of the chats that are held back, as many as there are.
    for (plan, driven_by) in [(pending, "INDEX message_due"), (sent, "INDEX message_due"), (chats, "INDEX message_due")]
    {
        let touched: Vec<_> =
            plan.iter().filter(|step| step.starts_with("SEARCH") || step.starts_with("SCAN")).collect();
        let known = ["INDEX message_due", "INDEX media_due", "INDEX sqlite_autoindex_", " held"];
        assert!(touched.iter().any(|step| step.contains(driven_by)), "{plan:?}");
        assert!(touched.iter().all(|step| known.iter().any(|known| step.contains(known))), "{plan:?}");
    }
}

#[tokio::test]
async fn a_search_looks_through_so_many_and_finds_where_they_begin_without_reading_them() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lease) = store_with_session(folder.path()).await;
    let begin = plan(&store, &newest_but(lease.tenant, SEARCHED)).await;
    assert!(begin.len() == 1 && begin[0].contains("COVERING INDEX message_tenant"), "{begin:?}");
    let search = Some(Search::try_from("x".to_owned()).unwrap());
    let found = store.matching(lease.tenant, &Filter { search, ..Filter::default() }).await.unwrap();
    let found = plan(&store, &found.order_by_desc(Column::Seq).limit(10)).await;
    assert!(found.len() == 1 && found[0].contains("INDEX message_tenant (tenant_id=? AND seq>?)"), "{found:?}");
}

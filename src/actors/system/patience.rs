//! Asking a store that may be away for a while.

use std::time::Duration;

use crate::store::StoreError;

/// Asks the store again: for as long as the database does not answer, which is no failure of the session; for half a minute when it
/// answers that it failed.
pub(crate) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    const WAITS: [u64; 6] = [100, 400, 1600, 5000, 10_000, 10_000];
    let (mut away, mut failed) = (0, 0);
    loop {
        let answer = ask().await;
        let tries = match &answer {
            Err(StoreError::Away(_)) => &mut away,
            Err(StoreError::Database(_)) if failed < WAITS.len() => &mut failed,
            _ => return answer,
        };
        let wait = WAITS[(*tries).min(WAITS.len() - 1)];
        *tries += 1;
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

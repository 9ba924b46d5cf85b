//! Writing many rows with few different statements: a statement that was seen before is not parsed again.

use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};

/// The most rows of one statement: their values stay far below what SQLite and PostgreSQL bind at once.
const MOST: usize = 64;

/// Inserts the rows in parts of 64, 32, 16, … rows: seven statements for any number of them.
pub(super) async fn insert<E, A>(batch: &DatabaseTransaction, rows: Vec<A>) -> Result<(), DbErr>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + Send,
    E::Model: IntoActiveModel<A>,
{
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let part = part(left);
        E::insert_many(rows.by_ref().take(part)).exec_without_returning(batch).await?;
        left -= part;
    }
    Ok(())
}

/// The same parts of rows that are not inserted.
pub(super) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let (part, rest) = rows.split_at((!rows.is_empty()).then(|| part(rows.len()))?);
        rows = rest;
        Some(part)
    })
}

/// The largest power of two that fits, up to the most.
const fn part(left: usize) -> usize {
    if left >= MOST { MOST } else { 1 << left.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn any_number_of_rows_is_made_of_a_few_sizes() {
        for rows in 1..300usize {
            let (mut left, mut parts) = (rows, Vec::new());
            while left > 0 {
                parts.push(part(left));
                left -= part(left);
            }
            assert_eq!(parts.iter().sum::<usize>(), rows);
            let all: Vec<usize> = (0..rows).collect();
            assert_eq!(super::parts(&all).map(<[_]>::len).collect::<Vec<_>>(), parts);
            assert_eq!(super::parts(&all).collect::<Vec<_>>().concat(), all);
            assert!(parts.iter().all(|part| part.is_power_of_two() && *part <= 64));
        }
    }
}

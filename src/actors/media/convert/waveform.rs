//! The shape of a sound: 64 values from 0 to 100, folded from samples as they stream by, in memory that does not grow.

use crate::domain::media::WAVEFORM;

/// How many fine buckets are kept at most. Two become one whenever they are full, so their number stays between half and all.
const FINE: usize = 32 * WAVEFORM;

/// Samples of 16 bits, mono, folded into buckets.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Sums of squares, each of `each` samples; the last may have fewer.
    buckets: Vec<Bucket>,
    /// Each bucket takes 2 to the power of this many samples.
    power: u32,
    samples: u64,
    /// Half a sample, at the end of a piece.
    odd: Option<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    squares: f64,
    samples: u64,
}

impl Bucket {
    fn add(self, other: Self) -> Self {
        Self { squares: self.squares + other.squares, samples: self.samples + other.samples }
    }

    #[allow(clippy::cast_precision_loss, reason = "there are far fewer samples than a float counts exactly")]
    fn loudness(self) -> f64 {
        if self.samples == 0 { 0.0 } else { (self.squares / self.samples as f64).sqrt() }
    }
}

impl Fold {
    /// Takes little-endian samples, cut anywhere.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if let (Some(low), [high, after @ ..]) = (self.odd, rest) {
            self.odd = None;
            self.sample(i16::from_le_bytes([low, *high]));
            rest = after;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        for pair in pairs {
            self.sample(i16::from_le_bytes(*pair));
        }
        if let [low] = odd {
            self.odd = Some(*low);
        }
    }

    fn sample(&mut self, value: i16) {
        // The first sample of a bucket.
        if self.samples.trailing_zeros() >= self.power {
            if self.buckets.len() == FINE {
                let halves = self.buckets.as_chunks::<2>().0.iter().map(|[a, b]| a.add(*b)).collect();
                self.buckets = halves;
                self.power += 1;
            }
            self.buckets.push(Bucket::default());
        }
        if let Some(last) = self.buckets.last_mut() {
            let value = f64::from(value);
            *last = last.add(Bucket { squares: value * value, samples: 1 });
        }
        self.samples += 1;
    }

    pub(super) const fn samples(&self) -> u64 {
        self.samples
    }

    /// The loudest part is 100, silence is 0.
    pub(super) fn waveform(&self) -> [u8; WAVEFORM] {
        let count = self.buckets.len();
        let parts: [f64; WAVEFORM] = std::array::from_fn(|n| {
            // Every part has at least one bucket, also where there are fewer buckets than parts.
            let from = n * count / WAVEFORM;
            let to = ((n + 1) * count / WAVEFORM).max(from + 1).min(count);
            self.buckets
                .get(from..to)
                .unwrap_or_default()
                .iter()
                .fold(Bucket::default(), |sum, b| sum.add(*b))
                .loudness()
        });
        let loudest = parts.iter().copied().fold(0.0, f64::max);
        parts.map(|part| scale(part, loudest))
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
fn scale(part: f64, loudest: f64) -> u8 {
    // Less than a step of the converter is silence that was dithered.
    if loudest < 1.5 { 0 } else { (part / loudest * 100.0).round() as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(samples: &[i16]) -> Fold {
        let mut fold = Fold::default();
        fold.take(&samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
        fold
    }

    #[test]
    fn half_silent_is_half_low() {
        for length in [130, 8_000, 300_000, 2_400_001] {
            let samples: Vec<i16> = (0..length).map(|n| if n < length / 2 { 0 } else { 12_000 }).collect();
            let waveform = of(&samples).waveform();
            assert!(waveform[..31].iter().all(|value| *value == 0), "{length}: {waveform:?}");
            assert!(waveform[33..].iter().all(|value| *value == 100), "{length}: {waveform:?}");
        }
    }

    #[test]
    fn silence_and_nothing_at_all_are_flat() {
        assert_eq!(of(&[]).waveform(), [0; WAVEFORM]);
        assert_eq!(of(&[0; 5000]).waveform(), [0; WAVEFORM]);
        assert_eq!(of(&[1, -1, 0, 1]).waveform(), [0; WAVEFORM]);
        assert_eq!(of(&[i16::MIN]).waveform(), [100; WAVEFORM]);
    }

    #[test]
    fn an_hour_takes_no_more_memory_than_a_second() {
        let mut fold = Fold::default();
        for _ in 0..3600 {
            fold.take(&[7; 16_000]);
        }
        assert_eq!(fold.samples(), 3600 * 8000);
        assert!(fold.buckets.len() <= FINE && fold.buckets.capacity() <= 2 * FINE);
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_changes_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..9000), cut in 0_usize..9000) {
            let (mut whole, mut cut_up) = (Fold::default(), Fold::default());
            whole.take(&bytes);
            let cut = cut.min(bytes.len());
            for piece in [&bytes[..cut], &bytes[cut..]] {
                cut_up.take(piece);
            }
            prop_assert_eq!(whole.waveform(), cut_up.waveform());
            prop_assert_eq!(whole.samples(), bytes.len() as u64 / 2);
            let count = whole.buckets.iter().map(|b| b.samples).sum::<u64>();
            prop_assert_eq!(count, whole.samples());
        }

        #[test]
        fn values_are_from_0_to_100_and_the_loudest_is_100(samples in proptest::collection::vec(-3000_i16..3000, 1..9000)) {
            prop_assume!(samples.iter().any(|s| s.abs() > 500));
            let waveform = of(&samples).waveform();
            prop_assert_eq!(waveform.iter().max(), Some(&100));
        }
    }
}
